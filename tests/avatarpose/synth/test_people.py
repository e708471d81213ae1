import numpy as np
import pytest

from avatarpose.synth.fabric import albedo, face_points
from avatarpose.synth.people import (
    Layer,
    Wardrobe,
    draw_outfits,
    draw_shapes,
    landmarks,
    layers_at,
)
from avatarpose.synth.toy_body import toy_body


@pytest.fixture(scope="module")
def wardrobe() -> Wardrobe:
    outfit = draw_outfits(1, np.random.default_rng(0))[0]
    return Wardrobe(toy_body(), outfit, 6, np.random.default_rng(1))


def test_clothes_stand_off_the_body_by_half_a_centimetre_to_three(wardrobe):
    offsets = wardrobe.offsets(0, np.zeros(69), np.full(toy_body().vertex_count, 1.0))
    covered = offsets[wardrobe.covered]
    assert covered.min() >= 0.005 - 1e-9
    assert covered.max() <= 0.030 + 1e-9
    assert covered.std() > 0.001


def test_wrinkles_move_with_the_pose_and_over_time(wardrobe):
    free = np.full(toy_body().vertex_count, 1.0)
    straight = wardrobe.offsets(0, np.zeros(69), free)
    bent = wardrobe.offsets(0, np.full(69, 0.3), free)
    later = wardrobe.offsets(5, np.zeros(69), free)
    assert np.abs(straight - bent).max() > 0.001
    assert np.abs(straight - later).max() > 0.0005


def test_cloth_is_pressed_flat_where_people_touch(wardrobe):
    pressed = wardrobe.offsets(0, np.zeros(69), np.full(toy_body().vertex_count, 0.004))
    assert pressed.max() < 0.003
    assert pressed.min() >= 0.0


def test_feet_wear_shoes_and_hands_and_faces_are_bare(wardrobe):
    body = toy_body()
    layer = layers_at(body.v_template, wardrobe.hair, landmarks(body), wardrobe.outfit)
    assert layer[body.vertex_ids["LBigToe"]] == Layer.SHOES
    assert layer[body.vertex_ids["nose"]] == Layer.SKIN
    assert layer[body.v_template[:, 0].argmax()] == Layer.SKIN
    assert {Layer.TOP, Layer.BOTTOM, Layer.HAIR} <= set(layer.tolist())


def test_colours_vary_over_the_clothes(wardrobe):
    body = toy_body()
    layer = layers_at(body.v_template, wardrobe.hair, landmarks(body), wardrobe.outfit)
    colours = albedo(body.v_template, layer, wardrobe.outfit, landmarks(body), face_points(body))
    assert colours.min() > 0
    assert colours.max() < 1
    for kind in (Layer.TOP, Layer.BOTTOM):
        assert colours[layer == kind].std(axis=0).max() > 0.01


def test_people_differ_in_shape_and_dress():
    rng = np.random.default_rng(0)
    shapes, outfits = draw_shapes(4, rng), draw_outfits(4, rng)
    for one in range(4):
        for other in range(one):
            assert np.abs(shapes[one] - shapes[other]).max() > 0.3
            assert outfits[one].top != outfits[other].top
    assert shapes[0][0] > shapes[1][0]


def test_a_point_has_its_colour_whichever_other_points_are_seen(wardrobe):
    body = toy_body()
    layer = layers_at(body.v_template, wardrobe.hair, landmarks(body), wardrobe.outfit)
    painted = wardrobe.outfit, landmarks(body), face_points(body)
    whole = albedo(body.v_template, layer, *painted)
    half = albedo(body.v_template[::2], layer[::2], *painted)
    np.testing.assert_allclose(half, whole[::2])
