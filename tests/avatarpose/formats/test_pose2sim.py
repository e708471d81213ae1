import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatarpose.errors import FormatError
from avatarpose.formats.calibration import checked_camera
from avatarpose.formats.pose2sim import (
    calibration_files,
    is_pose2sim,
    read_pose2sim,
    read_raw_cameras,
    write_calibration,
)
from avatarpose.formats.storage import write_npz
from avatarpose.formats.toml_text import read_toml, toml_text
from avatarpose.geometry.camera import Camera, Rig
from avatarpose.geometry.rigid import look_at
from tests.avatarpose.formats.damage import only_our_errors, spoilt
from tests.strategies import cameras

POINTS = np.random.default_rng(0).normal((0.0, 0.0, 1.0), 0.4, (50, 3))


def ring(count: int) -> Rig:
    k = np.array([[150.0, 0.0, 63.5], [0.0, 150.0, 47.5], [0.0, 0.0, 1.0]])
    models = []
    for index in range(count):
        around = 2 * np.pi * index / count
        centre = np.array([3 * np.cos(around), 3 * np.sin(around), 1.5])
        pose = look_at(centre, np.array([0.0, 0.0, 1.0]))
        distortion = np.array([0.05, -0.02, 0.001, 0.0, 0.0, 0.0, 0.0, 0.0])
        models.append(Camera(f"cam{index + 1:02d}", 128, 96, k, pose, distortion))
    return Rig(tuple(models))


@pytest.fixture
def clip(tmp_path):
    """Three cameras, five frames of video each, and OpenPose JSON."""
    folder = tmp_path / "clip"
    rig = ring(3)
    write_calibration(folder / "Calib_scene.toml", rig)
    for camera in rig:
        path = folder / "videos" / f"{camera.name}.avi"
        path.parent.mkdir(exist_ok=True)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 50.0, (128, 96))
        for _ in range(5):
            writer.write(np.full((96, 128, 3), 90, np.uint8))
        writer.release()
        pose = folder / "pose" / f"{camera.name}_json"
        pose.mkdir(parents=True)
        for frame in range(5):
            pixels = camera.project(POINTS[:26])
            flat = np.column_stack([pixels, np.full(26, 0.8)]).ravel().tolist()
            name = f"{camera.name}_{frame:06d}.json"
            (pose / name).write_text(json.dumps({"people": [{"pose_keypoints_2d": flat}]}))
    return folder


@settings(max_examples=25)
@given(models=st.lists(cameras(), min_size=2, max_size=4))
def test_truth_reprojects_within_a_tenth_of_a_pixel_after_writing_and_reading(
    tmp_path_factory, models
):
    path = tmp_path_factory.mktemp("toml") / "Calib.toml"
    kept = (True, True, True, True, False, False, False, False)  # what the format holds
    rig = Rig(
        tuple(
            replace(model, name=name, distortion=np.where(kept, model.distortion, 0.0))
            for model, name in zip(models, ["int_2", "10", 'a "b"', "c.d"], strict=False)
        )
    )
    assert write_calibration(path, rig) == []
    issues = []
    for raw in read_raw_cameras(path, issues):
        found = checked_camera(raw, None, where="", issues=issues)
        assert found is not None
        expected = rig[raw.name].project(POINTS)
        np.testing.assert_allclose(found.project(POINTS), expected, atol=1e-5, rtol=1e-7)


def test_distortion_the_format_cannot_hold_is_said(tmp_path):
    camera = replace(ring(1).cameras[0], distortion=np.array([0.1, 0, 0, 0, 0.01, 0.02, 0, 0]))
    (issue,) = write_calibration(tmp_path / "Calib.toml", Rig((camera,)))
    assert issue.camera == "cam01"


def test_a_clip_has_cameras_videos_and_keypoints_but_nobody_yet(clip, body):
    assert is_pose2sim(clip)
    scene = read_pose2sim(clip, body)
    assert scene.issues == ()
    assert scene.capture.rig.names == ("cam01", "cam02", "cam03")
    assert scene.capture.frames.tolist() == [0, 1, 2, 3, 4]
    assert scene.capture.fps == 50.0
    assert scene.people == ()
    assert {d.keypoint_set for d in scene.detections.values()} == {"halpe26"}
    for camera in scene.capture.rig:
        seen = scene.detections[camera.name].xyc[0, 0, :, :2]
        inside = camera.is_inside(camera.project(POINTS[:26]))
        error = np.linalg.norm(seen - camera.project(POINTS[:26]), axis=-1)
        assert error[inside].max() < 0.1


def test_the_refined_calibration_is_preferred_and_it_is_said(clip, body):
    moved = replace(ring(3).cameras[0], width=128)
    write_calibration(clip / "calib_refined.toml", Rig((moved, *ring(3).cameras[1:])))
    assert [path.name for path in calibration_files(clip)] == [
        "calib_refined.toml",
        "Calib_scene.toml",
    ]
    (issue,) = read_pose2sim(clip, body).issues
    assert issue.severity == "info"
    assert "calib_refined.toml is used" in issue.message
    assert read_pose2sim(clip, body, calibration="Calib_scene.toml").issues == ()
    with pytest.raises(FormatError, match="called none"):
        read_pose2sim(clip, body, calibration="none.toml")


def test_a_toml_without_cameras_is_no_calibration(clip):
    (clip / "Config.toml").write_text('[project]\nframe_rate = 60\n[pose]\nmode = "x"\n')
    assert [path.name for path in calibration_files(clip)] == ["Calib_scene.toml"]


def test_videos_under_other_names_are_matched_by_order_and_it_is_said(clip, body):
    for number, path in enumerate(sorted((clip / "videos").iterdir()), start=8):
        path.rename(path.with_name(f"take_{number}.avi"))
    scene = read_pose2sim(clip, body)
    names = [view.footage.path.stem for view in scene.capture.views if view.footage is not None]
    assert names == ["take_8", "take_9", "take_10"]
    assert any("matched by order" in issue.message for issue in scene.issues)


def test_a_camera_without_video_stays_and_is_named(clip, body):
    (clip / "videos" / "cam02.avi").unlink()
    scene = read_pose2sim(clip, body)
    assert scene.capture.view("cam02").footage is None
    assert any(issue.camera == "cam02" and issue.remedy for issue in scene.issues)


def test_a_fisheye_camera_is_refused_and_the_others_stay(clip, body):
    document = read_toml(clip / "Calib_scene.toml")
    document["cam02"]["fisheye"] = True
    (clip / "Calib_scene.toml").write_text(toml_text(document))
    scene = read_pose2sim(clip, body)
    assert scene.capture.rig.names == ("cam01", "cam03")
    assert any("fisheye" in issue.message for issue in scene.issues)


def test_keypoints_by_person_keep_who_is_who(clip, body):
    names = "Nose LEye REye LEar REar LShoulder RShoulder LElbow RElbow LWrist RWrist LHip RHip"
    names += " LKnee RKnee LAnkle RAnkle Neck Head LBigToe LSmallToe LHeel RBigToe RSmallToe RHeel"
    keypoints = np.full((2, 3, 5, 25, 3), 50.0, np.float32)
    keypoints[..., 2] = 0.9
    keypoints[1, 2, 3] = 0.0
    keypoints[0, 0, 0, 17] = (10.0, 20.0, 0.7)
    write_npz(
        clip / "keypoints2d.npz",
        {
            "keypoints": keypoints,
            "names": np.array(names.split()),
            "cameras": np.array(["cam01", "cam02", "cam03"]),
            "persons": np.array(["man", "woman"]),
        },
    )
    scene = read_pose2sim(clip, body)
    assert [(who.pid, who.name, who.layers, who.shown) for who in scene.people] == [
        (0, "man", (), ""),
        (1, "woman", (), ""),
    ]
    first = scene.detections["cam01"]
    assert first.keypoint_set == "body25b"
    assert first.pid[0].tolist() == [0, 1]
    assert scene.detections["cam03"].pid[3].tolist() == [0, -1]
    np.testing.assert_allclose(first.skel19(0)[0, 1], (10.0, 20.0, 0.7), rtol=1e-6)


@pytest.mark.parametrize(
    "arrays",
    [
        {"keypoints": np.zeros((2, 3, 5, 25))},
        {"keypoints": np.zeros((1, 3, 5, 11, 3))},
        {"keypoints": np.zeros((1, 2, 5, 17, 3))},
        {"keypoints": np.zeros((1, 3, 5, 17, 3)), "frames": np.zeros(2)},
        {"names": np.array(["a"])},
    ],
    ids=str,
)
def test_keypoints_that_cannot_be_meant_are_an_issue(clip, body, arrays):
    write_npz(clip / "keypoints2d.npz", arrays)
    scene = read_pose2sim(clip, body)
    assert any(issue.severity == "error" and issue.remedy for issue in scene.issues)
    assert scene.detections  # from the JSON


@settings(max_examples=40)
@given(data=st.data())
def test_a_spoilt_calibration_is_an_issue_or_an_error_of_ours(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("toml") / "Calib.toml"
    write_calibration(path, ring(2))
    path.write_bytes(data.draw(spoilt(path.read_bytes())))
    issues = []
    with only_our_errors():
        for raw in read_raw_cameras(path, issues):
            checked_camera(raw, (128, 96), where="", issues=issues)


def test_the_real_clip_is_read_and_its_keypoints_agree_with_its_cameras(shared_clip, body):
    scene = read_pose2sim(shared_clip, body)
    assert scene.capture.rig.names == ("cam01", "cam02", "cam03", "cam04")
    assert scene.capture.fps == pytest.approx(60.0)
    assert [who.name for who in scene.people] == ["man", "woman"]
    assert [issue.severity for issue in scene.issues] == ["info"]
    cameras_used = list(scene.capture.rig)
    skel = np.stack([scene.detections[c.name].skel19(0) for c in cameras_used])  # (V, F, 19, 3)
    errors = []
    for frame in range(0, 100, 10):
        for joint in range(19):
            seen = skel[:, frame, joint, 2] > 0.4
            if seen.sum() < 3:
                continue
            point = _point(
                [c for c, s in zip(cameras_used, seen, strict=True) if s],
                skel[seen, frame, joint],
            )
            for camera, xyc in zip(cameras_used, skel[:, frame, joint], strict=True):
                if xyc[2] > 0.4:
                    errors.append(np.linalg.norm(camera.project(point) - xyc[:2]))
    assert np.median(errors) < 10.0  # the clip's README measures 6.5 px


def _point(models: list[Camera], xyc: np.ndarray) -> np.ndarray:
    """Least-squares crossing of rays, on its own so that the reader is judged by something else."""
    matrix, vector = np.zeros((3, 3)), np.zeros(3)
    for camera, row in zip(models, xyc, strict=True):
        direction = camera.rays(row[:2].astype(float))
        across = np.eye(3) - np.outer(direction, direction)
        matrix += across
        vector += across @ camera.centre_world
    return np.linalg.solve(matrix, vector)
