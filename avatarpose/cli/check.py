"""`avatarpose check`: what a folder is, and what is wrong with it."""

import argparse
import json
from pathlib import Path

from avatarpose.cli.arguments import add_body_argument, table

NAME = "check"
HELP = "say what a folder holds and what is wrong with it, with the remedy"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="a project or capture folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_body_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Print the findings; 1 when there are errors, 2 when there is no such folder."""
    from avatarpose.cli.scenes import chosen_body
    from avatarpose.formats.detect import recognise
    from avatarpose.formats.inspection import inspect_media
    from avatarpose.formats.places import user_cache_folder
    from avatarpose.formats.scene_text import issue_value
    from avatarpose.formats.smpl_model import load_body_model
    from avatarpose.scene.issues import Severity

    path = chosen_body(args.body_model, args.folder)
    body = None if path is None else load_body_model(path, cache_folder=user_cache_folder())
    found = recognise(args.folder, body=body)
    issues = list(found.issues)
    if found.scene is not None:
        issues += inspect_media(found.scene)
    order = [Severity.ERROR, Severity.WARNING, Severity.INFO]
    issues.sort(key=lambda issue: order.index(issue.severity))
    error_count = sum(issue.severity == Severity.ERROR for issue in issues)
    code = (1 if args.folder.exists() else 2) if error_count else 0
    if args.json:
        report = {
            "folder": str(args.folder),
            "format": found.kind,
            "summary": dict(found.summary),
            "ok": error_count == 0,
            "issues": [issue_value(issue) for issue in issues],
        }
        print(json.dumps(report, indent=1, ensure_ascii=False))
        return code
    print(table(found.summary))
    print()
    if not issues:
        print("nothing is wrong")
    for issue in issues:
        print(f"{issue.severity}: {issue.message}")
        place = [issue.file]
        if issue.camera:
            place.append(f"camera {issue.camera}")
        if issue.frame is not None:
            place.append(f"frame {issue.frame}")
        where = ", ".join(part for part in place if part)
        if where:
            print(f"    where: {where}")
        if issue.remedy:
            print(f"    what to do: {issue.remedy}")
    return code
