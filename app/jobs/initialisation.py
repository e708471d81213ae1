"""Fitting bodies to the 2D keypoints in the background; it lands as one undo step."""

import logging
import threading

from PySide6.QtCore import QObject, Qt, Signal

from app.workbench import Workbench
from avatarpose.errors import AvatarPoseError
from avatarpose.scene.scene import Scene

log = logging.getLogger(__name__)


class _StoppedError(Exception):
    """The user does not want the poses any more."""


def lacks_poses(scene: Scene) -> bool:
    """True when keypoints of two views could give poses, and nobody has any yet."""
    return len(scene.detections) >= 2 and not any(
        layer.poses.valid.any() for who in scene.people for layer in who.layers
    )


class Initialisation(QObject):
    """Gives everybody an initial layer fitted to the keypoints; one at a time.

    `progressed` tells the share done in [0, 1] and what is being done; `ended` comes last, with
    True when there are new poses.
    """

    progressed = Signal(float, str)
    trouble = Signal(str, str)
    ended = Signal(bool)
    _done = Signal(object, object)

    def __init__(self, bench: Workbench, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bench = bench
        self._thread: threading.Thread | None = None
        self._is_stopped = threading.Event()
        self._done.connect(self._finish, Qt.ConnectionType.QueuedConnection)

    @property
    def is_active(self) -> bool:
        """True while bodies are being fitted."""
        return self._thread is not None

    def start(self) -> bool:
        """Begin with the open scene; False when nothing is open or one runs already."""
        scene = self._bench.document.scene
        if scene is None or self.is_active:
            return False
        self._is_stopped.clear()
        self._thread = threading.Thread(target=self._fit, args=(scene,), name="initialisation")
        self._thread.start()
        return True

    def cancel(self) -> None:
        """End soon, and change nothing."""
        self._is_stopped.set()

    def shutdown(self) -> None:
        """End without a result and wait for it, so that the window can close."""
        self.cancel()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def _fit(self, scene: Scene) -> None:
        """Runs in the worker."""
        try:
            from avatarpose.estimation.fitting import initialise

            self._done.emit(scene, initialise(scene, self._tell))
        except (_StoppedError, AvatarPoseError) as end:
            self._done.emit(scene, end)
        except Exception as error:
            log.exception("initialisation failed")
            self._done.emit(scene, error)

    def _tell(self, share: float, words: str) -> None:
        if self._is_stopped.is_set():
            raise _StoppedError
        self.progressed.emit(share, words)

    def _finish(self, before: Scene, outcome: object) -> None:
        if self._thread is None:  # shut down meanwhile
            return
        self._thread.join()
        self._thread = None
        document = self._bench.document
        if self._is_stopped.is_set() or isinstance(outcome, _StoppedError):
            self.ended.emit(False)
        elif isinstance(outcome, Scene) and document.scene is before:
            document.edit("Initialise from keypoints", outcome)
            if self._bench.selection.pid not in outcome.pids and outcome.pids:
                self._bench.selection.select(outcome.pids[0])
            self.ended.emit(True)
        else:
            self.ended.emit(False)
            if isinstance(outcome, AvatarPoseError):
                self.trouble.emit(outcome.problem, outcome.remedy)
            elif isinstance(outcome, Exception):
                problem = f"Unexpected {type(outcome).__name__}: {outcome}"
                self.trouble.emit(problem, "Please send the log.")
            else:
                self.trouble.emit(
                    "The scene was changed while bodies were fitted.",
                    "Nothing was replaced; initialise once more.",
                )
