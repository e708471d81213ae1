"""What all tests share: golden pictures, the real clip, and a watch over left-overs."""

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import hypothesis
import numpy as np
import pytest

if TYPE_CHECKING:
    from PySide6.QtCore import QObject, QThread
    from PySide6.QtWidgets import QWidget

REPOSITORY = Path(__file__).resolve().parent.parent
GOLDEN = REPOSITORY / "tests" / "golden"
GRACE_MS = 200  # for a thread whose work is done but which Qt still counts as running
QUIT_WAIT_MS = 5000

# The first example of a test may compile numba kernels, so speed is not judged here; CI replays
# the same examples every time.
hypothesis.settings.register_profile(
    "default", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile(
    "ci", hypothesis.settings.get_profile("default"), derandomize=True, print_blob=True
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="store what the tests draw as the new truth"
    )


@pytest.fixture(scope="session")
def shared_clip() -> Path:
    """Folder of the real two-person clip; tests that ask for it skip where it is absent."""
    named = os.environ.get("AVATARPOSE_CLIP")
    folder = Path(named) if named else REPOSITORY.parent / "shared/data/pose2sim_multiperson"
    if not folder.is_dir():
        pytest.skip(f"the real clip is not here ({folder}); AVATARPOSE_CLIP can name its folder")
    return folder


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`golden(picture, name, largest=…, share=…)` compares with `tests/golden/<name>.png`.

    `picture` is uint8, grey or RGB(A). No channel of any pixel may differ by more than `largest`
    (0 to 255), and at most the share `share` (0 to 1) of the pixels may differ at all. A failure
    leaves the actual picture and the difference in `tests/golden/failed`; `--update-golden`
    stores the actual picture as the new truth.
    """

    def compare(picture: np.ndarray, name: str, *, largest: int = 0, share: float = 1.0) -> None:
        stored_path = GOLDEN / f"{name}.png"
        if request.config.getoption("--update-golden"):
            _write_png(stored_path, picture)
            return
        actual_path = GOLDEN / "failed" / f"{name}-actual.png"
        advice = f"; see {actual_path}, and renew with --update-golden if it is right"
        if not stored_path.is_file():
            _write_png(actual_path, picture)
            pytest.fail(f"there is no golden picture {stored_path.name} yet{advice}")
        stored = _read_png(stored_path)
        if stored.shape != picture.shape:
            _write_png(actual_path, picture)
            pytest.fail(f"{name} is {picture.shape}, the golden picture {stored.shape}{advice}")
        difference = cv2.absdiff(stored, picture)
        worst = int(difference.max(initial=0))
        per_pixel = difference.reshape(*difference.shape[:2], -1).max(axis=2)
        changed = float(np.mean(per_pixel > 0))
        if worst > largest or changed > share:
            _write_png(actual_path, picture)
            _write_png(actual_path.with_name(f"{name}-difference.png"), per_pixel)
            pytest.fail(
                f"{name} differs by up to {worst} (allowed {largest}) "
                f"in {changed:.2%} of its pixels (allowed {share:.2%}){advice}",
                pytrace=False,
            )

    return compare


@pytest.fixture(autouse=True)
def nothing_left_behind(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Fails a test under tests/app that leaves a QThread running or a top-level window open."""
    if not request.path.is_relative_to(REPOSITORY / "tests" / "app"):
        yield
        return
    from PySide6.QtCore import QThread

    started: list[QThread] = []
    start = QThread.start

    def remember_and_start(thread: QThread, *priority: QThread.Priority) -> None:
        started.append(thread)
        start(thread, *priority)

    monkeypatch.setattr(QThread, "start", remember_and_start)
    known = _top_level_widgets()
    yield
    running = [_describe(thread) for thread in started if _still_runs(thread, GRACE_MS)]
    for thread in started:
        if _still_runs(thread):  # must not outlive its test and crash a later one
            thread.requestInterruption()
            thread.quit()
            thread.wait(QUIT_WAIT_MS)
    windows = _new_windows(known)
    left_over = [_describe(window) for window in windows]
    for window in windows:
        window.close()
        window.deleteLater()
    _delete_what_waits_for_it()
    if running:
        pytest.fail(f"threads still ran after the test: {', '.join(running)}", pytrace=False)
    if left_over:
        pytest.fail(f"windows were left over after the test: {', '.join(left_over)}", pytrace=False)


def _still_runs(thread: "QThread", grace_ms: int = 0) -> bool:
    import shiboken6

    if not shiboken6.isValid(thread) or not thread.isRunning():
        return False
    return not thread.wait(grace_ms)


def _new_windows(known: "list[QWidget]") -> "list[QWidget]":
    """Windows that came since `known`; hidden ones count only when something holds on to them."""
    _delete_what_waits_for_it()
    windows = [window for window in _top_level_widgets() if window not in known]
    if windows and not any(window.isVisible() for window in windows):
        del windows
        gc.collect()
        windows = [window for window in _top_level_widgets() if window not in known]
    return windows


def _top_level_widgets() -> "list[QWidget]":
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QApplication

    if not isinstance(QApplication.instance(), QApplication):
        return []
    return [
        widget
        for widget in QApplication.topLevelWidgets()
        if widget.windowType() != Qt.WindowType.ToolTip  # Qt keeps its tool tip for later
    ]


def _delete_what_waits_for_it() -> None:
    from PySide6.QtCore import QCoreApplication, QEvent

    if QCoreApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _describe(thing: "QObject") -> str:
    return f"{type(thing).__name__} {thing.objectName()!r}"


def _write_png(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), _swap_red_and_blue(picture)):
        raise OSError(f"could not write {path}")


def _read_png(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise OSError(f"could not read {path}")
    return _swap_red_and_blue(picture)


def _swap_red_and_blue(picture: np.ndarray) -> np.ndarray:
    """RGB(A) to OpenCV's BGR(A), and back; grey stays as it is."""
    if picture.ndim == 2:
        return picture
    order = [2, 1, 0, 3][: picture.shape[2]]
    return np.ascontiguousarray(picture[..., order])
