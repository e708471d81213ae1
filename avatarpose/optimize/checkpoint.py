"""Saving a run between stages, so that it can go on later to the same result."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import torch

from avatarpose.errors import OptimizationError
from avatarpose.optimize.schedule import Plan
from avatarpose.optimize.settings import RunRequest
from avatarpose.scene.scene import Scene

_VERSION = 1


def fingerprint(scene: Scene, request: RunRequest, plan: Plan) -> str:
    """Tells whether a checkpoint belongs to this scene, request and plan."""
    digest = hashlib.sha256()
    facts = {
        "request": asdict(request),
        "plan": repr(plan),
        "frames": scene.capture.frames.tolist(),
        "body": scene.body.sha256,
    }
    digest.update(json.dumps(facts, sort_keys=True, default=str).encode())
    for person in scene.people:
        if person.layers:
            poses = person.poses()
            for array in (poses.betas, poses.global_orient, poses.body_pose, poses.transl):
                digest.update(array.tobytes())
    return digest.hexdigest()


def save_checkpoint(
    path: Path, mark: str, stage_index: int, elapsed_s: float, state: dict[str, object]
) -> None:
    """Write the state after `stage_index` finished stages; the file is replaced in one move."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    torch.save(
        {
            "version": _VERSION,
            "fingerprint": mark,
            "stage_index": stage_index,
            "elapsed_s": elapsed_s,
            "state": state,
        },
        temporary,
    )
    temporary.replace(path)


def load_checkpoint(path: Path, mark: str) -> tuple[int, float, dict[str, object]]:
    """Finished stages, running time so far and state; loads tensors and plain values only.

    Raises:
        OptimizationError: it is unreadable, or of another scene, request or version.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        version, found = saved["version"], saved["fingerprint"]
        stage_index, elapsed_s, state = saved["stage_index"], saved["elapsed_s"], saved["state"]
    except Exception as error:  # torch raises many kinds for damaged or hostile files
        raise OptimizationError(
            f"The checkpoint {path.name} cannot be read ({type(error).__name__}).",
            remedy="Start the run without --resume.",
        ) from error
    if version != _VERSION or found != mark:
        raise OptimizationError(
            f"The checkpoint {path.name} was made for other poses, frames or settings.",
            remedy="Use the settings it was made with, or start the run without --resume.",
        )
    return int(stage_index), float(elapsed_s), state
