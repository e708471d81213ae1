import dataclasses

import numpy as np
import pytest
import torch

from avatarpose.body.skeleton import Joint
from avatarpose.optimize.pose_stage import Pins
from avatarpose.optimize.schedule import Update
from avatarpose.scene.layers import TRUTH
from tests.avatarpose.optimize.scenes import POSES, SILHOUETTES, tiny_plan
from tests.avatarpose.optimize.stages import Workplace, workplace


@pytest.fixture
def place(tiny_scene) -> Workplace:
    return workplace(tiny_scene, tiny_plan(), TRUTH)


def _prepared(refiner, column: int = 1, seed: int = 4):
    return refiner.prepare(refiner.posed(column), np.random.default_rng(seed))


def _terms(place: Workplace, refiner, prepared, turns=None, transl=None, betas=None, stage=POSES):
    rows = torch.as_tensor(prepared.rows)
    turns = place.variables.turns[rows, prepared.column] if turns is None else turns
    transl = place.variables.transl[rows, prepared.column] if transl is None else transl
    return refiner.terms(prepared, turns, transl, stage, betas)


def test_a_visit_has_all_terms(place):
    refiner = place.refiner()
    terms = _terms(place, refiner, _prepared(refiner))
    assert {"rgb", "alpha", "instance", "near", "turn", "hinge", "smooth", "penetration"} <= set(
        terms.values
    )
    assert all(np.isfinite(value) for value in terms.values.values())


def test_every_group_of_variables_gets_a_gradient(place):
    refiner = place.refiner()
    prepared = _prepared(refiner)
    rows = torch.as_tensor(prepared.rows)
    turns = place.variables.turns[rows, 1].clone().requires_grad_()
    transl = place.variables.transl[rows, 1].clone().requires_grad_()
    betas = place.variables.betas[rows].clone().requires_grad_()
    terms = _terms(place, refiner, prepared, turns, transl, betas, SILHOUETTES)
    terms.total.backward()
    assert turns.grad[:, 0].abs().max() > 1e-3
    assert turns.grad[:, 1:].abs().max() > 1e-3
    assert transl.grad.abs().max() > 1e-3
    assert betas.grad.abs().max() > 1e-6


def test_somebody_shifted_is_pulled_back_to_the_masks(place):
    """Silhouettes alone: after some visits most of a shift of 4 cm is undone."""
    weights = dataclasses.replace(place.plan.weights, near=0.0, turn=0.0, smooth=0.0, collision=0.0)
    place.plan = dataclasses.replace(place.plan, weights=weights, pose_rays=150)
    truth = place.variables.transl.clone()
    place.variables.transl[0, 1, 0] += 0.04
    refiner = place.refiner()
    stage = dataclasses.replace(SILHOUETTES, updates=Update.ROOT)
    for seed in range(12):
        refiner.visit(_prepared(refiner, seed=seed), stage, 2.0)
    off = place.variables.transl[0, 1] - truth[0, 1]
    assert abs(float(off[0])) < 0.02


def test_a_visit_changes_its_own_frame_only(place):
    refiner = place.refiner()
    before = place.variables.turns.clone()
    refiner.visit(_prepared(refiner), POSES, 1.0)
    changed = (place.variables.turns != before).flatten(2).any(-1).any(0)
    assert changed.tolist() == [False, True, False, False]


def test_what_was_drawn_does_not_follow_later_steps(place):
    refiner = place.refiner()
    posed = refiner.posed(1)
    early = refiner.prepare(posed, np.random.default_rng(4))
    place.variables.transl += 1.0
    place.variables.betas += 0.5
    late = refiner.prepare(posed, np.random.default_rng(4))
    for one, other in zip(early.rays.people, late.rays.people, strict=True):
        assert torch.equal(one.t_m, other.t_m)


def test_overlapping_bodies_are_pushed_apart(place):
    """Acceptance: the collision term alone separates two bodies that stand in each other."""
    weights = dataclasses.replace(
        place.plan.weights, rgb=0.0, alpha=0.0, instance=0.0, near=0.0, smooth=0.0, turn=0.0,
        hinge=0.0,
    )  # fmt: skip
    place.plan = dataclasses.replace(place.plan, weights=weights)
    apart = place.variables.transl[1, 1] - place.variables.transl[0, 1]
    place.variables.transl[1, 1] -= 0.5 * apart
    refiner = place.refiner()
    prepared = _prepared(refiner)
    assert prepared.overlaps
    transl = place.variables.transl[:, 1].clone().requires_grad_()
    terms = _terms(place, refiner, prepared, transl=transl)
    terms.total.backward()
    push = -transl.grad
    between = place.variables.transl[1, 1] - place.variables.transl[0, 1]
    assert float(((push[1] - push[0]) * between).sum()) > 0
    before = terms.values["penetration"]
    stage = dataclasses.replace(POSES, updates=Update.ROOT)
    for _ in range(10):
        refiner.visit(_prepared(refiner), stage, 3.0)
    after = _terms(place, refiner, _prepared(refiner)).values["penetration"]
    assert after < 0.8 * before


def test_a_view_pin_pulls_its_joint(place):
    refiner = place.refiner()
    joints = place.variables.all_joints(place.smpl)[0, 1]
    camera = place.pictures.cameras[0]
    wanted = camera.project_ideal(joints[Joint.LEFT_WRIST].astype(np.float64)) + 6.0
    refiner.pins = {
        1: Pins(
            row=np.array([0]), joint=np.array([int(Joint.LEFT_WRIST)]), camera=np.array([0]),
            pixel=wanted[None].astype(np.float32),
            anchor=np.full((2, 24, 3), np.nan, np.float32), locked=np.zeros((2, 24), bool),
        )
    }  # fmt: skip
    before = _terms(place, refiner, _prepared(refiner)).values["pins"]
    for seed in range(8):
        refiner.visit(_prepared(refiner, seed=seed), POSES, 2.0)
    assert _terms(place, refiner, _prepared(refiner)).values["pins"] < 0.7 * before


def test_frames_moved_from_outside_are_seen_by_their_neighbours(place):
    refiner = place.refiner()
    prepared = _prepared(refiner)
    before = _terms(place, refiner, prepared).values["smooth"]
    place.variables.transl[:, 0] += 0.3
    refiner.moved([0])
    assert _terms(place, refiner, prepared).values["smooth"] > before
