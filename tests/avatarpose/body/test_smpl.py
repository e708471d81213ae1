import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings

from avatarpose.body.pose import PoseSequence
from avatarpose.body.skeleton import MIRROR, PARENTS, Joint, Skel19, descendants
from avatarpose.body.smpl import SmplModel, load_open_body
from avatarpose.errors import BodyModelError
from avatarpose.geometry.rotation import compose_rotvecs
from avatarpose.installation import resource_path
from tests.strategies import pose_sequences, random_poses, vectors

OPEN_BODY = resource_path("body", "body_smpl24.npz")


def _smplx_vertices_and_joints(poses: PoseSequence) -> tuple[np.ndarray, np.ndarray]:
    smplx = pytest.importorskip("smplx", reason="the oracle smplx is not installed")
    import torch

    with np.load(OPEN_BODY, allow_pickle=False) as archive:
        names = ("v_template", "f", "shapedirs", "posedirs", "J_regressor", "weights")
        arrays = {name: archive[name].astype(np.float64) for name in names}
        arrays["kintree_table"] = archive["kintree_table"]
        ids = dict(
            zip(map(str, archive["vertex_id_names"]), map(int, archive["vertex_ids"]), strict=True)
        )
    count = len(poses)
    oracle = smplx.SMPL(
        "",
        data_struct=SimpleNamespace(**arrays),
        vertex_ids=ids,
        dtype=torch.float64,
        batch_size=count,
    )
    with torch.no_grad():
        out = oracle(
            betas=torch.tensor(np.tile(poses.betas, (count, 1)), dtype=torch.float64),
            global_orient=torch.tensor(poses.global_orient, dtype=torch.float64),
            body_pose=torch.tensor(poses.body_pose, dtype=torch.float64),
            transl=torch.tensor(poses.transl, dtype=torch.float64),
        )
    return out.vertices.numpy(), out.joints.numpy()[:, :24]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("bend_rad", [0.0, 0.4, 1.5])
def test_surface_and_joints_are_smplxs_to_a_hundredth_of_a_millimetre(open_body, bend_rad):
    poses = random_poses(np.random.default_rng(3), 4, bend_rad)
    vertices, joints = _smplx_vertices_and_joints(poses)
    body = open_body.posed_sequence(poses)
    np.testing.assert_allclose(body.vertices_world, vertices, atol=1e-5)
    np.testing.assert_allclose(body.joints_world, joints, atol=1e-5)


def test_skel19_of_the_samples_true_poses_is_the_samples_truth(open_body, hug_folder, hug_truth):
    for pid, poses in hug_truth.items():
        measured = open_body.skel19(open_body.posed_sequence(poses))
        for index in range(len(poses)):
            stored = json.loads((hug_folder / "skel19_gt" / f"{21 + index:06d}.json").read_text())
            expected = next(who["keypoints3d"] for who in stored if who["id"] == pid)
            positions = np.asarray(expected)[:, :3]
            np.testing.assert_allclose(measured[index], positions, atol=2e-4)


def test_the_body_is_the_one_the_sample_was_made_with(open_body, hug_folder):
    truth = json.loads((hug_folder / "truth.json").read_text())
    assert open_body.sha256 == truth["body_arrays_sha256"]


@settings(max_examples=20)
@given(poses=pose_sequences(2))
def test_the_pelvis_stands_at_the_rest_pelvis_plus_transl(open_body, poses):
    joints = open_body.posed_sequence(poses).joints_world
    pelvis = open_body.rest_joints(poses.betas)[Joint.PELVIS] + poses.transl
    np.testing.assert_allclose(joints[:, Joint.PELVIS], pelvis, atol=1e-6)


@settings(max_examples=20)
@given(poses=pose_sequences(1))
def test_bones_never_stretch(open_body, poses):
    rest = open_body.rest_joints(poses.betas)
    joints = open_body.posed_sequence(poses).joints_world[0]
    parents = np.array(PARENTS[1:])
    lengths = np.linalg.norm(joints[1:] - joints[parents], axis=-1)
    expected = np.linalg.norm(rest[1:] - rest[parents], axis=-1)
    np.testing.assert_allclose(lengths, expected, atol=2e-6)


@settings(max_examples=15)
@given(poses=pose_sequences(1), turn=vectors(-1.5, 1.5), shift=vectors(-2.0, 2.0))
def test_turning_the_root_turns_the_whole_body_about_the_pelvis(open_body, poses, turn, shift):
    from avatarpose.geometry.rotation import matrix_from_rotvec

    rotvecs = poses.rotvecs
    turned = rotvecs.copy()
    turned[:, 0] = compose_rotvecs(turn[None].astype(np.float32), rotvecs[:, 0])
    before = open_body.posed(poses.betas, rotvecs, poses.transl)
    after = open_body.posed(poses.betas, turned, poses.transl + shift.astype(np.float32))
    pelvis = before.joints_world[0, 0]
    expected = (before.vertices_world[0] - pelvis) @ matrix_from_rotvec(turn).T + pelvis + shift
    np.testing.assert_allclose(after.vertices_world[0], expected, atol=2e-5)


def test_a_rotated_elbow_moves_only_what_hangs_on_it(open_body):
    poses = random_poses(np.random.default_rng(5), 1, 0.3)
    rotvecs = poses.rotvecs
    rotvecs[0, Joint.LEFT_ELBOW] += (0.0, 0.4, 0.0)
    before = open_body.posed_sequence(poses).joints_world[0]
    after = open_body.posed(poses.betas, rotvecs, poses.transl).joints_world[0]
    moved = np.linalg.norm(after - before, axis=-1) > 1e-6
    below = set(descendants(Joint.LEFT_ELBOW)) - {Joint.LEFT_ELBOW}
    assert set(np.flatnonzero(moved)) == below


def test_a_mirrored_pose_gives_the_mirrored_body(open_body):
    poses = random_poses(np.random.default_rng(6), 1, 0.4)
    flip = np.array([1.0, -1.0, -1.0], np.float32)  # rotation vectors mirror like this at x = 0
    mirrored = poses.rotvecs[:, list(MIRROR)] * flip
    shift = np.zeros((1, 3), np.float32)
    body = open_body.posed(poses.betas, poses.rotvecs, shift)
    other = open_body.posed(poses.betas, mirrored, shift)
    at = np.array([-1.0, 1.0, 1.0])
    joints = body.joints_world[0, list(MIRROR)] * at
    np.testing.assert_allclose(other.joints_world[0], joints, atol=2e-3)
    vertices = body.vertices_world[0, open_body.mirror] * at
    assert np.abs(other.vertices_world[0] - vertices).max() < 5e-3


def test_the_joint_transforms_carry_rest_joints_to_their_places(open_body):
    poses = random_poses(np.random.default_rng(7), 3, 0.5)
    world_from_rest, joints = open_body.joint_transforms(poses.betas, poses.rotvecs, poses.transl)
    rest = open_body.rest_joints(poses.betas)
    carried = np.einsum("fjab,jb->fja", world_from_rest[..., :3, :3], rest)
    np.testing.assert_allclose(carried + world_from_rest[..., :3, 3], joints, atol=1e-5)


def test_a_few_frames_are_posed_as_in_the_whole_sequence(open_body):
    poses = random_poses(np.random.default_rng(8), 5, 0.3)
    whole = open_body.posed_sequence(poses)
    picked = open_body.posed_sequence(poses, np.array([3, 1]))
    np.testing.assert_allclose(picked.vertices_world, whole.vertices_world[[3, 1]], atol=1e-6)


def test_the_surface_encloses_its_joints_and_stands_as_tall_as_an_adult(open_body):
    body = open_body.posed_sequence(PoseSequence.rest(1))
    height = np.ptp(body.vertices_world[0, :, 1])
    assert 1.5 < height < 1.9
    skel19 = open_body.skel19(body)[0]
    assert skel19[Skel19.LEFT_EAR, 0] > 0 > skel19[Skel19.RIGHT_EAR, 0]
    assert skel19[Skel19.NOSE, 2] > skel19[Skel19.NECK, 2]


def test_a_body_without_named_vertices_is_refused():
    with pytest.raises(BodyModelError, match="nose") as refused:
        SmplModel(
            name="bare",
            v_template=np.zeros((3, 3)),
            faces=np.array([[0, 1, 2]]),
            shapedirs=np.zeros((3, 3, 10)),
            posedirs=np.zeros((3, 3, 207)),
            joint_regressor=np.full((24, 3), 1 / 3),
            weights=np.full((3, 24), 1 / 24),
            vertex_ids={},
        )
    assert refused.value.remedy


def test_a_missing_or_incomplete_body_file_is_refused(tmp_path):
    with pytest.raises(BodyModelError, match="does not exist"):
        load_open_body(tmp_path / "none.npz")
    np.savez(tmp_path / "half.npz", v_template=np.zeros((3, 3)))
    with pytest.raises(BodyModelError, match="weights"):
        load_open_body(tmp_path / "half.npz")
