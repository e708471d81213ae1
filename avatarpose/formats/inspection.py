"""A thorough look at a scene's files: every picture, video and mask, and whether the parts fit."""

from dataclasses import replace

import numpy as np

from avatarpose.errors import FormatError
from avatarpose.formats.masks import UNKNOWN, read_labels
from avatarpose.formats.pictures import PICTURE_LIMIT_BYTES, is_whole, picture_size
from avatarpose.formats.storage import read_bytes
from avatarpose.formats.video import read_video_timing
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rigid import invert, rigid
from avatarpose.scene.capture import Footage, View
from avatarpose.scene.issues import Issue, Severity
from avatarpose.scene.people import Person
from avatarpose.scene.scene import Scene

_MASKS_LOOKED_AT = 12
_EMPTY_SHARE = 0.2
_LARGEST_MISFIT = 0.25
_HEIGHT_M = (0.5, 2.6)


def inspect_media(scene: Scene) -> list[Issue]:
    """What is wrong with pictures, videos, masks, and with poses against cameras."""
    issues: list[Issue] = []
    for view in scene.capture.views:
        if view.footage is not None and view.footage.path.exists():
            if view.footage.kind == "video":
                issues += _video_issues(view, view.footage)
            else:
                issues += _picture_issues(scene, view, view.footage)
        issues += _mask_issues(scene, view)
    return issues + _pose_issues(scene)


def _video_issues(view: View, footage: Footage) -> list[Issue]:
    expected = int(footage.source_frames.max(initial=-1)) + 1
    camera, file = view.camera.name, str(footage.path)
    try:
        timing = read_video_timing(footage.path)
    except FormatError as error:
        return [Issue(Severity.ERROR, error.problem, error.remedy, file, camera=camera)]
    issues = []
    if timing.frame_count < expected:
        issues.append(
            Issue(
                Severity.WARNING,
                f"{footage.path.name} promises {expected} frames, but only {timing.frame_count} "
                "can be decoded.",
                "The view counts as absent after that; copy the video again.",
                file,
                timing.frame_count,
                camera,
            )
        )
    if timing.irregular:
        issues.append(
            Issue(
                Severity.WARNING,
                f"{footage.path.name} has {len(timing.irregular)} irregular intervals between "
                "frames: frames were dropped or repeated.",
                "Record at a constant rate; from there on the view may be out of step.",
                file,
                timing.irregular[0],
                camera,
            )
        )
    return issues


def _picture_issues(scene: Scene, view: View, footage: Footage) -> list[Issue]:
    issues = []
    stated = (view.camera.width, view.camera.height)
    for index in np.flatnonzero(footage.present).tolist():
        path = footage.path / footage.names[index]
        frame = int(scene.capture.frames[index])
        try:
            if not is_whole(read_bytes(path, limit_bytes=PICTURE_LIMIT_BYTES)):
                raise FormatError(
                    f"{path.name} is damaged or cut short.",
                    remedy="The view counts as absent in this frame; copy the file again.",
                )
            size = picture_size(path)
            if size != stated:
                raise FormatError(
                    f"{path.name} has {size[0]} x {size[1]} pixels, not {stated[0]} x {stated[1]}.",
                    remedy="All pictures of a camera must have the same size.",
                )
        except FormatError as error:
            issues.append(
                Issue(
                    Severity.WARNING,
                    error.problem,
                    error.remedy,
                    str(path),
                    frame,
                    view.camera.name,
                )
            )
    return issues


def _mask_issues(scene: Scene, view: View) -> list[Issue]:
    if view.masks is None:
        return []
    issues = []
    camera = view.camera
    present = [index for index, name in enumerate(view.masks.names) if name]
    picked = np.unique(
        np.linspace(0, len(present) - 1, min(len(present), _MASKS_LOOKED_AT)).round()
    )
    empty, strange = 0, set()
    for position in picked.astype(int).tolist():
        index = present[position]
        path = view.masks.path / view.masks.names[index]
        frame = int(scene.capture.frames[index])
        try:
            labels = read_labels(path)
        except FormatError as error:
            issues.append(
                Issue(Severity.WARNING, error.problem, error.remedy, str(path), frame, camera.name)
            )
            continue
        values = set(np.unique(labels).tolist())
        empty += values <= {0, UNKNOWN}
        if view.masks.per_person and scene.people:
            known = {person.pid + 1 for person in scene.people}
            strange |= values - known - {0, UNKNOWN}
        ratio = labels.shape[1] * camera.height / (labels.shape[0] * camera.width)
        if abs(ratio - 1) > 0.01:
            issues.append(
                Issue(
                    Severity.ERROR,
                    f"{path.name} has {labels.shape[1]} x {labels.shape[0]} pixels, the picture "
                    f"{camera.width} x {camera.height}.",
                    "Masks must show the whole picture.",
                    str(path),
                    frame,
                    camera.name,
                )
            )
    if len(picked) and empty / len(picked) > _EMPTY_SHARE:
        issues.append(
            Issue(
                Severity.WARNING,
                f"{empty} of {len(picked)} masks of camera {camera.name} show nobody.",
                "Check that the masks belong to these pictures.",
                str(view.masks.path),
                camera=camera.name,
            )
        )
    if strange:
        issues.append(
            Issue(
                Severity.WARNING,
                f"Masks of camera {camera.name} have labels that belong to nobody: "
                f"{', '.join(map(str, sorted(strange)))}.",
                "A person has label pid + 1.",
                str(view.masks.path),
                camera=camera.name,
            )
        )
    return issues


def _pose_issues(scene: Scene) -> list[Issue]:
    """Poses that no camera sees, or of people who are not of human size."""
    issues = []
    for person in scene.people:
        height = (
            float(np.ptp(scene.body.rest_vertices(_betas(person))[:, 1])) if person.layers else 1.7
        )
        if not _HEIGHT_M[0] <= height <= _HEIGHT_M[1]:
            issues.append(
                Issue(
                    Severity.WARNING,
                    f"{person.name} would be {height:.2f} m tall.",
                    "Check that the poses belong to this body model and are in metres.",
                    pid=person.pid,
                )
            )
        for layer in person.layers:
            poses = layer.poses
            if not poses.valid.any():
                continue
            pelvis = poses.transl[poses.valid] + scene.body.rest_joints(poses.betas)[0]
            unseen = 1 - _seen_share(tuple(scene.capture.rig), pelvis)
            if unseen > _LARGEST_MISFIT:
                issues.append(
                    Issue(
                        Severity.ERROR,
                        f"No camera sees {person.name} ({layer.name}) in {unseen:.0%} of frames.",
                        _misfit_remedy(scene, pelvis),
                        pid=person.pid,
                    )
                )
    return issues


def _seen_share(cameras: tuple[Camera, ...], points_world: np.ndarray) -> float:
    """Share of the points that at least one camera sees."""
    seen = np.zeros(len(points_world), bool)
    for camera in cameras:
        seen |= camera.is_inside(camera.project(points_world.astype(np.float64)))
    return float(np.mean(seen))


def _misfit_remedy(scene: Scene, pelvis_world: np.ndarray) -> str:
    """What to try: of the usual confusions of a calibration, one under which people are seen."""
    readings = {
        "its translations are in millimetres": lambda m: rigid(m[:3, :3], 0.001 * m[:3, 3]),
        "it maps camera to world": invert,
        "its translations are the camera centres": lambda m: rigid(
            m[:3, :3], -m[:3, :3] @ m[:3, 3]
        ),
        "its rotations are transposed": lambda m: rigid(m[:3, :3].T, m[:3, 3]),
    }
    for reading, corrected in readings.items():
        cameras = tuple(
            replace(camera, camera_from_world=corrected(camera.camera_from_world))
            for camera in scene.capture.rig
        )
        if _seen_share(cameras, pelvis_world) > 1 - _LARGEST_MISFIT:
            return f"The calibration reads as if {reading}: correct that and open it again."
    return (
        "Poses and cameras do not fit: check units (metres), the up axis (z), and that the "
        "calibration maps world to camera."
    )


def _betas(person: Person) -> np.ndarray:
    return person.layers[0].poses.betas
