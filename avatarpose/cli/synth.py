"""avatarpose synth: make a synthetic capture with known truth."""

import argparse
import re
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING

from avatarpose.errors import AvatarPoseError

if TYPE_CHECKING:
    from avatarpose.synth.capture import SyntheticCapture

NAME = "synth"
HELP = "make a synthetic capture of closely interacting people, with known truth"
_SCRIPTS = ("hug", "dance", "handshake", "spar")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to make")
    parser.add_argument("--script", choices=_SCRIPTS, default="hug", help="what the people do")
    parser.add_argument("--people", type=int, default=2, metavar="N", help="2 to 4 (default 2)")
    parser.add_argument("--views", type=int, default=8, metavar="N", help="cameras (default 8)")
    parser.add_argument("--frames", type=int, default=24, metavar="N", help="(default 24)")
    parser.add_argument(
        "--size", type=_size, default=(320, 240), metavar="WxH", help="pixels (default 320x240)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="(default 0)")
    parser.add_argument(
        "--init-error-mm",
        type=float,
        default=40.0,
        metavar="E",
        help="mean world error of the initial poses, skel19 (default 40)",
    )
    parser.add_argument("--png", action="store_true", help="write pictures without JPEG loss")


def run(args: argparse.Namespace) -> int:
    """Make the capture, write it as a project folder and say how wrong its initial poses are."""
    from avatarpose.body.smpl import load_open_body
    from avatarpose.formats.native import write_native
    from avatarpose.installation import resource_path
    from avatarpose.synth.capture import make_capture

    out: Path = args.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise AvatarPoseError(
            f"{out} is already there and not an empty folder.",
            remedy="Choose another name, or remove the folder first.",
        )
    started = time.monotonic()
    body = load_open_body(resource_path("body", "body_smpl24.npz"))
    capture = make_capture(
        args.script,
        people=args.people,
        views=args.views,
        frames=args.frames,
        size=args.size,
        seed=args.seed,
        init_error_mm=args.init_error_mm,
        body=body,
    )
    image_format = "png" if args.png else "jpg"
    write_native(out, capture.scene, capture.images(), capture.masks(), image_format=image_format)
    _write_true_masks(capture, out / "masks_truth")
    (out / "README.txt").write_text(_readme(capture, args.png), encoding="utf-8")
    measured = capture.statistics.initial_error_mm
    seconds = time.monotonic() - started
    print(f"wrote {out}: {args.frames} frames, {args.views} views, {args.people} people")
    print(f"initial error {measured:.1f} mm (world MPJPE, skel19), made in {seconds:.0f} s")
    return 0


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)[xX×](\d+)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 320x240")
    return int(match[1]), int(match[2])


def _write_true_masks(capture: "SyntheticCapture", folder: Path) -> None:
    import cv2

    for camera, frame, labels in capture.true_masks():
        path = folder / camera / f"{frame:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = cv2.imencode(".png", labels)[1].tobytes()
        path.write_bytes(content)


def _readme(capture: "SyntheticCapture", is_png: bool) -> str:
    settings, statistics = capture.settings, capture.statistics
    width, height = settings.size
    command = [
        "avatarpose", "synth", "OUT", "--script", settings.script,
        "--people", str(settings.people), "--views", str(settings.views),
        "--frames", str(settings.frames), "--size", f"{width}x{height}",
        "--seed", str(settings.seed), "--init-error-mm", f"{settings.init_error_mm:g}",
    ]  # fmt: skip
    if is_png:
        command.append("--png")
    per_person = ", ".join(f"{error:.2f}" for error in statistics.initial_error_per_person_mm)
    failures = "\n".join(f"  {failure}" for failure in statistics.failures) or "  none"
    nearest = ", ".join(f"{value:g}" for value in statistics.closest_approach_mm)
    contact = ", ".join(str(frame) for frame in capture.scene.contact_frames) or "none"
    return f"""A synthetic capture, free to use and to pass on (CC0).
The same command makes the same bytes:

  {shlex.join(command)}

Layers: "truth" (exact) and "initial" (to be refined).
Initial error, world MPJPE over skel19, valid person-frames: {statistics.initial_error_mm:.2f} mm
  per person: {per_person} mm
Gross failures among the initial poses:
{failures}
Closest approach of the bare bodies per frame (mm, negative: overlap): {nearest}
Contact frames: {contact}
masks/ holds masks as a segmentation would give them, masks_truth/ the exact ones
(0 background, person + 1). 2D keypoints are BODY_25 in recorded pixels, without identities.
"""
