"""What the stages work on, made from a scene without a session around it."""

from dataclasses import dataclass

import numpy as np
import torch

from avatarpose.avatar.avatar import Avatar, new_avatar
from avatarpose.avatar.surface import SurfaceTopology
from avatarpose.body.smpl_torch import TorchSmpl
from avatarpose.optimize.avatar_stage import Exposure
from avatarpose.optimize.parameters import PoseVariables
from avatarpose.optimize.pictures import Pictures, load_pictures
from avatarpose.optimize.pixels import PixelSampler
from avatarpose.optimize.pose_stage import PoseRefiner
from avatarpose.optimize.schedule import Plan
from avatarpose.scene.scene import Scene

CPU = torch.device("cpu")


@dataclass(eq=False)
class Workplace:
    """Pictures, people and avatars of a scene."""

    plan: Plan
    pictures: Pictures
    sampler: PixelSampler
    variables: PoseVariables
    avatars: list[Avatar]
    exposure: Exposure
    smpl: TorchSmpl
    topology: SurfaceTopology

    def refiner(self) -> PoseRefiner:
        """A pose stage that trusts its start."""
        return PoseRefiner(
            self.plan, self.pictures, self.sampler, self.variables, self.avatars, self.exposure,
            self.smpl, self.topology, self.variables.all_joints(self.smpl), 0.04, CPU,
            is_near_trusted=True,
        )  # fmt: skip


def workplace(scene: Scene, plan: Plan, layer: str) -> Workplace:
    """Everything at its beginning, with the poses of a layer."""
    frames = np.arange(scene.capture.frame_count)
    poses = {pid: scene.person(pid).poses(layer) for pid in scene.pids}
    pictures = load_pictures(scene, frames, scene.capture.rig.names, plan.longest_px, poses)
    variables = PoseVariables(poses, frames)
    smpl = TorchSmpl(scene.body)
    generator = torch.Generator().manual_seed(0)
    return Workplace(
        plan=plan,
        pictures=pictures,
        sampler=PixelSampler(scene, pictures, poses),
        variables=variables,
        avatars=[
            new_avatar(pid, variables.betas[row], smpl, plan.field, generator)
            for row, pid in enumerate(variables.pids)
        ],
        exposure=Exposure(len(pictures.cameras), CPU),
        smpl=smpl,
        topology=SurfaceTopology(scene.body.faces, scene.body.vertex_count),
    )
