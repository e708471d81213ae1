"""The command line: one light module per verb; whatever is heavy is imported when a verb runs."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Protocol, cast, runtime_checkable

from avatarpose.errors import AvatarPoseError

VERBS = ("check", "info", "synth", "fit", "refine", "evaluate", "export", "render", "demo")
BAD_INPUT = 2
INTERRUPTED = 130


@runtime_checkable
class Verb(Protocol):
    """What a module of a verb provides; its top level imports nothing heavy.

    Attributes:
        NAME: the word on the command line.
        HELP: one line about it.
    """

    NAME: str
    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the verb's arguments."""
        ...

    def run(self, args: argparse.Namespace) -> int:
        """Do it; returns the exit code."""
        ...


def verb_module(name: str) -> Verb:
    """The module of a verb."""
    return cast(Verb, importlib.import_module(f"avatarpose.cli.{name}"))


def parser_of_all() -> argparse.ArgumentParser:
    """The parser with every verb."""
    parser = argparse.ArgumentParser(
        prog="avatarpose",
        description="See, repair and refine the poses of closely interacting people in "
        "multi-view video.",
    )
    parser.add_argument("--version", action="store_true", help="print the version and leave")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    for name in VERBS:
        verb = verb_module(name)
        own = verbs.add_parser(verb.NAME, help=verb.HELP, description=verb.HELP)
        verb.add_arguments(own)
        own.set_defaults(verb_module=verb)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; problems of the input are told in two lines and give exit code 2."""
    parser = parser_of_all()
    args = parser.parse_args(argv)
    if args.version:
        from avatarpose import __version__

        print(f"avatarpose {__version__}")
        return 0
    if args.verb is None:
        parser.print_help()
        return BAD_INPUT
    try:
        return args.verb_module.run(args)
    except AvatarPoseError as error:
        print(f"error: {error.problem}", file=sys.stderr)
        if error.remedy:
            print(f"what to do: {error.remedy}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return 0
