import numpy as np

from app.views.visuals import VertexNormals
from avatarpose.body.smpl import load_open_body
from avatarpose.installation import resource_path
from tests.strategies import random_poses


def test_normals_of_a_cube_point_outwards_and_have_unit_length():
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
    faces = np.array(
        [
            [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
            [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
        ],
        np.int32,
    )  # fmt: skip
    normals = VertexNormals(faces, 8)(corners)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, rtol=1e-5)
    assert (np.einsum("ij,ij->i", normals, corners) > 1.0).all()


def test_normals_of_a_posed_body_equal_those_summed_face_by_face():
    body = load_open_body(resource_path("body", "body_smpl24.npz"))
    poses = random_poses(np.random.default_rng(2), 1, 0.4)
    vertices = body.posed_sequence(poses).vertices_world[0]
    expected = np.zeros((body.vertex_count, 3))
    for a, b, c in body.faces[::7]:
        expected[[a, b, c]] += np.cross(
            vertices[b].astype(np.float64) - vertices[a], vertices[c] - vertices[a]
        )
    length = np.linalg.norm(expected, axis=1)
    some = length > 1e-9
    expected[some] /= length[some, None]
    found = VertexNormals(body.faces[::7], body.vertex_count)(vertices)
    np.testing.assert_allclose(found[some], expected[some], atol=2e-3)
