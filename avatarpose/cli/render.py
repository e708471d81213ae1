"""`avatarpose render`: pictures or a video of bodies over the photos, and of the avatars."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from avatarpose.cli.arguments import add_frames_argument, add_scene_argument, parse_list, parse_size
from avatarpose.cli.progress import ProgressLine

if TYPE_CHECKING:
    from avatarpose.optimize.gallery import Gallery, NamedPicture
    from avatarpose.scene.scene import Scene

NAME = "render"
HELP = "write pictures or a video: bodies over the photos, avatars, before and after, new views"
KINDS = ("overlay", "avatar", "compare", "novel")
PARTS = ("mesh", "outline", "skeleton", "keypoints")
_NOVEL_SIZE = (720, 720)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_scene_argument(parser)
    parser.add_argument(
        "--what",
        choices=KINDS,
        default="overlay",
        help="overlay: bodies on the photos; avatar: the learned avatars; compare: the initial "
        "poses beside the layer; novel: the avatars from a camera that goes round "
        "(default: overlay)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="PATH",
        help="an .mp4 (several cameras side by side), or a folder for PNGs by camera and frame",
    )
    add_frames_argument(parser)
    parser.add_argument("--cameras", type=parse_list, metavar="A,B", help="default: all")
    parser.add_argument(
        "--layer",
        metavar="NAME",
        help="initial, run:1, run:latest, truth, shown (default: what each person shows)",
    )
    parser.add_argument(
        "--draw",
        type=parse_list,
        default=["mesh", "outline"],
        metavar="A,B",
        help=f"for overlay and compare: any of {', '.join(PARTS)} (default: mesh,outline)",
    )
    parser.add_argument(
        "--background",
        choices=("photo", "plain"),
        default="photo",
        help="what is behind the avatars (default: photo)",
    )
    parser.add_argument(
        "--size",
        type=parse_size,
        metavar="WxH",
        help="pixels each camera's picture is fitted into (default: as recorded; novel: 720x720)",
    )
    parser.add_argument(
        "--fps", type=float, metavar="N", help="of a video (default: the capture's)"
    )
    parser.add_argument(
        "--pictures",
        type=int,
        metavar="N",
        help="novel: pictures of one turn (default: 3 seconds of them)",
    )
    parser.add_argument("--radius", type=float, metavar="M", help="novel: metres from the middle")
    parser.add_argument(
        "--height", type=float, metavar="M", default=1.5, help="novel: camera height (default: 1.5)"
    )
    parser.add_argument("--no-labels", action="store_true", help="no captions in the pictures")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def run(args: argparse.Namespace) -> int:
    """Render and print where to."""
    from avatarpose.cli.scenes import open_for_cli
    from avatarpose.estimation.association import has_labels, label_detections
    from avatarpose.evaluate.lettering import columns_for, sheet
    from avatarpose.formats.export import SHOWN
    from avatarpose.formats.film import VIDEO_SUFFIX, open_film
    from avatarpose.optimize.gallery import Gallery

    _check(args)
    scene, project = open_for_cli(args)
    if "keypoints" in args.draw and not has_labels(scene):
        scene = label_detections(scene)
    fps = args.fps or scene.capture.fps
    with (
        Gallery(
            scene,
            project,
            args.layer or SHOWN,
            parts=tuple(args.draw),
            size=args.size,
            has_labels=not args.no_labels,
            has_photo=args.background == "photo",
            device=args.device,
        ) as gallery,
        open_film(args.out, fps) as film,
    ):
        is_video = args.out.suffix.lower() == VIDEO_SUFFIX
        progress = ProgressLine()
        written = 0
        for moment, share in _moments(args, scene, gallery, fps):
            pictures = [picture for _, picture in moment]
            if is_video and len(pictures) > 1:
                height, width = pictures[0].shape[:2]
                columns = columns_for(len(pictures), width, height)
                film.add([("", sheet(pictures, columns))])
            else:
                film.add(moment)
            written += len(moment)
            progress.show(share, f"rendering {args.what}", f"{written} pictures")
        progress.close()
    print(f"{args.out}: {written} pictures")
    return 0


def _check(args: argparse.Namespace) -> None:
    from avatarpose.errors import AvatarPoseError

    unknown = [part for part in args.draw if part not in PARTS]
    if unknown:
        raise AvatarPoseError(
            f"Nothing called {' or '.join(unknown)} can be drawn.",
            remedy=f"Choose among {', '.join(PARTS)}.",
        )
    for name in ("fps", "radius", "pictures"):
        value = getattr(args, name)
        if value is not None and not 0 < value < 1e6:
            raise AvatarPoseError(f"--{name} must be above 0.", remedy="Leave it out, or mend it.")


def _moments(
    args: argparse.Namespace, scene: "Scene", gallery: "Gallery", fps: float
) -> "Iterator[tuple[list[NamedPicture], float]]":
    """The pictures of one moment after the other, and the share done."""
    import numpy as np

    capture = scene.capture
    indices = (
        np.arange(capture.frame_count)
        if args.frames is None
        else capture.indices_between(*args.frames)
    )
    if args.what == "novel":
        count = args.pictures or round(3 * fps)
        size = args.size or _NOVEL_SIZE
        for number, picture in enumerate(
            gallery.orbit(indices, count, size, args.radius, args.height)
        ):
            yield [picture], (number + 1) / count
        return
    cameras = capture.rig.names if args.cameras is None else args.cameras
    capture.rig.only(cameras)  # an unknown name is an error before anything is written
    draw = {
        "overlay": gallery.overlay,
        "compare": gallery.comparison,
        "avatar": gallery.avatars,
    }[args.what]
    for number, index in enumerate(indices):
        yield [draw(camera, int(index)) for camera in cameras], (number + 1) / len(indices)
