"""Fast pictures of a surface for the screen: which pixels it covers, and roughly how near it is."""

from typing import no_type_check

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8
from numba import njit

from avatarpose.geometry.camera import Camera

_NEAREST_M = 1e-3


def project_surface(
    camera: Camera, points_world: Float[np.ndarray, "points 3"]
) -> tuple[Float32[np.ndarray, "points 2"], Float32[np.ndarray, " points"]]:
    """Recorded pixels and depths (m) of many points in single precision; NaN where not in front.

    The same as `Camera.project` and `Camera.depth` to about a hundredth of a pixel.
    """
    pixels = np.empty((len(points_world), 2), np.float32)
    depth = np.empty(len(points_world), np.float32)
    _project(
        np.ascontiguousarray(points_world, np.float32),
        camera.camera_from_world,
        camera.pixel_from_camera,
        camera.distortion,
        pixels,
        depth,
    )
    return pixels, depth


def silhouette(
    pixels: Float32[np.ndarray, "points 2"],
    faces: Int[np.ndarray, "faces 3"],
    width: int,
    height: int,
) -> UInt8[np.ndarray, "height width"]:
    """1 where a face covers the pixel's centre, else 0; faces with a NaN corner are left out."""
    mask = np.zeros((height, width), np.uint8)
    _cover(pixels, np.ascontiguousarray(faces, np.int32), mask)
    return mask


def rough_depth(
    pixels: Float32[np.ndarray, "points 2"],
    depth: Float32[np.ndarray, " points"],
    width: int,
    height: int,
) -> Float32[np.ndarray, "height width"]:
    """Depth (m) of the nearest point that falls on each pixel, inf where none does.

    Points must lie denser than pixels: meant for small pictures.
    """
    nearest = np.full((height, width), np.inf, np.float32)
    _splat(pixels, depth, nearest)
    return nearest


def warm_up() -> None:
    """Compile the kernels now (once per installation), and not when the first picture is drawn."""
    camera = Camera("none", 8, 8, np.eye(3), np.eye(4))
    corners = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    pixels, depth = project_surface(camera, corners)
    silhouette(pixels, np.array([[0, 1, 2]]), 8, 8)
    rough_depth(pixels, depth, 8, 8)


@njit(nogil=True, cache=True)
@no_type_check
def _project(points, camera_from_world, k, distortion, pixels, depth):
    k1, k2, p1, p2 = distortion[0], distortion[1], distortion[2], distortion[3]
    k3, k4, k5, k6 = distortion[4], distortion[5], distortion[6], distortion[7]
    m = camera_from_world
    for i in range(points.shape[0]):
        a, b, c = points[i, 0], points[i, 1], points[i, 2]
        z = m[2, 0] * a + m[2, 1] * b + m[2, 2] * c + m[2, 3]
        depth[i] = z
        if z < _NEAREST_M:
            pixels[i, 0] = np.nan
            pixels[i, 1] = np.nan
            continue
        x = (m[0, 0] * a + m[0, 1] * b + m[0, 2] * c + m[0, 3]) / z
        y = (m[1, 0] * a + m[1, 1] * b + m[1, 2] * c + m[1, 3]) / z
        r2 = x * x + y * y
        radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
        bent_x = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
        bent_y = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
        pixels[i, 0] = k[0, 0] * bent_x + k[0, 1] * bent_y + k[0, 2]
        pixels[i, 1] = k[1, 1] * bent_y + k[1, 2]


@njit(nogil=True, cache=True)
@no_type_check
def _cover(pixels, faces, mask):
    height, width = mask.shape
    for face in range(faces.shape[0]):
        a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
        ax, ay = pixels[a, 0], pixels[a, 1]
        bx, by = pixels[b, 0], pixels[b, 1]
        cx, cy = pixels[c, 0], pixels[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if not (area > 0.0 or area < 0.0):  # NaN corners drop out here too
            continue
        top, bottom = min(ay, by, cy), max(ay, by, cy)
        left, right = min(ax, bx, cx), max(ax, bx, cx)
        if right < 0.0 or bottom < 0.0 or left > width - 1 or top > height - 1:
            continue
        first_x, last_x = int(np.ceil(max(left, 0.0))), int(np.floor(min(right, width - 1.0)))
        first_y, last_y = int(np.ceil(max(top, 0.0))), int(np.floor(min(bottom, height - 1.0)))
        sign = 1.0 if area > 0.0 else -1.0
        for y in range(first_y, last_y + 1):
            for x in range(first_x, last_x + 1):
                if mask[y, x]:
                    continue
                if (
                    sign * ((bx - x) * (cy - y) - (by - y) * (cx - x)) >= 0.0
                    and sign * ((cx - x) * (ay - y) - (cy - y) * (ax - x)) >= 0.0
                    and sign * ((ax - x) * (by - y) - (ay - y) * (bx - x)) >= 0.0
                ):
                    mask[y, x] = 1


@njit(nogil=True, cache=True)
@no_type_check
def _splat(pixels, depth, nearest):
    height, width = nearest.shape
    for i in range(pixels.shape[0]):
        x, y = pixels[i, 0], pixels[i, 1]
        if not (x > -0.5 and y > -0.5 and x < width - 0.5 and y < height - 0.5):
            continue
        column, row = int(x + 0.5), int(y + 0.5)
        if depth[i] < nearest[row, column]:
            nearest[row, column] = depth[i]
