from collections import Counter

import numpy as np
import pytest
from scipy.spatial import KDTree

from avatarpose.body.skeleton import MIRROR, Joint, Skel19
from avatarpose.synth.toy_body import rest_joints, toy_body


@pytest.fixture(scope="module")
def body():
    return toy_body()


def test_it_has_a_few_hundred_vertices(body):
    assert 300 < body.vertex_count < 900


def test_it_is_one_closed_surface_seen_from_outside(body):
    edges = Counter(
        tuple(sorted((int(face[i]), int(face[(i + 1) % 3]))))
        for face in body.faces
        for i in range(3)
    )
    assert set(edges.values()) == {2}
    assert body.vertex_count - len(edges) + len(body.faces) == 2
    corners = body.v_template[body.faces]
    volume_m3 = np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    assert 0.05 < volume_m3 < 0.12


def test_its_regressor_hits_the_joints_and_its_rows_sum_to_one(body):
    np.testing.assert_allclose(body.rest_joints(np.zeros(10)), rest_joints(), atol=1e-3)
    np.testing.assert_allclose(body.joint_regressor.sum(axis=1), 1.0, atol=1e-5)
    assert body.joint_regressor.min() >= 0
    np.testing.assert_allclose(body.weights.sum(axis=1), 1.0, atol=1e-5)


def test_left_and_right_are_mirror_images(body):
    flip = np.array([-1, 1, 1])
    np.testing.assert_allclose(body.v_template * flip, body.v_template[body.mirror], atol=1e-6)
    joints = body.rest_joints(np.zeros(10))
    np.testing.assert_allclose(joints * flip, joints[list(MIRROR)], atol=1e-3)


def test_a_raised_arm_carries_its_hand_and_nothing_else(body):
    rotvecs = np.zeros((1, 24, 3), np.float32)
    rest = body.posed(np.zeros(10), rotvecs, np.zeros((1, 3)))
    rotvecs[0, Joint.LEFT_SHOULDER, 2] = 1.0
    raised = body.posed(np.zeros(10), rotvecs, np.zeros((1, 3)))
    moved = np.linalg.norm(raised.vertices_world - rest.vertices_world, axis=-1)[0]
    joints = rest_joints()
    near_hand = np.linalg.norm(body.v_template - joints[Joint.LEFT_HAND], axis=1) < 0.1
    near_foot = np.linalg.norm(body.v_template - joints[Joint.RIGHT_FOOT], axis=1) < 0.1
    assert moved[near_hand].min() > 0.3
    assert moved[near_foot].max() < 1e-4


def test_measured_joints_lie_on_the_body(body):
    posed = body.posed(np.zeros(10), np.zeros((1, 24, 3), np.float32), np.zeros((1, 3)))
    joints = body.skel19(posed)[0]
    away, _ = KDTree(posed.vertices_world[0]).query(joints)
    assert away.max() < 0.15
    assert joints[Skel19.NOSE, 2] > joints[Skel19.LEFT_EAR, 2] + 0.05
    assert joints[Skel19.LEFT_EAR, 0] > 0.05 > joints[Skel19.RIGHT_EAR, 0]
