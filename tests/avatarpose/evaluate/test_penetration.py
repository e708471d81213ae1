import numpy as np
import pytest

from avatarpose.body.pose import PoseSequence
from avatarpose.evaluate.penetration import FaceRings, SignedDistance, penetrations


def sphere(radius_m: float, rows: int = 60, columns: int = 120):
    """A closed sphere of triangles around the origin, faces outwards."""
    lat = np.linspace(0, np.pi, rows + 1)[1:-1]
    lon = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    ring = np.stack(
        [
            np.sin(lat)[:, None] * np.cos(lon),
            np.sin(lat)[:, None] * np.sin(lon),
            np.broadcast_to(np.cos(lat)[:, None], (rows - 1, columns)),
        ],
        -1,
    ).reshape(-1, 3)
    vertices = radius_m * np.concatenate([ring, [[0, 0, 1], [0, 0, -1]]])
    top, bottom = len(ring), len(ring) + 1
    faces = []
    for row in range(rows - 2):
        for column in range(columns):
            a, b = row * columns + column, row * columns + (column + 1) % columns
            faces += [(a, a + columns, b), (b, a + columns, b + columns)]
    for column in range(columns):
        following = (column + 1) % columns
        faces.append((top, column, following))
        last = (rows - 2) * columns
        faces.append((bottom, last + following, last + column))
    return vertices, np.array(faces)


def test_distances_to_a_sphere_are_its_radius_less_the_distance_from_the_middle():
    vertices, faces = sphere(0.5)
    random = np.random.default_rng(0)
    direction = random.normal(size=(300, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    away = random.uniform(0.3, 0.7, 300)
    found = SignedDistance(vertices, FaceRings.of(faces, len(vertices)))(direction * away[:, None])
    np.testing.assert_allclose(found, away - 0.5, atol=1.5e-3)  # flat faces lie inside the sphere


def test_points_far_outside_and_beyond_the_box_are_not_inside():
    vertices, faces = sphere(0.5)
    surface = SignedDistance(vertices, FaceRings.of(faces, len(vertices)))
    found = surface.inside(np.array([[0.0, 0.0, 2.0], [0.45, 0.45, 0.45], [0.0, 0.0, 0.4]]))
    np.testing.assert_array_equal(found.vertices, [2])
    assert found.max_m == pytest.approx(0.1, abs=2e-3)


def test_two_spheres_sink_into_each_other_by_their_overlap():
    vertices, faces = sphere(0.5)
    rings = FaceRings.of(faces, len(vertices))
    found = penetrations(np.stack([vertices, vertices + np.array([0.98, 0.0, 0.0])]), rings)
    assert set(found) == {(0, 1), (1, 0)}
    for pair in found.values():
        assert pair.max_m == pytest.approx(0.02, abs=2e-3)
        assert 0 < pair.mean_m < pair.max_m


def test_people_apart_do_not_penetrate(body):
    rings = FaceRings.of(body.faces, body.vertex_count)
    vertices = body.posed_sequence(PoseSequence.rest(1)).vertices_world[0]
    found = penetrations(np.stack([vertices, vertices + np.float32([0.0, 0.0, 2.0])]), rings)
    assert all(
        len(pair.vertices) == 0 and pair.mean_m == pair.max_m == 0 for pair in found.values()
    )


def test_the_inside_of_a_body_is_inside(body):
    posed = body.posed_sequence(PoseSequence.rest(1))
    rings = FaceRings.of(body.faces, body.vertex_count)
    surface = SignedDistance(posed.vertices_world[0], rings)
    assert (surface(posed.joints_world[0, [0, 3, 6, 9, 1, 2, 4, 5, 16, 17, 18, 19]]) < -0.02).all()


def test_the_truth_of_the_sample_touches_as_its_maker_says(hug):
    rings = FaceRings.of(hug.body.faces, hug.body.vertex_count)
    bodies = [
        hug.body.posed_sequence(person.layer("truth").poses).vertices_world for person in hug.people
    ]
    deepest = [
        max(pair.max_m for pair in penetrations(np.stack(frame), rings).values())
        for frame in zip(*bodies, strict=True)
    ]
    assert 1000 * max(deepest) == pytest.approx(3.23, abs=0.01)
    assert 1000 * np.mean(deepest) == pytest.approx(1.34, abs=0.01)
