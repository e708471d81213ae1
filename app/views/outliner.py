"""The outliner: who is in the scene, which layer of each is shown, the cameras, the problems."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.selection import JointRef
from app.views.glyphs import glyph, swatch
from app.views.wording import layer_title
from app.workbench import Workbench
from avatarpose.body.skeleton import Joint
from avatarpose.scene import edits
from avatarpose.scene.issues import Severity
from avatarpose.scene.people import Person
from avatarpose.scene.scene import Scene

NAME, EYE, LOCK = range(3)
KIND = Qt.ItemDataRole.UserRole
KEY = Qt.ItemDataRole.UserRole + 1
PERSON, LAYER, CAMERA, JOINT, GROUP, ISSUE = "person", "layer", "camera", "joint", "group", "issue"


class Outliner(QWidget):
    """A tree. A click selects, the eye hides, the padlock protects, a layer's dot shows it.

    Args:
        bench: the window's shared objects.
        parent: the owner.
    """

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("outliner")
        self.setAccessibleName("Outliner")
        self._bench = bench
        self._folded: set[str] = {"joints"}
        self.tree = _Tree(self)
        self.tree.itemClicked.connect(self._on_clicked)
        self.tree.itemChanged.connect(self._on_renamed)
        self.tree.itemExpanded.connect(lambda item: self._folded.discard(_fold_key(item)))
        self.tree.itemCollapsed.connect(lambda item: self._folded.add(_fold_key(item)))
        self.tree.itemEntered.connect(self._on_entered)
        self.tree.chosen.connect(lambda: self._choose(self.tree.currentItem()))
        self.tree.customContextMenuRequested.connect(self._show_menu)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tree)
        # Not at once: a change may come out of the tree's own mouse or editor event.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._rebuild)
        bench.document.scene_changed.connect(self._later.start)
        bench.selection.changed.connect(self._mark)
        bench.selection.camera_changed.connect(self._mark)
        self._rebuild()

    def sizeHint(self) -> QSize:
        """Wide enough for a run's name."""
        return QSize(250, 420)

    def item(self, kind: str, key: object) -> QTreeWidgetItem | None:
        """The row of a person (pid), layer (pid, name), camera (name) or joint (number)."""
        return next((it for it in self._items() if _is(it, kind, key)), None)

    def rename(self, pid: int) -> None:
        """Start typing another name for a person."""
        item = self.item(PERSON, pid)
        if item is not None:
            self.tree.editItem(item, NAME)

    def changeEvent(self, event: QEvent) -> None:
        """Symbols follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._rebuild()

    def _items(self) -> list[QTreeWidgetItem]:
        found: list[QTreeWidgetItem] = []
        todo = [self.tree.topLevelItem(at) for at in range(self.tree.topLevelItemCount())]
        while todo:
            item = todo.pop(0)
            if item is not None:
                found.append(item)
                todo = [item.child(at) for at in range(item.childCount())] + todo
        return found

    def _rebuild(self) -> None:
        """Make the tree anew; it is small, and what was folded and scrolled stays so."""
        scene, bar = self._bench.document.scene, self.tree.verticalScrollBar()
        at = bar.value()
        with QSignalBlocker(self.tree):
            self.tree.clear()
            if scene is None:
                self._add_sentence("Open a project to see its people and cameras here.")
                return
            for person in scene.people:
                self._add_person(scene, person)
            if not scene.people:
                self._add_sentence("Nobody is in this scene yet.")
            self._add_joints(scene)
            self._add_cameras(scene)
            self._add_issues(scene)
            for item in self._items():
                item.setExpanded(_fold_key(item) not in self._folded)
        self._mark()
        bar.setValue(at)

    def _add_sentence(self, text: str) -> None:
        item = QTreeWidgetItem(self.tree, [text])
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        item.setFirstColumnSpanned(True)

    def _add_person(self, scene: Scene, person: Person) -> None:
        item = QTreeWidgetItem(self.tree, [person.name])
        item.setData(NAME, KIND, PERSON)
        item.setData(NAME, KEY, person.pid)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
        item.setIcon(NAME, swatch(person.colour))
        item.setToolTip(NAME, "Click selects, double-click renames")
        for layer in person.layers:
            self._add_layer(scene, person, layer.name, item)

    def _add_layer(self, scene: Scene, person: Person, name: str, parent: QTreeWidgetItem) -> None:
        is_shown = name == person.shown
        keys = len(person.edit(name).keys)
        text = layer_title(name)
        run = next((it for it in scene.runs if it.name == name), None)
        if keys:
            text += f" + {keys} correction{'' if keys == 1 else 's'}"
        item = QTreeWidgetItem(parent, [text])
        item.setData(NAME, KIND, LAYER)
        item.setData(NAME, KEY, (person.pid, name))
        item.setIcon(NAME, glyph("shown" if is_shown else "not shown", self.palette()))
        hint = "Shown" if is_shown else "Click shows it"
        if run is not None:
            first, last = run.frames
            hint += f"\n{run.preset}, frames {first}–{last}, from {layer_title(run.source)}"
        item.setToolTip(NAME, hint)
        state = "shown" if is_shown else "not shown"
        item.setData(NAME, Qt.ItemDataRole.AccessibleTextRole, f"{text}, {state}")

    def _add_joints(self, scene: Scene) -> None:
        if not scene.people:
            return
        group = self._group("Joints", "joints", "joint")
        for joint in Joint:
            item = QTreeWidgetItem(group, [joint.label])
            item.setData(NAME, KIND, JOINT)
            item.setData(NAME, KEY, int(joint))

    def _add_cameras(self, scene: Scene) -> None:
        views = scene.capture.views
        group = self._group(f"Cameras ({len(views)})", "cameras", "camera")
        for view in views:
            present = 0 if view.footage is None else int(view.footage.present.sum())
            missing = scene.capture.frame_count - present
            text = view.camera.name
            if missing:
                text += "   no pictures" if not present else f"   {missing} frames missing"
            item = QTreeWidgetItem(group, [text])
            item.setData(NAME, KIND, CAMERA)
            item.setData(NAME, KEY, view.camera.name)
            size = f"{view.camera.width} × {view.camera.height} pixels"
            masks = "with masks" if view.masks is not None else "without masks"
            item.setToolTip(NAME, f"Camera {view.camera.name}: {size}, {masks}")

    def _add_issues(self, scene: Scene) -> None:
        if not scene.issues:
            return
        group = self._group(f"Problems ({len(scene.issues)})", "issues", "warning")
        for issue in scene.issues:
            item = QTreeWidgetItem(group, [issue.message])
            item.setData(NAME, KIND, ISSUE)
            item.setData(NAME, KEY, (issue.frame, issue.camera, issue.pid))
            item.setToolTip(NAME, "\n".join(it for it in (issue.message, issue.remedy) if it))
            if issue.severity is not Severity.INFO:
                item.setIcon(NAME, glyph("warning", self.palette()))

    def _group(self, text: str, key: str, symbol: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem(self.tree, [text])
        item.setData(NAME, KIND, GROUP)
        item.setData(NAME, KEY, key)
        item.setIcon(NAME, glyph(symbol, self.palette()))
        return item

    def _mark(self) -> None:
        """Bring symbols, bold names and the current row up to date with the selection."""
        selection = self._bench.selection
        with QSignalBlocker(self.tree):
            for item in self._items():
                kind, key = item.data(NAME, KIND), item.data(NAME, KEY)
                if kind == PERSON:
                    self._mark_person(item, key)
                elif kind == CAMERA:
                    _make_bold(item, on=key == selection.camera)
                elif kind == GROUP and key == "joints":
                    scene, pid = self._bench.document.scene, selection.pid
                    is_known = scene is not None and pid in scene.pids
                    name = scene.person(pid).name if is_known else ""  # pyright: ignore[reportOptionalMemberAccess, reportArgumentType]
                    item.setText(NAME, f"Joints of {name}" if name else "Joints")
            current = self.item(PERSON, selection.pid)
            if selection.joint is not None and "joints" not in self._folded:
                current = self.item(JOINT, selection.joint)
            if current is not None and self.tree.state() != _Tree.State.EditingState:
                self.tree.setCurrentItem(current)

    def _mark_person(self, item: QTreeWidgetItem, pid: int) -> None:
        selection, name = self._bench.selection, item.text(NAME)
        is_hidden, is_locked = pid in selection.hidden, pid in selection.locked
        item.setIcon(EYE, glyph("hidden" if is_hidden else "eye", self.palette()))
        item.setToolTip(EYE, f"{'Show' if is_hidden else 'Hide'} {name}")
        item.setIcon(LOCK, glyph("locked" if is_locked else "unlocked", self.palette()))
        item.setToolTip(LOCK, "Unlock" if is_locked else f"Protect {name} against grabbing")
        _make_bold(item, on=selection.pid == pid)
        words = [name, "hidden" if is_hidden else "", "locked" if is_locked else ""]
        item.setData(NAME, Qt.ItemDataRole.AccessibleTextRole, ", ".join(it for it in words if it))

    def _on_clicked(self, item: QTreeWidgetItem, column: int) -> None:
        selection, pid = self._bench.selection, item.data(NAME, KEY)
        if item.data(NAME, KIND) == PERSON and column == EYE:
            selection.set_hidden(pid, pid not in selection.hidden)
        elif item.data(NAME, KIND) == PERSON and column == LOCK:
            selection.set_locked(pid, pid not in selection.locked)
        else:
            self._choose(item)

    def _choose(self, item: QTreeWidgetItem | None) -> None:
        """What a click or Enter on a row does."""
        scene, selection = self._bench.document.scene, self._bench.selection
        if item is None or scene is None:
            return
        kind, key = item.data(NAME, KIND), item.data(NAME, KEY)
        if kind == PERSON:
            selection.select(key)
        elif kind == LAYER:
            self._show_layer(key[1], (key[0],))
        elif kind == CAMERA:
            selection.set_camera(key)
        elif kind == JOINT:
            selection.select(selection.pid, key)
        elif kind == ISSUE:
            self._go_to_issue(scene, *key)

    def _show_layer(self, name: str, pids: tuple[int, ...]) -> None:
        scene = self._bench.document.scene
        if scene is None or all(scene.person(pid).shown == name for pid in pids):
            return
        who = scene.person(pids[0]).name if len(pids) == 1 else "everybody"
        text = f"Show {layer_title(name)}, {who}"
        self._bench.document.edit(text, edits.show_layer(scene, name, pids))

    def _go_to_issue(self, scene: Scene, frame: int | None, camera: str, pid: int | None) -> None:
        frames = scene.capture.frames
        if frame is not None and frames[0] <= frame <= frames[-1]:
            self._bench.playback.seek(int(abs(frames - frame).argmin()))
        if camera in scene.capture.rig.names:
            self._bench.selection.set_camera(camera)
        if pid is not None and pid in scene.pids:
            self._bench.selection.select(pid)

    def _on_renamed(self, item: QTreeWidgetItem, column: int) -> None:
        scene = self._bench.document.scene
        if scene is None or column != NAME or item.data(NAME, KIND) != PERSON:
            return
        pid, name = item.data(NAME, KEY), item.text(NAME).strip()
        before = scene.person(pid).name
        if name and name != before:
            text = f"Rename {before} to {name}"
            self._bench.document.edit(text, edits.rename_person(scene, pid, name))
        else:
            with QSignalBlocker(self.tree):
                item.setText(NAME, before)

    def _on_entered(self, item: QTreeWidgetItem, _column: int) -> None:
        """The joint under the cursor lights up in every view."""
        pid, is_joint = self._bench.selection.pid, item.data(NAME, KIND) == JOINT
        hover = JointRef(pid, item.data(NAME, KEY)) if is_joint and pid is not None else None
        self._bench.selection.set_hover(hover)

    def _show_menu(self, position: QPoint) -> None:
        item = self.tree.itemAt(position)
        menu = QMenu(self)
        for text, action in self._verbs(item):
            menu.addAction(text, action)
        if menu.actions():
            menu.exec(self.tree.viewport().mapToGlobal(position))

    def _verbs(self, item: QTreeWidgetItem | None) -> list[tuple[str, Callable[[], object]]]:
        """What can be done with a row."""
        scene, selection = self._bench.document.scene, self._bench.selection
        if item is None or scene is None:
            return []
        kind, key = item.data(NAME, KIND), item.data(NAME, KEY)
        if kind == PERSON:
            is_hidden, is_locked = key in selection.hidden, key in selection.locked
            return [
                ("Rename", lambda: self.rename(key)),
                ("Show" if is_hidden else "Hide", lambda: selection.set_hidden(key, not is_hidden)),
                (
                    "Unlock" if is_locked else "Lock",
                    lambda: selection.set_locked(key, not is_locked),
                ),
            ]
        if kind == LAYER:
            pid, name = key
            title = layer_title(name)
            everybody = tuple(who.pid for who in scene.people if who.has_layer(name))
            return [
                (f"Show {title}", lambda: self._show_layer(name, (pid,))),
                (f"Show {title} of everybody", lambda: self._show_layer(name, everybody)),
            ]
        return []


def _make_bold(item: QTreeWidgetItem, *, on: bool) -> None:
    font = item.font(NAME)
    font.setBold(on)
    item.setFont(NAME, font)


def _fold_key(item: QTreeWidgetItem) -> str:
    """Names a row across rebuilds."""
    key = item.data(NAME, KEY)
    return key if item.data(NAME, KIND) == GROUP else f"{item.data(NAME, KIND)} {key}"


def _is(item: QTreeWidgetItem, kind: str, key: object) -> bool:
    found = item.data(NAME, KEY)
    same = tuple(found) == key if isinstance(found, list) else found == key
    return item.data(NAME, KIND) == kind and same


class _Tree(QTreeWidget):
    """Three columns, no header; Enter chooses the current row."""

    chosen = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName("People, layers, cameras")
        self.setColumnCount(3)
        self.setHeaderHidden(True)
        self.setIndentation(16)
        self.setIconSize(QSize(15, 15))
        self.setMouseTracking(True)
        self.setUniformRowHeights(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setExpandsOnDoubleClick(False)
        header = self.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(22)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column in (EYE, LOCK):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, 26)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Space choose; the rest moves about."""
        is_editing = self.state() == QAbstractItemView.State.EditingState
        if not is_editing and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit()
        else:
            super().keyPressEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the cursor any more."""
        super().leaveEvent(event)
        owner = self.parent()
        if isinstance(owner, Outliner):
            owner._bench.selection.set_hover(None)
