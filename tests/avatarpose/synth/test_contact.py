import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from avatarpose.synth.contact import closest_approach, signed_distances, vertex_normals
from avatarpose.synth.toy_body import toy_body


def sphere(count: int = 4000) -> np.ndarray:
    """Points spread evenly over the unit sphere (a spiral)."""
    index = np.arange(count) + 0.5
    height = 1 - 2 * index / count
    turn = np.pi * (1 + 5**0.5) * index
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), height], axis=1)


SPHERE = sphere() * 0.3


@given(
    radius=st.floats(0.25, 0.34),
    longitude=st.floats(0, 6.28),
    latitude=st.floats(-1.5, 1.5),
)
def test_distances_to_a_sphere_are_known(radius, longitude, latitude):
    direction = np.array(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ]
    )
    distance, nearest = signed_distances(
        radius * direction[None], SPHERE, SPHERE / 0.3, reach_m=0.05
    )
    assert abs(distance[0] - (radius - 0.3)) < 0.004
    assert SPHERE[nearest[0]] @ direction > 0.28


def test_what_is_out_of_reach_is_infinitely_far():
    distance, _ = signed_distances(np.full((1, 3), 5.0), SPHERE, SPHERE / 0.3, reach_m=0.05)
    assert np.isinf(distance[0])


def test_two_spheres_meet_where_they_should():
    shifted = np.stack([SPHERE + np.array([gap, 0, 0]) for gap in (0.62, 0.58)])
    still = np.stack([SPHERE, SPHERE])
    normals = still / 0.3
    approach = closest_approach([still, shifted], [normals, normals])
    np.testing.assert_allclose(approach, [0.02, -0.02], atol=0.003)


def test_normals_point_out_of_the_body():
    body = toy_body()
    normals = vertex_normals(body.v_template, body.faces)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-5)
    highest = body.v_template[:, 1].argmax()
    assert normals[highest, 1] > 0.8
