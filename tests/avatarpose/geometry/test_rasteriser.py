import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rasteriser import rasterise
from avatarpose.geometry.rigid import look_at

WIDTH, HEIGHT = 24, 17


def camera() -> Camera:
    return Camera(
        name="1",
        width=WIDTH,
        height=HEIGHT,
        pixel_from_camera=np.array([[30.0, 0, 11.3], [0, 31.0, 8.1], [0, 0, 1]]),
        camera_from_world=look_at(np.array([0.3, -2.0, 0.4]), np.zeros(3)),
    )


def nearest_hits(triangles_camera: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Brute force: every ray against every triangle by solving for its barycentric weights."""
    hit = np.full(len(rays), -1)
    depth = np.full(len(rays), np.inf)
    margin = np.full(len(rays), np.inf)  # how clear-cut inside or outside was
    for index, triangle in enumerate(triangles_camera):
        if (triangle[:, 2] <= 1e-6).any():
            continue
        weights = np.linalg.solve(triangle.T, rays.T).T  # ray = sum of weights times vertices
        share = weights / weights.sum(axis=1, keepdims=True)
        margin = np.minimum(margin, np.abs(share).min(axis=1))
        inside = (share >= 0).all(axis=1) & (weights.sum(axis=1) > 0)
        here = (share @ triangle)[:, 2]
        closer = inside & (here < depth)
        hit[closer], depth[closer] = index, here[closer]
    return np.where(margin > 1e-4, hit, -2), depth


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 12))
@settings(max_examples=60)
def test_every_pixel_shows_what_its_ray_meets_first(seed, count):
    rng = np.random.default_rng(seed)
    points = rng.uniform(-0.9, 0.9, (3 * count, 3))
    faces = np.arange(3 * count, dtype=np.int32).reshape(-1, 3)
    view = camera()
    face_id, depth, barycentric = rasterise(
        view.project(points), view.depth(points), faces, WIDTH, HEIGHT
    )
    local = points @ view.camera_from_world[:3, :3].T + view.camera_from_world[:3, 3]
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    pixels = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3)
    rays = pixels @ np.linalg.inv(view.pixel_from_camera).T
    hit, true_depth = nearest_hits(local[faces], rays)
    clear = hit != -2
    # Faces may cross: where two are equally deep either answer is right.
    np.testing.assert_allclose(depth.ravel()[clear], true_depth[clear], rtol=2e-4)
    same = face_id.ravel() == hit
    assert np.mean(same[clear]) > 0.99 if clear.any() else True
    seen = face_id >= 0
    surface = np.einsum("nk,nkc->nc", barycentric[seen], points[faces[face_id[seen]]])
    there = np.stack(np.nonzero(seen)[::-1], axis=-1)
    np.testing.assert_allclose(view.project(surface), there, atol=5e-3)


def test_the_empty_picture_says_so():
    face_id, depth, barycentric = rasterise(
        np.zeros((0, 2), np.float32), np.zeros(0, np.float32), np.zeros((0, 3), np.int32), 5, 4
    )
    assert face_id.shape == depth.shape == (4, 5)
    assert (face_id == -1).all()
    assert np.isinf(depth).all()
    assert not barycentric.any()


@pytest.mark.parametrize("bad", [np.nan, -1.0, 0.0])
def test_faces_that_reach_behind_the_camera_are_left_out(bad):
    pixels = np.array([[0, 0], [9, 0], [0, 9]], np.float32)
    depth = np.array([1.0, 1.0, bad], np.float32)
    face_id, _, _ = rasterise(pixels, depth, np.array([[0, 1, 2]], np.int32), 10, 10)
    assert (face_id == -1).all()


def test_two_faces_that_share_an_edge_leave_no_gap():
    pixels = np.array([[0, 0], [9, 0], [9, 9], [0, 9]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    face_id, _, _ = rasterise(pixels, np.ones(4, np.float32), faces, 10, 10)
    assert (face_id >= 0).all()


def test_a_face_far_larger_than_the_picture_fills_it():
    pixels = np.array([[-1e6, -1e6], [1e6, -1e6], [0, 1e6]], np.float32)
    face_id, depth, _ = rasterise(
        pixels, np.full(3, 2.0, np.float32), np.array([[0, 1, 2]], np.int32), 6, 5
    )
    assert (face_id == 0).all()
    np.testing.assert_allclose(depth, 2.0)
