"""The user's corrections as terms of a refinement: view pins and corrected joints."""

from collections.abc import Mapping

import numpy as np

from avatarpose.geometry.camera import Camera
from avatarpose.optimize.pose_stage import Pins
from avatarpose.scene.layers import Strength
from avatarpose.scene.scene import Scene


def pins_of_frame(
    scene: Scene, layers: Mapping[int, str], index: int, cameras: tuple[Camera, ...]
) -> Pins | None:
    """View pins and corrected joints of one frame; None when the user did nothing there.

    Args:
        scene: with the people's Edit layers.
        layers: people in row order, with the layer whose corrections count.
        index: position on the time base.
        cameras: ideal cameras at working size.
    """
    names = [camera.name for camera in cameras]
    rows, joints, picked, pixels = [], [], [], []
    anchor = np.full((len(layers), 24, 3), np.nan, np.float32)
    locked = np.zeros((len(layers), 24), bool)
    for row, (pid, layer) in enumerate(layers.items()):
        person = scene.person(pid)
        edit = person.edit(layer)
        for pin in edit.view_pins:
            if pin.frame_index != index or pin.camera not in names:
                continue
            recorded = scene.capture.view(pin.camera).camera
            camera = cameras[names.index(pin.camera)]
            ideal = recorded.undistort(np.array(pin.pixel))
            scale = np.array([camera.width / recorded.width, camera.height / recorded.height])
            rows.append(row)
            joints.append(pin.joint)
            picked.append(names.index(pin.camera))
            pixels.append((ideal + 0.5) * scale - 0.5)
        key = edit.keys.get(index)
        if key is not None and key.strength.any():
            poses = person.poses(layer)
            _, places = scene.body.joint_transforms(
                poses.betas, poses.rotvecs[index : index + 1], poses.transl[index : index + 1]
            )
            held = key.strength > Strength.FREE
            anchor[row, held] = places[0, held]
            locked[row] = key.strength == Strength.LOCKED
    if not rows and not np.isfinite(anchor).any():
        return None
    return Pins(
        row=np.array(rows, np.int64),
        joint=np.array(joints, np.int64),
        camera=np.array(picked, np.int64),
        pixel=np.array(pixels, np.float32).reshape(-1, 2),
        anchor=anchor,
        locked=locked,
    )
