"""Opening, saving and the journal of edits; all reading and writing happens off the GUI thread."""

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal

from app.workbench import Workbench
from avatarpose.body.pose import PoseSequence
from avatarpose.errors import AvatarPoseError, SceneError
from avatarpose.formats.detect import OpenedScene, open_scene, stated_body
from avatarpose.formats.journal import Journal, ProjectLock, recover
from avatarpose.formats.places import project_folder_of
from avatarpose.formats.project import is_project, save_project
from avatarpose.formats.smpl_model import default_body, find_body_model
from avatarpose.geometry.silhouette import warm_up
from avatarpose.installation import resource_path
from avatarpose.scene.layers import INITIAL, PoseLayer
from avatarpose.scene.scene import Scene

log = logging.getLogger(__name__)

_Then = Callable[[Any], None]


def sample_folder() -> Path:
    """The capture that comes with the program."""
    return resource_path("sample", "hug")


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """What opening found: the scene as saved, and with the edits of a journal on top."""

    found: OpenedScene
    recovered: Scene
    recovered_count: int


class _Disk:
    """The worker's side of a project: its lock and its journal; used by one thread only."""

    def __init__(self, folder: Path, saved: Scene, body_path: Path | None) -> None:
        self._folder, self._saved, self._body_path = folder, saved, body_path
        self._lock = ProjectLock(folder)
        self._journal: Journal | None = None

    def write_down(self, scene: Scene) -> None:
        """Append what changed to the journal; a project that is not on disk yet is made first."""
        self._make_ready().append(scene)

    def save(self, scene: Scene) -> None:
        """Write everything; the journal starts afresh."""
        journal = self._make_ready()
        save_project(scene, self._folder, body_path=self._body_path)
        journal.start_afresh(scene)
        self._saved = scene

    def forget_changes(self) -> None:
        """The user has chosen not to keep what is in the journal."""
        if self._journal is not None:
            self._journal.start_afresh(self._saved)

    def close(self) -> None:
        """Release the files."""
        if self._journal is not None:
            self._journal.close()
        self._lock.release()

    def _make_ready(self) -> Journal:
        if self._journal is not None:
            return self._journal
        if not self._lock.acquire():
            raise SceneError(
                f"{self._folder.name} is open in another window: changes here are not kept.",
                remedy="Close the other window, or save as another project.",
            )
        if not is_project(self._folder):
            save_project(self._saved, self._folder, body_path=self._body_path)
        self._journal = Journal(self._folder, self._saved)
        return self._journal


class ProjectFiles(QObject):
    """The open project's place on disk.

    One worker thread reads and writes in order; its results come back as signals. Every committed
    edit goes into the journal at once, so that a crash loses nothing.

    Args:
        bench: the window's shared objects.
        projects_folder: where projects of captures are made; None for beside them or the user's.
        parent: the owner, which must call `close` before it goes.
    """

    opening = Signal(str)
    opened = Signal()
    recovered = Signal(int)
    saved = Signal(str)
    failed = Signal(str, str)
    state_changed = Signal()
    _done = Signal(object)

    def __init__(
        self,
        bench: Workbench,
        projects_folder: Path | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._bench, self._projects_folder = bench, projects_folder
        self._folder: Path | None = None
        self._body_path: Path | None = None
        self._saved_scene: Scene | None = None
        self._busy_with = ""
        self._worker = ThreadPoolExecutor(1, "project files")
        self._disk: _Disk | None = None
        self._is_closed = self._is_locked_out = False
        self._done.connect(self._finish, Qt.ConnectionType.QueuedConnection)
        bench.document.scene_changed.connect(self._on_scene_changed)

    @property
    def folder(self) -> Path | None:
        """The project folder; None before the first save of a scene without one."""
        return self._folder

    @property
    def busy_with(self) -> str:
        """What is being read, for the busy page; "" when nothing is."""
        return self._busy_with

    @property
    def is_modified(self) -> bool:
        """True when the scene differs from what is on disk."""
        return self._bench.document.scene is not self._saved_scene

    def open(self, path: Path) -> None:
        """Read a project or capture in the background, then show it."""
        if self._busy_with:
            return
        self._busy_with = path.name or str(path)
        self.opening.emit(self._busy_with)
        projects_folder, choice = self._projects_folder, self._bench.settings.values.body_model

        def read() -> _Read:
            warm_up()
            body_path = _body_for(path, choice, projects_folder)
            found = open_scene(path, body_path=body_path, projects_folder=projects_folder)
            found = replace(found, scene=with_room_for_poses(_labelled(found.scene)))
            if found.is_new:
                return _Read(found, found.scene, 0)
            return _Read(found, *recover(found.project_folder, found.scene))

        self._submit(read, lambda result: self._show(result, path))

    def save(self, folder: Path | None = None) -> None:
        """Write the scene in the background, to another folder when one is given."""
        scene = self._bench.document.scene
        target = folder or self._folder
        if scene is None or target is None:
            return
        if self._disk is None or target != self._folder:
            self._close_disk()
            self._disk = _Disk(target, scene, self._body_path)
            self._folder, self._is_locked_out = target, False
        disk = self._disk
        self._submit(lambda: disk.save(scene), lambda _: self._note_saved(scene, target))

    def forget_changes(self) -> None:
        """Drop the journal of unsaved changes."""
        if self._disk is not None:
            self._submit(self._disk.forget_changes, _nothing)

    def close(self) -> None:
        """Finish what is being written and end the worker."""
        self._close_disk()
        self._is_closed = True
        self._worker.shutdown(wait=True)

    def _close_disk(self) -> None:
        if self._disk is not None:
            self._submit(self._disk.close, _nothing)
            self._disk = None

    def _on_scene_changed(self) -> None:
        scene, disk = self._bench.document.scene, self._disk
        if scene is not None and disk is not None and not self._is_locked_out:
            self._submit(lambda: disk.write_down(scene), _nothing)
        self.state_changed.emit()

    def _submit(self, work: Callable[[], Any], then: _Then) -> None:
        if self._is_closed:
            return

        def run() -> None:
            try:
                outcome: Any = work()
            except AvatarPoseError as error:
                self._done.emit((None, error))
                return
            except Exception as error:
                log.exception("reading or writing failed")
                self._done.emit((None, error))
                return
            self._done.emit((then, outcome))

        self._worker.submit(run)

    def _finish(self, message: tuple[_Then | None, Any]) -> None:
        then, outcome = message
        if then is not None:
            then(outcome)
            return
        self._busy_with = ""
        if isinstance(outcome, SceneError):
            self._is_locked_out = True
        if isinstance(outcome, AvatarPoseError):
            self.failed.emit(outcome.problem, outcome.remedy)
        else:
            problem = f"Unexpected {type(outcome).__name__}: {outcome}"
            self.failed.emit(problem, "Please send the log.")
        self.state_changed.emit()

    def _show(self, result: _Read, path: Path) -> None:
        found = result.found
        self._busy_with = ""
        self._close_disk()
        self._folder, self._body_path = found.project_folder, found.body_path
        self._saved_scene, self._is_locked_out = found.scene, False
        show_scene(self._bench, found.scene)
        self._disk = _Disk(found.project_folder, found.scene, found.body_path)
        self._bench.settings.remember_project(str(path))
        self.opened.emit()
        if result.recovered_count:
            count = result.recovered_count
            self._bench.document.edit(f"Recover {count} edits", result.recovered)
            self.recovered.emit(count)
        self.state_changed.emit()

    def _note_saved(self, scene: Scene, folder: Path) -> None:
        self._folder, self._saved_scene = folder, scene
        self._bench.settings.remember_project(str(folder))
        self.saved.emit(str(folder))
        self.state_changed.emit()


def _nothing(_: object) -> None:
    """Nothing follows."""


def show_scene(bench: Workbench, scene: Scene | None) -> None:
    """Put a scene on the table: pictures, time base, selection, then the document itself."""
    bench.bodies.clear()
    capture = None if scene is None else scene.capture
    bench.footage.open(capture)
    bench.playback.reset(
        0 if capture is None else capture.frame_count, 25.0 if capture is None else capture.fps
    )
    bench.document.open(scene)
    if scene is not None:
        bench.selection.select(scene.people[0].pid if scene.people else None)
        names = scene.capture.rig.names
        bench.selection.set_camera(names[0] if names else None)


def _body_for(path: Path, choice: str, projects_folder: Path | None) -> Path | None:
    """File of the body model for what is opened; None means the one it was made with.

    A project keeps its body. A capture gets the one of the settings, else, unless it states that
    its poses belong to the body that comes along, one in $SMPLX_MODELS.
    """
    if (
        not path.is_dir()
        or is_project(path)
        or is_project(project_folder_of(path, projects_folder))
    ):
        return None
    named = os.environ.get("SMPLX_MODELS")
    folder = Path(named).expanduser() if named else None
    if choice:
        return find_body_model(choice, folder)
    if folder is None or stated_body(path) == default_body().sha256:
        return None
    return find_body_model(None, folder)


def with_room_for_poses(scene: Scene) -> Scene:
    """People without any poses get an initial layer in which they are absent throughout."""
    count = scene.capture.frame_count
    for person in scene.people:
        if not person.layers:
            absent = PoseSequence(
                np.zeros(10, np.float32), np.zeros((count, 3), np.float32),
                np.zeros((count, 69), np.float32), np.zeros((count, 3), np.float32),
                np.zeros(count, np.bool_),
            )  # fmt: skip
            layer = PoseLayer(INITIAL, absent)
            scene = scene.with_person(replace(person, layers=(layer,), shown=INITIAL))
    return scene


def _labelled(scene: Scene) -> Scene:
    """The scene with every detection given to a person, unless the source has done so."""
    from avatarpose.estimation.association import label_detections

    if any(np.any(found.pid >= 0) for found in scene.detections.values()):
        return scene
    return label_detections(scene)
