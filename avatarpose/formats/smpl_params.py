"""SMPL parameter files: our native smpl.npz (formats document 2.6) and the older object npz.

Rotations are axis-angle (rad), translations metres; the pelvis is at (rest pelvis) + transl.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from avatarpose.body.pose import PoseSequence
from avatarpose.body.smpl import SmplModel
from avatarpose.errors import FormatError
from avatarpose.formats.restricted import read_untrusted
from avatarpose.formats.storage import npy_header, read_npz, write_npz
from avatarpose.geometry.rotation import matrix_from_rotvec, rotvec_from_matrix
from avatarpose.scene.issues import Issue, Severity

SMPL_KEYS = ("betas", "global_orient", "body_pose", "transl")
_Z_UP_FROM_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
_LARGEST_M = 1e4


@dataclass(frozen=True, slots=True, eq=False)
class SmplTracks:
    """The people of a parameter file.

    Attributes:
        frames: frame numbers, ascending.
        people: poses per pid, one entry per frame of `frames`.
        genders: "neutral", "female" or "male" per pid.
        fps: frames per second; None when the file does not say.
        issues: what had to be mended.
    """

    frames: Int[np.ndarray, " frames"]
    people: Mapping[int, PoseSequence]
    genders: Mapping[int, str] = field(default_factory=dict)
    fps: float | None = None
    issues: tuple[Issue, ...] = ()

    def on_time_base(self, frames: Int[np.ndarray, " base"]) -> dict[int, PoseSequence]:
        """The poses at other frame numbers; frames the file lacks are marked absent."""
        position = {int(frame): index for index, frame in enumerate(self.frames)}
        source = np.array([position.get(int(frame), -1) for frame in frames], np.int64)
        nearest = np.searchsorted(self.frames, frames).clip(0, max(len(self.frames) - 1, 0))
        pick = np.where(source >= 0, source, nearest)
        return {
            pid: PoseSequence(
                betas=poses.betas,
                global_orient=poses.global_orient[pick],
                body_pose=poses.body_pose[pick],
                transl=poses.transl[pick],
                valid=poses.valid[pick] & (source >= 0),
            )
            for pid, poses in self.people.items()
        }


def read_smpl(path: Path, *, body: SmplModel | None = None) -> SmplTracks:
    """The people of a native smpl.npz or of an older one with `human_<pid>` objects.

    Args:
        path: the file.
        body: the model the parameters belong to; needed to turn a y-up file to z-up.

    Raises:
        FormatError: an array is missing or has a shape that cannot be meant.
    """
    if is_object_npz(path):
        return _read_object_npz(path)
    arrays = read_npz(path)
    missing = [key for key in ("frames", *SMPL_KEYS) if key not in arrays]
    if missing:
        raise FormatError(
            f"{path} lacks {', '.join(missing)}; it holds {', '.join(arrays) or 'nothing'}.",
            remedy="Rename the arrays to SMPL's names, or export again as 'SMPL (.npz)'.",
        )
    issues: list[Issue] = []
    frames = _frame_numbers(arrays["frames"], path)
    orient = _numbers(arrays["global_orient"], path, "global_orient")
    if orient.ndim != 3:
        raise _wrong_shape(path, "global_orient", orient, "people x frames x 3")
    count = len(orient)
    pids = _frame_numbers(arrays.get("people", np.arange(count)), path, name="people")
    if len(pids) != count or len(set(pids.tolist())) != count or (pids < 0).any():
        raise FormatError(
            f"{path} names people {pids.tolist()} but holds {count}.",
            remedy="Give every person its own number from 0 in `people`.",
        )
    valid = np.asarray(arrays.get("valid", np.ones((count, len(frames)))))
    if valid.shape != (count, len(frames)) or valid.dtype.kind not in "bif":
        raise _wrong_shape(path, "valid", valid, f"{count} x {len(frames)}")
    genders = np.asarray(arrays.get("gender", np.zeros(0, str))).astype(str).ravel()
    people = {}
    for row, pid in enumerate(pids.tolist()):
        one = {key: _row(arrays[key], row, count, path, key) for key in SMPL_KEYS}
        people[pid] = pose_sequence(one, valid[row].astype(bool), frames, path, pid, issues)
    up_axis = str(arrays["up_axis"]) if "up_axis" in arrays else "z"
    if up_axis != "z":
        people = _to_z_up(people, up_axis, body, path)
    return SmplTracks(
        frames=frames,
        people=people,
        genders={pid: str(name) for pid, name in zip(pids.tolist(), genders, strict=False)},
        fps=stated_fps(arrays.get("fps")),
        issues=tuple(issues),
    )


def write_smpl(
    path: Path,
    frames: Int[np.ndarray, " frames"],
    people: Mapping[int, PoseSequence],
    *,
    fps: float,
    genders: Mapping[int, str] | None = None,
) -> None:
    """Write a native smpl.npz: z up, metres, float32, no Python objects.

    Args:
        path: the file to write.
        frames: frame numbers the poses belong to.
        people: poses per pid.
        fps: frames per second.
        genders: per pid; "neutral" where missing.
    """
    write_npz(path, native_arrays(frames, people, fps=fps, genders=genders or {}))


def native_arrays(
    frames: Int[np.ndarray, " frames"],
    people: Mapping[int, PoseSequence],
    *,
    fps: float,
    genders: Mapping[int, str],
) -> dict[str, np.ndarray]:
    """The arrays of a native smpl.npz by name."""
    pids = sorted(people)
    count = len(frames)

    def stack(name: str, *shape: int) -> np.ndarray:
        rows = [getattr(people[pid], name) for pid in pids]
        return np.stack(rows) if rows else np.zeros((0, *shape), np.float32)

    return {
        "people": np.array(pids, np.int32),
        "frames": np.asarray(frames, np.int32),
        "valid": stack("valid", count).astype(bool),
        "betas": stack("betas", 10),
        "global_orient": stack("global_orient", count, 3),
        "body_pose": stack("body_pose", count, 69),
        "transl": stack("transl", count, 3),
        "gender": np.array([genders.get(pid, "neutral") for pid in pids], "U7"),
        "model": np.array("smpl"),
        "up_axis": np.array("z"),
        "fps": np.array(float(fps)),
    }


def is_object_npz(path: Path) -> bool:
    """True for an npz with `human_<pid>` entries that hold Python objects."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.startswith("human_") and name.endswith(".npy"):
                    with archive.open(name) as member:
                        return npy_header(member.read(4096))[2].hasobject
    except (zipfile.BadZipFile, OSError, ValueError, SyntaxError, EOFError, RuntimeError):
        return False
    return False


def _read_object_npz(path: Path) -> SmplTracks:
    arrays = read_untrusted(path, "parameters")
    pids = sorted({int(key.split("/")[0]) for key in arrays})
    issues: list[Issue] = []
    tracks: dict[int, tuple[np.ndarray, PoseSequence]] = {}
    for pid in pids:
        one = {}
        for key in SMPL_KEYS:
            if f"{pid}/{key}" not in arrays:
                raise FormatError(
                    f"{path}: human_{pid} lacks {key}.", remedy="Export the parameters again."
                )
            value = _numbers(arrays[f"{pid}/{key}"], path, key)
            one[key] = value[:, 0] if value.ndim == 3 and value.shape[1] == 1 else value
        count = len(one["global_orient"])
        numbers = arrays.get(f"{pid}/frames")
        frames = np.arange(count) if numbers is None else _frame_numbers(numbers, path)
        if len(frames) != count:
            raise FormatError(
                f"{path}: human_{pid} has {count} poses for {len(frames)} frames.",
                remedy="Export the parameters again.",
            )
        poses = pose_sequence(one, np.ones(count, bool), frames, path, pid, issues)
        tracks[pid] = (frames, below_one_turn(poses))
    if not tracks:
        raise FormatError(f"{path} holds nobody.", remedy="Check that this is the right file.")
    base = np.unique(np.concatenate([frames for frames, _ in tracks.values()]))
    people = {
        pid: SmplTracks(frames, {pid: poses}).on_time_base(base)[pid]
        for pid, (frames, poses) in tracks.items()
    }
    return SmplTracks(base, people, issues=tuple(issues))


def _row(array: np.ndarray, row: int, count: int, path: Path, key: str) -> np.ndarray:
    values = _numbers(array, path, key)
    if values.ndim < 2 or len(values) != count:
        raise _wrong_shape(path, key, values, f"{count} people first")
    return values[row]


def pose_sequence(
    one: Mapping[str, np.ndarray],
    valid: Bool[np.ndarray, " frames"],
    frames: Int[np.ndarray, " frames"],
    path: Path,
    pid: int,
    issues: list[Issue],
) -> PoseSequence:
    """One person's poses from arrays checked here; frames that hold no pose become absent.

    Args:
        one: betas, global_orient, body_pose and transl, one row per frame (betas: one or more).
        valid: frames in which the person is present.
        frames: frame numbers.
        path: the file, for messages.
        pid: the person.
        issues: what is wrong is added here.

    Raises:
        FormatError: a shape cannot be meant.
    """
    count = len(frames)
    widths = {"global_orient": 3, "body_pose": 69, "transl": 3}
    for key, width in widths.items():
        if one[key].shape != (count, width):
            raise _wrong_shape(path, key, one[key], f"{count} x {width} for each person")
    betas = _shared_betas(one["betas"], path, pid, issues)
    stacked = np.concatenate([one[key] for key in widths], axis=1)
    with np.errstate(invalid="ignore"):
        is_usable = np.all(np.isfinite(stacked) & (np.abs(stacked) < _LARGEST_M), axis=1)
    broken = valid & ~is_usable
    if broken.any():
        issues.append(
            Issue(
                Severity.WARNING,
                f"{int(broken.sum())} frames of person {pid} hold numbers that are no pose.",
                "These frames count as absent; fit them again or leave them out.",
                str(path),
                int(frames[np.flatnonzero(broken)[0]]),
                pid=pid,
            )
        )
    clean = {key: np.where(is_usable[:, None], one[key], 0.0) for key in widths}
    return PoseSequence(
        betas=betas,
        global_orient=clean["global_orient"],
        body_pose=clean["body_pose"],
        transl=clean["transl"],
        valid=valid & is_usable,
    )


def _shared_betas(
    betas: np.ndarray, path: Path, pid: int, issues: list[Issue]
) -> Float[np.ndarray, "10"]:
    rows = betas.reshape(-1, betas.shape[-1]) if betas.ndim and betas.size else np.zeros((0, 10))
    if len(rows) == 0 or not np.isfinite(rows).all():
        raise FormatError(
            f"{path}: the shape of person {pid} is not ten numbers.",
            remedy="Write betas as ten finite numbers per person.",
        )
    if float(np.max(np.ptp(rows, axis=0))) > 1e-4:
        issues.append(
            Issue(
                Severity.WARNING,
                f"The shape of person {pid} changes from frame to frame; its mean is used.",
                "Fit one shape per person.",
                str(path),
                pid=pid,
            )
        )
    if rows.shape[1] > 10 and np.any(rows[:, 10:] != 0):
        issues.append(
            Issue(
                Severity.WARNING,
                f"Person {pid} has {rows.shape[1]} shape numbers; the first ten are used.",
                "Check how tall the person looks.",
                str(path),
                pid=pid,
            )
        )
    mean = rows.mean(axis=0)[:10] if len(rows) > 1 else rows[0, :10]
    return np.pad(mean, (0, 10 - len(mean))).astype(np.float32)


def below_one_turn(poses: PoseSequence) -> PoseSequence:
    """The same rotations with every angle below one turn, as some fitters do not keep it."""
    rotvecs = poses.rotvecs
    angle = np.linalg.norm(rotvecs, axis=-1, keepdims=True)
    turn = 2 * np.pi
    if not np.any(angle > turn):
        return poses
    factor = np.where(angle > turn, np.mod(angle, turn) / np.maximum(angle, 1e-12), 1.0)
    wrapped = (rotvecs * factor).astype(np.float32)
    return poses.with_frames(np.arange(len(poses)), wrapped, poses.transl)


def _to_z_up(
    people: Mapping[int, PoseSequence], up_axis: str, body: SmplModel | None, path: Path
) -> dict[int, PoseSequence]:
    if up_axis != "y" or body is None:
        raise FormatError(
            f"{path} says up is {up_axis!r}; the world here has z up.",
            remedy="Export the parameters with z up.",
        )
    turned = {}
    for pid, poses in people.items():
        pelvis = body.rest_joints(poses.betas)[0]
        orient = _Z_UP_FROM_Y_UP @ matrix_from_rotvec(poses.global_orient.astype(np.float64))
        transl = (poses.transl + pelvis) @ _Z_UP_FROM_Y_UP.T - pelvis
        turned[pid] = PoseSequence(
            betas=poses.betas,
            global_orient=rotvec_from_matrix(orient),
            body_pose=poses.body_pose,
            transl=transl,
            valid=poses.valid,
        )
    return turned


def _numbers(array: np.ndarray, path: Path, key: str) -> np.ndarray:
    if array.dtype.kind not in "fiu":
        raise FormatError(f"{path}: {key} does not hold numbers.", remedy="Export the file again.")
    return array.astype(np.float64)


def _frame_numbers(array: np.ndarray, path: Path, *, name: str = "frames") -> np.ndarray:
    values = np.asarray(array)
    is_list = values.ndim == 1 and len(values) > 0 and values.dtype.kind in "iuf"
    if is_list and np.all(np.isfinite(values) & (values == np.round(values))):
        numbers = values.astype(np.int64)
        is_small = bool(np.all((numbers > -(2**53)) & (numbers < 2**53)))
        if is_small and (name != "frames" or np.all(np.diff(numbers) > 0)):
            return numbers
    order = " in ascending order" if name == "frames" else ""
    raise FormatError(
        f"{path}: {name} is not a list of whole numbers{order}.",
        remedy=f"Write {name} as whole numbers{order}.",
    )


def stated_fps(value: np.ndarray | None) -> float | None:
    """A stored frame rate; None when it is missing or cannot be meant."""
    if value is None or value.size != 1 or value.dtype.kind not in "fiu":
        return None
    fps = float(value.reshape(()))
    return fps if np.isfinite(fps) and 0 < fps < 10_000 else None


def _wrong_shape(path: Path, key: str, array: np.ndarray, wanted: str) -> FormatError:
    shape = " x ".join(map(str, array.shape)) or "a single number"
    return FormatError(
        f"{path}: {key} is {shape}, not {wanted}.",
        remedy="SMPL parameters need 3 + 69 rotation numbers and 3 translation numbers per frame.",
    )
