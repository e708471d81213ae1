import numpy as np
import pytest

from avatarpose.optimize.pictures import SOMEBODY, UNKNOWN, Pictures
from avatarpose.optimize.pixels import PixelSampler

HEIGHT, WIDTH = 48, 64


def _pictures(scene, labels: np.ndarray, *, present: bool = True) -> Pictures:
    """One camera, one frame with the given labels, red on a known green room."""
    camera = scene.capture.views[0].camera.resized(WIDTH, HEIGHT).undistorted()
    image = np.zeros((1, HEIGHT, WIDTH, 3), np.uint8)
    image[..., 0] = 255
    room = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    room[..., 1] = 255
    return Pictures(
        (camera,), np.array([0]), (image,), (labels[None].astype(np.uint8),),
        np.array([[present]]), (room,), (np.ones((HEIGHT, WIDTH), bool),),
    )  # fmt: skip


def _box(label: int = 1) -> np.ndarray:
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[12:36, 20:44] = label
    return labels


@pytest.fixture
def poses(tiny_scene):
    return {pid: tiny_scene.person(pid).poses() for pid in tiny_scene.pids}


def _draw(scene, poses, labels, count, seed=0, **options):
    sampler = PixelSampler(scene, _pictures(scene, labels), poses)
    return sampler.draw(0, count, np.random.default_rng(seed), **options)


def test_pixels_are_distinct_and_in_the_picture(tiny_scene, poses):
    drawn = _draw(tiny_scene, poses, _box(), 150)
    assert len(np.unique(drawn.pixel, axis=0)) == len(drawn.pixel)
    assert drawn.pixel.min() >= 0
    assert np.all(drawn.pixel < [WIDTH, HEIGHT])
    assert len(drawn.pixel) > 0.8 * 150  # few are both inside and near an edge


def test_the_shares_of_outline_and_inside_are_kept(tiny_scene, poses):
    edge_only = _draw(tiny_scene, poses, _box(), 60, edge_share=1.0)
    x, y = edge_only.pixel.T
    away = np.minimum.reduce(
        [np.abs(x - 19.5), np.abs(x - 43.5), np.abs(y - 11.5), np.abs(y - 35.5)]
    )
    assert len(x) == 60
    assert away.max() < 3
    inside_only = _draw(tiny_scene, poses, _box(), 60, edge_share=0.0)
    assert np.all(inside_only.foreground == 1)


def test_the_outline_has_two_dimensions(tiny_scene, poses):
    """Horizontal edges (heads, soles) are found like vertical ones."""
    x, y = _draw(tiny_scene, poses, _box(), 10_000, edge_share=1.0).pixel.T
    middle_x, middle_y = (x > 25) & (x < 38), (y > 17) & (y < 30)
    for row in (11, 12, 35, 36):
        assert np.any(middle_x & (y == row))
    for column in (19, 20, 43, 44):
        assert np.any(middle_y & (x == column))
    inside = (x > 25) & (x < 38) & (y > 17) & (y < 30)
    assert np.mean(inside) < 0.35  # all of the inside was drawn too: 10000 asks for everything


def test_the_border_between_two_people_is_an_outline(tiny_scene, poses):
    labels = _box(1)
    labels[12:36, 32:44] = 2
    x, _ = _draw(tiny_scene, poses, labels, 120, edge_share=1.0).pixel.T
    assert np.any((x > 28) & (x < 36))


def test_targets_say_colour_person_and_what_is_behind(tiny_scene, poses):
    labels = _box(1)
    labels[12:36, 32:44] = SOMEBODY
    labels[12:20, 20:32] = UNKNOWN
    drawn = _draw(tiny_scene, poses, labels, 5000)
    found = labels[drawn.pixel[:, 1], drawn.pixel[:, 0]]
    assert np.allclose(drawn.rgb, [1, 0, 0])
    assert np.all(drawn.person[found == 1] == 0)
    assert np.all(drawn.person[found != 1] == -1)
    assert np.all(drawn.mask_weight == (found != UNKNOWN))
    assert np.array_equal(drawn.foreground == 1, (found == 1) | (found == SOMEBODY))
    assert np.allclose(drawn.background[found != 0], [0, 1, 0])
    assert np.allclose(drawn.background[found == 0], [1, 0, 0])  # nobody there: as recorded


def test_unknown_masks_leave_the_posed_bodies_to_look_at(tiny_scene, poses):
    labels = np.full((HEIGHT, WIDTH), UNKNOWN, np.uint8)
    drawn = _draw(tiny_scene, poses, labels, 80)
    assert len(drawn.camera) > 40
    assert np.all(drawn.mask_weight == 0)
    assert np.all(drawn.person == -1)
    assert np.allclose(drawn.background, [0, 1, 0])


def test_missing_pictures_give_no_pixels(tiny_scene, poses):
    sampler = PixelSampler(tiny_scene, _pictures(tiny_scene, _box(), present=False), poses)
    drawn = sampler.draw(0, 50, np.random.default_rng(0), edge_share=0.0)
    assert len(drawn.camera) == 0
    assert drawn.rgb.shape == (0, 3)


def test_an_absent_picture_has_no_outline_either(tiny_scene, poses):
    sampler = PixelSampler(tiny_scene, _pictures(tiny_scene, _box(), present=False), poses)
    assert len(sampler.draw(0, 50, np.random.default_rng(0)).camera) == 0


def test_the_same_seed_draws_the_same_pixels(tiny_scene, poses):
    one, other = (_draw(tiny_scene, poses, _box(), 40, seed=7) for _ in range(2))
    assert np.array_equal(one.pixel, other.pixel)
    assert not np.array_equal(one.pixel, _draw(tiny_scene, poses, _box(), 40, seed=8).pixel)
