import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatarpose.body.pose import PoseSequence
from avatarpose.errors import FormatError
from avatarpose.formats.smpl_params import (
    below_one_turn,
    is_object_npz,
    native_arrays,
    read_smpl,
    write_smpl,
)
from avatarpose.formats.storage import read_npz, write_npz
from avatarpose.geometry.rotation import geodesic_angle, matrix_from_rotvec
from tests.avatarpose.formats.damage import only_our_errors
from tests.strategies import pose_sequences, random_poses

FRAMES = np.array([21, 22, 24])


def same(a: PoseSequence, b: PoseSequence) -> bool:
    names = ("betas", "global_orient", "body_pose", "transl", "valid")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


@given(first=pose_sequences(3), second=pose_sequences(3))
def test_people_written_and_read_are_the_same_people(tmp_path_factory, first, second):
    path = tmp_path_factory.mktemp("smpl") / "smpl.npz"
    write_smpl(path, FRAMES, {5: second, 0: first}, fps=25.0, genders={5: "female"})
    tracks = read_smpl(path)
    assert tracks.frames.tolist() == [21, 22, 24]
    assert (tracks.fps, dict(tracks.genders)) == (25.0, {0: "neutral", 5: "female"})
    assert same(tracks.people[0], first)
    assert same(tracks.people[5], second)


def test_the_native_file_has_the_documented_arrays(tmp_path, random):
    write_smpl(tmp_path / "s.npz", FRAMES, {0: random_poses(random, 3, 0.1)}, fps=30.0)
    with np.load(tmp_path / "s.npz", allow_pickle=False) as archive:
        assert set(archive.files) == {
            "people", "frames", "valid", "betas", "global_orient", "body_pose", "transl", "gender",
            "model", "up_axis", "fps",
        }  # fmt: skip
        assert archive["body_pose"].shape == (1, 3, 69)
        assert archive["body_pose"].dtype == np.float32
        assert str(archive["up_axis"]) == "z"


def test_on_another_time_base_missing_frames_are_absent(tmp_path, random):
    poses = random_poses(random, 3, 0.1)
    write_smpl(tmp_path / "s.npz", FRAMES, {0: poses}, fps=30.0)
    on_base = read_smpl(tmp_path / "s.npz").on_time_base(np.arange(20, 26))[0]
    assert on_base.valid.tolist() == [False, True, True, False, True, False]
    np.testing.assert_array_equal(on_base.transl[[1, 2, 4]], poses.transl)
    assert np.isfinite(on_base.body_pose).all()


def seed_file(path, poses: PoseSequence, frames: object, name: str = "human_0") -> None:
    value = {
        "betas": np.repeat(poses.betas[None, None], len(poses), 0).astype(float),
        "body_pose": poses.body_pose[:, None].astype(float),
        "global_orient": poses.global_orient[:, None].astype(float),
        "transl": poses.transl[:, None].astype(float),
        "frames": frames,
    }
    np.savez(path, **{name: np.array(value, dtype=object)})


@pytest.mark.parametrize("as_list", [True, False])
def test_object_files_are_read_without_trusting_them(tmp_path, random, as_list):
    poses = random_poses(random, 3, 0.1)
    seed_file(tmp_path / "s.npz", poses, FRAMES.tolist() if as_list else FRAMES)
    assert is_object_npz(tmp_path / "s.npz")
    tracks = read_smpl(tmp_path / "s.npz")
    assert tracks.frames.tolist() == [21, 22, 24]
    assert same(tracks.people[0], poses)


def test_an_object_file_that_would_run_code_is_refused_and_nothing_runs(tmp_path):
    witness = tmp_path / "witness"

    class Hostile:
        def __reduce__(self):
            import os

            return os.system, (f"touch {witness}",)

    np.savez(tmp_path / "s.npz", human_0=np.array({"betas": Hostile()}, dtype=object))
    with pytest.raises(FormatError, match=r"refused.*system") as refused:
        read_smpl(tmp_path / "s.npz")
    assert refused.value.remedy
    assert not witness.exists()


def spoilt(path, **changes) -> None:
    poses = random_poses(np.random.default_rng(3), 3, 0.1)
    arrays = native_arrays(FRAMES, {0: poses, 1: poses}, fps=25.0, genders={})
    write_npz(path, {k: v for k, v in {**arrays, **changes}.items() if v is not None})


@pytest.mark.parametrize(
    "changes",
    [
        {"transl": None},
        {"frames": None},
        {"body_pose": np.zeros((2, 3, 72))},
        {"body_pose": np.zeros((2, 4, 69))},
        {"global_orient": np.zeros((2, 3))},
        {"global_orient": np.array("x")},
        {"betas": np.zeros(())},
        {"betas": np.full((2, 10), np.nan)},
        {"betas": np.zeros((2, 0))},
        {"people": np.array([0, 0])},
        {"people": np.array([0.5, 1.0])},
        {"people": np.array([-1, 1])},
        {"frames": np.array([3, 2, 1])},
        {"frames": np.array([1.0, np.nan, 3.0])},
        {"frames": np.zeros((0,), int)},
        {"valid": np.ones((2, 2), bool)},
        {"up_axis": np.array("x")},
    ],
    ids=str,
)
def test_a_file_that_cannot_be_meant_is_refused_with_a_remedy(tmp_path, changes):
    spoilt(tmp_path / "s.npz", **changes)
    with pytest.raises(FormatError) as refused:
        read_smpl(tmp_path / "s.npz")
    assert "s.npz" in refused.value.problem
    assert refused.value.remedy


def test_a_frame_of_no_numbers_counts_as_absent_and_is_said(tmp_path):
    transl = np.zeros((2, 3, 3))
    transl[1, 2] = np.nan
    spoilt(tmp_path / "s.npz", transl=transl)
    tracks = read_smpl(tmp_path / "s.npz")
    assert tracks.people[1].valid.tolist() == [True, True, False]
    assert np.isfinite(tracks.people[1].transl).all()
    (issue,) = tracks.issues
    assert (issue.pid, issue.frame) == (1, 24)


def test_shapes_that_differ_by_frame_are_averaged_and_long_ones_cut(tmp_path):
    betas = np.zeros((2, 3, 12))
    betas[0, :, 0] = (1.0, 2.0, 3.0)
    betas[0, :, 11] = 1.0
    spoilt(tmp_path / "s.npz", betas=betas)
    tracks = read_smpl(tmp_path / "s.npz")
    assert tracks.people[0].betas[0] == pytest.approx(2.0)
    assert {issue.pid for issue in tracks.issues} == {0}
    assert len(tracks.issues) == 2


def test_angles_beyond_a_turn_are_the_same_rotation_below_one(random):
    poses = random_poses(random, 4, 5.0)
    wrapped = below_one_turn(poses)
    angles = np.linalg.norm(wrapped.rotvecs, axis=-1)
    assert np.linalg.norm(poses.rotvecs, axis=-1).max() > 2 * np.pi
    assert angles.max() <= 2 * np.pi + 1e-5
    before = matrix_from_rotvec(poses.rotvecs.astype(float))
    after = matrix_from_rotvec(wrapped.rotvecs.astype(float))
    assert np.asarray(geodesic_angle(before, after)).max() < 1e-4


def test_a_y_up_file_stands_upright_afterwards(tmp_path, body):
    transl = np.array([[[0.3, 1.0, 0.2]] * 3] * 2)
    spoilt(tmp_path / "y.npz", transl=transl, up_axis=np.array("y"))
    upright = read_smpl(tmp_path / "y.npz", body=body).people[0]
    spoilt(tmp_path / "z.npz", transl=transl)
    lying = read_smpl(tmp_path / "z.npz").people[0]
    there = body.posed_sequence(upright).vertices_world
    here = body.posed_sequence(lying).vertices_world
    x, y, z = np.moveaxis(here, -1, 0)
    np.testing.assert_allclose(there, np.stack([x, -z, y], -1), atol=1e-5)


@settings(max_examples=40)
@given(data=st.data())
def test_any_damage_to_a_file_is_an_error_of_ours(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("smpl")
    spoilt(folder / "s.npz")
    content = (folder / "s.npz").read_bytes()
    start = data.draw(st.integers(0, len(content)))
    junk = data.draw(st.binary(max_size=40))
    (folder / "s.npz").write_bytes(content[:start] + junk + content[start + len(junk) :])
    with only_our_errors():
        tracks = read_smpl(folder / "s.npz")
        assert all(np.isfinite(poses.transl).all() for poses in tracks.people.values())


@settings(max_examples=30)
@given(data=st.data())
def test_swapped_arrays_are_an_error_of_ours_or_a_pose(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("smpl")
    spoilt(folder / "a.npz")
    arrays = read_npz(folder / "a.npz")
    names = st.sampled_from(sorted(arrays))
    first, second = data.draw(names), data.draw(names)
    swapped = {**arrays, first: arrays[second], second: arrays[first]}
    write_npz(folder / "b.npz", swapped)
    with only_our_errors():
        read_smpl(folder / "b.npz")
