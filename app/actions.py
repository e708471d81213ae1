"""Every command of the window as a QAction: its words, its key, and what it does."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QWidget

from app.settings import Settings
from app.workbench import Workbench
from avatarpose.scene.edits import remove_keys, show_layer
from avatarpose.scene.layers import INITIAL, EditLayer
from avatarpose.scene.scene import Scene


class Actions(QObject):
    """The commands by name; menus, toolbar and the shortcut sheet are made from them."""

    def __init__(self, bench: Workbench, window: QWidget) -> None:
        super().__init__(window)
        self._bench, self._window = bench, window
        self._actions: dict[str, QAction] = {}
        self._order: list[str] = []

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def all(self) -> tuple[QAction, ...]:
        """In the order they were added."""
        return tuple(self._actions[name] for name in self._order)

    def add(
        self,
        name: str,
        text: str,
        run: Callable[[], object],
        *,
        keys: str | tuple[str, ...] = (),
        tip: str = "",
    ) -> QAction:
        """A command; `keys` in Qt's portable spelling."""
        action = QAction(text, self._window)
        action.setObjectName(name)
        keys = (keys,) if isinstance(keys, str) else keys
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        shown = (
            QKeySequence(keys[0]).toString(QKeySequence.SequenceFormat.NativeText) if keys else ""
        )
        plain = text.replace("&", "").rstrip("…")
        action.setToolTip(f"{tip or plain}" + (f"  ({shown})" if shown else ""))
        action.setStatusTip(tip)
        action.triggered.connect(lambda *_: run())
        self._window.addAction(action)
        self._actions[name] = action
        self._order.append(name)
        return action

    def add_switch(
        self, name: str, text: str, setting: str, *, keys: str | tuple[str, ...] = (), tip: str = ""
    ) -> QAction:
        """A command that turns a boolean preference on and off."""
        settings = self._bench.settings
        action = self.add(
            name,
            text,
            lambda: settings.change(**{setting: self._actions[name].isChecked()}),
            keys=keys,
            tip=tip,
        )
        action.setCheckable(True)
        action.setChecked(getattr(settings.values, setting))

        def follow(changed: str) -> None:
            if changed == setting:
                action.setChecked(getattr(settings.values, setting))

        settings.changed.connect(follow)
        return action

    def add_choice(
        self, setting: str, choices: tuple[tuple[str, str, str], ...], *, prefix: str = ""
    ) -> QActionGroup:
        """Exclusive commands that set a preference: (value, text, tip) each."""
        settings = self._bench.settings
        group = QActionGroup(self._window)
        for value, text, tip in choices:
            action = self.add(
                f"{prefix or setting}_{value}", text, _setter(settings, setting, value), tip=tip
            )
            action.setCheckable(True)
            action.setChecked(getattr(settings.values, setting) == value)
            action.setData(value)
            group.addAction(action)

        def follow(changed: str) -> None:
            if changed == setting:
                for action in group.actions():
                    action.setChecked(action.data() == getattr(settings.values, setting))

        settings.changed.connect(follow)
        return group


def _setter(settings: Settings, setting: str, value: object) -> Callable[[], None]:
    return lambda: settings.change(**{setting: value})


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
