import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from avatarpose.geometry.projection_torch import ideal_cameras
from tests.strategies import cameras, pixels_of, vectors


@given(st.lists(cameras(), min_size=1, max_size=4), vectors(-0.4, 0.4))
def test_torch_projects_like_the_ideal_cameras(chosen, offset):
    point = offset + np.array([0.0, 0.0, 1.0])
    stack = ideal_cameras(chosen, dtype=torch.float64)
    pixels, depths = stack.project(torch.from_numpy(point[None]))
    for row, camera in enumerate(chosen):
        np.testing.assert_allclose(pixels[row, 0], camera.project_ideal(point), atol=1e-6)
        np.testing.assert_allclose(depths[row, 0], camera.depth(point), atol=1e-9)
        np.testing.assert_allclose(stack.centres_world[row], camera.centre_world, atol=1e-9)


@given(st.lists(cameras(is_distorted=False), min_size=1, max_size=3), st.data())
def test_torch_rays_are_the_cameras_rays(chosen, data):
    stack = ideal_cameras(chosen, dtype=torch.float64)
    pixels = np.stack([data.draw(pixels_of(camera)) for camera in chosen])
    origins, directions = stack.rays(torch.arange(len(chosen)), torch.from_numpy(pixels))
    for row, camera in enumerate(chosen):
        np.testing.assert_allclose(origins[row], camera.centre_world, atol=1e-9)
        np.testing.assert_allclose(directions[row], camera.rays(pixels[row]), atol=1e-9)


@given(cameras())
def test_projection_has_the_right_derivative(camera):
    stack = ideal_cameras([camera], dtype=torch.float64)
    point = torch.tensor([[0.1, -0.1, 1.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: stack.project(p)[0] / 1000, point)
