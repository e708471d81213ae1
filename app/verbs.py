"""Commands on the scene and the selection that need no widget; the menus call them."""

from typing import cast

import numpy as np

from app.interactions import spread_of
from app.settings import Settings
from app.workbench import Workbench
from avatarpose.body.ik import Mode, solve_limb
from avatarpose.body.skeleton import Joint
from avatarpose.scene.edits import remove_keys, set_pose, show_layer
from avatarpose.scene.layers import INITIAL, EditLayer
from avatarpose.scene.pins import detected_point
from avatarpose.scene.scene import Scene


def choose_person(bench: Workbench, number: int) -> None:
    """Make the number-th person (from 0) the active one, keeping the joint."""
    scene = bench.document.scene
    if scene is not None and number < len(scene.people):
        bench.selection.select(scene.people[number].pid, bench.selection.joint)


def next_person(bench: Workbench) -> None:
    """The person after the active one."""
    scene = bench.document.scene
    if scene is None or not scene.people:
        return
    pids = scene.pids
    at = pids.index(bench.selection.pid) + 1 if bench.selection.pid in pids else 0
    bench.selection.select(pids[at % len(pids)], bench.selection.joint)


def edited_frames(bench: Workbench, *, everybody: bool) -> list[int]:
    """Frame indices with corrections: of everybody, or of the active person."""
    scene = bench.document.scene
    if scene is None:
        return []
    people = [who for who in scene.people if everybody or who.pid == bench.selection.pid]
    return sorted({index for person in people for index in person.edit().keys})


def go_to_nearest(bench: Workbench, frames: list[int], direction: int) -> bool:
    """Seek to the next (1) or previous (-1) of some frames; False when there is none."""
    here = bench.playback.index
    ahead = [index for index in frames if (index - here) * direction > 0]
    if not ahead:
        return False
    bench.playback.pause()
    bench.playback.seek(min(ahead, key=lambda index: abs(index - here)))
    return True


def remove_corrections(bench: Workbench) -> bool:
    """Take the active person's corrections off the shown frame or the selected range."""
    scene, pid = bench.document.scene, bench.selection.pid
    if scene is None or pid is None:
        return False
    first, last = bench.playback.range or (bench.playback.index, bench.playback.index)
    person = scene.person(pid)
    if not any(first <= index <= last for index in person.edit().keys):
        return False
    frames = scene.capture.frames
    where = f"f {frames[first]}" if first == last else f"f {frames[first]} to {frames[last]}"
    after = remove_keys(scene, pid, first, last)
    bench.document.edit(f"Remove corrections, {person.name}, {where}", after)
    return True


def cycle_ik_mode(settings: Settings) -> str:
    """Limb IK, Body IK, FK, and round again; returns the new one."""
    order = ("limb", "body", "fk")
    new = order[(order.index(settings.values.ik_mode) + 1) % len(order)]
    settings.change(ik_mode=new)
    return new


def scene_before(scene: Scene) -> Scene:
    """What compare shows: each run's source in its place, and poses without the user's edits."""
    sources = {record.name: record.source for record in scene.runs}
    for person in scene.people:
        source = sources.get(person.shown, INITIAL)
        if person.shown.startswith("run:") and person.has_layer(source):
            scene = show_layer(scene, source, (person.pid,))
        elif not person.edit().is_empty:
            scene = scene.with_person(person.with_edit(EditLayer()))
    return scene


def triangulate_joint(bench: Workbench) -> str:
    """The selected joint goes where its detections of all views meet; returns what happened."""
    scene, selection, index = bench.document.scene, bench.selection, bench.playback.index
    if scene is None or selection.pid is None or selection.joint is None:
        return "Choose a joint first"
    pid, joint = selection.pid, Joint(selection.joint)
    person = scene.person(pid)
    source = person.layer(person.shown).poses
    if pid in selection.locked or not source.valid[index]:
        return f"{person.name} is locked or absent here"
    point, count = detected_point(scene, pid, index, joint)
    if point is None:
        return f"The {joint.label} is detected in {count} views: two are needed"
    edit = person.edit()
    rotvecs, transl = edit.pose_at(source, index)
    mode = cast(Mode, bench.settings.values.ik_mode)
    betas = source.betas + edit.betas
    solved = solve_limb(scene.body, betas, rotvecs, transl, joint, point, mode)
    spread = spread_of(bench.settings, bench.playback)
    after = set_pose(
        scene,
        pid,
        index,
        solved.rotvecs.astype(np.float32),
        solved.transl.astype(np.float32),
        ease_frames=spread.ease_frames,
        hold=spread.hold,
        joints=(int(joint),),
    )
    frame = scene.capture.frames[index]
    bench.document.edit(f"Triangulate {joint.label}, {person.name}, f {frame}", after)
    return solved.note or f"The {joint.label} was placed by {count} views"
