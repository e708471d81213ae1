"""Rays of several posed people to pixels: sampling, deforming, querying, compositing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatarpose.avatar.avatar import Avatar
from avatarpose.avatar.compositing import RenderedRays, composite
from avatarpose.avatar.deformer import CanonicalBody, deform
from avatarpose.avatar.marching import Band, place_samples, ray_intervals
from avatarpose.avatar.surface import SurfaceTopology
from avatarpose.geometry.camera import Camera


@dataclass(frozen=True, slots=True, eq=False)
class PixelBundle:
    """Pixels of undistorted pictures whose rays are rendered together.

    Attributes:
        cameras: ideal cameras at the working resolution.
        camera: index into `cameras` of every ray, ascending.
        pixel: integer x, y of every ray.
    """

    cameras: Sequence[Camera]
    camera: Int[np.ndarray, " rays"]
    pixel: Int[np.ndarray, "rays 2"]


@dataclass(frozen=True, slots=True, eq=False)
class PersonSamples:
    """Samples of one person, with their place on the skin; without gradient.

    Attributes:
        ray: ray of each sample.
        slot: position on the ray.
        t_m: distance along the unit ray.
        step_m: length the sample stands for.
        corners: vertices of the closest triangle.
        barycentric: weights of the corners.
    """

    ray: Int[Tensor, " samples"]
    slot: Int[Tensor, " samples"]
    t_m: Float[Tensor, " samples"]
    step_m: Float[Tensor, " samples"]
    corners: Int[Tensor, "samples 3"]
    barycentric: Float[Tensor, "samples 3"]


@dataclass(frozen=True, slots=True, eq=False)
class RayBundle:
    """Rays in the world and where each person is sampled on them.

    Attributes:
        origins: camera centres (m).
        directions: unit directions.
        people: samples per person, in the order of the people rendered.
    """

    origins: Float[Tensor, "rays 3"]
    directions: Float[Tensor, "rays 3"]
    people: tuple[PersonSamples, ...]


def sample_rays(
    bundle: PixelBundle,
    vertices_world: Sequence[Float[np.ndarray, "vertices 3"]],
    topology: SurfaceTopology,
    band: Band,
    generator: np.random.Generator,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> RayBundle:
    """Rays of the pixels, and samples in the narrow band of each of the posed surfaces."""
    count = len(bundle.camera)
    origins, directions = np.zeros((count, 3)), np.zeros((count, 3))
    for index, camera in enumerate(bundle.cameras):
        rows = bundle.camera == index
        if rows.any():
            directions[rows] = camera.rays(bundle.pixel[rows].astype(np.float64))
            origins[rows] = camera.centre_world
    people = tuple(
        _sample_person(bundle, origins, directions, vertices, topology, band, generator)
        for vertices in vertices_world
    )

    def tensor(array: np.ndarray, kind: torch.dtype) -> Tensor:
        return torch.as_tensor(array, dtype=kind, device=device)

    return RayBundle(
        origins=tensor(origins, dtype),
        directions=tensor(directions, dtype),
        people=tuple(
            PersonSamples(
                ray=tensor(ray, torch.int64),
                slot=tensor(slot, torch.int64),
                t_m=tensor(t_m, dtype),
                step_m=tensor(step_m, dtype),
                corners=tensor(corners, torch.int64),
                barycentric=tensor(barycentric, dtype),
            )
            for ray, slot, t_m, step_m, corners, barycentric in people
        ),
    )


def _sample_person(
    bundle: PixelBundle,
    origins: np.ndarray,
    directions: np.ndarray,
    vertices: np.ndarray,
    topology: SurfaceTopology,
    band: Band,
    generator: np.random.Generator,
) -> tuple[np.ndarray, ...]:
    inflated = vertices + band.outside_m * topology.normals(vertices)
    parts = []
    for index, camera in enumerate(bundle.cameras):
        rows = np.flatnonzero(bundle.camera == index)
        if len(rows) == 0:
            continue
        pixel = bundle.pixel[rows]
        ray_of_pixel = np.full((camera.height, camera.width), -1, np.int32)
        ray_of_pixel[pixel[:, 1], pixel[:, 0]] = np.arange(len(rows))
        rotation, shift = camera.camera_from_world[:3, :3], camera.camera_from_world[:3, 3]
        hits, counts, skin = ray_intervals(
            inflated @ rotation.T + shift,
            vertices @ rotation.T + shift,
            topology.faces,
            camera.pixel_from_camera,
            ray_of_pixel,
            len(rows),
        )
        t_per_depth = 1.0 / (directions[rows] @ rotation[2])
        jitter = generator.random(len(rows))
        samples = place_samples(hits, counts, skin, t_per_depth, band, jitter)
        parts.append((rows[samples.ray], samples.slot, samples.t_m, samples.step_m))
    if not parts:
        empty = np.zeros(0)
        return empty, empty, empty, empty, np.zeros((0, 3)), np.zeros((0, 3))
    ray, slot, t_m, step_m = (np.concatenate(column) for column in zip(*parts, strict=True))
    points = origins[ray] + t_m[:, None] * directions[ray]
    closest = topology.closest(vertices, points.astype(np.float32), reach_m=0.15)
    keep = closest.face >= 0
    corners = topology.faces[closest.face[keep]]
    return ray[keep], slot[keep], t_m[keep], step_m[keep], corners, closest.barycentric[keep]


def render(
    rays: RayBundle,
    avatars: Sequence[Avatar],
    maps: Sequence[Float[Tensor, "vertices 3 4"]],
    level_factor: Float[Tensor, " width"] | None = None,
    canonicals: Sequence[CanonicalBody] | None = None,
) -> RenderedRays:
    """The avatars, posed by their maps, along the rays; differentiable in fields and maps.

    Args:
        rays: from `sample_rays`, one entry of people per avatar.
        avatars: the people.
        maps: canonical_from_world of every vertex, per person.
        level_factor: factor per encoded feature, for coarse-to-fine.
        canonicals: canonical bodies, when shapes are being optimised.
    """
    count = len(rays.origins)
    slots = [int(p.slot.max()) + 1 if len(p.slot) else 1 for p in rays.people]
    starts = np.concatenate([[0], np.cumsum(slots)])
    size = (count, int(starts[-1]))
    t_all, step_all = rays.origins.new_zeros(size), rays.origins.new_zeros(size)
    owner = torch.zeros(size, dtype=torch.int64, device=rays.origins.device)
    cells, densities, colours = [], [], []
    for index, (samples, avatar) in enumerate(zip(rays.people, avatars, strict=True)):
        points = rays.origins[samples.ray] + samples.t_m[:, None] * rays.directions[samples.ray]
        canonical = deform(points, maps[index], samples.corners, samples.barycentric)
        rgb, density = avatar.query(
            canonical,
            samples.corners,
            samples.barycentric,
            level_factor,
            None if canonicals is None else canonicals[index],
        )
        cell = samples.ray * size[1] + int(starts[index]) + samples.slot
        t_all.view(-1)[cell] = samples.t_m
        step_all.view(-1)[cell] = samples.step_m
        owner[:, int(starts[index]) : int(starts[index + 1])] = index
        cells.append(cell)
        densities.append(density)
        colours.append(rgb)
    cell = torch.cat(cells)
    density = rays.origins.new_zeros(size[0] * size[1]).index_put((cell,), torch.cat(densities))
    rgb = rays.origins.new_zeros(size[0] * size[1], 3).index_put((cell,), torch.cat(colours))
    return composite(
        t_all, step_all, density.view(size), rgb.view(*size, 3), owner, len(rays.people)
    )
