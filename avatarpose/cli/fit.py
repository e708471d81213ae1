"""`avatarpose fit`: bodies from 2D keypoints, for captures that bring no poses."""

import argparse
import sys

from avatarpose.cli.arguments import add_scene_argument

NAME = "fit"
HELP = "fit bodies to the 2D keypoints of all views; they become the layer 'initial'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_scene_argument(parser)
    parser.add_argument(
        "--replace", action="store_true", help="fit anew where people have an initial layer"
    )


def run(args: argparse.Namespace) -> int:
    """Fit everybody, save the project, print the reprojection error of each person."""
    from avatarpose.cli.scenes import open_for_cli
    from avatarpose.errors import SceneError
    from avatarpose.estimation.fitting import initialise
    from avatarpose.evaluate.reprojection import median_error_px
    from avatarpose.formats.project import save_project
    from avatarpose.scene.layers import INITIAL

    scene, folder = open_for_cli(args)
    fitted = [
        person.name
        for person in scene.people
        if person.has_layer(INITIAL) and person.layer(INITIAL).poses.valid.any()
    ]
    if fitted and not args.replace:
        raise SceneError(
            f"{' and '.join(fitted)} already have initial poses.",
            remedy="Use --replace to fit them anew; refinements and truth stay as they are.",
        )
    scene = initialise(scene, Counter())
    save_project(scene, folder)
    for person in scene.people:
        poses = person.layer(INITIAL).poses if person.has_layer(INITIAL) else None
        if poses is None:
            print(f"{person.name}: not seen well enough to fit")
            continue
        error_px = median_error_px(scene, person.pid, poses)
        print(f"{person.name}: {int(poses.valid.sum())} frames, {error_px:.1f} px median")
    return 0


class Counter:
    """Progress on standard error: one counting line on a terminal, a line per phase elsewhere."""

    def __init__(self) -> None:
        self._phase = ""

    def __call__(self, share: float, words: str) -> None:
        """Tell the share done and what is being done."""
        if sys.stderr.isatty():
            end = "\n" if share >= 1.0 else ""
            print(f"\r{share:4.0%}  {words:<40}", end=end, file=sys.stderr, flush=True)
        elif words != self._phase:
            print(words, file=sys.stderr, flush=True)
        self._phase = words
