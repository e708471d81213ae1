"""Where a point lies relative to a posed body: closest triangle, barycentrics, signed distance.

Nearest vertex by KD-tree, then the exact closest point on the triangles around it. No gradients:
those enter through the transforms of the vertices.
"""

from dataclasses import dataclass
from typing import no_type_check

import numba
import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree


@dataclass(frozen=True, slots=True, eq=False)
class ClosestPoints:
    """Closest surface points of query points.

    Attributes:
        face: triangle index; -1 beyond the search radius.
        barycentric: weights of the triangle's corners.
        distance_m: signed distance, positive outside.
    """

    face: Int[np.ndarray, " points"]
    barycentric: Float[np.ndarray, "points 3"]
    distance_m: Float[np.ndarray, " points"]


class SurfaceTopology:
    """Triangles of a mesh and the triangles around every vertex."""

    def __init__(self, faces: Int[np.ndarray, "faces 3"], vertex_count: int) -> None:
        self.faces = np.ascontiguousarray(faces, np.int32)
        self.vertex_count = vertex_count
        order = np.argsort(self.faces.reshape(-1), kind="stable")
        self.around = (order // 3).astype(np.int32)
        counts = np.bincount(self.faces.reshape(-1), minlength=vertex_count)
        self.starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)

    def normals(self, vertices: Float[np.ndarray, "vertices 3"]) -> Float[np.ndarray, "vertices 3"]:
        """Unit normals of the vertices, weighted by area, outwards."""
        return _vertex_normals(np.ascontiguousarray(vertices, np.float32), self.faces)

    def closest(
        self,
        vertices: Float[np.ndarray, "vertices 3"],
        points: Float[np.ndarray, "points 3"],
        reach_m: float = 0.2,
    ) -> ClosestPoints:
        """Closest surface point of every query point within `reach_m` of a vertex."""
        vertices = np.ascontiguousarray(vertices, np.float32)
        points = np.ascontiguousarray(points, np.float32)
        tree = KDTree(vertices, leafsize=16, balanced_tree=False, compact_nodes=False)
        _, nearest = tree.query(points, distance_upper_bound=reach_m, workers=-1)
        face, barycentric, distance = _closest_on_ring(
            points,
            vertices,
            self.normals(vertices),
            self.faces,
            self.starts,
            self.around,
            nearest.astype(np.int32),
        )
        return ClosestPoints(face, barycentric, distance)


@numba.njit(nogil=True, cache=True, fastmath=True)
@no_type_check
def _vertex_normals(vertices, faces):
    out = np.zeros_like(vertices)
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux = vertices[b, 0] - vertices[a, 0]
        uy = vertices[b, 1] - vertices[a, 1]
        uz = vertices[b, 2] - vertices[a, 2]
        vx = vertices[c, 0] - vertices[a, 0]
        vy = vertices[c, 1] - vertices[a, 1]
        vz = vertices[c, 2] - vertices[a, 2]
        nx = uy * vz - uz * vy
        ny = uz * vx - ux * vz
        nz = ux * vy - uy * vx
        for k in range(3):
            v = faces[f, k]
            out[v, 0] += nx
            out[v, 1] += ny
            out[v, 2] += nz
    for v in range(out.shape[0]):
        length = np.sqrt(out[v, 0] ** 2 + out[v, 1] ** 2 + out[v, 2] ** 2)
        if length > 1e-20:
            out[v] /= length
    return out


@numba.njit(nogil=True, cache=True)
@no_type_check
def _closest_on_triangle(p, a, b, c):
    """Barycentrics of the closest point (Ericson, "Real-Time Collision Detection", 5.1.5)."""
    ab = b - a
    ac = c - a
    ap = p - a
    d1 = ab[0] * ap[0] + ab[1] * ap[1] + ab[2] * ap[2]
    d2 = ac[0] * ap[0] + ac[1] * ap[1] + ac[2] * ap[2]
    if d1 <= 0 and d2 <= 0:
        return 1.0, 0.0, 0.0
    bp = p - b
    d3 = ab[0] * bp[0] + ab[1] * bp[1] + ab[2] * bp[2]
    d4 = ac[0] * bp[0] + ac[1] * bp[1] + ac[2] * bp[2]
    if d3 >= 0 and d4 <= d3:
        return 0.0, 1.0, 0.0
    vc = d1 * d4 - d3 * d2
    if vc <= 0 and d1 >= 0 and d3 <= 0:
        v = d1 / (d1 - d3)
        return 1 - v, v, 0.0
    cp = p - c
    d5 = ab[0] * cp[0] + ab[1] * cp[1] + ab[2] * cp[2]
    d6 = ac[0] * cp[0] + ac[1] * cp[1] + ac[2] * cp[2]
    if d6 >= 0 and d5 <= d6:
        return 0.0, 0.0, 1.0
    vb = d5 * d2 - d1 * d6
    if vb <= 0 and d2 >= 0 and d6 <= 0:
        w = d2 / (d2 - d6)
        return 1 - w, 0.0, w
    va = d3 * d6 - d5 * d4
    if va <= 0 and (d4 - d3) >= 0 and (d5 - d6) >= 0:
        w = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        return 0.0, 1 - w, w
    total = va + vb + vc
    if total == 0:
        return 1.0, 0.0, 0.0
    v = vb / total
    w = vc / total
    return 1 - v - w, v, w


@numba.njit(nogil=True, cache=True)
@no_type_check
def _closest_on_ring(points, vertices, normals, faces, starts, around, nearest):
    count = points.shape[0]
    face = np.full(count, -1, np.int32)
    barycentric = np.zeros((count, 3), np.float32)
    distance = np.full(count, np.inf, np.float32)
    for i in range(count):
        v = nearest[i]
        if v >= vertices.shape[0]:
            continue
        best = np.inf
        p = points[i]
        for k in range(starts[v], starts[v + 1]):
            f = around[k]
            a = vertices[faces[f, 0]]
            b = vertices[faces[f, 1]]
            c = vertices[faces[f, 2]]
            wa, wb, wc = _closest_on_triangle(p, a, b, c)
            dx = p[0] - (wa * a[0] + wb * b[0] + wc * c[0])
            dy = p[1] - (wa * a[1] + wb * b[1] + wc * c[1])
            dz = p[2] - (wa * a[2] + wb * b[2] + wc * c[2])
            square = dx * dx + dy * dy + dz * dz
            if square < best:
                best = square
                face[i] = f
                barycentric[i, 0] = wa
                barycentric[i, 1] = wb
                barycentric[i, 2] = wc
                na = normals[faces[f, 0]]
                nb = normals[faces[f, 1]]
                nc = normals[faces[f, 2]]
                side = (
                    dx * (wa * na[0] + wb * nb[0] + wc * nc[0])
                    + dy * (wa * na[1] + wb * nb[1] + wc * nc[1])
                    + dz * (wa * na[2] + wb * nb[2] + wc * nc[2])
                )
                distance[i] = np.sqrt(square) if side >= 0 else -np.sqrt(square)
    return face, barycentric, distance
