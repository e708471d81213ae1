"""The folder of a run inside a project: what was asked for, checkpoint, avatars, exposures."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from avatarpose.avatar.avatar import Avatar, load_avatar
from avatarpose.body.smpl_torch import TorchSmpl
from avatarpose.errors import FormatError
from avatarpose.formats.storage import read_json, write_json
from avatarpose.optimize.avatar_stage import Exposure
from avatarpose.optimize.settings import RunRequest
from avatarpose.scene.scene import RunRecord, Scene

RUNS = "runs"
CHECKPOINT = "checkpoint.pt"
REQUEST_FILE = "request.json"
EXPOSURE_FILE = "exposure.json"


@dataclass(frozen=True, slots=True, eq=False)
class LearnedPeople:
    """What a run has learned beside poses.

    Attributes:
        avatars: one per person.
        gain: log gain per channel of each camera's pictures, by name.
        offset: black level per channel, by name.
    """

    avatars: tuple[Avatar, ...]
    gain: dict[str, Float[np.ndarray, "3"]] = field(default_factory=dict)
    offset: dict[str, Float[np.ndarray, "3"]] = field(default_factory=dict)


def run_folder(project: Path, run: str) -> Path:
    """Where the run named "run:7" keeps its files."""
    number = run.removeprefix("run:")
    return project / RUNS / (f"run-{int(number):03d}" if number.isdigit() else f"run-{number}")


def folder_of(project: Path, record: RunRecord) -> Path | None:
    """The folder of an adopted run; None when it kept none or it is gone."""
    folder = project / RUNS / record.folder
    return folder if record.folder and folder.is_dir() else None


def unfinished_run(project: Path, scene: Scene) -> Path | None:
    """The latest folder with a checkpoint whose run was not adopted."""
    adopted = {record.folder for record in scene.runs}
    found = [
        path.parent
        for path in (project / RUNS).glob(f"*/{CHECKPOINT}")
        if path.parent.name not in adopted
    ]
    return max(found, key=lambda folder: (folder / CHECKPOINT).stat().st_mtime, default=None)


def save_request(folder: Path, request: RunRequest) -> None:
    """Write down what was asked for."""
    write_json(folder / REQUEST_FILE, asdict(request))


def load_request(folder: Path) -> RunRequest | None:
    """What an earlier run was asked for; None where it was not written down.

    Raises:
        FormatError: the file is damaged.
    """
    path = folder / REQUEST_FILE
    if not path.is_file():
        return None
    value = read_json(path)
    try:
        frames, pids, cameras = value["frames"], value["pids"], value["cameras"]
        device = str(value["device"])
        return RunRequest(
            preset=str(value["preset"]),
            frames=None if frames is None else (int(frames[0]), int(frames[1])),
            pids=None if pids is None else tuple(map(int, pids)),
            cameras=None if cameras is None else tuple(map(str, cameras)),
            device="cuda" if device == "cuda" else "cpu" if device == "cpu" else "auto",
            seed=int(value["seed"]),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FormatError(
            f"{path} does not say what the run was asked for ({error}).",
            remedy="Start the run again without --resume.",
        ) from error


def save_exposure(folder: Path, cameras: Sequence[str], exposure: Exposure) -> None:
    """Write how each camera's colours differ, as the run has learned it."""
    gain, offset = exposure.gain.detach().cpu().tolist(), exposure.offset.detach().cpu().tolist()
    value = {name: {"gain": gain[row], "offset": offset[row]} for row, name in enumerate(cameras)}
    write_json(folder / EXPOSURE_FILE, value)


def load_people(folder: Path, smpl: TorchSmpl, device: torch.device) -> LearnedPeople:
    """The avatars of a run, and the exposures where they were kept.

    Raises:
        FormatError: a file is damaged.
    """
    avatars = tuple(load_avatar(path, smpl, device) for path in sorted(folder.glob("avatar-*.pt")))
    path = folder / EXPOSURE_FILE
    value: Any = read_json(path) if path.is_file() else {}
    try:
        gain = {name: _three(entry["gain"]) for name, entry in value.items()}
        offset = {name: _three(entry["offset"]) for name, entry in value.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"{path} holds no exposures ({error}).",
            remedy="Delete it; the avatars are then shown without their cameras' colour casts.",
        ) from error
    return LearnedPeople(avatars, gain, offset)


def _three(value: object) -> Float[np.ndarray, "3"]:
    array = np.asarray(value, np.float64)
    if array.shape != (3,) or not np.isfinite(array).all():
        raise ValueError("not three numbers")
    return array
