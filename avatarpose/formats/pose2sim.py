"""Pose2Sim captures: toml calibration, videos, OpenPose JSON folders or an npz of keypoints."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from avatarpose.body.smpl import SmplModel
from avatarpose.errors import FormatError
from avatarpose.formats.calibration import RawCamera, check_rig, checked_camera
from avatarpose.formats.footage import (
    Source,
    find_masks,
    find_source,
    stated_rate,
    time_base,
    video_source,
)
from avatarpose.formats.keypoints_json import read_keypoint_folder, source_pixels
from avatarpose.formats.pictures import VIDEO_SUFFIXES
from avatarpose.formats.storage import read_npz, write_text
from avatarpose.formats.toml_text import read_toml, toml_text
from avatarpose.geometry.camera import Camera, Rig, natural_key
from avatarpose.geometry.rotation import rotvec_from_matrix
from avatarpose.scene.capture import Capture, View
from avatarpose.scene.issues import Issue, Severity
from avatarpose.scene.people import Detections2D, Person
from avatarpose.scene.scene import Scene

KEYPOINTS_FILE = "keypoints2d.npz"
_NO_CAMERA = ("metadata", "capture_volume", "charuco", "checkerboard")
_LARGEST_DROPPED_K3 = 1e-4
_COCO17 = (
    "nose", "leye", "reye", "lear", "rear", "lshoulder", "rshoulder", "lelbow", "relbow", "lwrist",
    "rwrist", "lhip", "rhip", "lknee", "rknee", "lankle", "rankle",
)  # fmt: skip
_TOES = ("lbigtoe", "lsmalltoe", "lheel", "rbigtoe", "rsmalltoe", "rheel")
JOINT_NAMES: Mapping[str, tuple[str, ...]] = {
    "coco17": _COCO17,
    "body25b": (*_COCO17, "neck", "head", *_TOES),
    "body25": (
        "nose", "neck", "rshoulder", "relbow", "rwrist", "lshoulder", "lelbow", "lwrist", "midhip",
        "rhip", "rknee", "rankle", "lhip", "lknee", "lankle", "reye", "leye", "rear", "lear",
        *_TOES,
    ),
    "halpe26": (
        *_COCO17, "head", "neck", "hip", "lbigtoe", "rbigtoe", "lsmalltoe", "rsmalltoe", "lheel",
        "rheel",
    ),
}  # fmt: skip


def calibration_files(folder: Path) -> list[Path]:
    """The toml files of a capture that hold cameras; refined ones first, then by name."""
    found = []
    for place in (folder, folder / "calibration", folder / "Calibration"):
        if not place.is_dir():
            continue
        for path in sorted(place.glob("*.toml"), key=lambda file: natural_key(file.name)):
            try:
                if any(True for _ in _camera_tables(read_toml(path))):
                    found.append(path)
            except FormatError:
                if "calib" in path.name.lower():
                    found.append(path)  # damaged: the reader says how
    unique = {path.resolve(): path for path in found}
    return sorted(unique.values(), key=lambda path: "refined" not in path.stem.lower())


def is_pose2sim(folder: Path) -> bool:
    """True when the folder holds a toml calibration."""
    return bool(calibration_files(folder))


def _camera_tables(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for title, table in document.items():
        if title in _NO_CAMERA or not isinstance(table, Mapping):
            continue
        if "matrix" in table and "rotation" in table and "translation" in table:
            yield str(title), table


def read_raw_cameras(path: Path, issues: list[Issue]) -> list[RawCamera]:
    """The cameras of a toml calibration, unchecked.

    Raises:
        FormatError: the file cannot be read, or holds no camera.
    """
    cameras: list[RawCamera] = []
    for title, table in _camera_tables(read_toml(path)):
        name = str(table.get("name", title)) or title
        try:
            size = [int(length) for length in table.get("size", [])]
            raw = RawCamera(
                name,
                np.array(table["matrix"], np.float64),
                np.array(table["rotation"], np.float64),
                np.array(table["translation"], np.float64),
                np.array(table.get("distortions", [0.0] * 4), np.float64),
                (size[0], size[1]) if len(size) == 2 else None,
                table.get("fisheye") is True,
            )
        except (TypeError, ValueError, OverflowError) as error:
            issues.append(
                Issue(
                    Severity.ERROR,
                    f"The entry {title} of the calibration holds what is no number: {error}.",
                    "Export the calibration again.",
                    str(path),
                    camera=name,
                )
            )
            continue
        if name in {camera.name for camera in cameras}:
            issues.append(
                Issue(
                    Severity.WARNING,
                    f"Two cameras are called {name}; the second one is called {title} here.",
                    "Give every camera its own name in the calibration.",
                    str(path),
                    camera=name,
                )
            )
            raw = RawCamera(title, raw.intrinsics, raw.rotation, raw.translation, raw.distortion,
                            raw.size, raw.is_fisheye)  # fmt: skip
            if title in {camera.name for camera in cameras}:
                continue
        cameras.append(raw)
    if not cameras and not issues:
        raise FormatError(
            f"{path} holds no camera.",
            remedy="A camera is a table with matrix, distortions, rotation and translation.",
        )
    return cameras


def write_calibration(path: Path, rig: Rig) -> list[Issue]:
    """Write a toml calibration; returns what the format could not hold."""
    document: dict[str, Any] = {}
    issues = []
    for camera in rig:
        distortion = camera.distortion
        count = 5 if abs(distortion[4]) > 0 else 4
        if np.any(distortion[5:]) or abs(distortion[4]) > _LARGEST_DROPPED_K3:
            issues.append(
                Issue(
                    Severity.WARNING,
                    f"Camera {camera.name} has more distortion than Pose2Sim's four numbers hold.",
                    "Readers that keep four numbers will be off near the picture's border.",
                    str(path),
                    camera=camera.name,
                )
            )
        document[camera.name] = {
            "name": camera.name,
            "size": [float(camera.width), float(camera.height)],
            "matrix": camera.pixel_from_camera.tolist(),
            "distortions": distortion[:count].tolist(),
            "rotation": rotvec_from_matrix(camera.camera_from_world[:3, :3]).tolist(),
            "translation": camera.camera_from_world[:3, 3].tolist(),
            "fisheye": False,
        }
    document["metadata"] = {"adjusted": False, "error": 0.0}
    write_text(path, toml_text(document))
    return issues


def read_pose2sim(folder: Path, body: SmplModel, *, calibration: str | None = None) -> Scene:
    """The scene of a Pose2Sim capture; people have no poses until they are fitted.

    Args:
        folder: holds the calibration, videos (or images) and keypoints.
        body: the model the poses will belong to.
        calibration: name of the toml file to use of several; by default the refined one.

    Raises:
        AvatarPoseError: there is no readable calibration or no footage at all.
    """
    issues: list[Issue] = []
    path = _calibration(folder, calibration, issues)
    raw_cameras = read_raw_cameras(path, issues)
    sources = _sources(folder, [raw.name for raw in raw_cameras], issues)
    if not sources:
        raise FormatError(
            f"{folder} holds no videos or pictures for its cameras.",
            remedy="Put them into videos/<camera>.mp4 or images/<camera>/, named as in "
            f"{path.name}.",
        )
    frames = time_base(sources, where=str(folder), issues=issues)
    cameras: list[Camera] = []
    for raw in raw_cameras:
        source = sources.get(raw.name)
        size = None if source is None else source.size
        camera = checked_camera(raw, size, where=str(path), issues=issues)
        if camera is not None:
            cameras.append(camera)
    check_rig(cameras, where=str(path), issues=issues)
    people: tuple[Person, ...] = ()
    detections: dict[str, Detections2D] = {}
    if (folder / KEYPOINTS_FILE).is_file():
        try:
            people, detections = _read_keypoints(folder / KEYPOINTS_FILE, cameras, frames, issues)
        except FormatError as error:
            issues.append(
                Issue(Severity.ERROR, error.problem, error.remedy, str(folder / KEYPOINTS_FILE))
            )
    for camera in cameras:
        keypoints = _keypoint_folder(folder, camera.name)
        if camera.name not in detections and keypoints is not None:
            size = (camera.width, camera.height)
            found = read_keypoint_folder(keypoints, frames, size, camera=camera.name, issues=issues)
            if found is not None:
                detections[camera.name] = found
    if not detections:
        issues.append(
            Issue(
                Severity.WARNING,
                "There are no 2D keypoints.",
                "Put OpenPose JSON into pose/<camera>_json; without them nobody can be found.",
                str(folder),
            )
        )
    views = tuple(
        View(
            camera,
            sources[camera.name].footage(frames) if camera.name in sources else None,
            find_masks([(folder / "masks" / camera.name, True)], frames, camera.name, issues),
        )
        for camera in cameras
    )
    fps = stated_rate(sources, None, where=str(folder), issues=issues)
    name = folder.resolve().name
    return Scene(
        name=name,
        capture=Capture(name, frames, fps, views, folder),
        body=body,
        people=people,
        detections=detections,
        issues=tuple(issues),
    )


def _calibration(folder: Path, wanted: str | None, issues: list[Issue]) -> Path:
    files = calibration_files(folder)
    if wanted is not None:
        files = [path for path in files if path.name == wanted]
    if not files:
        raise FormatError(
            f"{folder} holds no calibration{f' called {wanted}' if wanted else ''}.",
            remedy="Put the toml file of the calibration into the folder.",
        )
    if len(files) > 1:
        others = ", ".join(path.name for path in files[1:])
        issues.append(
            Issue(
                Severity.INFO,
                f"There are several calibrations; {files[0].name} is used, not {others}.",
                "Remove the ones that are not meant.",
                str(files[0]),
            )
        )
    return files[0]


def _sources(folder: Path, names: list[str], issues: list[Issue]) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for name in names:
        source = find_source(
            [folder / "images" / name, folder / name],
            [folder / "videos" / name, folder / name],
            name,
            issues,
        )
        if source is not None:
            found[name] = source
    absent = [name for name in names if name not in found]
    videos = folder / "videos"
    if not absent or not videos.is_dir():
        return found
    used = {source.path for source in found.values()}
    spare = sorted(
        (p for p in videos.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES and p not in used),
        key=lambda file: natural_key(file.stem),
    )
    if not found and len(spare) == len(absent):
        issues.append(
            Issue(
                Severity.WARNING,
                f"The videos ({', '.join(p.stem for p in spare)}) are not called as the cameras "
                f"({', '.join(absent)}); they are matched by order.",
                "Check the match in the 3D view; name the videos after the cameras.",
                str(videos),
            )
        )
        for name, path in zip(sorted(absent, key=natural_key), spare, strict=True):
            try:
                found[name] = video_source(path)
            except FormatError as error:
                issues.append(
                    Issue(Severity.ERROR, error.problem, error.remedy, str(path), camera=name)
                )
        return found
    for name in absent:
        issues.append(
            Issue(
                Severity.WARNING,
                f"Camera {name} has no video.",
                f"Put it into videos/{name}.mp4, or remove the camera from the calibration.",
                str(videos),
                camera=name,
            )
        )
    return found


def _keypoint_folder(folder: Path, camera: str) -> Path | None:
    for place in (folder / "pose-associated", folder / "pose"):
        for name in (f"{camera}_json", camera, f"{camera}_poses"):
            if (place / name).is_dir():
                return place / name
    return None


def _read_keypoints(
    path: Path, cameras: Sequence[Camera], frames: np.ndarray, issues: list[Issue]
) -> tuple[tuple[Person, ...], dict[str, Detections2D]]:
    """People and detections of an npz of keypoints by person, camera and frame."""
    arrays = read_npz(path)
    keypoints = arrays.get("keypoints", np.zeros(0))
    if keypoints.ndim != 5 or keypoints.shape[4] != 3 or keypoints.dtype.kind != "f":
        raise FormatError(
            f"{path}: keypoints is {keypoints.shape}, not person x camera x frame x joint x 3.",
            remedy="Store x, y and confidence of every joint in pixels.",
        )
    people_count, camera_count, frame_count, joint_count, _ = keypoints.shape
    order = _keypoint_set(arrays.get("names"), joint_count, path)
    listed = arrays.get("cameras")
    if listed is not None and listed.shape == (camera_count,):
        columns = {str(name): column for column, name in enumerate(listed)}
    elif camera_count == len(cameras):
        ordered = sorted((camera.name for camera in cameras), key=natural_key)
        columns = {name: column for column, name in enumerate(ordered)}
    else:
        raise FormatError(
            f"{path} has {camera_count} cameras, the calibration {len(cameras)}.",
            remedy="Add an array `cameras` with the names.",
        )
    numbers = arrays["frames"] if "frames" in arrays else np.arange(frame_count)
    if numbers.shape != (frame_count,) or numbers.dtype.kind not in "iu":
        raise FormatError(f"{path}: frames do not number the keypoints.", remedy="Export it again.")
    position = {int(number): row for row, number in enumerate(numbers)}
    rows = np.array([position.get(int(frame), -1) for frame in frames], np.int64)
    detections = {}
    for camera in cameras:
        if camera.name not in columns:
            continue
        xyc = np.moveaxis(keypoints[:, columns[camera.name]], 0, 1)[rows]
        xyc[rows < 0] = (np.nan, np.nan, 0.0)
        size = (camera.width, camera.height)
        xyc = source_pixels(xyc, size, camera=camera.name, where=str(path), issues=issues)
        pid = np.tile(np.arange(people_count, dtype=np.int32), (len(frames), 1))
        pid[(xyc[..., 2] <= 0).all(-1)] = -1
        detections[camera.name] = Detections2D(order, xyc, pid)
    given = arrays.get("persons")
    has_names = given is not None and given.shape == (people_count,)
    people = tuple(
        Person(
            pid, str(given[pid]) if has_names and given is not None else f"Person {pid + 1}", (), ""
        )
        for pid in range(people_count)
    )
    return people, detections


def _keypoint_set(names: np.ndarray | None, joint_count: int, path: Path) -> str:
    if names is not None and names.dtype.kind == "U":
        plain = tuple(re.sub(r"[^a-z0-9]", "", str(name).lower()) for name in names.ravel())
        for order, expected in JOINT_NAMES.items():
            if plain == expected:
                return order
    else:
        for order, expected in JOINT_NAMES.items():
            if joint_count == len(expected) and order != "body25b":
                return order
    raise FormatError(
        f"{path}: the order of its {joint_count} joints is not known.",
        remedy="Name them in `names` in the order of COCO, BODY_25, BODY_25B or HALPE.",
    )
