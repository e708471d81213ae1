"""What lies under the cursor in the 3D viewport: joints, bodies, cameras; plain numpy."""

import functools
from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float, Int

from app.selection import JointRef
from app.views.gizmo import distance_to_polyline
from app.views.orbit_camera import Viewpoint
from avatarpose.body.pose import frozen
from avatarpose.geometry.camera import Camera

JOINT_REACH_PX = 10.0
FRUSTUM_REACH_PX = 7.0


def nearest_joint(
    view: Viewpoint,
    pixel: Float[np.ndarray, "2"],
    joints_world: Mapping[int, Float[np.ndarray, "joints 3"]],
    favoured: int | None = None,
) -> JointRef | None:
    """The joint nearest to a pixel within reach; the favoured person wins near ties."""
    best, found = JOINT_REACH_PX, None
    for pid, joints in joints_world.items():
        away = np.linalg.norm(view.project(joints) - pixel, axis=-1)
        away = np.where(np.isfinite(away), away, np.inf)
        joint = int(np.argmin(away))
        if away[joint] > JOINT_REACH_PX:
            continue
        cost = float(away[joint]) * (0.6 if pid == favoured else 1.0)
        if cost < best:
            best, found = cost, JointRef(pid, joint)
    return found


def hit_surface(
    eye_world: Float[np.ndarray, "3"],
    ray_world: Float[np.ndarray, "3"],
    vertices: Float[np.ndarray, "vertices 3"],
    faces: Int[np.ndarray, "faces 3"],
) -> float | None:
    """Distance (m) along a ray to the first triangle it meets; None when it meets none.

    Möller and Trumbore, "Fast, minimum storage ray/triangle intersection" (1997).
    """
    ray = ray_world.astype(np.float32)
    corner = vertices[faces[:, 0]]
    first = vertices[faces[:, 1]] - corner
    second = vertices[faces[:, 2]] - corner
    across = np.cross(ray, second)
    determinant = np.einsum("ij,ij->i", first, across)
    usable = np.abs(determinant) > 1e-12
    inverse = np.where(usable, 1 / np.where(usable, determinant, 1), 0)
    offset = eye_world.astype(np.float32) - corner
    u = np.einsum("ij,ij->i", offset, across) * inverse
    over = np.cross(offset, first)
    v = (over @ ray) * inverse
    along = np.einsum("ij,ij->i", second, over) * inverse
    hit = usable & (u >= 0) & (v >= 0) & (u + v <= 1) & (along > 1e-4)
    return float(along[hit].min()) if hit.any() else None


def nearest_body(
    view: Viewpoint,
    pixel: Float[np.ndarray, "2"],
    vertices_world: Mapping[int, Float[np.ndarray, "vertices 3"]],
    faces: Int[np.ndarray, "faces 3"],
) -> int | None:
    """The person whose surface is seen at a pixel."""
    eye, ray = view.eye_world, view.ray(pixel)
    hits = {pid: hit_surface(eye, ray, points, faces) for pid, points in vertices_world.items()}
    seen = {pid: away for pid, away in hits.items() if away is not None}
    return min(seen, key=lambda pid: seen[pid]) if seen else None


def frustum_depth(cameras: Iterable[Camera]) -> float:
    """How large cameras are drawn (m from centre to frame): a share of the rig's size."""
    centres = np.array([camera.centre_world for camera in cameras]).reshape(-1, 3)
    if len(centres) < 2:
        return 0.3
    spread = np.linalg.norm(centres - centres.mean(axis=0), axis=-1)
    return float(np.clip(0.11 * np.median(spread), 0.12, 0.8))


@functools.lru_cache(maxsize=512)
def frustum_lines(
    camera: Camera, depth_m: float
) -> tuple[Float[np.ndarray, "lines 3"], Float[np.ndarray, "lines 3"]]:
    """Starts and ends (m) of the lines that show where a camera stands and looks.

    Four edges from the centre, the picture's frame, and a small roof over its upper edge.
    """
    ideal = camera.undistorted()
    right, low = camera.width - 0.5, camera.height - 0.5
    corners = ideal.unproject(
        np.array([[-0.5, -0.5], [right, -0.5], [right, low], [-0.5, low]]), depth_m
    )
    centre = np.tile(camera.centre_world, (4, 1))
    down = camera.camera_from_world[1, :3]
    lift = 0.14 * float(np.linalg.norm(corners[3] - corners[0]))
    gap = corners[1] - corners[0]
    roof = np.stack(
        [
            corners[0] + 0.3 * gap,
            0.5 * (corners[0] + corners[1]) - lift * down,
            corners[1] - 0.3 * gap,
        ]
    )
    starts = np.concatenate([centre, corners, roof[:2]])
    ends = np.concatenate([corners, np.roll(corners, -1, axis=0), roof[1:]])
    return frozen(starts, np.float64), frozen(ends, np.float64)


def hit_frustum(
    view: Viewpoint, pixel: Float[np.ndarray, "2"], cameras: Iterable[Camera], depth_m: float
) -> str | None:
    """Name of the camera whose drawn lines, or the picture they frame, are under a pixel."""
    best, found = np.inf, None
    for camera in cameras:
        starts, ends = frustum_lines(camera, depth_m)
        p, q = view.project(starts), view.project(ends)
        gaps = np.full_like(p, np.nan)  # between the lines
        away = distance_to_polyline(pixel, np.stack([p, q, gaps], axis=1).reshape(-1, 2))
        inside = _is_inside(pixel, p[4:8])
        depth = float(view.depth(camera.centre_world))
        if (inside or away < FRUSTUM_REACH_PX) and 0 < depth < best:
            best, found = depth, camera.name
    return found


def _is_inside(pixel: np.ndarray, corners: np.ndarray) -> bool:
    """Whether a pixel lies in a convex polygon of either winding (False for NaN corners)."""
    edges = np.roll(corners, -1, axis=0) - corners
    to_pixel = pixel - corners
    side = edges[:, 0] * to_pixel[:, 1] - edges[:, 1] * to_pixel[:, 0]
    return bool((side > 0).all() or (side < 0).all())
