"""`avatarpose demo`: refine the sample that comes with the program, and show what that brought."""

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avatarpose.cli.arguments import parse_frames
from avatarpose.cli.progress import ProgressLine, duration
from avatarpose.optimize.settings import PRESETS, RunRequest

if TYPE_CHECKING:
    from avatarpose.evaluate.report import Picture
    from avatarpose.scene.scene import RunRecord, Scene

NAME = "demo"
HELP = "refine the sample without a window; write pictures and a report"
_PROJECT = "hug.avatarpose"
_MOMENTS = 3
_APART_FRAMES = 3
_CLOSEUP = "before-after-camera-{}.png"
_CLOSEUP_PX = 640
_NEW_VIEWS = 4
_INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("demo-output"),
        metavar="DIR",
        help="where project, pictures and report go (default: demo-output)",
    )
    parser.add_argument("--preset", choices=PRESETS, default="standard", help="default: standard")
    parser.add_argument(
        "--frames", type=parse_frames, metavar="A:B", help="frame numbers of the sample, 21 to 44"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument(
        "--reuse",
        action="store_true",
        help="take the refinement of an earlier call when there is one; renew pictures and report",
    )


def run(args: argparse.Namespace) -> int:
    """Refine, evaluate, draw, report."""
    from avatarpose.cli.refine import refine_project
    from avatarpose.evaluate.evaluation import evaluate_layers
    from avatarpose.evaluate.report import write_report
    from avatarpose.scene.layers import INITIAL

    started = time.monotonic()
    project = args.out / _PROJECT
    found = _earlier(project) if args.reuse else None
    if found is None:
        scene = _fresh(project)
        request = RunRequest(preset=args.preset, frames=args.frames, device=args.device)
        found = refine_project(scene, project, request)
        if found is None:
            return _INTERRUPTED
    else:
        print(f"{found[1].name} of an earlier call is used again")
    scene, record = found
    frames = scene.capture.indices_between(*record.frames)
    evaluation = evaluate_layers(scene, [INITIAL, record.name], frames)
    pictures = _pictures(scene, project, record, evaluation, args.out, args.device)
    page = write_report(
        args.out,
        "Two people embracing: before and after refinement",
        evaluation,
        record.losses,
        pictures,
        _facts(scene, record),
    )
    for line in summary(scene, record, evaluation):
        print(line)
    print(f"report:   {page}")
    print(f"window:   avatarpose-gui {project}")
    print(f"all in all {duration(time.monotonic() - started)}")
    return 0


def _fresh(project: Path) -> "Scene":
    """The sample as it comes, its detections labelled, saved as a project of its own."""
    from avatarpose.estimation.association import label_detections
    from avatarpose.formats.detect import read_capture
    from avatarpose.formats.project import save_project
    from avatarpose.formats.smpl_model import default_body
    from avatarpose.installation import resource_path

    scene = label_detections(read_capture(resource_path("sample", "hug"), default_body()))
    save_project(scene, project)
    return scene


def _earlier(project: Path) -> "tuple[Scene, RunRecord] | None":
    """The project of an earlier call with its latest refinement."""
    from avatarpose.formats.project import is_project, load_project

    if not is_project(project):
        return None
    scene = load_project(project)
    return (scene, scene.runs[-1]) if scene.runs else None


def _pictures(
    scene: "Scene",
    project: Path,
    record: "RunRecord",
    evaluation: Mapping[str, Any],
    out: Path,
    device: str,
) -> "list[Picture]":
    """Draw, write as PNG, and hand over for the report."""
    import numpy as np

    from avatarpose.evaluate.curve_picture import curve_picture
    from avatarpose.evaluate.lettering import sheet
    from avatarpose.evaluate.report import Picture
    from avatarpose.formats.film import write_picture
    from avatarpose.optimize.gallery import Gallery

    for stale in out.glob(_CLOSEUP.format("*")):
        stale.unlink()
    moments = worst_moments(evaluation)
    pictures: list[Picture] = []
    shown: list[str] = []
    progress = ProgressLine()
    total = len(moments) + 1
    with Gallery(scene, project, record.name, device=device) as gallery:
        for number, frame in enumerate(moments):
            progress.show(number / total, "drawing", f"frame {frame}")
            index = scene.capture.index_of(frame)
            camera = telling_camera(scene, record.name, index, shown)
            shown.append(camera)
            name, rgb = gallery.closeup(camera, index, _CLOSEUP_PX)
            write_picture(out / _CLOSEUP.format(name), rgb)
            caption = (
                f"Camera {camera}, frame {frame}: the photo, the bodies before, "
                "the bodies after, the avatars that were learned."
            )
            pictures.append(Picture(caption, rgb))
        progress.show(len(moments) / total, "drawing", "new views")
        still = np.array([scene.capture.index_of(moments[0])])
        views = [rgb for _, rgb in gallery.orbit(still, _NEW_VIEWS, (400, 520), None, 1.5)]
    rgb = sheet(views, _NEW_VIEWS)
    write_picture(out / "new-views.png", rgb)
    caption = f"Frame {moments[0]}: the avatars from directions where no camera stood."
    pictures.append(Picture(caption, rgb))
    write_picture(out / "loss-curves.png", curve_picture(record.losses))
    progress.show(1.0, "drawing", "done")
    progress.close()
    return pictures


def worst_moments(evaluation: Mapping[str, Any]) -> list[int]:
    """Frame numbers in which the initial poses were farthest off, some frames apart."""
    frames: Sequence[int] = evaluation["frames"]
    curves = next(iter(evaluation["layers"].values()))["per_frame"].values()
    worst = [
        max((curve["mpjpe_world_mm"][place] or 0.0 for curve in curves), default=0.0)
        for place in range(len(frames))
    ]
    chosen: list[int] = []
    for place in sorted(range(len(frames)), key=lambda place: -worst[place]):
        if all(abs(frames[place] - other) >= _APART_FRAMES for other in chosen):
            chosen.append(frames[place])
    return chosen[:_MOMENTS]


def telling_camera(scene: "Scene", layer: str, index: int, shown: Sequence[str] = ()) -> str:
    """The camera in which the joints that were moved most are seen to move most.

    Cameras in `shown` have had their turn: they come only when there is no other.
    """
    import numpy as np

    from avatarpose.formats.export import layer_poses
    from avatarpose.scene.layers import INITIAL

    before, after = layer_poses(scene, INITIAL), layer_poses(scene, layer)
    at = np.array([index])
    moved = {}
    for camera in scene.capture.rig:
        shifts = [
            camera.project(scene.body.skel19_sequence(after[pid], at)[0])
            - camera.project(scene.body.skel19_sequence(before[pid], at)[0])
            for pid in after
            if pid in before and after[pid].valid[index] and before[pid].valid[index]
        ]
        lengths = np.nan_to_num(
            np.linalg.norm(np.concatenate(shifts or [np.zeros((1, 2))]), axis=1)
        )
        moved[camera.name] = float(np.sort(lengths)[-4:].sum()) / camera.height
    return max(moved, key=lambda name: (name not in shown, moved[name]))


def _facts(scene: "Scene", record: "RunRecord") -> dict[str, str]:
    import os
    import platform

    import torch

    from avatarpose import __version__

    return {
        "sample": "two people embracing, synthetic, with known truth",
        "cameras": str(len(scene.capture.rig)),
        "frames": f"{record.frames[0]} to {record.frames[1]}",
        "preset": record.preset,
        "refinement time": duration(record.seconds),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "program": f"avatarpose {__version__}, torch {torch.__version__}",
    }


def summary(scene: "Scene", record: "RunRecord", evaluation: Mapping[str, Any]) -> list[str]:
    """The result in a few lines."""
    before, after = list(evaluation["layers"].values())[:2]
    lines = [
        f"joint error (world MPJPE): {before['mpjpe_world_mm']:.1f} mm before, "
        f"{after['mpjpe_world_mm']:.1f} mm after, "
        f"{100 * after['mpjpe_world_mm'] / before['mpjpe_world_mm']:.0f} %"
    ]
    for pid, errors in after["people"].items():
        was = before["people"][pid]["mpjpe_world_mm"]
        name = scene.person(int(pid)).name
        lines.append(f"  {name}: {was:.1f} -> {errors['mpjpe_world_mm']:.1f} mm")
    lines.append(f"refined in {duration(record.seconds)}")
    return lines
