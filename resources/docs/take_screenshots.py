"""Pictures of the real window on the sample, driven by real mouse events.

Usage: python resources/docs/take_screenshots.py [--out FOLDER] [--only window,drag,refine,light]
Needs a display (`make screenshots` provides one).
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.main_window import MainWindow
from app.settings import Settings
from app.theme import apply_theme
from avatarpose.body.skeleton import Joint
from avatarpose.optimize.settings import RunRequest

PATIENCE_S = 600


def wait_until(is_so: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Let the window live until something is so.

    Raises:
        TimeoutError: it did not come about.
    """
    deadline = time.monotonic() + patience_s
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("the window did not get there")
        QTest.qWait(50)


class Photographer:
    """A window on the sample and where its pictures go."""

    def __init__(self, folder: Path, projects: Path, theme: str) -> None:
        self.folder = folder
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        settings = Settings()
        settings.change(theme=theme)
        apply_theme(application, settings.values.theme)
        self.window = MainWindow(settings, projects_folder=projects)
        self.window.setWindowFlag(Qt.WindowType.FramelessWindowHint)
        self.window.setGeometry(0, 0, 1760, 990)
        self.window.show()
        self.window.open_sample()
        document = self.window.bench.document
        wait_until(lambda: document.scene is not None)
        self.settle(4.0)

    def settle(self, seconds: float = 1.5) -> None:
        """Let pictures and strips arrive."""
        QTest.qWait(round(seconds * 1000))

    def take(self, name: str) -> None:
        """Save what the screen shows of the window (the 3D viewport draws on the screen only)."""
        self.settle()
        screen = QGuiApplication.primaryScreen()
        area = self.window.geometry()
        picture = screen.grabWindow(0, area.x(), area.y(), area.width(), area.height())
        path = self.folder / f"{name}.png"
        if not picture.save(str(path)):
            raise OSError(f"{path} could not be written")

    def drag_wrist(self) -> None:
        """Take the most misplaced wrist in one view and hold it where it truly is."""
        bench = self.window.bench
        scene = bench.document.scene
        assert scene is not None
        joint, best = Joint.LEFT_WRIST, (0.0, 0, 0)
        for person in scene.people:
            found, true = (
                scene.body.joint_transforms(poses.betas, poses.rotvecs, poses.transl)[1][:, joint]
                for poses in (person.poses(), person.layer("truth").poses)
            )
            away = np.linalg.norm(found - true, axis=-1)
            best = max(best, (float(away.max()), person.pid, int(away.argmax())))
        _, pid, index = best
        bench.playback.seek(index)
        bench.selection.select(pid, joint)
        self.settle(2.0)
        poses = scene.person(pid).layer("truth").poses
        pick = slice(index, index + 1)
        _, joints = scene.body.joint_transforms(
            poses.betas, poses.rotvecs[pick], poses.transl[pick]
        )
        view = self.window.grid.views[1]
        place = view.joint_position(pid, joint)
        assert place is not None
        start = place.toPoint()
        goal = view.to_widget(view.camera.project(joints[0, joint]))
        QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
        for share in np.linspace(0.1, 1.0, 10):
            x, y = (1 - share) * np.array([start.x(), start.y()]) + share * np.asarray(goal)
            QTest.mouseMove(view, QPoint(round(x), round(y)))
            QTest.qWait(40)

    def drop(self) -> None:
        """Let go of what is held, without a change."""
        QTest.keyClick(self.window.grid.views[1], Qt.Key.Key_Escape)
        self.settle(0.5)

    def refine(self, until_step_share: float) -> None:
        """Start a preview run and wait until it is well under way."""
        center, bench = self.window.center, self.window.bench
        bench.selection.set_hover(None)
        bench.settings.change(show_skeleton=False, mesh="none", avatar_opacity=1.0)
        center.start(RunRequest(preset="preview"))

        def is_there() -> bool:
            now = center.snapshot
            return now is not None and now.step >= until_step_share * now.step_count

        wait_until(is_there)
        self.settle(3.0)

    def close(self) -> None:
        """End runs and close without saving."""
        center = self.window.center
        if center.is_working:
            center.cancel()
            wait_until(lambda: not center.is_working, 20)
        self.window.files.forget_changes()
        self.window.close()


def main() -> int:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--only", default="window,drag,refine,light")
    options = parser.parse_args()
    wanted = options.only.split(",")
    options.out.mkdir(parents=True, exist_ok=True)
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    application = QApplication(sys.argv[:1])
    with tempfile.TemporaryDirectory() as projects:
        dark = Photographer(options.out, Path(projects) / "dark", "dark")
        if "window" in wanted:
            dark.window.bench.playback.seek(13)
            dark.take("window")
        if "drag" in wanted:
            dark.drag_wrist()
            dark.take("drag")
            dark.drop()
        if "refine" in wanted:
            dark.refine(0.8)
            dark.take("refine")
        dark.close()
        if "light" in wanted:
            light = Photographer(options.out, Path(projects) / "light", "light")
            light.window.bench.playback.seek(20)
            light.take("light")
            light.close()
    application.quit()
    return 0


if __name__ == "__main__":
    sys.exit(main())
