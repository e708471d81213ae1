"""Scenes as the command line opens them: the body model is chosen here, at the program's door."""

import argparse
import os
import sys
from pathlib import Path

from avatarpose.estimation.association import has_labels, label_detections
from avatarpose.formats.detect import open_scene, stated_body
from avatarpose.formats.places import project_folder_of, user_cache_folder
from avatarpose.formats.project import is_project, save_project
from avatarpose.formats.smpl_model import default_body, find_body_model
from avatarpose.scene.scene import Scene


def models_folder() -> Path | None:
    """The user's folder of SMPL models, from $SMPLX_MODELS."""
    named = os.environ.get("SMPLX_MODELS")
    return Path(named).expanduser() if named else None


def chosen_body(choice: str | None, path: Path) -> Path | None:
    """File of the body model for a scene; None means the one it was made with.

    What the user names comes first, then what the project or capture was made with, then a model
    in $SMPLX_MODELS, then the body that comes with the program.
    """
    if choice is not None:
        return find_body_model(choice, models_folder())
    if path.is_dir() and (is_project(path) or is_project(project_folder_of(path))):
        return None
    folder = models_folder()
    if folder is None or (path.is_dir() and stated_body(path) == default_body().sha256):
        return None
    return find_body_model(None, folder)


def open_for_cli(args: argparse.Namespace) -> tuple[Scene, Path]:
    """The scene of `args.scene` and its project folder, made when missing; its path is printed.

    2D detections are told apart by person where poses are there to tell them by. The project's
    path and the reader's warnings go to standard error, so that results can be piped.

    Raises:
        AvatarPoseError: it cannot be read, or the project cannot be written.
    """
    body_path = chosen_body(getattr(args, "body_model", None), args.scene)
    opened = open_scene(args.scene, body_path=body_path, cache_folder=user_cache_folder())
    scene = opened.scene if has_labels(opened.scene) else label_detections(opened.scene)
    if opened.is_new:
        save_project(scene, opened.project_folder, body_path=body_path)
    print(f"project: {opened.project_folder}", file=sys.stderr)
    _tell_missing_frames(scene, getattr(args, "frames", None))
    tell_issues(scene)
    return scene, opened.project_folder


def tell_issues(scene: Scene) -> None:
    """The reader's errors and warnings; a remedy that several share is told once, after them."""
    told = [issue for issue in scene.issues if issue.severity != "info"]
    for place, issue in enumerate(told, start=1):
        print(f"{issue.severity}: {issue.message}", file=sys.stderr)
        is_last = place == len(told) or told[place].remedy != issue.remedy
        if issue.remedy and is_last:
            print(f"    what to do: {issue.remedy}", file=sys.stderr)


def _tell_missing_frames(scene: Scene, asked: tuple[int, int] | None) -> None:
    """Say so where a range reaches beyond the capture; what lies inside it is used."""
    frames = scene.capture.frames
    if asked is None or (asked[0] >= frames[0] and asked[1] <= frames[-1]):
        return
    first, last = max(asked[0], int(frames[0])), min(asked[1], int(frames[-1]))
    if first <= last:
        print(
            f"note: the capture has frames {frames[0]} to {frames[-1]}; of {asked[0]}:{asked[1]} "
            f"only {first}:{last} are used",
            file=sys.stderr,
        )
