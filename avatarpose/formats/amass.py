"""Motions as AMASS and aitviewer npz files: one per person, z up, metres, axis-angle (rad)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from avatarpose.body.pose import PoseSequence
from avatarpose.errors import FormatError
from avatarpose.formats.smpl_params import stated_fps
from avatarpose.formats.storage import read_npz, write_npz
from avatarpose.scene.scene import Scene

_SMPLH_JOINTS = 52
_BODY_JOINTS = 22  # root and joints 1 to 21: SMPL's two hand joints have no place in SMPL-H
_AMASS_BETAS = 16


def _target(path: Path, pid: int, count: int) -> Path:
    if path.suffix == "":
        return path / f"person_{pid}.npz"
    return path if count == 1 else path.with_name(f"{path.stem}_{pid}{path.suffix}")


def write_amass(scene: Scene, poses: Mapping[int, PoseSequence], path: Path) -> list[Path]:
    """Write one SMPL-H style AMASS file per person; frames without the person are left out.

    Betas are padded to 16; the shape spaces of SMPL and SMPL-H differ, so bodies look alike only.

    Args:
        scene: frame rate and genders.
        poses: per pid.
        path: a file (one is written per person) or a folder.
    """
    written = []
    for pid, sequence in sorted(poses.items()):
        valid = sequence.valid
        stacked = np.zeros((int(valid.sum()), _SMPLH_JOINTS * 3))
        stacked[:, : _BODY_JOINTS * 3] = sequence.rotvecs[valid].reshape(-1, 72)[
            :, : _BODY_JOINTS * 3
        ]
        target = _target(path, pid, len(poses))
        write_npz(
            target,
            {
                "poses": stacked,
                "trans": sequence.transl[valid].astype(np.float64),
                "betas": np.pad(sequence.betas.astype(np.float64), (0, _AMASS_BETAS - 10)),
                "dmpls": np.zeros((int(valid.sum()), 8)),
                "gender": np.array(scene.person(pid).gender),
                "mocap_framerate": np.array(float(scene.capture.fps)),
                "mocap_frame_rate": np.array(float(scene.capture.fps)),
                "source_frames": scene.capture.frames[valid],
            },
        )
        written.append(target)
    return written


def read_amass(path: Path) -> tuple[PoseSequence, float]:
    """The motion of an AMASS file (SMPL-H or SMPL-X release) and its frames per second.

    Raises:
        FormatError: it is no motion.
    """
    arrays = read_npz(path)
    needed = {"poses", "trans"} - set(arrays)
    if needed:
        raise FormatError(
            f"{path} lacks {', '.join(sorted(needed))}; it holds no motion.",
            remedy="Files called shape.npz or ending in stagei.npz hold shapes only.",
        )
    stacked, transl = arrays["poses"], arrays["trans"]
    is_motion = stacked.ndim == 2 and stacked.shape[1] in (72, 156, 165) and len(stacked) > 0
    if not is_motion or transl.shape != (len(stacked), 3) or stacked.dtype.kind != "f":
        raise FormatError(
            f"{path}: poses is {stacked.shape}, trans {transl.shape}.",
            remedy="SMPL has 72 numbers per frame, SMPL-H 156, SMPL-X 165.",
        )
    if not (np.isfinite(stacked).all() and np.isfinite(transl).all()):
        raise FormatError(f"{path} holds numbers that are no pose.", remedy="Export it again.")
    rates = [arrays[key] for key in ("mocap_framerate", "mocap_frame_rate") if key in arrays]
    fps = stated_fps(rates[0]) if rates else None
    if fps is None:
        raise FormatError(
            f"{path} does not state its frame rate.", remedy="Add mocap_framerate to the file."
        )
    betas = np.zeros(10, np.float32)
    given = arrays.get("betas", betas).ravel()[:10]
    if given.dtype.kind != "f" or not np.isfinite(given).all():
        raise FormatError(f"{path}: betas are no numbers.", remedy="Export it again.")
    betas[: len(given)] = given
    body_pose = np.zeros((len(stacked), 69), np.float32)
    kept = 69 if stacked.shape[1] == 72 else 63
    body_pose[:, :kept] = stacked[:, 3 : 3 + kept]
    sequence = PoseSequence(
        betas=betas,
        global_orient=stacked[:, :3],
        body_pose=body_pose,
        transl=transl,
        valid=np.ones(len(stacked), bool),
    )
    return sequence, fps


def write_aitviewer(scene: Scene, poses: Mapping[int, PoseSequence], path: Path) -> list[Path]:
    """Write one file per person for aitviewer's SMPL sequences (load with z_up=True).

    Args:
        scene: genders.
        poses: per pid.
        path: a file (one is written per person) or a folder.
    """
    written = []
    for pid, sequence in sorted(poses.items()):
        valid = sequence.valid
        target = _target(path, pid, len(poses))
        write_npz(
            target,
            {
                "poses_root": sequence.global_orient[valid],
                "poses_body": sequence.body_pose[valid],
                "betas": sequence.betas[None],
                "trans": sequence.transl[valid],
                "gender": np.array(scene.person(pid).gender),
                "fps": np.array(float(scene.capture.fps)),
                "z_up": np.array(True),
            },
        )
        written.append(target)
    return written
