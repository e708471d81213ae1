"""Saving a run between stages, so that it can go on later to the same result."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avatarpose.errors import OptimizationError
from avatarpose.optimize.schedule import Plan
from avatarpose.optimize.settings import RunRequest
from avatarpose.scene.scene import Scene

_VERSION = 2


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
            edit = person.edit()
            digest.update(repr(edit.view_pins).encode())
            for index, key in edit.keys.items():
                digest.update(repr((index, key.strength.tolist())).encode())
    return digest.hexdigest()


def prepare_folder(folder: Path) -> None:
    """Make the folder of a run, so that it fails before the work and not after it.

    Raises:
        OptimizationError: it cannot be made or written to.
    """
    probe = folder / ".write-test"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OptimizationError(
            f"The run cannot be kept in {folder} ({error.strerror}).",
            remedy="Choose a folder that may be written to.",
        ) from error


def plain_generator(generator: np.random.Generator) -> str:
    """The state of a generator as text: its integers are too long for restricted loading."""
    return json.dumps(generator.bit_generator.state)


def restored_generator(text: str) -> np.random.Generator:
    """The generator of a text from `plain_generator`."""
    generator = np.random.default_rng()
    generator.bit_generator.state = json.loads(text)
    return generator


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run had come when it was saved.

    Attributes:
        stage_index: finished stages.
        elapsed_s: running time so far.
        losses: per term, (step, value) pairs.
        bands: per finished stage its name, first and last step.
        state: from `Refinement.state`.
    """

    stage_index: int
    elapsed_s: float
    losses: dict[str, list[tuple[int, float]]]
    bands: list[tuple[str, int, int]]
    state: dict[str, Any]


def save_checkpoint(path: Path, mark: str, progress: Progress) -> None:
    """Write a checkpoint; the file is replaced in one move.

    Raises:
        OptimizationError: it cannot be written.
    """
    temporary = path.with_name(path.name + ".part")
    saved = {field.name: getattr(progress, field.name) for field in fields(progress)}
    try:
        torch.save({"version": _VERSION, "fingerprint": mark, **saved}, temporary)
        temporary.replace(path)
    except (OSError, RuntimeError) as error:  # torch turns some of the system's into its own
        raise OptimizationError(
            f"The checkpoint cannot be written to {path.parent}.",
            remedy="Check that the folder may be written to and has space left.",
        ) from error


def load_checkpoint(path: Path, mark: str) -> Progress:
    """Read a checkpoint; loads tensors and plain values only.

    Raises:
        OptimizationError: it is unreadable, or of another scene, request or version.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        version, found = saved["version"], saved["fingerprint"]
        progress = Progress(**{field.name: saved[field.name] for field in fields(Progress)})
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
    return progress
