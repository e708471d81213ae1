"""A session in a process of its own, so that it cannot take the interpreter from the window.

`SessionProcess` is itself a `Session`: a `SessionThread` runs it like any other, and its `run` only
waits for messages. The child holds the real session.
"""

import contextlib
import logging
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, cast

from app.jobs.courier import Courier, shared_parts
from app.jobs.session import Session, SessionOpener, SessionStart, open_optimization
from avatarpose.errors import AvatarPoseError, OptimizationError
from avatarpose.optimize.snapshot import RunResult, Snapshot
from avatarpose.scene.scene import Scene

log = logging.getLogger(__name__)

LOOK_S = 0.1  # how often the parent looks whether it should give up on the child
CANCEL_GRACE_S = 1.2  # then the child is ended by force: a cancel must be over within 2 s
EXIT_GRACE_S = 1.0
CHILD_NICENESS = 10  # the window comes first on a busy machine


class SessionProcess:
    """A session whose work happens in a child process.

    Args:
        start: what to refine.
        opener: makes the real session in the child; a function of an importable module.
    """

    def __init__(self, start: SessionStart, opener: SessionOpener = open_optimization) -> None:
        self._start, self._opener = start, opener
        self._courier = Courier(shared_parts(start.scene))
        self._orders: queue.SimpleQueue[tuple[str, tuple[Any, ...]] | None] = queue.SimpleQueue()
        self._cancelled_at: float | None = None
        self._sending_error: Exception | None = None
        self._result: RunResult | None = None

    def run(self) -> Iterator[Snapshot]:
        """Start the child and pass on what it publishes.

        Raises:
            AvatarPoseError: the session in the child raised it, or the child died.
        """
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        child = context.Process(target=serve, args=(theirs,), name="avatarpose refinement")
        child.daemon = True  # never outlives the window, even if that crashes
        child.start()
        theirs.close()
        sender = threading.Thread(target=self._send_orders, args=(ours,), name="refinement orders")
        sender.start()
        try:
            yield from self._receive(cast("Connection[Any, Any]", ours), child)
        finally:
            self._orders.put(None)
            child.join(EXIT_GRACE_S if self._cancelled_at is None else 0.0)
            if child.is_alive():
                child.kill()
                child.join()
            sender.join()
            ours.close()
            child.close()

    def pause(self) -> None:
        """Hold before the next step."""
        self._orders.put(("pause", ()))

    def resume(self) -> None:
        """Go on."""
        self._orders.put(("resume", ()))

    def stop(self) -> None:
        """Finish early with the best state so far."""
        self._orders.put(("stop", ()))

    def cancel(self) -> None:
        """End at once; a child that does not listen is ended by force."""
        self._cancelled_at = time.monotonic()
        self._orders.put(("cancel", ()))

    def post(self, scene: Scene) -> None:
        """Hand over the user's newer scene."""
        self._orders.put(("post", (scene,)))

    def watch(self, cameras: Sequence[str], frame_index: int) -> None:
        """Say which pictures to preview."""
        self._orders.put(("watch", (tuple(cameras), frame_index)))

    def set_share(self, share: float) -> None:
        """Use at most this share of the time, in [0, 1]."""
        self._orders.put(("set_share", (share,)))

    def result(self) -> RunResult:
        """What the child's session left behind."""
        if self._result is None:
            raise OptimizationError("The refinement has no result.", remedy="Let it run first.")
        return self._result

    def _receive(self, pipe: "Connection[Any, Any]", child: BaseProcess) -> Iterator[Snapshot]:
        while True:
            is_message = bool(wait([pipe], LOOK_S))
            if self._is_overdue():
                return
            if self._sending_error is not None:
                raise OptimizationError(
                    f"The scene could not be handed to the refinement: {self._sending_error}",
                    remedy="Please report this, with the log; your poses are as they were.",
                )
            if not is_message:
                continue
            try:
                kind, content = self._courier.unpack(pipe.recv_bytes())
            except (EOFError, OSError):
                child.join(EXIT_GRACE_S)
                if self._cancelled_at is not None:
                    return
                raise _died(child.exitcode) from None
            if kind == "snapshot":
                yield content
            elif kind == "failed":
                raise AvatarPoseError(content[0], remedy=content[1])
            else:
                self._result = content
                return

    def _is_overdue(self) -> bool:
        asked = self._cancelled_at
        return asked is not None and time.monotonic() - asked > CANCEL_GRACE_S

    def _send_orders(self, pipe: "Connection[Any, Any]") -> None:
        """Packing and waiting for a busy child happen here, never on the interface thread."""
        try:
            pipe.send((self._start, self._opener))
            while (order := self._orders.get()) is not None:
                pipe.send_bytes(self._courier.pack(order))
        except OSError:
            log.info("the refinement's process is gone")  # `run` notices by itself
        except Exception as error:  # the thread's edge; `run` raises it
            log.exception("an order could not be sent")
            self._sending_error = error


def serve(pipe: "Connection[Any, Any]") -> None:
    """The child's whole life: open the session, obey orders, publish, report the end."""
    _be_a_good_neighbour()
    try:
        start, opener = pipe.recv()
        courier = Courier(shared_parts(start.scene))
        kind, content = "ended", None
        try:
            session = opener(start)
            threading.Thread(target=_obey, args=(pipe, courier, session), daemon=True).start()
            for snapshot in session.run():
                pipe.send_bytes(courier.pack(("snapshot", snapshot)))
            with contextlib.suppress(AvatarPoseError):  # a cancelled session has no result
                content = session.result()
        except AvatarPoseError as error:
            kind, content = "failed", (error.problem, error.remedy)
        except MemoryError:
            kind, content = (
                "failed",
                (
                    "There is not enough memory for this refinement.",
                    "Choose fewer frames or cameras, or the preset Preview.",
                ),
            )
        except BrokenPipeError:
            raise
        except Exception as error:  # the process's edge
            log.exception("the refinement failed")
            kind, content = (
                "failed",
                (
                    f"The refinement failed: {type(error).__name__}: {error}",
                    "Your poses are as they were. Please report this, with the log.",
                ),
            )
        pipe.send_bytes(courier.pack((kind, content)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        log.info("the window is gone")


def _obey(pipe: "Connection[Any, Any]", courier: Courier, session: Session) -> None:
    try:
        while True:
            name, arguments = courier.unpack(pipe.recv_bytes())
            getattr(session, name)(*arguments)
    except (EOFError, OSError):
        session.cancel()  # nobody is left to receive a result


def _be_a_good_neighbour() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the window, which then ends us
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.nice(CHILD_NICENESS)


def _died(exit_code: int | None) -> AvatarPoseError:
    if exit_code is not None and exit_code in (-signal.SIGTERM, -9):
        return OptimizationError(
            "The refinement was ended by the operating system, probably for lack of memory.",
            remedy="Choose fewer frames or cameras, or the preset Preview; your poses are kept.",
        )
    return OptimizationError(
        f"The refinement's process ended unexpectedly (exit code {exit_code}).",
        remedy="Your poses are as they were. Start it again; if it happens again, report it.",
    )
