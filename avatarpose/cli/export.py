"""`avatarpose export`: the poses of a layer as a file other programs read."""

import argparse
from pathlib import Path

from avatarpose.cli.arguments import add_scene_argument

NAME = "export"
HELP = "write the poses of a layer: our npz, AMASS npz, or aitviewer npz"
FORMATS = ("npz", "amass", "aitviewer")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_scene_argument(parser)
    parser.add_argument("out", metavar="OUT", type=Path, help="file, or folder for one per person")
    parser.add_argument(
        "--layer",
        default="shown",
        metavar="NAME",
        help="initial, run:1, run:latest, truth, ... (default: what each person shows)",
    )
    parser.add_argument("--format", choices=FORMATS, default="npz", help="default: npz")
    parser.add_argument(
        "--source-only",
        action="store_true",
        help="leave the user's corrections on the layer out",
    )


def run(args: argparse.Namespace) -> int:
    """Write the file and print its path."""
    from avatarpose.cli.scenes import open_for_cli
    from avatarpose.formats.amass import write_aitviewer, write_amass
    from avatarpose.formats.export import layer_poses, write_layer_npz

    scene, _ = open_for_cli(args)
    poses = layer_poses(scene, args.layer, with_edits=not args.source_only)
    if args.format == "npz":
        written = [write_layer_npz(scene, poses, args.out)]
    elif args.format == "amass":
        written = write_amass(scene, poses, args.out)
    else:
        written = write_aitviewer(scene, poses, args.out)
    for path in written:
        print(path)
    return 0
