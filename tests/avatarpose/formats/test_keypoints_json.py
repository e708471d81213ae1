import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatarpose.errors import FormatError
from avatarpose.formats.keypoints_json import (
    read_detections,
    read_keypoint_folder,
    source_pixels,
    write_detections,
)
from avatarpose.scene.people import Detections2D
from tests.avatarpose.formats.damage import only_our_errors

FRAMES = np.array([5, 6, 8])
SIZE = (470, 640)


def write(folder, frame: int, people: list[list[float]], name: str = "{:06d}_keypoints.json"):
    value = {"version": 1.3, "people": [{"pose_keypoints_2d": person} for person in people]}
    (folder / name.format(frame)).write_text(json.dumps(value))


def read(folder):
    issues = []
    found = read_keypoint_folder(folder, FRAMES, SIZE, camera="c", issues=issues)
    return found, issues


def person(count: int, x: float = 100.0) -> list[float]:
    return [value for joint in range(count) for value in (x + joint, 200.0 + joint, 0.9)]


@pytest.mark.parametrize(
    ("joints", "name"), [(25, "body25"), (17, "coco17"), (18, "coco18"), (26, "halpe26")]
)
def test_the_set_is_told_by_its_length(tmp_path, joints, name):
    write(tmp_path, 6, [person(joints), person(joints, 300.0)])
    write(tmp_path, 8, [])
    found, issues = read(tmp_path)
    assert found is not None
    assert issues == []
    assert found.keypoint_set == name
    assert found.xyc.shape == (3, 2, joints, 3)
    assert (found.pid == -1).all()
    np.testing.assert_allclose(found.xyc[1, 1, 3], (303.0, 203.0, 0.9), rtol=1e-6)
    assert np.isnan(found.xyc[0, :, :, :2]).all()
    assert (found.xyc[[0, 2], ..., 2] == 0).all()


def test_names_of_videos_and_of_pictures_are_both_frames(tmp_path):
    write(tmp_path, 6, [person(25)], "cam2_{:012d}_keypoints.json")
    write(tmp_path, 8, [person(25)], "cam2_{:06d}.json")
    found, _ = read(tmp_path)
    assert found is not None
    assert np.isfinite(found.xyc[:, 0, 0, 0]).tolist() == [False, True, True]


def test_missing_keypoints_are_nan_and_confidences_lie_in_0_to_1(tmp_path):
    one = person(25)
    one[0:3] = [0.0, 0.0, 0.0]
    one[3:6] = [120.0, 130.0, -1.0]
    one[6:9] = [float("nan"), 3.0, 0.9]
    one[9:12] = [120.0, 130.0, 3.0]
    write(tmp_path, 5, [one])
    found, issues = read(tmp_path)
    assert found is not None
    assert np.isnan(found.xyc[0, 0, :3, :2]).all()
    assert found.xyc[0, 0, :4, 2].tolist() == [0.0, 0.0, 0.0, 1.0]
    assert any("above 1" in issue.message for issue in issues)


@given(x=st.floats(10.0, 460.0), y=st.floats(10.0, 630.0), is_centred=st.booleans())
def test_relative_coordinates_become_pixels(x, y, is_centred):
    share = np.array([(x + 0.5) / SIZE[0], (y + 0.5) / SIZE[1]])
    xyc = np.ones((1, 1, 2, 3), np.float32)
    xyc[0, 0, 0, :2] = 2 * share - 1 if is_centred else share
    xyc[0, 0, 1, :2] = -0.5 if is_centred else 0.5
    issues = []
    found = source_pixels(xyc, SIZE, camera="c", where="w", issues=issues)
    np.testing.assert_allclose(found[0, 0, 0, :2], (x, y), atol=1e-3)
    assert len(issues) == 1


def test_keypoints_of_another_resolution_are_said(tmp_path):
    write(tmp_path, 5, [person(25, 2000.0)])
    _, issues = read(tmp_path)
    assert any("outside the picture" in issue.message and issue.remedy for issue in issues)


def test_an_unknown_order_is_nothing_and_said(tmp_path):
    write(tmp_path, 5, [person(40)])
    found, issues = read(tmp_path)
    assert found is None
    assert "40 joints" in issues[0].message


def test_one_bad_file_does_not_spoil_the_others(tmp_path):
    write(tmp_path, 5, [person(25)])
    (tmp_path / "000006_keypoints.json").write_text("{")
    (tmp_path / "000008_keypoints.json").write_text('{"people": [{"pose_keypoints_2d": ["x"]}]}')
    found, issues = read(tmp_path)
    assert found is not None
    assert {issue.frame for issue in issues} == {6, 8}


@settings(max_examples=60)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=6)
            | st.dictionaries(st.sampled_from(["people", "pose_keypoints_2d"]), inner, max_size=2)
        ),
        max_leaves=20,
    )
)
def test_any_json_gives_detections_or_issues(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("json")
    (folder / "5.json").write_text(json.dumps(value))
    read(folder)


@given(seed=st.integers(0, 2**32 - 1))
def test_detections_survive_our_own_file(tmp_path_factory, seed):
    random = np.random.default_rng(seed)
    xyc = random.normal(200, 50, (3, 2, 17, 3)).astype(np.float32)
    pid = random.integers(-1, 3, (3, 2))
    edited = random.random((3, 2, 17)) > 0.5
    path = tmp_path_factory.mktemp("kp") / "c.npz"
    write_detections(path, Detections2D("coco17", xyc, pid, edited), FRAMES, SIZE)
    found = read_detections(path, FRAMES)
    np.testing.assert_array_equal(found.xyc, xyc)
    np.testing.assert_array_equal(found.pid, pid)
    np.testing.assert_array_equal(found.edited, edited)
    elsewhere = read_detections(path, np.array([6, 7]))
    np.testing.assert_array_equal(elsewhere.xyc[0], xyc[1])
    assert (elsewhere.pid[1] == -1).all()


@settings(max_examples=40)
@given(data=st.data())
def test_a_spoilt_file_of_ours_is_an_error_of_ours(data, tmp_path_factory):
    from tests.avatarpose.formats.damage import spoilt

    path = tmp_path_factory.mktemp("kp") / "c.npz"
    detections = Detections2D("coco17", np.zeros((3, 1, 17, 3)), np.zeros((3, 1), int))
    write_detections(path, detections, FRAMES, SIZE)
    path.write_bytes(data.draw(spoilt(path.read_bytes())))
    with only_our_errors():
        read_detections(path, FRAMES)


def test_a_set_that_does_not_fit_its_size_is_refused(tmp_path):
    detections = Detections2D("body25", np.zeros((3, 1, 17, 3)), np.zeros((3, 1), int))
    write_detections(tmp_path / "c.npz", detections, FRAMES, SIZE)
    with pytest.raises(FormatError, match="fit together"):
        read_detections(tmp_path / "c.npz", FRAMES)
