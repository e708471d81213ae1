"""How close surfaces come: signed distances between people, contact frames, deepest overlap."""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import KDTree

CONTACT_M = 0.015
_DEEPEST_M = 0.06  # deeper inside, the nearest vertex says nothing about the way out


def vertex_normals(
    vertices: Float[np.ndarray, "*batch vertices 3"], faces: Int[np.ndarray, "faces 3"]
) -> Float[np.ndarray, "*batch vertices 3"]:
    """Outward unit normals, mean of the adjoining faces by area."""
    flat = vertices.reshape(-1, *vertices.shape[-2:])
    out = np.empty_like(flat)
    for body, points in enumerate(flat):
        a, b, c = points[faces[:, 0]], points[faces[:, 1]], points[faces[:, 2]]
        across = np.cross(b - a, c - a)
        for axis in range(3):
            out[body, :, axis] = sum(
                np.bincount(faces[:, corner], across[:, axis], len(points)) for corner in range(3)
            )
    length = np.linalg.norm(out, axis=-1, keepdims=True)
    return (out / np.maximum(length, 1e-12)).reshape(vertices.shape)


def signed_distances(
    points: Float[np.ndarray, "points 3"],
    surface: Float[np.ndarray, "vertices 3"],
    normals: Float[np.ndarray, "vertices 3"],
    reach_m: float,
) -> tuple[Float[np.ndarray, " points"], Int[np.ndarray, " points"]]:
    """Distance (m, negative inside) of points to a closed surface, and its nearest vertex.

    Measured to the tangent plane of the nearest vertex; `inf` and vertex 0 beyond `reach_m`.
    """
    distance = np.full(len(points), np.inf)
    nearest = np.zeros(len(points), np.int64)
    reach = max(reach_m, _DEEPEST_M)
    mine = np.flatnonzero(_within(points, surface, reach_m))
    if len(mine) == 0:
        return distance, nearest
    theirs = np.flatnonzero(_within(surface, points[mine], reach))
    if len(theirs) == 0:
        return distance, nearest
    tree = KDTree(surface[theirs], balanced_tree=False, compact_nodes=False)
    apart, found = tree.query(points[mine], distance_upper_bound=reach)
    hit = np.isfinite(apart)
    mine, found, apart = mine[hit], theirs[np.asarray(found)[hit]], np.asarray(apart)[hit]
    along = np.einsum("nc,nc->n", points[mine] - surface[found], normals[found])
    # Beyond the rim of something thin a point lies behind the nearest vertex's plane, yet outside.
    is_clear = (apart < 0.02) | ((along < -0.5 * apart) & (apart < _DEEPEST_M))
    inside = (along < 0) & is_clear
    # Near a vertex the plane is the better surface; further out the straight way is.
    value = np.where(inside | (apart < 0.02), along, apart)
    keep = inside | (apart < reach_m)
    distance[mine[keep]], nearest[mine[keep]] = value[keep], found[keep]
    return distance, nearest


def _within(points: np.ndarray, others: np.ndarray, reach_m: float) -> np.ndarray:
    low, high = others.min(axis=0) - reach_m, others.max(axis=0) + reach_m
    return ((points >= low) & (points <= high)).all(axis=1)


def closest_approach(
    vertices: list[Float[np.ndarray, "frames vertices 3"]],
    normals: list[Float[np.ndarray, "frames vertices 3"]],
) -> Float[np.ndarray, " frames"]:
    """Smallest signed distance (m) between any two people per frame; 0.2 when further apart."""
    out = np.full(len(vertices[0]), 0.2)
    for one in range(len(vertices)):
        for other in range(len(vertices)):
            if one == other:
                continue
            for frame in range(len(out)):
                distance, _ = signed_distances(
                    vertices[one][frame], vertices[other][frame], normals[other][frame], 0.2
                )
                out[frame] = min(out[frame], distance.min())
    return out


def in_contact(approach_m: Float[np.ndarray, " frames"]) -> Bool[np.ndarray, " frames"]:
    """Frames in which people touch."""
    return approach_m < CONTACT_M
