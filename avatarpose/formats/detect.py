"""Which format a folder is, and the scene in it; the one place that knows all capture formats."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avatarpose.body.smpl import SmplModel
from avatarpose.errors import AvatarPoseError, FormatError
from avatarpose.formats.easymocap import is_easymocap, read_easymocap
from avatarpose.formats.places import project_folder_of, user_cache_folder
from avatarpose.formats.pose2sim import is_pose2sim, read_pose2sim
from avatarpose.formats.project import load_project
from avatarpose.formats.project_document import PROJECT_FILE, is_project
from avatarpose.formats.smpl_model import default_body, load_body_model
from avatarpose.formats.storage import read_json
from avatarpose.scene.issues import Issue, Severity
from avatarpose.scene.scene import Scene

PROJECT, EASYMOCAP, POSE2SIM, UNKNOWN = "project", "easymocap", "pose2sim", "unknown"
KIND_NAMES: Mapping[str, str] = {
    PROJECT: "avatarpose project",
    EASYMOCAP: "EasyMocap / preprocessed AvatarPose capture",
    POSE2SIM: "Pose2Sim capture",
    UNKNOWN: "not recognised",
}
_READERS: Mapping[str, Callable[[Path, SmplModel], Scene]] = {
    EASYMOCAP: read_easymocap,
    POSE2SIM: read_pose2sim,
}
_WHAT_IS_KNOWN = (
    "Known are our project folders (avatarpose.toml), EasyMocap's layout (intri.yml, extri.yml, "
    "images) and Pose2Sim's (Calib.toml, videos, pose)."
)


@dataclass(frozen=True, slots=True, eq=False)
class Recognition:
    """What a folder turned out to be.

    Attributes:
        kind: "project", "easymocap", "pose2sim" or "unknown".
        summary: rows of (what, value) for people.
        issues: what is wrong, errors first.
        scene: what was read; None when nothing could be.
    """

    kind: str
    summary: tuple[tuple[str, str], ...]
    issues: tuple[Issue, ...]
    scene: Scene | None = None


@dataclass(frozen=True, slots=True, eq=False)
class OpenedScene:
    """A scene and the project it is saved to.

    Attributes:
        scene: the scene.
        project_folder: where it is saved; made by the first save.
        is_new: True when that project does not exist yet.
        body_path: file of the body model, when it was chosen.
    """

    scene: Scene
    project_folder: Path
    is_new: bool
    body_path: Path | None = None


def kind_of(path: Path) -> str:
    """The kind of a folder, by its characteristic files."""
    if is_project(path):
        return PROJECT
    if is_easymocap(path):
        return EASYMOCAP
    if is_pose2sim(path):
        return POSE2SIM
    return UNKNOWN


def read_capture(path: Path, body: SmplModel | None = None) -> Scene:
    """The scene of a capture folder of any known format; nothing is written anywhere.

    Args:
        path: the capture.
        body: the model its poses belong to; None for the one that comes with the program.

    Raises:
        AvatarPoseError: it is no capture, or lacks what no scene can be without.
    """
    folder = _folder(path)
    kind = kind_of(folder)
    if kind == PROJECT:
        return load_project(folder, body, cache_folder=user_cache_folder())
    if kind == UNKNOWN:
        raise FormatError(f"{folder} is not a capture this program knows.", remedy=_WHAT_IS_KNOWN)
    return _READERS[kind](folder, body or default_body())


def open_scene(
    path: Path,
    *,
    body: SmplModel | None = None,
    body_path: Path | None = None,
    projects_folder: Path | None = None,
    cache_folder: Path | None = None,
) -> OpenedScene:
    """The scene of a project, or of a capture, whose project is found again by later calls.

    Nothing is written: the project of a capture comes into being when the scene is first saved
    to `project_folder`. The capture itself is never changed.

    Args:
        path: a project or capture folder, or an avatarpose.toml.
        body: the model to use; None takes the recorded or default one.
        body_path: its file; loaded when `body` is None.
        projects_folder: where projects of captures are made instead of beside them.
        cache_folder: where converted body models are kept; None for the user's cache.

    Raises:
        AvatarPoseError: it cannot be read.
    """
    folder = _folder(path)
    cache_folder = cache_folder or user_cache_folder()
    if body is None and body_path is not None:
        body = load_body_model(body_path, cache_folder=cache_folder)
    if is_project(folder):
        scene = load_project(folder, body, cache_folder=cache_folder)
        return OpenedScene(scene, folder, False, body_path)
    project = project_folder_of(folder, projects_folder)
    if is_project(project):
        scene = load_project(project, body, cache_folder=cache_folder)
        return OpenedScene(scene, project, False, body_path)
    return OpenedScene(read_capture(folder, body), project, True, body_path)


def stated_body(path: Path) -> str:
    """Fingerprint of the body model a capture says its poses belong to; "" when it does not say."""
    truth = _folder(path) / "truth.json"
    try:
        value = read_json(truth) if truth.is_file() else {}
    except FormatError:
        return ""
    return str(value.get("body_arrays_sha256", "")) if isinstance(value, Mapping) else ""


def recognise(path: Path, *, body: SmplModel | None = None) -> Recognition:
    """What the folder is, holds, and has wrong with it; bad content never raises."""
    try:
        folder = _folder(path)
        kind = kind_of(folder)
        scene = read_capture(folder, body)
    except AvatarPoseError as error:
        kind = kind_of(path) if path.is_dir() else UNKNOWN
        issue = Issue(Severity.ERROR, error.problem, error.remedy, str(path))
        return Recognition(kind, (("format", KIND_NAMES[kind]),), (issue,))
    order = [Severity.ERROR, Severity.WARNING, Severity.INFO]
    issues = tuple(sorted(scene.issues, key=lambda issue: order.index(issue.severity)))
    return Recognition(kind, summary_of(scene, kind), issues, scene)


def _folder(path: Path) -> Path:
    if path.is_file() and path.name == PROJECT_FILE:
        return path.parent
    if not path.exists():
        raise FormatError(f"{path} does not exist.", remedy="Check the name of the folder.")
    if not path.is_dir():
        raise FormatError(f"{path} is a file.", remedy="Name the folder it lies in.")
    return path


def summary_of(scene: Scene, kind: str) -> tuple[tuple[str, str], ...]:
    """What a scene holds, as rows of (what, value)."""
    capture = scene.capture
    frames = capture.frames
    sizes = sorted({f"{camera.width} x {camera.height}" for camera in capture.rig})
    masks = [view for view in capture.views if view.masks is not None]
    per_person = sum(view.masks.per_person for view in masks if view.masks is not None)
    sets = sorted({detections.keypoint_set for detections in scene.detections.values()})
    layers = list(dict.fromkeys(name for who in scene.people for name in who.layer_names))
    spans = f"{frames[0]} to {frames[-1]}" if len(frames) else "none"
    pictures = [
        f"{view.camera.name}: {view.footage.kind}, {int(np.sum(view.footage.present))}"
        for view in capture.views
        if view.footage is not None
    ]
    return (
        ("format", KIND_NAMES[kind]),
        ("name", scene.name),
        ("cameras", f"{len(capture.rig)} ({', '.join(capture.rig.names)})"),
        ("picture size", ", ".join(sizes)),
        ("frames", f"{len(frames)} ({spans}) at {capture.fps:g} per second"),
        ("pictures", "; ".join(pictures) or "none"),
        ("people", ", ".join(f"{who.pid} {who.name}" for who in scene.people) or "not found yet"),
        ("layers", ", ".join(layers) or "none"),
        (
            "masks",
            f"{len(masks)} cameras, {'by person' if per_person else 'one foreground'}"
            if masks
            else "none",
        ),
        (
            "keypoints",
            f"{len(scene.detections)} cameras, {', '.join(sets)}" if scene.detections else "none",
        ),
        ("body", scene.body.name),
    )
