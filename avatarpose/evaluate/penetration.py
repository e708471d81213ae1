"""How deep people are inside each other: signed distances between closed triangle meshes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix
from scipy.spatial import KDTree

_NEAREST_VERTICES = 4  # whose faces are searched for the closest point of the surface
_CLEARLY_OUTSIDE = 0.7  # cosine to the nearest vertex's normal above which no face is searched


@dataclass(frozen=True, slots=True, eq=False)
class FaceRings:
    """The faces around every vertex, padded with a face of the ring to equal length.

    Attributes:
        faces: triangles.
        rings: face indices per vertex.
    """

    faces: Int[np.ndarray, "faces 3"]
    rings: Int[np.ndarray, "vertices ring"]

    @staticmethod
    def of(faces: Int[np.ndarray, "faces 3"], vertex_count: int) -> "FaceRings":
        """The rings of a mesh in which every vertex belongs to a face."""
        corner_face = np.repeat(np.arange(len(faces)), 3)
        order = np.argsort(faces.ravel(), kind="stable")
        counts = np.bincount(faces.ravel(), minlength=vertex_count)
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        slot = np.minimum(np.arange(max(counts.max(), 1)), np.maximum(counts, 1)[:, None] - 1)
        return FaceRings(faces, corner_face[order][starts[:, None] + slot])


@dataclass(frozen=True, slots=True, eq=False)
class Penetration:
    """One body's vertices inside another body.

    Attributes:
        vertices: which vertices are inside.
        depth_m: their distances to the other's surface.
    """

    vertices: Int[np.ndarray, " inside"]
    depth_m: Float[np.ndarray, " inside"]

    @property
    def mean_m(self) -> float:
        """Mean depth of the vertices inside; 0 when there are none."""
        return float(self.depth_m.mean()) if len(self.depth_m) else 0.0

    @property
    def max_m(self) -> float:
        """Largest depth; 0 when no vertex is inside."""
        return float(self.depth_m.max()) if len(self.depth_m) else 0.0


class SignedDistance:
    """Distance to a closed surface, negative inside.

    The sign comes from the angle-weighted normal at the closest point (Bærentzen and Aanæs 2005).
    """

    def __init__(self, vertices: Float[np.ndarray, "vertices 3"], rings: FaceRings) -> None:
        self._vertices = np.asarray(vertices, np.float64)
        self._rings = rings
        self._normals = _vertex_normals(self._vertices, rings.faces)
        self._tree = KDTree(self._vertices)
        self.low, self.high = self._vertices.min(0), self._vertices.max(0)

    def inside(self, points: Float[np.ndarray, "points 3"]) -> Penetration:
        """Which points are inside, and how deep (m)."""
        points = np.asarray(points, np.float64)
        near = np.flatnonzero(((points > self.low) & (points < self.high)).all(1))
        if len(near) == 0:
            return Penetration(near, np.zeros(0))
        distance, nearest = self._tree.query(points[near], k=1)
        away = ((points[near] - self._vertices[nearest]) * self._normals[nearest]).sum(1)
        near = near[away < _CLEARLY_OUTSIDE * distance]
        signed = self(points[near])
        return Penetration(near[signed < 0], -signed[signed < 0])

    def __call__(self, points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, " points"]:
        """Signed distances (m)."""
        points = np.asarray(points, np.float64)
        if len(points) == 0:
            return np.zeros(0)
        _, nearest = self._tree.query(points, k=_NEAREST_VERTICES)
        candidates = self._rings.rings[nearest].reshape(len(points), -1)
        corners = self._rings.faces[candidates]
        weights = _closest_on_triangles(points[:, None], self._vertices[corners])
        closest = np.einsum("pfc,pfcx->pfx", weights, self._vertices[corners])
        square = ((closest - points[:, None]) ** 2).sum(-1)
        best = square.argmin(1)
        rows = np.arange(len(points))
        normal = np.einsum("pc,pcx->px", weights[rows, best], self._normals[corners[rows, best]])
        side = ((points - closest[rows, best]) * normal).sum(1)
        return np.where(side < 0, -1.0, 1.0) * np.sqrt(square[rows, best])


def penetrations(
    vertices: Float[np.ndarray, "people vertices 3"], rings: FaceRings
) -> dict[tuple[int, int], Penetration]:
    """For every ordered pair (i, j) of people: the vertices of i inside j."""
    surfaces = [SignedDistance(body, rings) for body in vertices]
    found = {}
    for i, body in enumerate(vertices):
        for j, surface in enumerate(surfaces):
            if i != j:
                found[i, j] = surface.inside(body)
    return found


def _vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals, faces weighted by their angle at the vertex."""
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
    angles = np.empty(faces.shape)
    for corner in range(3):
        a = corners[:, (corner + 1) % 3] - corners[:, corner]
        b = corners[:, (corner + 2) % 3] - corners[:, corner]
        across = np.linalg.norm(np.cross(a, b), axis=1)
        angles[:, corner] = np.arctan2(across, (a * b).sum(1))
    columns = np.repeat(np.arange(len(faces)), 3)
    spread = csr_matrix((angles.ravel(), (faces.ravel(), columns)), (len(vertices), len(faces)))
    total = spread @ normal
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-30)


def _closest_on_triangles(
    points: Float[np.ndarray, "points 1 3"], corners: Float[np.ndarray, "points faces 3 3"]
) -> Float[np.ndarray, "points faces 3"]:
    """Barycentric weights of the point of each triangle that lies closest."""
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    ab, ac, ap = b - a, c - a, points - a
    d00, d01, d11 = (ab * ab).sum(-1), (ab * ac).sum(-1), (ac * ac).sum(-1)
    d20, d21 = (ap * ab).sum(-1), (ap * ac).sum(-1)
    area = np.maximum(d00 * d11 - d01 * d01, 1e-30)
    v, w = (d11 * d20 - d01 * d21) / area, (d00 * d21 - d01 * d20) / area
    face = np.stack([1 - v - w, v, w], -1)
    on_ab = np.clip(d20 / np.maximum(d00, 1e-30), 0.0, 1.0)
    on_ac = np.clip(d21 / np.maximum(d11, 1e-30), 0.0, 1.0)
    bc = d00 - 2 * d01 + d11
    on_bc = np.clip((d00 - d01 + d21 - d20) / np.maximum(bc, 1e-30), 0.0, 1.0)
    zero = np.zeros_like(on_ab)
    edges = np.stack(
        [
            np.stack([1 - on_ab, on_ab, zero], -1),
            np.stack([1 - on_ac, zero, on_ac], -1),
            np.stack([zero, 1 - on_bc, on_bc], -1),
        ],
        axis=-2,
    )
    # distance² of a point in the plane, from the Gram matrix: cheaper than building the points
    gap_v, gap_w = edges[..., 1] - v[..., None], edges[..., 2] - w[..., None]
    square = (
        gap_v**2 * d00[..., None] + 2 * gap_v * gap_w * d01[..., None] + gap_w**2 * d11[..., None]
    )
    best = np.take_along_axis(edges, square.argmin(-1)[..., None, None], axis=-2).squeeze(-2)
    return np.where(face.min(-1, keepdims=True) >= 0, face, best)
