"""`avatarpose evaluate`: how good layers are, as a table or as JSON."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from avatarpose.cli.arguments import add_frames_argument, add_scene_argument, parse_list

NAME = "evaluate"
HELP = "measure layers against the truth, or against the 2D keypoints where there is none"

_ROWS = (
    ("mpjpe_world_mm", "MPJPE world (mm)"),
    ("mpjpe_root_mm", "MPJPE root-aligned (mm)"),
    ("pa_mpjpe_mm", "MPJPE Procrustes (mm)"),
    ("mve_mm", "mean vertex error (mm)"),
    ("pcp_percent", "PCP (%)"),
    ("acceleration_mm_s2", "acceleration error (mm/s²)"),
    ("penetration_mean_mm", "penetration mean (mm)"),
    ("penetration_max_mm", "penetration max (mm)"),
    ("missed_person_frames", "missed person-frames"),
    ("worse_person_frames", "worse person-frames"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_scene_argument(parser)
    parser.add_argument(
        "--layers",
        type=parse_list,
        metavar="A,B",
        help="initial, run:1, run:latest, shown, truth "
        "(default: initial, and run:latest if there is one)",
    )
    add_frames_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    """Print the evaluation."""
    from avatarpose.cli.scenes import open_for_cli
    from avatarpose.estimation.association import has_labels, label_detections
    from avatarpose.evaluate.evaluation import LATEST_RUN, evaluate_layers
    from avatarpose.scene.layers import INITIAL

    scene, _ = open_for_cli(args)
    if not has_labels(scene):
        scene = label_detections(scene)
    layers = args.layers or [INITIAL, *([LATEST_RUN] if scene.runs else [])]
    frames = None if args.frames is None else scene.capture.indices_between(*args.frames)
    evaluation = evaluate_layers(scene, layers, frames)
    print(json.dumps(evaluation, indent=1) if args.json else evaluation_table(evaluation))
    return 0


def evaluation_table(evaluation: Mapping[str, Any]) -> str:
    """The numbers of all layers side by side, then per person, with what they refer to."""
    layers: Mapping[str, Any] = evaluation["layers"]
    names = list(layers)
    rows = [("", names)]
    for key, label in _ROWS:
        values = [_text(layers[name][key]) for name in names]
        if any(value != "-" for value in values):
            rows.append((label, values))
    pixels = [layers[name]["reprojection_px"] for name in names]
    if any(value is not None for value in pixels):
        rows.append(
            ("reprojection median (px)", [_text(value and value["median"]) for value in pixels])
        )
    rows += _people_rows(layers)
    contact = [layers[name]["contact"] for name in names]
    if any(value and value["mpjpe_world_mm"] is not None for value in contact):
        values = [_text(value and value["mpjpe_world_mm"]) for value in contact]
        rows.append(("in contact: MPJPE world (mm)", values))
    label_width = max(len(label) for label, _ in rows)
    width = max(len(value) for _, values in rows for value in values)
    lines = [
        f"{label:<{label_width}}  " + "  ".join(f"{value:>{width}}" for value in values)
        for label, values in rows
    ]
    frames = evaluation["frames"]
    lines.append(
        f"{evaluation['person_frames']} person-frames, frames {frames[0]}:{frames[-1]}, "
        f"against {evaluation['reference']}, {evaluation['joint_definition']}"
    )
    if evaluation["message"]:
        lines.append(evaluation["message"])
    return "\n".join(lines)


def _people_rows(layers: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    rows = []
    for pid in sorted({pid for layer in layers.values() for pid in layer["people"]}, key=int):
        values = [layer["people"].get(pid, {}).get("mpjpe_world_mm") for layer in layers.values()]
        if any(value is not None for value in values):
            rows.append((f"person {pid}: MPJPE world (mm)", [_text(value) for value in values]))
    return rows


def _text(value: float | int | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.2f}"
