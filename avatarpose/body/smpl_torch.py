"""The SMPL body in torch: differentiable and batched over people and frames (twin of `smpl.py`)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avatarpose.body.skeleton import PARENTS, SMPL_OF_SKEL19
from avatarpose.body.smpl import SURFACE_JOINTS, SmplModel
from avatarpose.geometry.rotation_torch import matrix_from_rotvec


@dataclass(frozen=True, slots=True, eq=False)
class JointState:
    """Joints of bodies in the world.

    Attributes:
        rest: joints of the shapes in T-pose (m).
        rotations: local rotations.
        world_from_rest: joint transforms relative to the rest pose, translation included.
        joints_world: positions (m).
    """

    rest: Float[Tensor, "bodies joints=24 3"]
    rotations: Float[Tensor, "bodies joints=24 3 3"]
    world_from_rest: Float[Tensor, "bodies joints=24 3 4"]
    joints_world: Float[Tensor, "bodies joints=24 3"]


@dataclass(frozen=True, slots=True, eq=False)
class SkinnedBody:
    """Surfaces of bodies with the map of every vertex.

    Attributes:
        state: the joints.
        shaped: rest surface of the shapes, without correctives (m).
        correctives: pose-dependent offsets in rest space (m).
        world_from_rest: blended transform of every vertex (acts on shaped + correctives).
        vertices_world: surface (m).
    """

    state: JointState
    shaped: Float[Tensor, "bodies vertices 3"]
    correctives: Float[Tensor, "bodies vertices 3"]
    world_from_rest: Float[Tensor, "bodies vertices 3 4"]
    vertices_world: Float[Tensor, "bodies vertices 3"]


class TorchSmpl:
    """A `SmplModel` on a device; all methods are differentiable in betas, rotations and transl."""

    def __init__(
        self,
        model: SmplModel,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        def tensor(array: np.ndarray) -> Tensor:
            return torch.tensor(np.asarray(array), dtype=dtype, device=device)

        self.model = model
        self.v_template = tensor(model.v_template)
        self.shapedirs = tensor(model.shapedirs)
        self.posedirs = tensor(model.posedirs.reshape(-1, 207).T.copy())
        self.weights = tensor(model.weights)
        regressor = model.joint_regressor.astype(np.float64)
        self.joint_template = tensor(regressor @ model.v_template)
        self.joint_shapedirs = tensor(np.einsum("jv,vkb->jkb", regressor, model.shapedirs))
        self.faces = torch.tensor(model.faces.astype(np.int64), device=device)
        self.body25 = None if model.body25_regressor is None else tensor(model.body25_regressor)

    def joints(
        self,
        betas: Float[Tensor, "bodies 10"],
        rotvecs: Float[Tensor, "bodies joints=24 3"],
        transl: Float[Tensor, "bodies 3"],
    ) -> JointState:
        """Joint transforms and positions without the surface."""
        return self.joints_from_matrices(betas, matrix_from_rotvec(rotvecs), transl)

    def joints_from_matrices(
        self,
        betas: Float[Tensor, "bodies 10"],
        rotations: Float[Tensor, "bodies joints=24 3 3"],
        transl: Float[Tensor, "bodies 3"],
    ) -> JointState:
        """As `joints`, from rotation matrices."""
        rest = self.joint_template + torch.einsum("jkb,nb->njk", self.joint_shapedirs, betas)
        turned = [rotations[:, 0]]
        placed = [rest[:, 0] + transl]
        for joint in range(1, 24):
            parent = PARENTS[joint]
            turned.append(turned[parent] @ rotations[:, joint])
            step = (turned[parent] @ (rest[:, joint] - rest[:, parent])[..., None]).squeeze(-1)
            placed.append(placed[parent] + step)
        turn = torch.stack(turned, dim=1)
        joints = torch.stack(placed, dim=1)
        shift = joints - (turn @ rest[..., None]).squeeze(-1)
        return JointState(rest, rotations, torch.cat([turn, shift[..., None]], dim=-1), joints)

    def skin(self, betas: Float[Tensor, "bodies 10"], state: JointState) -> SkinnedBody:
        """The surface and the blended transform of every vertex."""
        count = len(betas)
        shaped = self.v_template + torch.einsum("vkb,nb->nvk", self.shapedirs, betas)
        identity = torch.eye(3, dtype=betas.dtype, device=betas.device)
        features = (state.rotations[:, 1:] - identity).reshape(count, 207)
        correctives = (features @ self.posedirs).reshape(count, -1, 3)
        transforms = state.world_from_rest.reshape(count, 24, 12)
        blended = (self.weights @ transforms).reshape(count, -1, 3, 4)
        surface = shaped + correctives
        vertices = (blended[..., :3] @ surface[..., None]).squeeze(-1) + blended[..., 3]
        return SkinnedBody(state, shaped, correctives, blended, vertices)

    def vertices_at(
        self, betas: Float[Tensor, "bodies 10"], state: JointState, vertex_ids: list[int]
    ) -> Float[Tensor, "bodies picked 3"]:
        """A few surface points, without skinning the others."""
        count = len(betas)
        index = torch.as_tensor(vertex_ids, device=betas.device)
        shaped = self.v_template[index] + torch.einsum("vkb,nb->nvk", self.shapedirs[index], betas)
        identity = torch.eye(3, dtype=betas.dtype, device=betas.device)
        features = (state.rotations[:, 1:] - identity).reshape(count, 207)
        rows = (index[:, None] * 3 + torch.arange(3, device=betas.device)).reshape(-1)
        surface = shaped + (features @ self.posedirs[:, rows]).reshape(count, -1, 3)
        blended = (self.weights[index] @ state.world_from_rest.reshape(count, 24, 12)).reshape(
            count, -1, 3, 4
        )
        return (blended[..., :3] @ surface[..., None]).squeeze(-1) + blended[..., 3]

    def skel19(
        self, betas: Float[Tensor, "bodies 10"], state: JointState
    ) -> Float[Tensor, "bodies joints=19 3"]:
        """The 19 measured joints (m); skins only the surface points it needs."""
        if self.body25 is not None:
            from avatarpose.body.skeleton import SKEL19_FROM_BODY25

            rows = self.body25[list(SKEL19_FROM_BODY25)]
            return torch.einsum("jv,nvk->njk", rows, self.skin(betas, state).vertices_world)
        ids = [self.model.vertex_ids[name] for name in SURFACE_JOINTS.values()]
        points = self.vertices_at(betas, state, ids)
        joints: list[Tensor] = [points[:, 0]] * 19
        for target, joint in SMPL_OF_SKEL19.items():
            joints[target] = state.joints_world[:, joint]
        for row, target in enumerate(SURFACE_JOINTS):
            joints[target] = points[:, row]
        return torch.stack(joints, dim=1)
