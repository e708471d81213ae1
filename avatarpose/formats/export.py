"""Poses of a scene's layers as files."""

from collections.abc import Mapping
from pathlib import Path

from avatarpose.body.pose import PoseSequence
from avatarpose.errors import SceneError
from avatarpose.formats.smpl_params import write_smpl
from avatarpose.scene.scene import Scene

LATEST = "run:latest"
SHOWN = "shown"


def resolve_layer(scene: Scene, name: str) -> str:
    """The layer a name stands for; "run:latest" is the newest run.

    Raises:
        SceneError: nobody has such a layer.
    """
    existing = list(dict.fromkeys(layer for who in scene.people for layer in who.layer_names))
    if name == LATEST:
        runs = [layer for layer in existing if layer.startswith("run:") and layer[4:].isdigit()]
        if not runs:
            raise SceneError(
                f"{scene.name} has not been refined yet.",
                remedy="Run `avatarpose refine` first"
                + (f", or choose another layer: {', '.join(existing)}." if existing else "."),
            )
        return max(runs, key=lambda layer: int(layer[4:]))
    if name not in existing:
        raise SceneError(
            f"{scene.name} has no layer {name!r}.",
            remedy=f"The layers are {', '.join(existing)}."
            if existing
            else "Fit bodies to the 2D keypoints first: avatarpose fit SCENE",
        )
    return name


def layer_poses(scene: Scene, name: str, *, with_edits: bool = True) -> dict[int, PoseSequence]:
    """Poses per person of a layer, "run:latest", or "shown" (what each person shows).

    Args:
        scene: the scene.
        name: the layer.
        with_edits: include the user's corrections on the layer.

    Raises:
        SceneError: nobody has such a layer.
    """
    if name == SHOWN:
        holders = {who.pid: (who, who.shown) for who in scene.people if who.has_layer(who.shown)}
        if not holders:
            raise SceneError(
                f"Nobody in {scene.name} has poses yet.", remedy="Run `avatarpose fit` first."
            )
    else:
        layer = resolve_layer(scene, name)
        holders = {who.pid: (who, layer) for who in scene.people if who.has_layer(layer)}
    return {
        pid: who.poses(layer) if with_edits else who.layer(layer).poses
        for pid, (who, layer) in holders.items()
    }


def write_layer_npz(scene: Scene, poses: Mapping[int, PoseSequence], path: Path) -> Path:
    """Write poses as our native smpl.npz; into a folder as smpl.npz. Returns the file's path."""
    target = path / "smpl.npz" if path.is_dir() or path.suffix == "" else path
    write_smpl(
        target,
        scene.capture.frames,
        poses,
        fps=scene.capture.fps,
        genders={who.pid: who.gender for who in scene.people},
    )
    return target
