from dataclasses import replace

import numpy as np
import pytest
import torch

from avatarpose.body.pose import PoseSequence
from avatarpose.body.skeleton import Joint
from avatarpose.body.smpl_torch import TorchSmpl
from avatarpose.estimation.body_fit import (
    AccelerationTerm,
    FreeBodies,
    Group,
    descend,
    hinge_term,
    stack_poses,
    start_term,
)
from avatarpose.estimation.fitting import PointTracks, fit_to_points
from avatarpose.geometry.rotation_torch import matrix_from_rotvec
from tests.avatarpose.estimation.scenes import BODY25_JOINTS, BODY25_VERTICES, moving


def acceleration_cost(bodies: FreeBodies) -> float:
    with torch.no_grad():
        return float(AccelerationTerm(bodies.start)(bodies.points()))


def free(body, poses: dict[int, PoseSequence], times_s=None) -> FreeBodies:
    count = len(next(iter(poses.values())))
    times_s = np.arange(count) / 25.0 if times_s is None else times_s
    return FreeBodies(TorchSmpl(body), stack_poses(poses, np.arange(count), times_s))


def test_untouched_bodies_are_where_numpy_says(body, two_people):
    points = free(body, two_people).points()
    for row, poses in enumerate(two_people.values()):
        evidence = points.evidence[row].detach().numpy()
        np.testing.assert_allclose(evidence[:, :19], body.skel19_sequence(poses), atol=1e-5)
        posed = body.posed_sequence(poses)
        np.testing.assert_allclose(points.joints[row].detach(), posed.joints_world, atol=1e-5)
        for column, name in ((20, "leye"), (22, "LHeel"), (24, "RHeel")):
            vertex = posed.vertices_world[:, body.vertex_ids[name]]
            np.testing.assert_allclose(evidence[:, column], vertex, atol=1e-5)


@pytest.fixture(scope="module")
def regressing_body(body):
    """The body with a BODY_25 regressor in place of named vertices."""
    regressor = np.zeros((25, body.vertex_count), np.float32)
    for row, joint in BODY25_JOINTS.items():
        regressor[row] = body.joint_regressor[joint]
    for row, name in BODY25_VERTICES.items():
        regressor[row, body.vertex_ids[name]] = 1.0
    return replace(body, body25_regressor=regressor, vertex_ids={})


def test_a_regressor_takes_the_place_of_named_vertices(regressing_body, body, two_people):
    points = free(regressing_body, two_people).points().evidence.detach().numpy()
    for row, poses in enumerate(two_people.values()):
        expected = regressing_body.skel19(regressing_body.posed_sequence(poses))
        np.testing.assert_allclose(points[row, :, :19], expected, atol=1e-5)
    with_names = free(body, two_people).points().evidence.detach().numpy()
    np.testing.assert_allclose(points[:, :, 19:], with_names[:, :, 19:], atol=1e-5)


def test_bodies_with_a_regressor_pass_through_points_too(regressing_body):
    poses = {0: moving(0.0, 0.3, 5, 2)}
    points = free(regressing_body, poses).points().evidence.detach().numpy().astype(float)
    tracks = PointTracks(points, np.ones(points.shape[:3]))
    found = fit_to_points(regressing_body, {0: np.ones(2, bool)}, tracks, np.array([0.0, 0.04]))
    gap = regressing_body.skel19_sequence(found[0]) - regressing_body.skel19_sequence(poses[0])
    assert 1000 * np.linalg.norm(gap, axis=-1).mean() < 6


def turned(joint: Joint, rotvec: tuple[float, float, float]) -> torch.Tensor:
    rotvecs = torch.zeros(1, 1, 24, 3)
    rotvecs[0, 0, joint] = torch.tensor(rotvec)
    return matrix_from_rotvec(rotvecs)


@pytest.mark.parametrize(
    ("joint", "allowed", "forbidden"),
    [
        (Joint.LEFT_ELBOW, (0.0, -1.4, 0.0), (0.0, 0.5, 0.0)),
        (Joint.RIGHT_ELBOW, (0.0, 1.4, 0.0), (0.0, -0.5, 0.0)),
        (Joint.LEFT_KNEE, (1.4, 0.0, 0.0), (-0.5, 0.0, 0.0)),
        (Joint.RIGHT_KNEE, (1.4, 0.0, 0.0), (-0.5, 0.0, 0.0)),
        (Joint.LEFT_ELBOW, (0.8, 0.0, 0.0), (0.0, 0.0, 0.5)),  # a turned forearm, a broken one
        (Joint.RIGHT_KNEE, (0.0, 0.4, 0.0), (0.0, 0.0, 0.5)),
    ],
)
def test_hinges_bend_forwards_and_twist_but_not_backwards_or_sideways(joint, allowed, forbidden):
    assert float(hinge_term(turned(joint, allowed))) < 1e-4
    assert float(hinge_term(turned(joint, forbidden))) > 3


def test_steady_motion_costs_nothing_whatever_the_frame_steps(body):
    times = np.array([0.0, 0.04, 0.12, 0.16])
    steady = PoseSequence.rest(4)
    steady = replace(steady, transl=np.outer(times, [1.0, 0.5, 0.0]).astype(np.float32))
    assert acceleration_cost(free(body, {0: steady}, times)) < 1e-3
    jumping = replace(steady, transl=steady.transl + np.float32([[0], [0.1], [0], [0]]))
    assert acceleration_cost(free(body, {0: jumping}, times)) > 10


def test_frames_far_apart_or_absent_are_no_neighbours(body):
    jumping = PoseSequence.rest(3)
    jumping = replace(jumping, transl=np.float32([[0, 0, 0], [1, 0, 0], [0, 0, 0]]))
    assert acceleration_cost(free(body, {0: jumping}, np.array([0.0, 0.5, 1.0]))) == 0
    gone = replace(jumping, valid=np.array([True, False, True]))
    assert acceleration_cost(free(body, {0: gone})) == 0


def test_staying_costs_nothing_and_a_gross_error_costs_a_bounded_pull():
    turns = torch.zeros(1, 1, 23, 3)
    assert float(start_term(turns)) == 0
    pulls = []
    for angle in (0.5, 3.0):
        turns = torch.zeros(1, 1, 23, 3)
        turns[0, 0, Joint.RIGHT_SHOULDER - 1, 2] = angle
        turns.requires_grad_()
        start_term(turns).backward()
        assert turns.grad is not None
        pulls.append(float(turns.grad.abs().max()))
    assert pulls[1] < pulls[0]


def test_only_free_groups_change(body, two_people):
    bodies = free(body, two_people)

    def cost(points, _done):
        return (points.evidence - 1.0).square().sum()

    descend(bodies, cost, free=Group.ROOT, steps=2, learning_rate=0.01)
    assert bodies.shifts.abs().max() > 0
    assert bodies.root_turns.abs().max() > 0
    assert bodies.joint_turns.abs().max() == 0
    assert bodies.shape_change.abs().max() == 0
