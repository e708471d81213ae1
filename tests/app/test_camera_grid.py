import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from app.project_files import show_scene
from app.views.camera_grid import CameraGrid
from app.workbench import Workbench
from avatarpose.scene.scene import Scene

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def test_every_camera_has_a_view_and_none_overlap(grid: CameraGrid, walk: Scene):
    assert tuple(view.camera.name for view in grid.views) == walk.capture.rig.names
    boxes = [view.geometry() for view in grid.views]
    for first in range(len(boxes)):
        for second in range(first):
            assert not boxes[first].intersects(boxes[second])
        assert grid.rect().contains(boxes[first])


def test_columns_follow_the_space(grid: CameraGrid):
    grid.resize(1500, 380)
    assert grid.best_columns() == 3
    grid.resize(400, 1000)
    assert grid.best_columns() == 1


def test_a_double_click_fills_the_space_and_another_restores(grid: CameraGrid):
    first, second = grid.views[:2]
    before = second.geometry()
    QTest.mouseDClick(second, LEFT, NONE, QPoint(20, 8))
    assert grid.maximised == second.camera.name
    assert second.geometry() == grid.rect()
    assert not first.isVisible()
    QTest.mouseDClick(second, LEFT, NONE, QPoint(20, 8))
    assert grid.maximised is None
    assert second.geometry() == before
    assert first.isVisible()


def test_a_chosen_number_of_columns_is_kept(grid: CameraGrid, desk: Workbench):
    desk.settings.change(columns=2)
    lefts = [view.x() for view in grid.views]
    assert lefts[0] == lefts[2] != lefts[1]


def test_another_scene_brings_its_own_views(grid: CameraGrid, desk: Workbench):
    show_scene(desk, None)
    assert grid.views == ()
    assert "Open a capture" in " ".join(label.text() for label in grid.findChildren(QLabel))


def test_framing_zooms_to_the_active_person_and_back(grid: CameraGrid):
    view = grid.views[0]
    view.repaint()
    fitted = view.scale
    grid.frame_selected()
    assert view.scale > fitted
    grid.fit_all()
    np.testing.assert_allclose(view.scale, fitted)
