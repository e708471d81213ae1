"""Every verb of the user as a pure function Scene -> Scene; undo is putting the old scene back."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from avatarpose.body.pose import PoseSequence
from avatarpose.errors import SceneError
from avatarpose.geometry.rotation import compose_rotvecs
from avatarpose.scene.layers import EditLayer, KeyOffset, PoseLayer, Strength, ViewPin
from avatarpose.scene.scene import RunRecord, Scene


def set_pose(
    scene: Scene,
    pid: int,
    index: int,
    rotvecs: Float[np.ndarray, "joints=24 3"],
    transl: Float[np.ndarray, "3"],
    *,
    ease_frames: int = 0,
    hold: tuple[int, int] | None = None,
    pins: tuple[ViewPin, ...] = (),
    joints: tuple[int, ...] = (),
) -> Scene:
    """The person's shown pose at one frame becomes exactly this; neighbours follow by the spread.

    Args:
        scene: the scene before.
        pid: whose pose.
        index: position on the time base.
        rotvecs: local rotations wanted (rad).
        transl: translation wanted (m).
        ease_frames: frames over which the correction fades on either side.
        hold: frame indices over which the correction is held at full strength.
        pins: hand observations that come with the edit; they replace older ones of the same
            camera, frame and joint.
        joints: joints the user placed; they become soft targets of later refinements.
    """
    person = scene.person(pid)
    source = person.layer(person.shown).poses
    if not source.valid[index]:
        raise SceneError(
            f"{person.name} is absent in frame {scene.capture.frames[index]}.",
            remedy="Choose a frame in which the person is present.",
        )
    edit = person.edit()
    inverse = -source.rotvecs[index]
    offsets = compose_rotvecs(np.asarray(rotvecs, np.float32), inverse)
    before = edit.keys.get(index)
    strength = np.zeros(24, np.uint8) if before is None else before.strength.copy()
    strength[list(joints)] = np.maximum(strength[list(joints)], Strength.SOFT)
    key = KeyOffset(offsets, transl - source.transl[index], ease_frames, hold, strength)
    taken = {(pin.camera, pin.frame_index, pin.joint) for pin in pins}
    kept = tuple(p for p in edit.view_pins if (p.camera, p.frame_index, p.joint) not in taken)
    edit = replace(edit, keys={**edit.keys, index: key}, view_pins=(*kept, *pins))
    return scene.with_person(person.with_edit(edit))


def remove_keys(scene: Scene, pid: int, first: int, last: int) -> Scene:
    """Corrections and view pins of one person between two frame indices (inclusive) are gone."""
    person = scene.person(pid)
    edit = person.edit()
    keys = {index: key for index, key in edit.keys.items() if not first <= index <= last}
    pins = tuple(pin for pin in edit.view_pins if not first <= pin.frame_index <= last)
    return scene.with_person(person.with_edit(replace(edit, keys=keys, view_pins=pins)))


def remove_pin(scene: Scene, pid: int, camera: str, index: int, joint: int) -> Scene:
    """One hand observation is gone; the correction it led to stays."""
    person = scene.person(pid)
    edit = person.edit()
    gone = (camera, index, joint)
    pins = tuple(pin for pin in edit.view_pins if (pin.camera, pin.frame_index, pin.joint) != gone)
    return scene.with_person(person.with_edit(replace(edit, view_pins=pins)))


def set_strength(scene: Scene, pid: int, index: int, joint: int, strength: Strength) -> Scene:
    """How one corrected joint at a key frame binds later refinements."""
    person = scene.person(pid)
    edit = person.edit()
    if index not in edit.keys:
        raise SceneError(
            f"{person.name} has no correction at frame {scene.capture.frames[index]}.",
            remedy="Correct the pose there first.",
        )
    values = edit.keys[index].strength.copy()
    values[joint] = strength
    keys = {**edit.keys, index: replace(edit.keys[index], strength=values)}
    return scene.with_person(person.with_edit(replace(edit, keys=keys)))


def show_layer(scene: Scene, name: str, pids: tuple[int, ...] | None = None) -> Scene:
    """The named source is shown for the people that have it."""
    for person in scene.people:
        if (pids is None or person.pid in pids) and person.has_layer(name):
            scene = scene.with_person(replace(person, shown=name))
    return scene


def add_layer(scene: Scene, pid: int, name: str, poses: PoseSequence) -> Scene:
    """A person gets another pose source."""
    return scene.with_person(scene.person(pid).with_layer(PoseLayer(name, poses)))


def adopt_run(scene: Scene, record: RunRecord, poses: Mapping[int, PoseSequence]) -> Scene:
    """A finished run becomes a new layer of each refined person and is shown, with an empty Edit.

    Edits on the layers the run started from stay where they are.
    """
    for pid, sequence in poses.items():
        person = scene.person(pid).with_layer(PoseLayer(record.name, sequence))
        person = replace(person, shown=record.name).with_edit(EditLayer(), record.name)
        scene = scene.with_person(person)
    return scene.changed(runs=(*scene.runs, record))


def rename_person(scene: Scene, pid: int, name: str) -> Scene:
    """A person gets another name."""
    return scene.with_person(replace(scene.person(pid), name=name))
