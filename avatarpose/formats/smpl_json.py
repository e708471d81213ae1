"""Per-frame JSON of EasyMocap and of AvatarPose: SMPL parameters, and 3D joints in skel19 order."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from avatarpose.body.pose import PoseSequence
from avatarpose.body.skeleton import SKEL19_FROM_BODY25
from avatarpose.body.smpl import SmplModel
from avatarpose.errors import FormatError
from avatarpose.formats.pictures import numbered_files
from avatarpose.formats.smpl_params import SmplTracks, below_one_turn, pose_sequence
from avatarpose.formats.storage import read_json, write_text
from avatarpose.geometry.rotation import compose_rotvecs, matrix_from_rotvec
from avatarpose.scene.issues import Issue, Severity


def transl_from_th(
    th: Float[np.ndarray, "frames 3"],
    rotvecs: Float[np.ndarray, "frames 3"],
    rest_pelvis: Float[np.ndarray, "3"],
) -> Float[np.ndarray, "frames 3"]:
    """SMPL's transl (m) of EasyMocap's Th, which turns about the origin, not the rest pelvis."""
    return th - rest_pelvis + matrix_from_rotvec(rotvecs) @ rest_pelvis


def th_from_transl(
    transl: Float[np.ndarray, "frames 3"],
    rotvecs: Float[np.ndarray, "frames 3"],
    rest_pelvis: Float[np.ndarray, "3"],
) -> Float[np.ndarray, "frames 3"]:
    """EasyMocap's Th (m) of SMPL's transl."""
    return transl + rest_pelvis - matrix_from_rotvec(rotvecs) @ rest_pelvis


def read_smpl_folder(folder: Path, body: SmplModel) -> SmplTracks:
    """The people of a folder with one JSON of SMPL parameters per frame.

    Both AvatarPose's keys (global_orient, transl, body_pose, betas) and EasyMocap's (Rh, Th, poses,
    shapes) are read.

    Args:
        folder: holds `<number>.json`.
        body: the model the parameters belong to; EasyMocap's translation depends on its pelvis.

    Raises:
        FormatError: no file holds anybody.
    """
    files = numbered_files(folder, (".json",))
    issues = list(files.issues)
    found: dict[int, dict[int, dict[str, np.ndarray]]] = {}
    for frame, name in files.by_number.items():
        try:
            for entry in _entries(read_json(folder / name), folder / name):
                pid = _pid(entry, folder / name)
                found.setdefault(pid, {})[frame] = _parameters(entry, body, folder / name)
        except FormatError as error:
            issues.append(
                Issue(Severity.WARNING, error.problem, error.remedy, str(folder / name), frame)
            )
    if not found:
        raise FormatError(
            f"{folder} holds nobody's SMPL parameters.",
            remedy="Each file is a list of people with global_orient, transl, body_pose and betas.",
        )
    frames = np.array(sorted(set().union(*found.values())), np.int64)
    people = {}
    for pid, own in sorted(found.items()):
        numbers = np.array(sorted(own), np.int64)
        one = {key: np.stack([own[n][key] for n in numbers.tolist()]) for key in _WIDTHS}
        poses = pose_sequence(one, np.ones(len(numbers), bool), numbers, folder, pid, issues)
        people[pid] = SmplTracks(numbers, {pid: below_one_turn(poses)}).on_time_base(frames)[pid]
    return SmplTracks(frames, people, issues=tuple(issues))


_WIDTHS = {"global_orient": 3, "transl": 3, "body_pose": 69, "betas": 10}


def _entries(value: Any, path: Path) -> list[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        value = value.get("annots")
    if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
        raise FormatError(f"{path} is not a list of people.", remedy="Export the file again.")
    return value


def _pid(entry: Mapping[str, Any], path: Path) -> int:
    given = entry.get("id", entry.get("personID"))
    try:
        pid = int(given)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"{path} holds a person without a number.", remedy="Add `id`.") from error
    if not 0 <= pid < 1000:
        raise FormatError(f"{path} holds a person with the number {pid}.", remedy="Count from 0.")
    return pid


def _numbers(entry: Mapping[str, Any], key: str, path: Path) -> np.ndarray:
    try:
        values = np.asarray(entry[key], np.float64).ravel()
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise FormatError(
            f"{path} holds a person without {key} as numbers.", remedy="Export the file again."
        ) from error
    if len(values) == 0 or not np.isfinite(values).all():
        raise FormatError(f"{path}: {key} is not made of numbers.", remedy="Export the file again.")
    return values


def _parameters(entry: Mapping[str, Any], body: SmplModel, path: Path) -> dict[str, np.ndarray]:
    """One person in one frame with SMPL's keys."""
    if "Rh" in entry:
        return _from_easymocap(entry, body, path)
    one = {key: _numbers(entry, key, path) for key in _WIDTHS}
    one["betas"] = one["betas"][:10]
    for key, width in _WIDTHS.items():
        if len(one[key]) != width:
            raise FormatError(
                f"{path}: {key} has {len(one[key])} numbers, not {width}.",
                remedy="Export the parameters of SMPL, not of another model.",
            )
    return one


def _from_easymocap(entry: Mapping[str, Any], body: SmplModel, path: Path) -> dict[str, np.ndarray]:
    rh, th = _numbers(entry, "Rh", path), _numbers(entry, "Th", path)
    stacked, betas = _numbers(entry, "poses", path), _numbers(entry, "shapes", path)[:10]
    if len(rh) != 3 or len(th) != 3 or len(betas) != 10 or len(stacked) not in (69, 72):
        raise FormatError(
            f"{path} holds {len(stacked)} pose numbers, not the 72 of SMPL.",
            remedy="Fit SMPL; SMPL-H has 78 and SMPL-X 87 numbers and is not read.",
        )
    inner = stacked[:3] if len(stacked) == 72 else np.zeros(3)
    pelvis = body.rest_joints(betas.astype(np.float32))[0].astype(np.float64)
    orient = compose_rotvecs(rh, inner) if np.any(inner) else rh
    # Rh turns about the origin; a root rotation inside the pose turns about the rest pelvis first.
    return {
        "global_orient": orient,
        "transl": transl_from_th(th[None], rh[None], pelvis)[0],
        "body_pose": stacked[-69:],
        "betas": betas,
    }


def write_easymocap_smpl(
    folder: Path,
    frames: Int[np.ndarray, " frames"],
    people: Mapping[int, PoseSequence],
    body: SmplModel,
) -> None:
    """Write EasyMocap's `<frame>.json` (Rh, Th, poses, shapes); absent people are left out."""
    for index, frame in enumerate(frames.tolist()):
        entries = []
        for pid, poses in sorted(people.items()):
            if not poses.valid[index]:
                continue
            pelvis = body.rest_joints(poses.betas)[0].astype(np.float64)
            rh = poses.global_orient[index : index + 1].astype(np.float64)
            th = th_from_transl(poses.transl[index : index + 1].astype(np.float64), rh, pelvis)
            full = np.concatenate([np.zeros(3), poses.body_pose[index].astype(np.float64)])
            row = {"Rh": rh[0], "Th": th[0], "poses": full, "shapes": poses.betas}
            numbers = ", ".join(f'"{key}": [{_row(values)}]' for key, values in row.items())
            entries.append(f'{{"id": {pid}, {numbers}}}')
        write_text(folder / f"{frame:06d}.json", "[" + ",\n".join(entries) + "]\n")


def _row(values: np.ndarray) -> str:
    return "[" + ", ".join(f"{float(value):.9g}" for value in values) + "]"


def read_skel19_folder(
    folder: Path, frames: Int[np.ndarray, " frames"]
) -> tuple[dict[int, Float[np.ndarray, "frames joints=19 4"]], tuple[Issue, ...]]:
    """3D joints (m) and confidence per person; NaN and 0 where a person is absent.

    Args:
        folder: holds `<frame>.json` with 19 (skel19) or 25 (BODY_25) joints.
        frames: the time base.

    Returns:
        Joints per pid, and what could not be used.
    """
    files = numbered_files(folder, (".json",))
    issues = list(files.issues)
    found: dict[int, np.ndarray] = {}
    for index, frame in enumerate(frames.tolist()):
        name = files.by_number.get(frame)
        if name is None:
            continue
        path = folder / name
        try:
            for entry in _entries(read_json(path), path):
                pid, joints = _pid(entry, path), _joints(entry, path)
                if pid not in found:
                    found[pid] = np.full((len(frames), 19, 4), np.nan)
                    found[pid][..., 3] = 0.0
                found[pid][index] = joints
        except FormatError as error:
            issues.append(Issue(Severity.WARNING, error.problem, error.remedy, str(path), frame))
    return found, tuple(issues)


def _joints(entry: Mapping[str, Any], path: Path) -> np.ndarray:
    try:
        joints = np.asarray(entry["keypoints3d"], np.float64)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise FormatError(
            f"{path} holds a person without keypoints3d.", remedy="Export it again."
        ) from error
    if joints.ndim != 2 or joints.shape[0] not in (19, 25) or joints.shape[1] not in (3, 4):
        raise FormatError(
            f"{path}: keypoints3d is {joints.shape}, not 19 or 25 joints of x, y, z.",
            remedy="Use skel19 or BODY_25.",
        )
    if joints.shape[1] == 3:
        joints = np.concatenate([joints, np.ones_like(joints[:, :1])], axis=1)
    if len(joints) == 25:
        joints = joints[list(SKEL19_FROM_BODY25)]
    missing = ~np.isfinite(joints).all(1) | (joints[:, 3] <= 0)
    joints[missing] = (np.nan, np.nan, np.nan, 0.0)
    return joints


def write_skel19_folder(
    folder: Path,
    frames: Int[np.ndarray, " frames"],
    people: Mapping[int, Float[np.ndarray, "frames joints=19 coordinates"]],
) -> None:
    """Write `<frame>.json` with 3D joints (m, 7 decimals); absent people (NaN) are left out."""
    for index, frame in enumerate(frames.tolist()):
        entries = []
        for pid, joints in sorted(people.items()):
            if not np.isfinite(joints[index]).all():
                continue
            rows = ",".join("[" + ",".join(f"{x:.7f}" for x in row) + "]" for row in joints[index])
            entries.append(f'{{"id":{pid},"keypoints3d":[{rows}]}}')
        write_text(folder / f"{frame:06d}.json", "[" + ",\n".join(entries) + "]\n")
