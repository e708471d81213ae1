"""Triangles to pixels: which face is seen where, how deep, and at which point of the face."""

from typing import no_type_check

import numpy as np
from jaxtyping import Float, Float32, Int, Int32
from numba import njit

_NEAREST_M = 1e-6


def rasterise(
    pixels: Float[np.ndarray, "vertices 2"],
    depth: Float[np.ndarray, " vertices"],
    faces: Int[np.ndarray, "faces 3"],
    width: int,
    height: int,
) -> tuple[
    Int32[np.ndarray, "height width"],
    Float32[np.ndarray, "height width"],
    Float32[np.ndarray, "height width 3"],
]:
    """The nearest face at every pixel centre; both sides of a face are seen.

    Lens distortion enters through `pixels` (as from `Camera.project`): edges are drawn straight,
    so faces should be small where the lens bends lines. A face with a vertex that is NaN or not in
    front of the camera is left out whole. A pixel centre on the common edge of two faces belongs
    to the first of them. Runs without the interpreter lock.

    Args:
        pixels: pixel (x, y) of every vertex; integer pixel = centre of the pixel.
        depth: distance of every vertex along the optical axis (m).
        faces: triangles, in any orientation.
        width: image width in pixels.
        height: image height in pixels.

    Returns:
        Face index (-1: none), depth (m; inf: none) and perspective-correct barycentric weights of
        the face's three vertices (0: none).
    """
    face_id = np.full((height, width), -1, np.int32)
    nearest = np.full((height, width), np.inf, np.float32)
    barycentric = np.zeros((height, width, 3), np.float32)
    _fill(
        np.ascontiguousarray(pixels, np.float32),
        np.ascontiguousarray(depth, np.float32),
        np.ascontiguousarray(faces, np.int32),
        face_id,
        nearest,
        barycentric,
    )
    return face_id, nearest, barycentric


@njit(nogil=True, cache=True)
@no_type_check
def _fill(pixels, depth, faces, face_id, nearest, barycentric):
    height, width = face_id.shape
    for face in range(faces.shape[0]):
        a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
        # Comparisons with NaN are False: such faces drop out here.
        if not (depth[a] > _NEAREST_M and depth[b] > _NEAREST_M and depth[c] > _NEAREST_M):
            continue
        ax, ay = np.float64(pixels[a, 0]), np.float64(pixels[a, 1])
        bx, by = np.float64(pixels[b, 0]), np.float64(pixels[b, 1])
        cx, cy = np.float64(pixels[c, 0]), np.float64(pixels[c, 1])
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if not (area > 0.0 or area < 0.0):
            continue
        left, right = min(ax, bx, cx), max(ax, bx, cx)
        top, bottom = min(ay, by, cy), max(ay, by, cy)
        if right < 0.0 or bottom < 0.0 or left > width - 1 or top > height - 1:
            continue
        first_x, last_x = int(np.ceil(max(left, 0.0))), int(np.floor(min(right, width - 1.0)))
        first_y, last_y = int(np.ceil(max(top, 0.0))), int(np.floor(min(bottom, height - 1.0)))
        inverse_a = 1.0 / np.float64(depth[a])
        inverse_b = 1.0 / np.float64(depth[b])
        inverse_c = 1.0 / np.float64(depth[c])
        for y in range(first_y, last_y + 1):
            for x in range(first_x, last_x + 1):
                weight_a = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                if weight_a < 0.0:
                    continue
                weight_b = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                if weight_b < 0.0:
                    continue
                weight_c = ((ax - x) * (by - y) - (ay - y) * (bx - x)) / area
                if weight_c < 0.0:
                    continue
                # 1 / depth, not depth, is linear across the picture of a plane.
                weight_a *= inverse_a
                weight_b *= inverse_b
                weight_c *= inverse_c
                inverse = weight_a + weight_b + weight_c
                here = np.float32(1.0 / inverse)
                if here < nearest[y, x]:
                    nearest[y, x] = here
                    face_id[y, x] = face
                    barycentric[y, x, 0] = weight_a / inverse
                    barycentric[y, x, 1] = weight_b / inverse
                    barycentric[y, x, 2] = weight_c / inverse
