"""What the window expects of a refinement, wherever it runs (a thread, another process)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from avatarpose.optimize.settings import RunRequest
from avatarpose.optimize.snapshot import RunResult, Snapshot
from avatarpose.scene.scene import Scene


class Session(Protocol):
    """A refinement. Everything but `run` and `result` may be called from another thread."""

    def run(self) -> Iterator[Snapshot]:
        """Do the work; at most about ten snapshots per second come out."""
        ...

    def pause(self) -> None:
        """Hold before the next step."""
        ...

    def resume(self) -> None:
        """Go on."""
        ...

    def stop(self) -> None:
        """Finish early with the best state so far."""
        ...

    def cancel(self) -> None:
        """End at once, without a result."""
        ...

    def post(self, scene: Scene) -> None:
        """Take in the user's newer scene between two steps."""
        ...

    def watch(self, cameras: Sequence[str], frame_index: int) -> None:
        """Render previews of these views at this frame index."""
        ...

    def set_share(self, share: float) -> None:
        """Use at most this share of the time, in [0, 1]."""
        ...

    def result(self) -> RunResult:
        """What came out, once `run` has ended."""
        ...


@dataclass(frozen=True, slots=True)
class SessionStart:
    """Everything a refinement needs to begin; it can travel to another process.

    Attributes:
        scene: the scene to refine.
        request: what the user asks for.
        folder: where checkpoints go; None keeps none.
        preview_cameras: views to render previews of.
        preview_frame: frame index of the previews.
    """

    scene: Scene
    request: RunRequest
    folder: Path | None = None
    preview_cameras: tuple[str, ...] = ()
    preview_frame: int = 0


# A function of a module (not a lambda), so that another process can import it by name.
SessionOpener = Callable[[SessionStart], Session]


def open_optimization(start: SessionStart) -> Session:
    """The program's own refinement; torch is imported here, where the session will live."""
    from avatarpose.optimize.session import OptimizationSession

    return OptimizationSession(
        start.scene,
        start.request,
        folder=start.folder,
        preview_cameras=start.preview_cameras,
        preview_frame=start.preview_frame,
    )


def merge_snapshots(older: Snapshot, newer: Snapshot) -> Snapshot:
    """The newer snapshot with the pictures and the message an unread older one would lose."""
    if not older.previews and not older.message:
        return newer
    rendered = {(it.camera, it.frame_index): it for it in (*older.previews, *newer.previews)}
    return replace(newer, previews=tuple(rendered.values()), message=newer.message or older.message)
