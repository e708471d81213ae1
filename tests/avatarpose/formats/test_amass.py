import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatarpose.errors import FormatError
from avatarpose.formats.amass import read_amass, write_aitviewer, write_amass
from avatarpose.formats.storage import write_npz
from tests.avatarpose.formats.damage import only_our_errors, spoilt


def test_a_motion_survives_but_for_the_two_hand_joints(small_scene, tmp_path):
    poses = {who.pid: who.layer("initial").poses for who in small_scene.people}
    first, second = write_amass(small_scene, poses, tmp_path / "motions")
    assert [first.name, second.name] == ["person_0.npz", "person_1.npz"]
    motion, fps = read_amass(first)
    assert fps == 25.0
    np.testing.assert_array_equal(motion.global_orient, poses[0].global_orient)
    np.testing.assert_array_equal(motion.body_pose[:, :63], poses[0].body_pose[:, :63])
    assert (motion.body_pose[:, 63:] == 0).all()
    np.testing.assert_array_equal(motion.transl, poses[0].transl)
    np.testing.assert_array_equal(motion.betas, poses[0].betas)
    with np.load(first, allow_pickle=False) as archive:
        assert archive["poses"].shape == (4, 156)
        assert archive["betas"].shape == (16,)
        assert archive["poses"].dtype == np.float64


def test_frames_without_the_person_are_left_out(small_scene, tmp_path):
    from dataclasses import replace

    poses = small_scene.person(0).layer("initial").poses
    absent = replace(poses, valid=np.array([True, False, True, True]))
    (path,) = write_amass(small_scene, {0: absent}, tmp_path / "one.npz")
    assert path.name == "one.npz"
    assert len(read_amass(path)[0]) == 3
    (path,) = write_aitviewer(small_scene, {0: absent}, tmp_path / "ait.npz")
    with np.load(path, allow_pickle=False) as archive:
        assert archive["poses_body"].shape == (3, 69)
        assert archive["poses_root"].shape == archive["trans"].shape == (3, 3)


@pytest.mark.parametrize(
    "arrays",
    [
        {"betas": np.zeros(10)},
        {"poses": np.zeros((3, 100)), "trans": np.zeros((3, 3))},
        {"poses": np.zeros((3, 156)), "trans": np.zeros((2, 3))},
        {"poses": np.zeros((3, 156)), "trans": np.zeros((3, 3))},
        {"poses": np.full((3, 156), np.nan), "trans": np.zeros((3, 3))},
        {"poses": np.zeros((3, 156)), "trans": np.zeros((3, 3)), "mocap_framerate": np.array("x")},
    ],
    ids=["no poses", "width", "length", "no rate", "nan", "rate"],
)
def test_what_is_no_motion_is_refused_with_a_remedy(tmp_path, arrays):
    write_npz(tmp_path / "a.npz", arrays)
    with pytest.raises(FormatError) as refused:
        read_amass(tmp_path / "a.npz")
    assert refused.value.remedy


@settings(max_examples=40)
@given(data=st.data())
def test_a_spoilt_motion_is_an_error_of_ours(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("amass") / "a.npz"
    write_npz(
        path,
        {"poses": np.zeros((2, 156)), "trans": np.zeros((2, 3)), "mocap_framerate": np.array(30.0)},
    )
    path.write_bytes(data.draw(spoilt(path.read_bytes())))
    with only_our_errors():
        read_amass(path)
