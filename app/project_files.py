"""Opening, saving and the journal of edits; all reading and writing happens off the GUI thread."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal

from app.workbench import Workbench
from avatarpose.errors import AvatarPoseError
from avatarpose.formats.detect import OpenedScene, open_scene
from avatarpose.formats.project import save_project
from avatarpose.installation import resource_path
from avatarpose.scene.scene import Scene

log = logging.getLogger(__name__)

_Then = Callable[[Any], None]


def sample_folder() -> Path:
    """The capture that comes with the program."""
    return resource_path("sample", "hug")


class ProjectFiles(QObject):
    """The open project's place on disk.

    One worker thread reads and writes in order; its results come back as signals.
    """

    opening = Signal(str)
    opened = Signal()
    saved = Signal(str)
    failed = Signal(str, str)
    state_changed = Signal()
    _done = Signal(object)

    def __init__(self, bench: Workbench, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bench = bench
        self._folder: Path | None = None
        self._body_path: Path | None = None
        self._saved_scene: Scene | None = None
        self._busy_with = ""
        self._worker = ThreadPoolExecutor(1, "project files")
        self._is_closed = False
        self._done.connect(self._finish, Qt.ConnectionType.QueuedConnection)
        bench.document.scene_changed.connect(self.state_changed)

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
        self._busy_with = path.name
        self.opening.emit(path.name)

        def read() -> OpenedScene:
            found = open_scene(path)
            return OpenedScene(
                _labelled(found.scene), found.project_folder, found.is_new, found.body_path
            )

        self._submit(read, lambda found: self._show(found, path))

    def save(self, folder: Path | None = None) -> None:
        """Write the scene in the background, to another folder when one is given."""
        scene = self._bench.document.scene
        target = folder or self._folder
        if scene is None or target is None:
            return
        body_path = self._body_path
        self._submit(
            lambda: save_project(scene, target, body_path=body_path),
            lambda _: self._note_saved(scene, target),
        )

    def close(self) -> None:
        """Finish what is being written and end the worker."""
        self._is_closed = True
        self._worker.shutdown(wait=True)

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
        if isinstance(outcome, AvatarPoseError):
            self.failed.emit(outcome.problem, outcome.remedy)
        else:
            problem = f"Unexpected {type(outcome).__name__}: {outcome}"
            self.failed.emit(problem, "Please send the log.")
        self.state_changed.emit()

    def _show(self, found: OpenedScene, path: Path) -> None:
        self._busy_with = ""
        self._folder, self._body_path = found.project_folder, found.body_path
        self._saved_scene = found.scene
        show_scene(self._bench, found.scene)
        self._bench.settings.remember_project(str(path))
        self.opened.emit()
        self.state_changed.emit()

    def _note_saved(self, scene: Scene, folder: Path) -> None:
        self._folder, self._saved_scene = folder, scene
        self._bench.settings.remember_project(str(folder))
        self.saved.emit(str(folder))
        self.state_changed.emit()


def show_scene(bench: Workbench, scene: Scene | None) -> None:
    """Put a scene on the table: pictures, time base, selection, then the document itself."""
    bench.bodies.clear()
    bench.footage.open(None if scene is None else scene.capture)
    capture = None if scene is None else scene.capture
    bench.playback.reset(
        0 if capture is None else capture.frame_count, 25.0 if capture is None else capture.fps
    )
    bench.document.open(scene)
    if scene is not None:
        bench.selection.select(scene.people[0].pid if scene.people else None)
        bench.selection.set_camera(
            scene.capture.views[0].camera.name if scene.capture.views else None
        )


def _labelled(scene: Scene) -> Scene:
    """The scene with every detection given to a person, unless the source has done so."""
    from avatarpose.estimation.association import label_detections

    if any(np.any(found.pid >= 0) for found in scene.detections.values()):
        return scene
    return label_detections(scene)
