"""`avatarpose info`: what a scene holds, and its runs."""

import argparse

from avatarpose.cli.arguments import add_scene_argument, table

NAME = "info"
HELP = "show what a scene holds: cameras, frames, people, layers, edits, runs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_scene_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Print the summary; nothing is written."""
    from avatarpose.cli.scenes import chosen_body, tell_issues
    from avatarpose.formats.detect import PROJECT, kind_of, open_scene, summary_of

    opened = open_scene(args.scene, body_path=chosen_body(args.body_model, args.scene))
    scene = opened.scene
    kind = kind_of(args.scene) if args.scene.is_dir() else PROJECT
    rows = list(summary_of(scene, kind))
    state = "not saved yet" if opened.is_new else "saved"
    rows.insert(2, ("project", f"{opened.project_folder} ({state})"))
    for person in scene.people:
        edits = [
            f"{len(edit.keys)} corrections and {len(edit.view_pins)} pins on {name}"
            for name, edit in person.edits.items()
            if not edit.is_empty
        ]
        shown = f"shows {person.shown}" if person.shown else "no poses yet"
        rows.append((f"person {person.pid}", "; ".join([person.name, shown, *edits])))
    for record in scene.runs:
        first, last = record.frames
        rows.append(
            (
                record.name,
                f"{record.preset}, frames {first}:{last}, people "
                f"{', '.join(map(str, record.pids))}, from {record.source}, {record.seconds:.0f} s",
            )
        )
    if scene.contact_frames:
        rows.append(("contact", f"{len(scene.contact_frames)} frames"))
    print(table(rows))
    tell_issues(scene)
    return 0
