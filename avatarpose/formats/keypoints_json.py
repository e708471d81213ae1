"""2D keypoints: OpenPose JSON (BODY_25, COCO, HALPE) and our own npz (formats document 2.4)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from avatarpose.body.skeleton import KEYPOINT_SETS
from avatarpose.errors import FormatError
from avatarpose.formats.pictures import numbered_files
from avatarpose.formats.storage import read_json, read_npz, write_npz
from avatarpose.scene.issues import Issue, Severity
from avatarpose.scene.people import Detections2D

SET_OF_LENGTH = {51: "coco17", 54: "coco18", 75: "body25", 78: "halpe26"}
_MOST_PEOPLE = 64
_SUFFIX = ".json"


def read_keypoint_folder(
    folder: Path,
    frames: Int[np.ndarray, " frames"],
    size: tuple[int, int],
    *,
    camera: str,
    issues: list[Issue],
) -> Detections2D | None:
    """The detections of one view from a folder with one JSON file per frame; identities unknown.

    Args:
        folder: holds `<number>_keypoints.json` or `<name>_<number>.json`.
        frames: numbers of the time base; other files are left out.
        size: width and height of the recorded picture, to which relative coordinates are scaled.
        camera: the view's name, for the issues.
        issues: what is wrong is added here.

    Returns:
        None when no file is usable.
    """
    files = numbered_files(folder, ("_keypoints.json", _SUFFIX), camera=camera)
    issues.extend(files.issues)
    per_frame: dict[int, list[np.ndarray]] = {}
    lengths: dict[int, int] = {}
    for index, frame in enumerate(frames.tolist()):
        name = files.by_number.get(frame)
        if name is None:
            continue
        try:
            people = _people_of(read_json(folder / name), folder / name)
        except FormatError as error:
            issues.append(
                Issue(
                    Severity.WARNING, error.problem, error.remedy, str(folder / name), frame, camera
                )
            )
            continue
        for flat in people:
            lengths[len(flat)] = lengths.get(len(flat), 0) + 1
        per_frame[index] = people
    known = {length: count for length, count in lengths.items() if length in SET_OF_LENGTH}
    if lengths and not known:
        issues.append(
            Issue(
                Severity.WARNING,
                f"The keypoints have {', '.join(str(n // 3) for n in lengths)} joints per person; "
                "such an order is not known.",
                "Use BODY_25 (25), COCO (17 or 18) or HALPE (26).",
                str(folder),
                camera=camera,
            )
        )
        return None
    if not per_frame:
        return None
    length = max(known, key=lambda n: known[n]) if known else 75
    if len(lengths) > 1:
        issues.append(
            Issue(
                Severity.WARNING,
                f"The joint count changes; only people with {length // 3} joints are used.",
                "Run one detector over the whole recording.",
                str(folder),
                camera=camera,
            )
        )
    slots = max([1, *(len(people) for people in per_frame.values())])
    xyc = np.full((len(frames), slots, length // 3, 3), np.nan, np.float32)
    xyc[..., 2] = 0.0
    for index, people in per_frame.items():
        rows = [flat.reshape(-1, 3) for flat in people if len(flat) == length]
        for slot, row in enumerate(rows):
            xyc[index, slot] = row
    xyc = source_pixels(xyc, size, camera=camera, where=str(folder), issues=issues)
    return Detections2D(SET_OF_LENGTH[length], xyc, np.full((len(frames), slots), -1))


def _people_of(value: object, path: Path) -> list[np.ndarray]:
    """Flat x, y, confidence rows of the people in one file."""
    people, key = None, "pose_keypoints_2d"
    if isinstance(value, Mapping):
        people = value.get("people")
        if "annots" in value:  # EasyMocap's own files
            people, key = value["annots"], "keypoints"
    if not isinstance(people, list):
        raise FormatError(
            f"{path} has no list of people.", remedy="Export the keypoints as OpenPose JSON."
        )
    found = []
    for person in people[:_MOST_PEOPLE]:
        flat = person.get(key) if isinstance(person, Mapping) else None
        if flat is None or (isinstance(flat, Sequence) and len(flat) == 0):
            continue
        try:
            row = np.asarray(flat, np.float64).ravel()
        except (TypeError, ValueError, OverflowError) as error:
            raise FormatError(
                f"{path} holds keypoints that are no numbers.", remedy="Export the keypoints again."
            ) from error
        if len(row) % 3:
            raise FormatError(
                f"{path} holds a person whose numbers do not come in threes.",
                remedy="Each joint is x, y, confidence.",
            )
        found.append(row)
    return found


def source_pixels(
    xyc: Float[np.ndarray, "frames detections keypoints 3"],
    size: tuple[int, int],
    *,
    camera: str,
    where: str,
    issues: list[Issue],
) -> Float[np.ndarray, "frames detections keypoints 3"]:
    """Keypoints in recorded pixels, missing ones NaN, NaN, 0; units are told by their range.

    OpenPose writes source pixels, or coordinates in [0, 1] or [-1, 1].
    """
    xyc = np.array(xyc, np.float32)
    is_missing = ~np.isfinite(xyc).all(-1) | (xyc[..., 2] <= 0)
    is_missing |= (xyc[..., 0] == 0) & (xyc[..., 1] == 0)
    is_missing |= (np.abs(xyc[..., :2]) > 1e6).any(-1)
    points = xyc[~is_missing]
    width, height = size
    if len(points):
        low, high = points[:, :2].min(), points[:, :2].max()
        if high <= 1.5 and low >= -1.5:
            is_centred = low < -0.01
            scale = np.array([width, height], np.float32) * (0.5 if is_centred else 1.0)
            shift = 1.0 if is_centred else 0.0
            xyc[..., :2] = (xyc[..., :2] + shift) * scale - 0.5
            issues.append(
                Issue(
                    Severity.INFO,
                    f"The keypoints are relative ({'-1 to 1' if is_centred else '0 to 1'}); "
                    f"they are scaled to {width} x {height} pixels.",
                    "",
                    where,
                    camera=camera,
                )
            )
        elif np.mean((points[:, 0] > 1.5 * width) | (points[:, 1] > 1.5 * height)) > 0.2:
            issues.append(
                Issue(
                    Severity.WARNING,
                    f"Many keypoints lie outside the picture of {width} x {height} pixels.",
                    "Check that keypoints and pictures have the same resolution.",
                    where,
                    camera=camera,
                )
            )
        if points[:, 2].max() > 1.0:
            issues.append(
                Issue(
                    Severity.INFO,
                    "Confidences above 1 are taken as 1.",
                    "",
                    where,
                    camera=camera,
                )
            )
    xyc[..., 2] = np.clip(np.nan_to_num(xyc[..., 2]), 0.0, 1.0)
    xyc[is_missing] = (np.nan, np.nan, 0.0)
    return xyc


def write_detections(
    path: Path,
    detections: Detections2D,
    frames: Int[np.ndarray, " frames"],
    size: tuple[int, int],
) -> None:
    """Write one view's detections as our npz, in recorded (distorted) pixels."""
    edited = detections.edited
    if edited is None:
        edited = np.zeros(detections.xyc.shape[:3], bool)
    write_npz(
        path,
        {
            "frames": np.asarray(frames, np.int64),
            "xyc": detections.xyc,
            "track_id": detections.pid,
            "edited": edited,
            "joint_def": np.array(detections.keypoint_set),
            "image_size": np.array(size, np.int64),
            "distorted": np.array(True),
        },
    )


def read_detections(path: Path, frames: Int[np.ndarray, " frames"]) -> Detections2D:
    """One view's detections from our npz, at the frame numbers asked for.

    Raises:
        FormatError: an array is missing or does not fit.
    """
    arrays = read_npz(path)
    needed = {"frames", "xyc", "track_id", "joint_def"}
    if not needed <= set(arrays):
        raise FormatError(
            f"{path} lacks {', '.join(sorted(needed - set(arrays)))}.", remedy="Export it again."
        )
    xyc, pid, numbers = arrays["xyc"], arrays["track_id"], arrays["frames"]
    name = str(arrays["joint_def"])
    edited = arrays.get("edited", np.zeros(xyc.shape[:3], bool))
    fits = (
        name in KEYPOINT_SETS
        and xyc.ndim == 4
        and xyc.dtype.kind == "f"
        and xyc.shape[2:] == (KEYPOINT_SETS[name].size, 3)
        and pid.shape == xyc.shape[:2]
        and pid.dtype.kind in "iu"
        and edited.shape == xyc.shape[:3]
        and numbers.shape == (len(xyc),)
        and numbers.dtype.kind in "iu"
    )
    if not fits:
        raise FormatError(
            f"{path} holds arrays that do not fit together.", remedy="Export it again."
        )
    position = {int(number): row for row, number in enumerate(numbers.tolist())}
    out = np.full((len(frames), *xyc.shape[1:]), np.nan, np.float32)
    out[..., 2] = 0.0
    out_pid = np.full((len(frames), xyc.shape[1]), -1, np.int32)
    out_edited = np.zeros((len(frames), *xyc.shape[1:3]), bool)
    for index, frame in enumerate(frames.tolist()):
        if frame in position:
            row = position[frame]
            out[index], out_pid[index], out_edited[index] = xyc[row], pid[row], edited[row]
    return Detections2D(name, out, out_pid, out_edited if out_edited.any() else None)
