"""Fixtures of the widget tests: a small scene on a bench, and the camera grid that shows it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.settings import Settings
from app.views.camera_grid import CameraGrid
from app.views.camera_view import CameraView
from app.workbench import Workbench
from avatarpose.body.skeleton import Joint
from avatarpose.scene.layers import PoseLayer
from avatarpose.scene.scene import Scene
from tests.app.scenes import make_bench, two_people

BENT = {
    Joint.LEFT_SHOULDER: (0.1, -0.3, -0.9),
    Joint.RIGHT_SHOULDER: (0.1, 0.3, 0.9),
    Joint.LEFT_ELBOW: (0.0, -1.2, 0.0),
    Joint.RIGHT_ELBOW: (0.0, 1.2, 0.0),
    Joint.LEFT_HIP: (-0.4, 0.0, 0.0),
    Joint.RIGHT_HIP: (-0.4, 0.0, 0.0),
    Joint.LEFT_KNEE: (0.8, 0.0, 0.0),
    Joint.RIGHT_KNEE: (0.8, 0.0, 0.0),
}


@pytest.fixture(scope="session")
def qapp_cls() -> type[QApplication]:
    """The application as `app.main` starts it: OpenGL contexts share what is on the card."""
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    return QApplication


@pytest.fixture(scope="session")
def walk() -> Scene:
    """Two people with bent elbows and knees before three cameras, without pictures."""
    scene = two_people()
    for person in scene.people:
        poses = person.layer("initial").poses
        body_pose = poses.body_pose.reshape(-1, 23, 3).copy()
        for joint, rotvec in BENT.items():
            body_pose[:, joint - 1] = rotvec
        poses = replace(poses, body_pose=body_pose.reshape(-1, 69))
        scene = scene.with_person(person.with_layer(PoseLayer("initial", poses)))
    return scene


@pytest.fixture
def desk(qtbot: QtBot, walk: Scene) -> Iterator[Workbench]:  # noqa: ARG001
    """The shared objects around that scene; corrections hold for one frame only."""
    bench = make_bench(walk)
    bench.settings.change(spread="frame")
    yield bench
    bench.footage.close()


@pytest.fixture
def grid(qtbot: QtBot, desk: Workbench) -> CameraGrid:
    """All camera views of the scene, on the screen."""
    grid = CameraGrid(desk)
    qtbot.addWidget(grid)
    grid.resize(1200, 420)
    grid.show()
    qtbot.waitExposed(grid)
    return grid


@pytest.fixture
def view(grid: CameraGrid) -> CameraView:
    """The first camera's view, painted."""
    first = grid.views[0]
    first.setFocus()
    first.repaint()
    return first


@pytest.fixture
def stored_settings(tmp_path: Path) -> Path:
    """Where a test may keep preferences."""
    return tmp_path / "settings.ini"


@pytest.fixture
def settings() -> Settings:
    """Preferences in memory."""
    return Settings()
