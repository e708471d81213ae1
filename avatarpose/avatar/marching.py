"""Samples along rays, only inside the narrow band around a posed body.

The mesh inflated by the band is rasterised for the chosen pixels; all its front and back faces
along a ray bound the stretches inside the band, and the first skin surface ends them a little
behind itself. Nothing here asks the network, and nothing carries a gradient.
"""

from dataclasses import dataclass
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int

_MAX_HITS = 16
_SAME_M = 1e-5


@dataclass(frozen=True, slots=True)
class Band:
    """Where samples lie.

    Attributes:
        outside_m: thickness of the band outside the skin.
        inside_m: how far behind the first skin surface samples go on.
        step_m: wanted distance of samples.
        most: largest number of samples of one person on a ray.
    """

    outside_m: float = 0.045
    inside_m: float = 0.02
    step_m: float = 0.007
    most: int = 20


@dataclass(frozen=True, slots=True, eq=False)
class RaySamples:
    """Samples of one person on a bundle of rays, packed.

    Attributes:
        ray: index of the sample's ray, ascending.
        slot: running number of the sample on its ray, 0 nearest.
        t_m: distance from the camera along the unit ray.
        step_m: length the sample stands for.
    """

    ray: Int[np.ndarray, " samples"]
    slot: Int[np.ndarray, " samples"]
    t_m: Float[np.ndarray, " samples"]
    step_m: Float[np.ndarray, " samples"]


def ray_intervals(
    inflated_camera: Float[np.ndarray, "vertices 3"],
    skin_camera: Float[np.ndarray, "vertices 3"],
    faces: Int[np.ndarray, "faces 3"],
    pixel_from_camera: Float[np.ndarray, "3 3"],
    ray_of_pixel: Int[np.ndarray, "height width"],
    ray_count: int,
) -> tuple[Float[np.ndarray, "rays hits"], Int[np.ndarray, " rays"], Float[np.ndarray, " rays"]]:
    """Depths (m, along the axis) at which rays enter and leave the inflated body and meet the skin.

    Args:
        inflated_camera: inflated surface in camera axes (m).
        skin_camera: skin in camera axes (m).
        faces: triangles of both.
        pixel_from_camera: intrinsics of the ideal picture.
        ray_of_pixel: index of the ray through each pixel; -1 where none is wanted.
        ray_count: number of rays.

    Returns:
        signed depths sorted by distance (positive: enters, negative: leaves), their count per ray,
        and the depth of the first skin surface (inf where the ray misses the skin).
    """
    hits = np.zeros((ray_count, _MAX_HITS), np.float32)
    counts = np.zeros(ray_count, np.int32)
    k = pixel_from_camera.astype(np.float32)
    faces = np.ascontiguousarray(faces, np.int32)
    _collect_hits(inflated_camera.astype(np.float32), faces, k, ray_of_pixel, hits, counts)
    _order_hits(hits, counts)
    skin = np.full(ray_count, np.inf, np.float32)
    _first_hit(skin_camera.astype(np.float32), faces, k, ray_of_pixel, skin)
    return hits, counts, skin


def place_samples(
    hits: Float[np.ndarray, "rays hits"],
    counts: Int[np.ndarray, " rays"],
    skin_depth: Float[np.ndarray, " rays"],
    t_per_depth: Float[np.ndarray, " rays"],
    band: Band,
    jitter: Float[np.ndarray, " rays"],
) -> RaySamples:
    """Evenly spaced samples over the stretches of every ray, shifted by a part of a step.

    Args:
        hits: from `ray_intervals`.
        counts: from `ray_intervals`.
        skin_depth: from `ray_intervals`.
        t_per_depth: distance along the unit ray per metre of depth (1 / cosine to the axis).
        band: spacing and reach.
        jitter: the part of a step (0 to 1) the samples of each ray are shifted by.
    """
    ray, slot, t, step = _place(
        hits,
        counts,
        skin_depth,
        t_per_depth.astype(np.float32),
        jitter.astype(np.float32),
        np.float32(band.inside_m),
        np.float32(band.step_m),
        band.most,
    )
    return RaySamples(ray, slot, t, step)


@numba.njit(nogil=True, cache=True, fastmath=True)
@no_type_check
def _corner_pixels(vertices, k):
    out = np.empty((vertices.shape[0], 3), np.float32)
    for v in range(vertices.shape[0]):
        z = vertices[v, 2]
        out[v, 2] = z
        if z > 0.05:
            y = vertices[v, 1] / z
            x = vertices[v, 0] / z
            out[v, 0] = k[0, 0] * x + k[0, 1] * y + k[0, 2]
            out[v, 1] = k[1, 1] * y + k[1, 2]
    return out


@numba.njit(nogil=True, cache=True, fastmath=True)
@no_type_check
def _collect_hits(vertices, faces, k, ray_of_pixel, hits, counts):
    height, width = ray_of_pixel.shape
    corner = _corner_pixels(vertices, k)
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if corner[a, 2] <= 0.05 or corner[b, 2] <= 0.05 or corner[c, 2] <= 0.05:
            continue
        ax, ay = corner[a, 0], corner[a, 1]
        bx, by = corner[b, 0], corner[b, 1]
        cx, cy = corner[c, 0], corner[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0:
            continue
        x0 = max(int(np.ceil(min(ax, bx, cx))), 0)
        x1 = min(int(np.floor(max(ax, bx, cx))), width - 1)
        y0 = max(int(np.ceil(min(ay, by, cy))), 0)
        y1 = min(int(np.floor(max(ay, by, cy))), height - 1)
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                ray = ray_of_pixel[y, x]
                if ray < 0:
                    continue
                wa = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                wb = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                wc = 1 - wa - wb
                if wa < 0 or wb < 0 or wc < 0 or counts[ray] >= hits.shape[1]:
                    continue
                depth = 1 / (wa / corner[a, 2] + wb / corner[b, 2] + wc / corner[c, 2])
                # Seen from outside, counter-clockwise in a y-down picture has negative area.
                hits[ray, counts[ray]] = depth if area < 0 else -depth
                counts[ray] += 1


@numba.njit(nogil=True, cache=True, fastmath=True)
@no_type_check
def _first_hit(vertices, faces, k, ray_of_pixel, nearest):
    height, width = ray_of_pixel.shape
    corner = _corner_pixels(vertices, k)
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if corner[a, 2] <= 0.05 or corner[b, 2] <= 0.05 or corner[c, 2] <= 0.05:
            continue
        ax, ay = corner[a, 0], corner[a, 1]
        bx, by = corner[b, 0], corner[b, 1]
        cx, cy = corner[c, 0], corner[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area >= 0:
            continue
        x0 = max(int(np.ceil(min(ax, bx, cx))), 0)
        x1 = min(int(np.floor(max(ax, bx, cx))), width - 1)
        y0 = max(int(np.ceil(min(ay, by, cy))), 0)
        y1 = min(int(np.floor(max(ay, by, cy))), height - 1)
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                ray = ray_of_pixel[y, x]
                if ray < 0:
                    continue
                wa = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                wb = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                wc = 1 - wa - wb
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                depth = 1 / (wa / corner[a, 2] + wb / corner[b, 2] + wc / corner[c, 2])
                nearest[ray] = min(nearest[ray], depth)


@numba.njit(nogil=True, cache=True)
@no_type_check
def _order_hits(hits, counts):
    for ray in range(hits.shape[0]):
        for i in range(1, counts[ray]):
            value = hits[ray, i]
            j = i - 1
            while j >= 0 and abs(hits[ray, j]) > abs(value):
                hits[ray, j + 1] = hits[ray, j]
                j -= 1
            hits[ray, j + 1] = value
        # A ray through the common edge of two triangles has met one surface, not two.
        kept = 0
        for i in range(counts[ray]):
            if kept > 0 and abs(hits[ray, i] - hits[ray, kept - 1]) < _SAME_M:
                continue
            hits[ray, kept] = hits[ray, i]
            kept += 1
        counts[ray] = kept


@numba.njit(nogil=True, cache=True)
@no_type_check
def _place(hits, counts, skin, t_per_depth, jitter, inside, step_wanted, most):
    rays = hits.shape[0]
    capacity = rays * most
    ray_out = np.empty(capacity, np.int32)
    slot_out = np.empty(capacity, np.int32)
    t_out = np.empty(capacity, np.float32)
    step_out = np.empty(capacity, np.float32)
    filled = 0
    starts = np.empty(hits.shape[1], np.float32)
    ends = np.empty(hits.shape[1], np.float32)
    for ray in range(rays):
        stop = skin[ray] * t_per_depth[ray] + inside
        inside_count = 0
        stretches = 0
        total = np.float32(0.0)
        begin = np.float32(0.0)
        for h in range(counts[ray]):
            t = abs(hits[ray, h]) * t_per_depth[ray]
            if hits[ray, h] > 0:
                if inside_count == 0:
                    begin = t
                inside_count += 1
            elif inside_count > 0:
                inside_count -= 1
                if inside_count == 0:
                    end = min(t, stop)
                    if end > begin:
                        starts[stretches] = begin
                        ends[stretches] = end
                        stretches += 1
                        total += end - begin
        if inside_count > 0 and np.isfinite(stop) and stop > begin:
            # The far side was lost (cropped picture or too many layers): go on to the skin.
            starts[stretches] = begin
            ends[stretches] = stop
            stretches += 1
            total += stop - begin
        if stretches == 0:
            continue
        count = min(most, max(1, int(np.ceil(total / step_wanted))))
        step = total / count
        piece = 0
        before = np.float32(0.0)
        for n in range(count):
            along = (n + jitter[ray]) * step
            while piece < stretches - 1 and along > before + (ends[piece] - starts[piece]):
                before += ends[piece] - starts[piece]
                piece += 1
            ray_out[filled] = ray
            slot_out[filled] = n
            t_out[filled] = starts[piece] + (along - before)
            step_out[filled] = step
            filled += 1
    return ray_out[:filled], slot_out[:filled], t_out[:filled], step_out[:filled]
