"""Differentiable pinhole projection and rays of pixels; equal to `camera.py` within round-off."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avatarpose.geometry.camera import Camera


@dataclass(frozen=True, slots=True, eq=False)
class IdealCameras:
    """Undistorted cameras as stacked tensors.

    Attributes:
        pixel_from_camera: intrinsic matrices.
        rotation: camera_from_world rotations.
        translation: camera_from_world translations (m).
    """

    pixel_from_camera: Float[Tensor, "cameras 3 3"]
    rotation: Float[Tensor, "cameras 3 3"]
    translation: Float[Tensor, "cameras 3"]

    @property
    def centres_world(self) -> Float[Tensor, "cameras 3"]:
        """Optical centres (m)."""
        return -(self.rotation.transpose(-1, -2) @ self.translation[..., None]).squeeze(-1)

    def project(
        self, points_world: Float[Tensor, "*batch points 3"]
    ) -> tuple[Float[Tensor, "cameras *batch points 2"], Float[Tensor, "cameras *batch points"]]:
        """Ideal pixels and depths (m); the depth is clamped to 1 cm where it divides."""
        flat = points_world.reshape(1, -1, 3)
        camera = flat @ self.rotation.transpose(-1, -2) + self.translation[:, None]
        depth = camera[..., 2]
        rays = camera @ self.pixel_from_camera.transpose(-1, -2)
        pixels = rays[..., :2] / depth.clamp_min(0.01)[..., None]
        shape = (len(self.rotation), *points_world.shape[:-1])
        return pixels.reshape(*shape, 2), depth.reshape(shape)

    def rays(
        self, camera_index: Tensor, pixels: Float[Tensor, "rays 2"]
    ) -> tuple[Float[Tensor, "rays 3"], Float[Tensor, "rays 3"]]:
        """Origins and unit directions in the world of ideal pixels, one camera index per ray."""
        homogeneous = torch.cat([pixels, torch.ones_like(pixels[:, :1])], dim=-1)
        inverse = torch.inverse(self.pixel_from_camera.double()).to(pixels.dtype)
        world_from_pixel = self.rotation.transpose(-1, -2) @ inverse
        directions = (world_from_pixel[camera_index] @ homogeneous[..., None]).squeeze(-1)
        directions = torch.nn.functional.normalize(directions, dim=-1)
        return self.centres_world[camera_index], directions


def ideal_cameras(
    cameras: list[Camera], device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> IdealCameras:
    """Stack cameras without their distortion (images must be undistorted with the same K)."""

    def stack(arrays: list[np.ndarray]) -> Tensor:
        return torch.as_tensor(np.stack(arrays), dtype=dtype, device=device)

    return IdealCameras(
        pixel_from_camera=stack([camera.pixel_from_camera for camera in cameras]),
        rotation=stack([camera.camera_from_world[:3, :3] for camera in cameras]),
        translation=stack([camera.camera_from_world[:3, 3] for camera in cameras]),
    )
