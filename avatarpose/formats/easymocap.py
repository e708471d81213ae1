"""EasyMocap's layout, also of AvatarPose's preprocessing: intri.yml, extri.yml, images, smpl."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from avatarpose.body.smpl import SmplModel
from avatarpose.errors import AvatarPoseError, FormatError
from avatarpose.formats.calibration import RawCamera, check_rig, checked_camera
from avatarpose.formats.footage import (
    Source,
    camera_folder,
    find_masks,
    find_source,
    stated_rate,
    time_base,
)
from avatarpose.formats.keypoints_json import read_keypoint_folder
from avatarpose.formats.opencv_yaml import Value, matrix_lines, parse_opencv_yaml
from avatarpose.formats.smpl_json import read_smpl_folder
from avatarpose.formats.smpl_params import SmplTracks, read_smpl
from avatarpose.formats.storage import read_json, read_text, write_text
from avatarpose.geometry.camera import Camera, Rig
from avatarpose.geometry.rotation import geodesic_angle, matrix_from_rotvec, rotvec_from_matrix
from avatarpose.scene.capture import Capture, View
from avatarpose.scene.issues import Issue, Severity
from avatarpose.scene.layers import INITIAL, TRUTH, PoseLayer
from avatarpose.scene.people import Detections2D, Person
from avatarpose.scene.scene import Scene

INTRINSICS, EXTRINSICS = "intri.yml", "extri.yml"
_ROTATIONS_AGREE_RAD = 1e-3


def is_easymocap(folder: Path) -> bool:
    """True when the folder holds both calibration files."""
    return (folder / INTRINSICS).is_file() and (folder / EXTRINSICS).is_file()


def read_raw_cameras(folder: Path, issues: list[Issue]) -> list[RawCamera]:
    """The cameras as intri.yml and extri.yml state them, unchecked.

    Raises:
        FormatError: a file cannot be read at all.
    """
    intri_path, extri_path = folder / INTRINSICS, folder / EXTRINSICS
    intri = parse_opencv_yaml(read_text(intri_path, limit_bytes=16 << 20), str(intri_path))
    extri = parse_opencv_yaml(read_text(extri_path, limit_bytes=16 << 20), str(extri_path))
    listed = _names(intri)
    also = _names(extri)
    keyed = [key[2:] for key in intri if key.startswith("K_")]
    if not listed:
        listed = also or keyed
    for name in sorted(set(listed) ^ set(also or listed)):
        issues.append(
            Issue(
                Severity.WARNING,
                f"Camera {name} is in only one of {INTRINSICS} and {EXTRINSICS}; it is left out.",
                "Calibrate it fully, or remove it from both files.",
                str(folder),
                camera=name,
            )
        )
    listed = [name for name in listed if not also or name in also]
    keys = _keys_of(listed, keyed, issues, str(intri_path))
    cameras = []
    for name in listed:
        raw = _raw_camera(name, keys[name], intri, extri, issues, str(extri_path))
        if raw is not None:
            cameras.append(raw)
    return cameras


def _names(entries: Mapping[str, Value]) -> list[str]:
    value = entries.get("names", [])
    names = (
        value if isinstance(value, list) else [value] if isinstance(value, str) and value else []
    )
    return list(dict.fromkeys(name for name in names if name))


def _keys_of(
    listed: list[str], keyed: list[str], issues: list[Issue], where: str
) -> dict[str, str]:
    """Under which suffix each camera's entries stand; some converters number them 1, 2, ..."""
    absent = [name for name in listed if name not in keyed]
    if not absent:
        return {name: name for name in listed}
    are_ordinals = keyed == [str(number) for number in range(1, len(listed) + 1)]
    if len(listed) == len(keyed) and (are_ordinals or len(absent) == len(listed)):
        issues.append(
            Issue(
                Severity.WARNING,
                f"The entries are called {', '.join(keyed)}, the cameras {', '.join(listed)}; "
                "they are matched by order.",
                "Check the match in the 3D view; name the entries after the cameras.",
                where,
            )
        )
        return dict(zip(listed, keyed, strict=True))
    return {name: name for name in listed}


def _raw_camera(
    name: str,
    key: str,
    intri: Mapping[str, Value],
    extri: Mapping[str, Value],
    issues: list[Issue],
    where: str,
) -> RawCamera | None:
    def matrix(entries: Mapping[str, Value], *keys: str) -> np.ndarray | None:
        for candidate in keys:
            value = entries.get(f"{candidate}_{key}")
            if isinstance(value, np.ndarray):
                return value
        return None

    intrinsics = matrix(intri, "K")
    translation = matrix(extri, "T")
    rotation, rotvec = matrix(extri, "Rot"), matrix(extri, "R")
    if rotvec is not None and rotvec.shape == (3, 3):
        rotation, rotvec = (rotvec if rotation is None else rotation), None
    if intrinsics is None or translation is None or (rotation is None and rotvec is None):
        issues.append(
            Issue(
                Severity.ERROR,
                f"Camera {name} lacks its matrix K, its rotation or its translation.",
                "Calibrate the camera, or remove its name from both files.",
                where,
                camera=name,
            )
        )
        return None
    if rotation is not None and rotvec is not None and rotvec.size == 3:
        given = rotation if rotation.shape == (3, 3) else np.eye(3)
        apart = float(geodesic_angle(matrix_from_rotvec(rotvec.ravel()), given))
        if not apart <= _ROTATIONS_AGREE_RAD:
            issues.append(
                Issue(
                    Severity.WARNING,
                    f"R_{key} and Rot_{key} differ by {np.degrees(apart):.2f}°; Rot_{key} is used.",
                    "Write both from the same calibration.",
                    where,
                    camera=name,
                )
            )
    distortion = matrix(intri, "dist", "D")
    chosen = rotation if rotation is not None else rotvec
    assert chosen is not None
    return RawCamera(
        name,
        intrinsics,
        chosen,
        translation,
        np.zeros(5) if distortion is None else distortion,
        _size(intri, key),
    )


def _size(intri: Mapping[str, Value], key: str) -> tuple[int, int] | None:
    try:
        width, height = (int(float(str(intri[f"{side}_{key}"]))) for side in "WH")
    except (KeyError, ValueError, OverflowError):
        return None
    return (width, height) if 0 < width < 100_000 and 0 < height < 100_000 else None


def write_cameras(folder: Path, rig: Rig) -> None:
    """Write intri.yml and extri.yml with all digits."""
    header = ["%YAML:1.0", "---", "names:", *(f'  - "{name}"' for name in rig.names)]
    intri, extri = list(header), list(header)
    for camera in rig:
        name, distortion = camera.name, camera.distortion
        count = 8 if np.any(distortion[5:]) else 5
        intri += matrix_lines(f"K_{name}", camera.pixel_from_camera)
        intri += matrix_lines(f"dist_{name}", distortion[None, :count])
        intri += [f"H_{name}: {camera.height}", f"W_{name}: {camera.width}"]
        rotation = camera.camera_from_world[:3, :3]
        extri += matrix_lines(f"R_{name}", rotvec_from_matrix(rotation)[:, None])
        extri += matrix_lines(f"Rot_{name}", rotation)
        extri += matrix_lines(f"T_{name}", camera.camera_from_world[:3, 3:])
    write_text(folder / INTRINSICS, "\n".join(intri) + "\n")
    write_text(folder / EXTRINSICS, "\n".join(extri) + "\n")


def read_easymocap(folder: Path, body: SmplModel) -> Scene:
    """The scene of a preprocessed capture folder; what is wrong with it is among its issues.

    Raises:
        AvatarPoseError: the calibration cannot be read, or there is neither a picture nor a pose.
    """
    issues: list[Issue] = []
    raw_cameras = read_raw_cameras(folder, issues)
    sources: dict[str, Source] = {}
    for raw in raw_cameras:
        source = find_source(
            [camera_folder(folder / "images", raw.name)],
            [folder / "videos" / raw.name],
            raw.name,
            issues,
        )
        if source is not None:
            sources[raw.name] = source
    _note_unpaired(folder, raw_cameras, sources, issues)
    cameras: list[Camera] = []
    for raw in raw_cameras:
        size = sources[raw.name].size if raw.name in sources else None
        camera = checked_camera(raw, size, where=str(folder / INTRINSICS), issues=issues)
        if camera is not None:
            cameras.append(camera)
    check_rig(cameras, where=str(folder / EXTRINSICS), issues=issues)
    tracks = {
        INITIAL: _tracks(folder / "smpl_init", body, issues)
        or _tracks(folder / "smpl", body, issues),
        TRUTH: _tracks(folder / "smpl_gt", body, issues),
    }
    frames = time_base(sources, where=str(folder), issues=issues)
    if len(frames) == 0:
        numbers = [track.frames for track in tracks.values() if track is not None]
        if not numbers or not cameras:
            raise FormatError(
                f"{folder} holds no pictures that match its cameras.",
                remedy="Pictures belong into images/<camera>/<frame>.jpg, videos into "
                "videos/<camera>.mp4, with the camera names of intri.yml.",
            )
        frames = np.unique(np.concatenate(numbers))
    meta = _meta(folder / "meta.json", issues)
    stated = [track.fps for track in tracks.values() if track is not None and track.fps]
    fps = stated_rate(
        sources,
        _rate(meta.get("fps")) or next(iter(stated), None),
        where=str(folder),
        issues=issues,
    )
    views, detections = [], {}
    for camera in cameras:
        name = camera.name
        masks = find_masks(
            [
                (camera_folder(folder / "mask", name), True),
                (camera_folder(folder / "masks", name), True),
                (camera_folder(folder / "mask_sta", name) / "all", False),
            ],
            frames,
            name,
            issues,
        )
        footage = sources[name].footage(frames) if name in sources else None
        views.append(View(camera, footage, masks))
        found = _detections(folder, camera, frames, issues)
        if found is not None:
            detections[name] = found
    truth = _meta(folder / "truth.json", issues)
    _check_body(folder / "truth.json", truth, body, issues)
    contact = truth.get("contact_frames", [])
    is_list = isinstance(contact, list) and all(isinstance(frame, int) for frame in contact)
    return Scene(
        name=folder.resolve().name,
        capture=Capture(folder.resolve().name, frames, fps, tuple(views), folder),
        body=body,
        people=_people(tracks, frames, issues, folder),
        detections=detections,
        contact_frames=tuple(contact) if is_list else (),
        issues=tuple(issues),
    )


def _detections(
    folder: Path, camera: Camera, frames: np.ndarray, issues: list[Issue]
) -> Detections2D | None:
    for place in ("openpose", "keypoints", "pose", "annots"):
        keypoints = camera_folder(folder / place, camera.name)
        if keypoints.is_dir():
            size = (camera.width, camera.height)
            return read_keypoint_folder(keypoints, frames, size, camera=camera.name, issues=issues)
    return None


def _note_unpaired(
    folder: Path, cameras: list[RawCamera], sources: Mapping[str, Source], issues: list[Issue]
) -> None:
    """Cameras without pictures, and pictures without a camera."""
    for raw in cameras:
        if raw.name not in sources and sources:
            issues.append(
                Issue(
                    Severity.WARNING,
                    f"Camera {raw.name} has no pictures.",
                    f"Put them into images/{raw.name}, or remove the camera from the calibration.",
                    str(folder),
                    camera=raw.name,
                )
            )
    known = {raw.name for raw in cameras}
    images = folder / "images"
    entries = images.iterdir() if images.is_dir() else ()
    for name in sorted(entry.name for entry in entries if entry.is_dir()):
        is_used = any(camera_folder(images, camera).name == name for camera in known)
        if not is_used and not name.startswith("."):
            issues.append(
                Issue(
                    Severity.WARNING,
                    f"The pictures of {name} have no calibration; they are left out.",
                    f"Add camera {name} to {INTRINSICS} and {EXTRINSICS}.",
                    str(images / name),
                    camera=name,
                )
            )


def _meta(path: Path, issues: list[Issue]) -> Mapping:
    if not path.is_file():
        return {}
    try:
        value = read_json(path)
    except FormatError as error:
        issues.append(Issue(Severity.WARNING, error.problem, error.remedy, str(path)))
        return {}
    return value if isinstance(value, Mapping) else {}


def _rate(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < 10_000 else None


def _tracks(folder: Path, body: SmplModel, issues: list[Issue]) -> SmplTracks | None:
    """The poses of a folder: native file first, then the older ones, then JSON per frame."""
    for name in ("smpl.npz", "smpl_all.npz", "smpl_seed.npz"):
        path = folder / name
        if not path.is_file():
            continue
        try:
            return read_smpl(path, body=body)
        except AvatarPoseError as error:
            issues.append(Issue(Severity.ERROR, error.problem, error.remedy, str(path)))
    if not any(folder.glob("*.json")):
        return None
    try:
        return read_smpl_folder(folder, body)
    except AvatarPoseError as error:
        issues.append(Issue(Severity.ERROR, error.problem, error.remedy, str(folder)))
    return None


def _people(
    tracks: Mapping[str, SmplTracks | None], frames: np.ndarray, issues: list[Issue], folder: Path
) -> tuple[Person, ...]:
    layers: dict[int, list[PoseLayer]] = {}
    genders: dict[int, str] = {}
    for name, track in tracks.items():
        if track is None:
            continue
        issues.extend(track.issues)
        shared = np.intersect1d(track.frames, frames)
        if len(shared) == 0:
            issues.append(
                Issue(
                    Severity.WARNING,
                    f"The {name} poses belong to other frames ({track.frames[0]} to "
                    f"{track.frames[-1]}) than the pictures ({frames[0]} to {frames[-1]}).",
                    "Check the frame numbers in the file.",
                    str(folder),
                )
            )
            continue
        for pid, poses in track.on_time_base(frames).items():
            layers.setdefault(pid, []).append(PoseLayer(name, poses))
        genders.update({pid: value for pid, value in track.genders.items() if value})
    return tuple(
        Person(
            pid, f"Person {pid + 1}", tuple(own), own[0].name, gender=genders.get(pid, "neutral")
        )
        for pid, own in sorted(layers.items())
    )


def _check_body(path: Path, truth: Mapping, body: SmplModel, issues: list[Issue]) -> None:
    expected = truth.get("body_arrays_sha256")
    if isinstance(expected, str) and expected != body.sha256:
        issues.append(
            Issue(
                Severity.WARNING,
                f"The poses were made with another body model than {body.name}.",
                "Choose the body model they were made with; with this one they look different.",
                str(path),
            )
        )
