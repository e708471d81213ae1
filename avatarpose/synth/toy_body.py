"""A small body with SMPL's joints, made of capsules, so that tests pose hundreds of vertices."""

from functools import cache

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import nnls

from avatarpose.body.skeleton import PARENTS, Joint
from avatarpose.body.smpl import SmplModel

_CELL_M = 0.064
_BLEND_M = 0.03  # how softly neighbouring capsules melt into one another
# Rest joints of the left half and the middle (m; y up, +x the body's left).
_REST: dict[Joint, tuple[float, float, float]] = {
    Joint.PELVIS: (0.0, -0.04, -0.02),
    Joint.LEFT_HIP: (0.09, -0.12, -0.02),
    Joint.SPINE1: (0.0, 0.06, -0.04),
    Joint.LEFT_KNEE: (0.11, -0.51, -0.02),
    Joint.SPINE2: (0.0, 0.16, -0.04),
    Joint.LEFT_ANKLE: (0.12, -0.92, -0.05),
    Joint.SPINE3: (0.0, 0.27, -0.05),
    Joint.LEFT_FOOT: (0.14, -0.96, 0.08),
    Joint.NECK: (0.0, 0.44, -0.02),
    Joint.LEFT_COLLAR: (0.07, 0.38, -0.01),
    Joint.HEAD: (0.0, 0.53, 0.0),
    Joint.LEFT_SHOULDER: (0.18, 0.37, -0.01),
    Joint.LEFT_ELBOW: (0.43, 0.37, -0.02),
    Joint.LEFT_WRIST: (0.67, 0.37, -0.02),
    Joint.LEFT_HAND: (0.77, 0.37, -0.02),
}
_RIGHT_OF = {
    Joint[name.name.replace("LEFT", "RIGHT")]: name
    for name in _REST
    if name.name.startswith("LEFT")
}
# (bone's child joint or end, from, to, radius from, radius to); right limbs are mirrored.
_CAPSULES: tuple[tuple[Joint, tuple[float, ...], tuple[float, ...], float, float], ...] = (
    (Joint.PELVIS, (-0.06, -0.08, -0.02), (0.06, -0.08, -0.02), 0.12, 0.12),
    (Joint.SPINE1, (0.0, 0.0, -0.02), (0.0, 0.12, -0.02), 0.13, 0.12),
    (Joint.SPINE3, (-0.07, 0.26, -0.03), (0.07, 0.26, -0.03), 0.12, 0.12),
    (Joint.NECK, (0.0, 0.40, -0.02), (0.0, 0.52, 0.0), 0.06, 0.06),
    (Joint.HEAD, (0.0, 0.58, 0.01), (0.0, 0.65, 0.01), 0.09, 0.10),
    (Joint.LEFT_SHOULDER, (0.14, 0.36, -0.02), (0.43, 0.37, -0.02), 0.065, 0.05),
    (Joint.LEFT_ELBOW, (0.43, 0.37, -0.02), (0.67, 0.37, -0.02), 0.05, 0.042),
    (Joint.LEFT_WRIST, (0.67, 0.37, -0.02), (0.80, 0.37, -0.02), 0.045, 0.045),
    (Joint.LEFT_HIP, (0.10, -0.14, -0.02), (0.12, -0.51, -0.02), 0.085, 0.06),
    (Joint.LEFT_KNEE, (0.12, -0.51, -0.02), (0.125, -0.92, -0.04), 0.06, 0.048),
    (Joint.LEFT_ANKLE, (0.125, -0.95, -0.06), (0.14, -0.96, 0.12), 0.05, 0.045),
)
_REGION_OF: dict[Joint, str] = {
    Joint.PELVIS: "hips", Joint.SPINE1: "torso", Joint.SPINE3: "torso", Joint.NECK: "neck",
    Joint.HEAD: "face", Joint.LEFT_SHOULDER: "upper_arm", Joint.LEFT_ELBOW: "forearm",
    Joint.LEFT_WRIST: "hand", Joint.LEFT_HIP: "thigh", Joint.LEFT_KNEE: "shank",
    Joint.LEFT_ANKLE: "foot",
}  # fmt: skip
_REGIONS = (
    "face", "scalp", "neck", "torso", "upper_arm", "forearm", "hand", "hips", "thigh", "shank",
    "foot",
)  # fmt: skip
# Named surface points of the left half and the middle: the vertex nearest to these (m).
_NAMED: dict[str, tuple[float, float, float]] = {
    "nose": (0.0, 0.58, 0.11),
    "leye": (0.04, 0.62, 0.10),
    "lear": (0.10, 0.60, 0.0),
    "LBigToe": (0.12, -0.96, 0.16),
    "LSmallToe": (0.17, -0.97, 0.12),
    "LHeel": (0.125, -0.97, -0.10),
}


@cache
def toy_body() -> SmplModel:
    """A closed body of some hundred vertices: 24 joints, 10 betas, small pose correctives.

    Beta 0 is stature, beta 1 girth, the others are smooth swellings. Left and right are mirror
    images.
    """
    vertices, faces = _surface()
    joints = rest_joints()
    weights, part = _skinning(vertices, joints)
    normals = _outward(vertices, faces)
    nearest = {
        name: int(np.argmin(np.linalg.norm(vertices - np.array(point), axis=1)))
        for name, point in _NAMED.items()
    }
    mirror = _mirror(vertices)
    vertex_ids = dict(nearest)
    for name, vertex in nearest.items():
        if name[0] in "lL":
            vertex_ids[("r" if name[0] == "l" else "R") + name[1:]] = int(mirror[vertex])
    return SmplModel(
        name="toy body",
        v_template=vertices,
        faces=faces,
        shapedirs=_shape_directions(vertices, normals),
        posedirs=_pose_directions(vertices, normals, joints),
        joint_regressor=_regressor(vertices, joints),
        weights=weights,
        vertex_ids=vertex_ids,
        region=_regions(vertices, part),
        region_names=_REGIONS,
        mirror=mirror,
    )


def rest_joints() -> Float[np.ndarray, "joints=24 3"]:
    """Joints of the toy body's mean shape in T-pose (m)."""
    joints = np.zeros((24, 3))
    for joint, place in _REST.items():
        joints[joint] = place
    for right, left in _RIGHT_OF.items():
        joints[right] = joints[left] * (-1, 1, 1)
    return joints


def _both_sides() -> list[tuple[Joint, np.ndarray, np.ndarray, float, float, Joint]]:
    """Capsules of both sides: joint, ends, radii, and the left joint that names the part."""
    mirrored = {left: right for right, left in _RIGHT_OF.items()}
    flip = np.array([-1.0, 1.0, 1.0])
    parts = []
    for joint, start, end, first, last in _CAPSULES:
        a, b = np.array(start), np.array(end)
        parts.append((joint, a, b, first, last, joint))
        if joint in mirrored:
            parts.append((mirrored[joint], a * flip, b * flip, first, last, joint))
    return parts


def _capsule_distances(points: np.ndarray) -> Float[np.ndarray, "points parts"]:
    """Signed distance (m) to every capsule."""
    out = []
    for _, start, end, first, last, _ in _both_sides():
        axis = end - start
        share = np.clip((points - start) @ axis / (axis @ axis), 0.0, 1.0)
        away = np.linalg.norm(points - start - share[:, None] * axis, axis=1)
        out.append(away - (first + share * (last - first)))
    return np.stack(out, axis=1)


def _surface() -> tuple[Float[np.ndarray, "vertices 3"], Int[np.ndarray, "faces 3"]]:
    """Zero level of the softly united capsules: one vertex per grid cell that it crosses."""
    half = np.array([0.95, 0.0, 0.0])
    x = (np.arange(-round(half[0] / _CELL_M), round(half[0] / _CELL_M)) + 0.5) * _CELL_M
    y = np.arange(-1.09, 0.86, _CELL_M)
    z = np.arange(-0.26, 0.28, _CELL_M)
    grid = np.stack(np.meshgrid(x, y, z, indexing="ij"), axis=-1)
    shape = grid.shape[:3]
    distances = _capsule_distances(grid.reshape(-1, 3))
    soft = -_BLEND_M * np.log(np.exp(-distances / _BLEND_M).sum(axis=1))
    level = soft.reshape(shape)
    total = np.zeros((*[count - 1 for count in shape], 3))
    hits = np.zeros(total.shape[:3])
    crossings = []
    for axis in range(3):
        low = [slice(None)] * 3
        high = [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        a, b = level[tuple(low)], level[tuple(high)]
        edges = np.argwhere((a < 0) != (b < 0))
        here, there = a[tuple(edges.T)], b[tuple(edges.T)]
        share = (here / (here - there))[:, None]
        step = np.eye(3, dtype=int)[axis]
        point = grid[tuple(edges.T)] * (1 - share) + grid[tuple((edges + step).T)] * share
        first, second = np.eye(3, dtype=int)[(axis + 1) % 3], np.eye(3, dtype=int)[(axis + 2) % 3]
        around = [edges - first - second, edges - second, edges, edges - first]
        for cells in around:
            np.add.at(total, tuple(cells.T), point)
            np.add.at(hits, tuple(cells.T), 1.0)
        crossings.append((around, here < 0))
    index = np.full(hits.shape, -1)
    index[hits > 0] = np.arange(int((hits > 0).sum()))
    vertices = total[hits > 0] / hits[hits > 0][:, None]
    faces = []
    for around, leaving in crossings:  # leaving: the edge runs from inside to outside
        a, b, c, d = (index[tuple(cells.T)] for cells in around)
        quad = np.stack([a, b, c, d], axis=1)
        quad[~leaving] = quad[~leaving][:, ::-1]
        faces += [quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]]
    return vertices, np.concatenate(faces).astype(np.int32)


def _outward(vertices: np.ndarray, faces: np.ndarray) -> Float[np.ndarray, "vertices 3"]:
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], across)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def _skinning(
    vertices: np.ndarray, joints: np.ndarray
) -> tuple[Float[np.ndarray, "vertices joints=24"], Int[np.ndarray, " vertices"]]:
    """Blend weights that fade over the joints, and the capsule each vertex belongs to."""
    children: dict[int, list[int]] = {joint: [] for joint in range(24)}
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            children[parent].append(joint)
    away = np.full((len(vertices), 24), np.inf)
    for joint in range(24):
        ends = [joints[child] for child in children[joint]] or [joints[joint]]
        for end in ends:
            axis = end - joints[joint]
            share = (vertices - joints[joint]) @ axis / max(float(axis @ axis), 1e-12)
            nearest = joints[joint] + np.clip(share, 0, 1)[:, None] * axis
            away[:, joint] = np.minimum(away[:, joint], np.linalg.norm(vertices - nearest, axis=1))
    # The pelvis' bones lead into the thighs: there the hips must win.
    share = np.exp(-((away - away.min(axis=1, keepdims=True)) / 0.025))
    keep = np.sort(share, axis=1)[:, -4][:, None]
    share = np.where(share >= keep, share, 0.0)
    return share / share.sum(axis=1, keepdims=True), _capsule_distances(vertices).argmin(axis=1)


def _regressor(vertices: np.ndarray, joints: np.ndarray) -> Float[np.ndarray, "joints=24 vertices"]:
    """Non-negative rows that sum to one and hit the joints."""
    rows = np.zeros((24, len(vertices)))
    for joint in range(24):
        near = np.argsort(np.linalg.norm(vertices - joints[joint], axis=1))[:48]
        spread = 1e-3 * np.eye(len(near))  # ridge: prefers many small weights
        system = np.vstack([vertices[near].T, 10 * np.ones(len(near)), spread])
        wanted = np.concatenate([joints[joint], [10.0], np.zeros(len(near))])
        share, _ = nnls(system, wanted)
        rows[joint, near] = share / share.sum()
    return rows


def _shape_directions(
    vertices: np.ndarray, normals: np.ndarray
) -> Float[np.ndarray, "vertices 3 10"]:
    directions = np.zeros((len(vertices), 3, 10))
    directions[..., 0] = 0.03 * vertices
    directions[..., 1] = 0.008 * normals
    for beta in range(2, 10):  # even in x, so that shapes stay symmetric
        wave = np.cos(1.5 * beta * vertices[:, 1] + beta) * np.cos(beta * np.abs(vertices[:, 0]))
        directions[..., beta] = 0.004 * wave[:, None] * normals
    return directions


def _pose_directions(
    vertices: np.ndarray, normals: np.ndarray, joints: np.ndarray
) -> Float[np.ndarray, "vertices 3 207"]:
    """Bent joints bulge: a few millimetres along the normal near each joint."""
    directions = np.zeros((len(vertices), 3, 23, 9))
    for joint in range(1, 24):
        near = np.exp(-((np.linalg.norm(vertices - joints[joint], axis=1) / 0.08) ** 2))
        for entry, bulge_m in ((0, -0.004), (4, -0.004), (8, -0.004), (1, 0.001), (5, 0.001)):
            directions[:, :, joint - 1, entry] = bulge_m * near[:, None] * normals
    return directions.reshape(len(vertices), 3, 207)


def _regions(vertices: np.ndarray, part: np.ndarray) -> Int[np.ndarray, " vertices"]:
    names = [_REGION_OF[named] for *_, named in _both_sides()]
    region = np.array([_REGIONS.index(names[index]) for index in part])
    crown = (vertices[:, 1] > 0.66) | ((vertices[:, 1] > 0.56) & (vertices[:, 2] < -0.01))
    region[crown & (region == _REGIONS.index("face"))] = _REGIONS.index("scalp")
    return region


def _mirror(vertices: np.ndarray) -> Int[np.ndarray, " vertices"]:
    flipped = vertices * (-1.0, 1.0, 1.0)
    apart = np.linalg.norm(flipped[:, None] - vertices[None], axis=2)
    return apart.argmin(axis=1)
