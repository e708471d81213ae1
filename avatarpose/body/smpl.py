"""The SMPL body in numpy: what the window, the readers and the metrics use.

Skinning follows Loper et al., "SMPL: A Skinned Multi-Person Linear Model" (2015), equations 2-10.
The differentiable twin is `smpl_torch.py`.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from avatarpose.body.pose import PoseSequence, frozen, rebuild
from avatarpose.body.skeleton import PARENTS, SMPL_OF_SKEL19, Skel19
from avatarpose.errors import BodyModelError
from avatarpose.geometry.rotation import matrix_from_rotvec

# skel19 joints that are vertices of the surface, by the names body files give their vertices.
SURFACE_JOINTS: dict[Skel19, str] = {
    Skel19.NOSE: "nose",
    Skel19.RIGHT_EAR: "rear",
    Skel19.LEFT_EAR: "lear",
    Skel19.LEFT_BIG_TOE: "LBigToe",
    Skel19.RIGHT_BIG_TOE: "RBigToe",
}
# BODY_25 keypoints beyond skel19, by vertex name.
BODY25_SURFACE: dict[int, str] = {
    15: "reye", 16: "leye", 20: "LSmallToe", 21: "LHeel", 23: "RSmallToe", 24: "RHeel",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class PosedBody:
    """One body in several frames, in the world.

    Attributes:
        vertices_world: surface (m).
        joints_world: SMPL joints (m).
        world_from_rest: transforms of the joints relative to the rest pose, translation included.
    """

    vertices_world: Float[np.ndarray, "frames vertices 3"]
    joints_world: Float[np.ndarray, "frames joints=24 3"]
    world_from_rest: Float[np.ndarray, "frames joints=24 4 4"]


@dataclass(frozen=True, eq=False)
class SmplModel:
    """A body model in SMPL's layout (24 joints, 10 betas); arrays are float32 and read-only.

    Attributes:
        name: what the user calls it, such as "open adult" or "SMPL neutral".
        v_template: mean surface in T-pose (m, y up, +x the body's left).
        faces: triangles.
        shapedirs: metres per unit of each beta.
        posedirs: pose correctives, linear in (R_j - I) of joints 1..23, row-major.
        joint_regressor: rest joints from the rest surface.
        weights: skinning weights.
        vertex_ids: named surface points (nose, reye, leye, rear, lear, LBigToe, LHeel, ...).
        body25_regressor: BODY_25 joints from the posed surface, when the user has the file.
        region: per vertex a body region, for procedural clothing; empty when unknown.
        region_names: names of the regions.
        mirror: index of the mirrored vertex; empty when unknown.
    """

    name: str
    v_template: Float[np.ndarray, "vertices 3"]
    faces: Int[np.ndarray, "faces 3"]
    shapedirs: Float[np.ndarray, "vertices 3 10"]
    posedirs: Float[np.ndarray, "vertices 3 207"]
    joint_regressor: Float[np.ndarray, "joints=24 vertices"]
    weights: Float[np.ndarray, "vertices joints=24"]
    vertex_ids: dict[str, int]
    body25_regressor: Float[np.ndarray, "25 vertices"] | None = None
    region: Int[np.ndarray, " region_vertices"] | None = None
    region_names: tuple[str, ...] = ()
    mirror: Int[np.ndarray, " mirror_vertices"] | None = None

    def __post_init__(self) -> None:
        for name in ("v_template", "shapedirs", "posedirs", "joint_regressor", "weights"):
            object.__setattr__(self, name, frozen(getattr(self, name)))
        object.__setattr__(self, "faces", frozen(self.faces, np.int32))
        for name in ("region", "mirror"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, frozen(getattr(self, name), np.int64))
        missing = [name for name in SURFACE_JOINTS.values() if name not in self.vertex_ids]
        if missing and self.body25_regressor is None:
            raise BodyModelError(
                f"Body model {self.name!r} names no vertex for {', '.join(missing)}.",
                remedy="Add the vertices to the file, or put J_regressor_body25.npy beside it.",
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild(self)

    @property
    def vertex_count(self) -> int:
        """Number of surface points."""
        return len(self.v_template)

    @cached_property
    def sha256(self) -> str:
        """Fingerprint of the arrays that decide the geometry (as in the sample's truth.json)."""
        digest = hashlib.sha256()
        half = self.posedirs.astype(np.float16)  # the open body stores halves: hash what is stored
        is_half = np.array_equal(half.astype(np.float32), self.posedirs)
        for array in (
            self.v_template,
            self.faces,
            self.joint_regressor,
            self.weights,
            self.shapedirs,
            half if is_half else self.posedirs,
        ):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    @property
    def joint_definition(self) -> str:
        """How skel19 is read off this body; never compare numbers of different definitions."""
        if self.body25_regressor is not None:
            return f"skel19 by BODY_25 regressor on {self.name}"
        return f"skel19 by joints and named vertices on {self.name}"

    @cached_property
    def _joint_template(self) -> np.ndarray:
        return self.joint_regressor.astype(np.float64) @ self.v_template

    @cached_property
    def _joint_shapedirs(self) -> np.ndarray:
        return np.einsum("jv,vkb->jkb", self.joint_regressor.astype(np.float64), self.shapedirs)

    @cached_property
    def _posedirs_flat(self) -> np.ndarray:
        return np.ascontiguousarray(self.posedirs.reshape(-1, 207).T)

    def rest_joints(self, betas: Float[np.ndarray, "10"]) -> Float[np.ndarray, "joints=24 3"]:
        """Joints of the shape in T-pose (m, body axes); row 0 is the rest pelvis."""
        return (self._joint_template + self._joint_shapedirs @ betas).astype(np.float32)

    def rest_vertices(self, betas: Float[np.ndarray, "10"]) -> Float[np.ndarray, "vertices 3"]:
        """Surface of the shape in T-pose, without correctives (m, body axes)."""
        return self.v_template + (self.shapedirs @ betas).astype(np.float32)

    def joint_transforms(
        self,
        betas: Float[np.ndarray, "10"],
        rotvecs: Float[np.ndarray, "frames joints=24 3"],
        transl: Float[np.ndarray, "frames 3"],
    ) -> tuple[Float[np.ndarray, "frames joints=24 4 4"], Float[np.ndarray, "frames joints=24 3"]]:
        """World-from-rest transforms and world positions of the joints; no surface is computed."""
        rest = self.rest_joints(betas).astype(np.float64)
        rotations = matrix_from_rotvec(rotvecs.astype(np.float64))
        count = len(rotvecs)
        turned = np.empty((count, 24, 3, 3))
        joints = np.empty((count, 24, 3))
        turned[:, 0] = rotations[:, 0]
        joints[:, 0] = rest[0] + transl
        for joint in range(1, 24):
            parent = PARENTS[joint]
            turned[:, joint] = turned[:, parent] @ rotations[:, joint]
            joints[:, joint] = joints[:, parent] + turned[:, parent] @ (rest[joint] - rest[parent])
        world_from_rest = np.zeros((count, 24, 4, 4))
        world_from_rest[..., :3, :3] = turned
        world_from_rest[..., :3, 3] = joints - np.einsum("fjab,jb->fja", turned, rest)
        world_from_rest[..., 3, 3] = 1.0
        return world_from_rest.astype(np.float32), joints.astype(np.float32)

    def posed(
        self,
        betas: Float[np.ndarray, "10"],
        rotvecs: Float[np.ndarray, "frames joints=24 3"],
        transl: Float[np.ndarray, "frames 3"],
    ) -> PosedBody:
        """Surface and joints in the world; every transform includes the translation."""
        world_from_rest, joints = self.joint_transforms(betas, rotvecs, transl)
        features = matrix_from_rotvec(rotvecs[:, 1:].astype(np.float32)) - np.eye(
            3, dtype=np.float32
        )
        offsets = features.reshape(-1, 207) @ self._posedirs_flat
        surface = self.rest_vertices(betas)[None] + offsets.reshape(-1, self.vertex_count, 3)
        blended = self.weights @ world_from_rest[:, :, :3].reshape(-1, 24, 12)
        blended = blended.reshape(-1, self.vertex_count, 3, 4)
        vertices = np.einsum("fvab,fvb->fva", blended[..., :3], surface) + blended[..., 3]
        return PosedBody(vertices, joints, world_from_rest)

    def posed_sequence(self, poses: PoseSequence, indices: np.ndarray | None = None) -> PosedBody:
        """The body of `poses` at the frame indices (all when None)."""
        pick = slice(None) if indices is None else indices
        return self.posed(poses.betas, poses.rotvecs[pick], poses.transl[pick])

    def skel19(self, body: PosedBody) -> Float[np.ndarray, "frames joints=19 3"]:
        """The 19 measured joints in the world (m)."""
        if self.body25_regressor is not None:
            from avatarpose.body.skeleton import SKEL19_FROM_BODY25

            rows = self.body25_regressor[list(SKEL19_FROM_BODY25)]
            return np.einsum("jv,fvk->fjk", rows, body.vertices_world).astype(np.float32)
        out = np.empty((len(body.joints_world), 19, 3), np.float32)
        for target, joint in SMPL_OF_SKEL19.items():
            out[:, target] = body.joints_world[:, joint]
        for target, vertex in SURFACE_JOINTS.items():
            out[:, target] = body.vertices_world[:, self.vertex_ids[vertex]]
        return out

    def vertices_at(
        self,
        betas: Float[np.ndarray, "10"],
        rotvecs: Float[np.ndarray, "frames joints=24 3"],
        world_from_rest: Float[np.ndarray, "frames joints=24 4 4"],
        vertex_ids: Int[np.ndarray, " picked"],
    ) -> Float[np.ndarray, "frames picked 3"]:
        """A few surface points in the world (m), without skinning the others."""
        shaped = self.v_template[vertex_ids] + (self.shapedirs[vertex_ids] @ betas)
        features = matrix_from_rotvec(rotvecs[:, 1:].astype(np.float32)) - np.eye(
            3, dtype=np.float32
        )
        features = features.reshape(-1, 207)
        surface = shaped + np.einsum("vkp,fp->fvk", self.posedirs[vertex_ids], features)
        blended = self.weights[vertex_ids] @ world_from_rest[:, :, :3].reshape(-1, 24, 12)
        blended = blended.reshape(-1, len(vertex_ids), 3, 4)
        points = np.einsum("fvab,fvb->fva", blended[..., :3], surface) + blended[..., 3]
        return points.astype(np.float32)

    def skel19_sequence(
        self, poses: PoseSequence, indices: np.ndarray | None = None
    ) -> Float[np.ndarray, "frames joints=19 3"]:
        """The 19 measured joints of `poses` (m), skinning only the surface points they need."""
        if self.body25_regressor is not None:
            return self.skel19(self.posed_sequence(poses, indices))
        pick = slice(None) if indices is None else indices
        rotvecs = poses.rotvecs[pick]
        world_from_rest, joints = self.joint_transforms(poses.betas, rotvecs, poses.transl[pick])
        ids = np.array([self.vertex_ids[name] for name in SURFACE_JOINTS.values()])
        out = np.empty((len(joints), 19, 3), np.float32)
        out[:, list(SMPL_OF_SKEL19)] = joints[:, list(SMPL_OF_SKEL19.values())]
        points = self.vertices_at(poses.betas, rotvecs, world_from_rest, ids)
        out[:, list(SURFACE_JOINTS)] = points
        return out


def load_open_body(path: Path) -> SmplModel:
    """The body that ships with the program (format "smpl24-open/1", CC0).

    Raises:
        BodyModelError: the file is missing or lacks an array.
    """
    if not path.is_file():
        raise BodyModelError(
            f"The body model {path} does not exist.", remedy="Install the program again."
        )
    with np.load(path, allow_pickle=False) as archive:
        missing = {"v_template", "f", "shapedirs", "posedirs", "J_regressor", "weights"} - set(
            archive.files
        )
        if missing:
            raise BodyModelError(
                f"{path.name} lacks {', '.join(sorted(missing))}.",
                remedy="Install the program again, or point to an intact body model.",
            )
        names = [str(name) for name in archive["vertex_id_names"]]
        return SmplModel(
            name="open adult body",
            v_template=archive["v_template"],
            faces=archive["f"],
            shapedirs=archive["shapedirs"],
            posedirs=archive["posedirs"].astype(np.float32),
            joint_regressor=archive["J_regressor"],
            weights=archive["weights"],
            vertex_ids=dict(zip(names, map(int, archive["vertex_ids"]), strict=True)),
            region=archive["region"].astype(np.int64),
            region_names=tuple(str(name) for name in archive["region_names"]),
            mirror=archive["mirror"].astype(np.int64),
        )
