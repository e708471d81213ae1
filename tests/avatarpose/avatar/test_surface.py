import numpy as np
import pytest

from avatarpose.avatar.surface import SurfaceTopology


@pytest.fixture(scope="module")
def vertices(body) -> np.ndarray:
    pose = np.zeros((1, 24, 3), np.float32)
    pose[0, 16, 2] = -1.0
    pose[0, 4, 0] = 0.6
    return body.posed(np.zeros(10), pose, np.zeros((1, 3))).vertices_world[0]


def _nearest_by_brute_force(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unsigned distance to the nearest triangle: inside its plane, to its edges, to its corners."""
    best = np.full(len(points), np.inf)
    for a, b, c in triangles.astype(np.float64):
        normal = np.cross(b - a, c - a)
        normal /= np.linalg.norm(normal)
        height = (points - a) @ normal
        foot = points - height[:, None] * normal
        inside = np.ones(len(points), bool)
        here = np.full(len(points), np.inf)
        for start, end in ((a, b), (b, c), (c, a)):
            inside &= np.cross(end - start, foot - start) @ normal >= 0
            along = np.clip(
                (points - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1
            )
            to_edge = np.linalg.norm(points - start - along[:, None] * (end - start), axis=1)
            here = np.minimum(here, to_edge)
        best = np.minimum(best, np.where(inside, np.abs(height), here))
    return best


def test_closest_points_are_those_of_a_search_over_all_triangles(topology, vertices, random):
    start = vertices[random.integers(len(vertices), size=600)]
    points = start + random.normal(0.0, 0.02, start.shape)
    found = topology.closest(vertices, points)
    wanted = _nearest_by_brute_force(points, vertices[topology.faces])
    gap = np.abs(found.distance_m) - wanted
    assert gap.min() > -1e-5
    assert np.mean(gap < 1e-5) > 0.95
    assert gap.max() < 0.01  # the ring around the nearest vertex may miss the nearest triangle


def test_barycentrics_give_the_foot_of_the_point(topology, vertices, random):
    points = vertices[random.integers(len(vertices), size=200)] + random.normal(0, 0.02, (200, 3))
    found = topology.closest(vertices, points)
    corners = vertices[topology.faces[found.face]]
    foot = (found.barycentric[..., None] * corners).sum(1)
    assert np.allclose(found.barycentric.sum(1), 1.0, atol=1e-5)
    assert found.barycentric.min() >= -1e-6
    away = np.linalg.norm(points - foot, axis=1)
    assert np.allclose(away, np.abs(found.distance_m), atol=1e-5)


def test_distances_are_negative_inside_and_positive_outside(topology, vertices):
    outward = topology.normals(vertices)
    for step_m in (0.005, 0.015):
        outside = topology.closest(vertices, vertices + step_m * outward)
        inside = topology.closest(vertices, vertices - step_m * outward)
        assert np.mean(outside.distance_m > 0) > 0.99
        assert np.mean(inside.distance_m < 0) > 0.99


def test_normals_are_unit_vectors_that_point_outwards(topology, vertices):
    normals = topology.normals(vertices)
    assert np.allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-5)
    corners = vertices[topology.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    volume = (corners[:, 0] * across).sum() / 6
    assert volume > 0  # faces run counter-clockwise seen from outside
    assert np.mean((normals[topology.faces].mean(1) * across).sum(1) > 0) > 0.99


def test_points_beyond_the_reach_have_no_triangle(topology, vertices):
    found = topology.closest(vertices, np.array([[5.0, 5.0, 5.0]]), reach_m=0.1)
    assert found.face[0] == -1
    assert np.isinf(found.distance_m[0])


def test_no_points_give_no_answers(topology, vertices):
    found = topology.closest(vertices, np.zeros((0, 3)))
    assert len(found.face) == 0


def test_the_triangles_around_a_vertex_are_the_ones_that_use_it(topology):
    assert isinstance(topology, SurfaceTopology)
    for vertex in (0, 17, topology.vertex_count - 1):
        around = topology.around[topology.starts[vertex] : topology.starts[vertex + 1]]
        wanted = np.flatnonzero((topology.faces == vertex).any(1))
        assert sorted(around.tolist()) == wanted.tolist()
