"""Variants of scenes, and a plan small enough for a test."""

from dataclasses import replace

import numpy as np

from avatarpose.avatar.field import FieldShape
from avatarpose.avatar.hashgrid import HashGridShape
from avatarpose.optimize.schedule import Plan, Stage, Update
from avatarpose.scene.capture import View
from avatarpose.scene.scene import Scene

POSE = Update.POSE | Update.ROOT
KEYPOINTS = Stage("keypoints", Update.KEYPOINTS | POSE | Update.SHAPE, 12)
SILHOUETTES = Stage("silhouettes", POSE | Update.SHAPE, 1, collision=0.2, colour=0.0)
AVATARS = Stage("avatars 1", Update.AVATAR, 6)
POSES = Stage("poses 1", POSE, 1)
ALL = (KEYPOINTS, SILHOUETTES, AVATARS, POSES)


def tiny_plan(*stages: Stage) -> Plan:
    """All stages, or the given ones, with few rays and little fields."""
    grid = HashGridShape(level_count=4, log2_entries=10, base_resolution=8, finest_resolution=32)
    return Plan(
        stages or ALL,
        longest_px=64,
        field=FieldShape(grid=grid, width=16),
        avatar_rays=256,
        pool_rays=100,
        pose_rays=48,
        inner_steps=2,
    )


def with_views(scene: Scene, *, masks: bool = True, footage: bool = True) -> Scene:
    """The scene without its masks or without its pictures."""
    views = tuple(
        View(
            view.camera,
            view.footage if footage else None,
            view.masks if masks else None,
        )
        for view in scene.capture.views
    )
    return scene.changed(capture=replace(scene.capture, views=views))


def without_detections(scene: Scene) -> Scene:
    return scene.changed(detections={})


def joints_of(scene: Scene, poses, index: int) -> np.ndarray:
    """Joint positions (m) of one frame."""
    return scene.body.joint_transforms(
        poses.betas, poses.rotvecs[index : index + 1], poses.transl[index : index + 1]
    )[1][0]
