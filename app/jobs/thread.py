"""Runs a session beside the window and hands out its newest snapshot; owns no other Qt object."""

import logging
from collections.abc import Callable, Sequence
from threading import Lock

from PySide6.QtCore import QObject, QThread, Signal

from app.jobs.mailbox import Mailbox
from app.jobs.session import Session, merge_snapshots
from avatarpose.errors import AvatarPoseError
from avatarpose.optimize.snapshot import Snapshot
from avatarpose.scene.scene import Scene

log = logging.getLogger(__name__)

SHUTDOWN_MS = 2000


class SessionThread(QThread):
    """One run of one session; exactly one of `completed`, `cancelled` and `failed` ends it.

    Args:
        open_session: makes the session; called in the thread, so that heavy imports happen there.
        parent: the owner, which must call `shutdown` before it goes.
    """

    snapshot_ready = Signal()
    completed = Signal(object)
    cancelled = Signal()
    failed = Signal(str, str)

    def __init__(self, open_session: Callable[[], Session], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("refinement")
        self._open_session = open_session
        self._mailbox: Mailbox[Snapshot] = Mailbox(merge_snapshots)
        self._lock = Lock()
        self._session: Session | None = None
        self._waiting: list[Callable[[Session], None]] = []
        self._is_cancelled = False

    def take(self) -> Snapshot | None:
        """The newest snapshot that was not taken yet."""
        return self._mailbox.take()

    def pause(self) -> None:
        """Hold before the next step."""
        self._tell(lambda session: session.pause())

    def resume(self) -> None:
        """Go on."""
        self._tell(lambda session: session.resume())

    def stop(self) -> None:
        """Finish early and keep the best state so far."""
        self._tell(lambda session: session.stop())

    def cancel(self) -> None:
        """End without a result."""
        self._is_cancelled = True
        self._tell(lambda session: session.cancel())

    def post(self, scene: Scene) -> None:
        """Hand over the user's newer scene."""
        self._tell(lambda session: session.post(scene))

    def watch(self, cameras: Sequence[str], frame_index: int) -> None:
        """Say which pictures to preview."""
        self._tell(lambda session: session.watch(cameras, frame_index))

    def set_share(self, share: float) -> None:
        """Use at most this share of the time, in [0, 1]."""
        self._tell(lambda session: session.set_share(share))

    def shutdown(self, deadline_ms: int = SHUTDOWN_MS) -> bool:
        """Cancel and wait; False when the session did not let go in time."""
        if not self.isRunning():
            return True
        self.cancel()
        ended = self.wait(deadline_ms)
        if not ended:
            log.error("the refinement did not end within %d ms", deadline_ms)
        return ended

    def run(self) -> None:
        """Qt calls this in the new thread."""
        try:
            session = self._open_session()
            self._begin(session)
            for snapshot in session.run():
                if self._mailbox.put(snapshot):
                    self.snapshot_ready.emit()
            if self._is_cancelled:
                self.cancelled.emit()
            else:
                self.completed.emit(session.result())
        except AvatarPoseError as error:
            self._end_badly(error.problem, error.remedy)
        except MemoryError:
            self._end_badly(
                "There is not enough memory for this refinement.",
                "Choose fewer frames or cameras, or the preset Preview.",
            )
        except Exception as error:  # the thread's edge: nothing may take the window down
            log.exception("the refinement failed")
            self._end_badly(
                f"The refinement failed: {type(error).__name__}: {error}",
                "Your poses are as they were. Please report this, with the log.",
            )
        finally:
            with self._lock:
                self._session = None

    def _begin(self, session: Session) -> None:
        with self._lock:
            self._session = session
            for order in self._waiting:
                order(session)
            self._waiting.clear()

    def _tell(self, order: Callable[[Session], None]) -> None:
        """Pass an order on now, or as soon as the session exists."""
        with self._lock:
            if self._session is not None:
                order(self._session)
            else:
                self._waiting.append(order)

    def _end_badly(self, problem: str, remedy: str) -> None:
        if self._is_cancelled:
            log.info("ended while being cancelled: %s", problem)
            self.cancelled.emit()
        else:
            self.failed.emit(problem, remedy)
