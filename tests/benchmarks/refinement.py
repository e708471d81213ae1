"""Steps per second of a refinement on the sample: avatar steps, pose visits, keypoint steps.

    python tests/benchmarks/refinement.py [--json FILE]

The standard preset's sizes, all eight cameras, a few frames; the first steps are not counted.
"""

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from avatarpose.estimation.association import label_detections
from avatarpose.formats.detect import read_capture
from avatarpose.installation import resource_path
from avatarpose.optimize.refinement import Refinement
from avatarpose.optimize.schedule import Stage, Update, plan
from avatarpose.optimize.settings import RunRequest
from tests.benchmarks.measuring import machine, report, spread_ms

FRAMES = (30, 35)
POSE = Update.POSE | Update.ROOT
STAGES = {
    "keypoint_step": Stage("keypoints", Update.KEYPOINTS | POSE | Update.SHAPE, 150),
    "avatar_step": Stage("avatars", Update.AVATAR, 80),
    "pose_visit": Stage("poses", POSE, 5),
}
WARM_UP = 5


def clocked(steps: Iterable[Mapping[str, float]]) -> Iterator[tuple[Mapping[str, float], float]]:
    """Every step with the time at which it was done."""
    for terms in steps:
        yield terms, time.perf_counter()


def measure() -> dict[str, Any]:
    """Seconds of the steps of every kind of stage."""
    torch.set_num_threads(1)
    scene = label_detections(read_capture(resource_path("sample", "hug")))
    work = Refinement(scene, RunRequest(frames=FRAMES, device="cpu"), plan("standard"))
    found: dict[str, Any] = {
        "machine": machine(),
        "frames": float(len(work.frames)),
        "cameras": float(len(work.cameras)),
        "people": float(len(scene.people)),
    }
    started = time.perf_counter()
    for _ in work.load():
        pass
    found["load_s"] = time.perf_counter() - started
    for name, stage in STAGES.items():
        done = [now for terms, now in clocked(work.run_stage(stage)) if terms]
        counted = np.diff(np.array(done[WARM_UP:]))  # without terms it was a preparation
        found[name] = {"per_s": len(counted) / float(counted.sum()), **spread_ms(counted)}
    return found


if __name__ == "__main__":
    report(measure, __doc__.splitlines()[0])
