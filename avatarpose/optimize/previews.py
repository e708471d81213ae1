"""Pictures of avatars: small ones while a run goes on, full ones for `avatarpose render`."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8

from avatarpose.avatar.avatar import Avatar
from avatarpose.avatar.deformer import canonical_from_world
from avatarpose.avatar.marching import Band
from avatarpose.avatar.rendering import PixelBundle, render, sample_rays
from avatarpose.avatar.surface import SurfaceTopology
from avatarpose.body.pose import PoseSequence
from avatarpose.body.smpl_torch import TorchSmpl
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rasteriser import rasterise

_CHUNK_RAYS = 4096


@torch.no_grad()
def render_avatars(
    avatars: Sequence[Avatar],
    poses: Mapping[int, PoseSequence],
    index: int,
    camera: Camera,
    smpl: TorchSmpl,
    topology: SurfaceTopology,
    band: Band,
    gain: Float[np.ndarray, "3"] | None = None,
    offset: Float[np.ndarray, "3"] | None = None,
) -> UInt8[np.ndarray, "height width 4"]:
    """Straight colour and opacity of the people, in the ideal picture of `camera`.

    Args:
        avatars: who is shown.
        poses: where they are.
        index: position on the time base.
        camera: view and size of the picture; its distortion is left aside.
        smpl: the body.
        topology: its triangles.
        band: where samples lie.
        gain: log gain per channel of this camera's pictures.
        offset: black level per channel.
    """
    camera = camera.undistorted()
    picture = np.zeros((camera.height, camera.width, 4), np.uint8)
    present = [avatar for avatar in avatars if poses[avatar.pid].valid[index]]
    if not present:
        return picture
    device = smpl.v_template.device
    rotvecs = np.stack([poses[a.pid].rotvecs[index] for a in present])
    transl = np.stack([poses[a.pid].transl[index] for a in present])
    betas = torch.stack([avatar.betas for avatar in present])
    state = smpl.joints(
        betas, torch.as_tensor(rotvecs, device=device), torch.as_tensor(transl, device=device)
    )
    skinned = smpl.skin(betas, state)
    vertices = list(skinned.vertices_world.cpu().numpy())
    maps = [
        canonical_from_world(skinned, avatar.canonical, place)
        for place, avatar in enumerate(present)
    ]
    flat = np.flatnonzero(_covered(vertices, topology, band, camera))
    generator = np.random.default_rng(0)
    out = picture.reshape(-1, 4)
    for start in range(0, len(flat), _CHUNK_RAYS):
        chunk = flat[start : start + _CHUNK_RAYS]
        y, x = np.divmod(chunk, camera.width)
        bundle = PixelBundle([camera], np.zeros(len(chunk), np.int64), np.stack([x, y], -1))
        rays = sample_rays(bundle, vertices, topology, band, generator, device)
        seen = render(rays, present, maps)
        alpha = seen.alpha.cpu().numpy()[:, None]
        rgb = seen.rgb.cpu().numpy()
        if gain is not None and offset is not None:
            rgb = rgb * np.exp(gain) + alpha * offset
        straight = np.clip(rgb / np.maximum(alpha, 1e-3), 0, 1)
        out[chunk] = np.round(np.concatenate([straight, np.clip(alpha, 0, 1)], -1) * 255)
    return picture


def _covered(
    vertices: list[np.ndarray], topology: SurfaceTopology, band: Band, camera: Camera
) -> np.ndarray:
    covered = np.zeros((camera.height, camera.width), bool)
    for surface in vertices:
        inflated = surface + band.outside_m * topology.normals(surface)
        pixels = camera.project_ideal(inflated).astype(np.float32)
        depth = camera.depth(inflated).astype(np.float32)
        face, _, _ = rasterise(pixels, depth, topology.faces, camera.width, camera.height)
        covered |= face >= 0
    return covered
