"""The 3D viewport in a real window: what is drawn where, and what mouse and keys do."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow, QToolButton

from app.selection import JointRef
from app.views.gizmo import Axes, Handle
from app.views.gizmo_tool import Tool
from app.views.viewport import Viewport
from app.workbench import Workbench
from avatarpose.body.skeleton import Joint, descendants
from avatarpose.body.smpl import load_open_body
from avatarpose.formats.detect import read_capture
from avatarpose.geometry.rasteriser import rasterise
from avatarpose.geometry.rotation import geodesic_angle, matrix_from_rotvec
from avatarpose.installation import resource_path
from avatarpose.scene.edits import rename_person
from avatarpose.scene.scene import Scene
from tests.app.scenes import make_bench, two_people

pytestmark = pytest.mark.gl
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
INDEX = 12


@pytest.fixture(scope="module")
def hug() -> Scene:
    """The sample: two people in an embrace, eight cameras with lens distortion."""
    body = load_open_body(resource_path("body", "body_smpl24.npz"))
    return read_capture(resource_path("sample", "hug"), body)


@pytest.fixture
def open_viewport(qtbot) -> Iterator[Callable[[Scene | None], Viewport]]:
    """Opens viewports on a scene, all overlays but the surfaces switched off."""
    if QGuiApplication.platformName() == "offscreen":
        pytest.skip("OpenGL widgets need a display; run under Xvfb")
    benches: list[Workbench] = []

    def opened(scene: Scene | None, width: int = 640, height: int = 480) -> Viewport:
        bench = make_bench(scene)
        benches.append(bench)
        bench.playback.seek(INDEX)
        viewport = Viewport(bench)
        viewport.setProperty("bench", bench)
        qtbot.addWidget(viewport)
        viewport.resize(width, height)
        viewport.show()
        qtbot.waitExposed(viewport)
        extra = viewport.height() - viewport.canvas.height()
        viewport.resize(width, height + extra)
        qtbot.waitUntil(lambda: viewport.canvas.height() == height)
        viewport.frame_people()
        return viewport

    yield opened
    for bench in benches:
        bench.footage.close()


def bench_of(viewport: Viewport) -> Workbench:
    return viewport.property("bench")


def switch_off(viewport: Viewport, *names: str) -> None:
    for name in names:
        button = viewport.bar.findChild(QToolButton, name)
        assert button is not None
        button.setChecked(False)


def body_of(viewport: Viewport, pid: int):
    bench = bench_of(viewport)
    scene = bench.document.shown
    assert scene is not None
    body = bench.bodies.at(scene, pid, bench.playback.index)
    assert body is not None
    return body


def joint_px(viewport: Viewport, pid: int, joint: int) -> QPoint:
    """Where a joint is on the canvas."""
    x, y = viewport.viewpoint.project(body_of(viewport, pid).joints_world[0, joint])
    return QPoint(round(x), round(y))


def point_at(pixel: np.ndarray) -> QPoint:
    return QPoint(round(pixel[0]), round(pixel[1]))


def silhouette(viewport: Viewport) -> np.ndarray:
    """Where bodies must be seen, by a rasteriser that knows nothing of OpenGL."""
    view = viewport.viewpoint
    bench = bench_of(viewport)
    scene = bench.document.shown
    assert scene is not None
    seen = np.zeros((view.height, view.width), bool)
    for pid in scene.pids:
        points = body_of(viewport, pid).vertices_world[0]
        pixels = view.project(points) - 0.5  # the rasteriser's integers are pixel centres
        faces, _, _ = rasterise(
            pixels.astype(np.float64),
            view.depth(points).astype(np.float64),
            scene.body.faces,
            view.width,
            view.height,
        )
        seen |= faces >= 0
    return seen


def drawn_silhouette(viewport: Viewport) -> np.ndarray:
    """Pixels of the canvas that change when the surfaces are switched off."""
    with_bodies = viewport.screenshot().astype(int)
    switch_off(viewport, "mesh")
    without = viewport.screenshot().astype(int)
    button = viewport.bar.findChild(QToolButton, "mesh")
    assert button is not None
    button.setChecked(True)
    return np.abs(with_bodies - without).max(axis=-1) > 12


def assert_same_outline(drawn: np.ndarray, expected: np.ndarray, reach_px: int) -> None:
    grow = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach_px + 1, 2 * reach_px + 1))
    drawn_wide = cv2.dilate(drawn.astype(np.uint8), grow) > 0
    expected_wide = cv2.dilate(expected.astype(np.uint8), grow) > 0
    assert expected.sum() > 2000
    assert not (drawn & ~expected_wide).any()
    assert not (expected & ~drawn_wide).any()


def test_bodies_are_drawn_in_their_colours_where_numpy_projects_them(open_viewport):
    viewport = open_viewport(two_people())
    switch_off(viewport, "skeleton", "cameras", "floor")
    assert_same_outline(drawn_silhouette(viewport), silhouette(viewport), reach_px=2)
    picture = viewport.screenshot()
    scene = bench_of(viewport).document.shown
    for person in scene.people:
        chest = joint_px(viewport, person.pid, Joint.SPINE3)
        seen = picture[chest.y(), chest.x()].astype(float)
        seen, wanted = seen / np.linalg.norm(seen), np.array(person.colour, float)
        assert seen @ wanted / np.linalg.norm(wanted) > 0.97


@pytest.mark.parametrize("camera", ["4", "52"])
def test_looking_through_a_camera_matches_its_undistorted_picture(open_viewport, hug, camera):
    viewport = open_viewport(hug, 470, 640)  # one picture pixel is one widget pixel
    switch_off(viewport, "skeleton", "cameras", "floor")
    viewport.look_through(camera)
    viewport.bar.opacity.setValue(100)
    ideal = hug.capture.rig[camera].undistorted()
    points = body_of(viewport, 0).vertices_world[0]
    np.testing.assert_allclose(viewport.viewpoint.project(points), ideal.project(points) + 0.5)
    assert_same_outline(drawn_silhouette(viewport), silhouette(viewport), reach_px=2)


def test_the_photo_behind_is_the_undistorted_picture_in_its_place(open_viewport, hug, qtbot):
    viewport = open_viewport(hug, 470, 640)
    bench = bench_of(viewport)
    bench.footage.open(hug.capture)
    switch_off(viewport, "mesh", "skeleton", "cameras", "floor")
    viewport.look_through("4")
    qtbot.waitUntil(lambda: bench.footage.picture("4", INDEX) is not None)
    camera = hug.capture.rig["4"]
    frame = hug.capture.frames[INDEX]
    photo = cv2.imread(str(resource_path("sample", "hug", "images", "4", f"{frame:06d}.jpg")))
    assert photo is not None
    expected = cv2.undistort(photo, camera.pixel_from_camera, camera.distortion)[..., ::-1]
    shown = viewport.screenshot()
    difference = np.abs(shown.astype(int) - expected.astype(int))[8:-8, 8:-8]
    assert np.median(difference) <= 1
    assert np.percentile(difference, 99) <= 8
    viewport.bar.photo.setValue(0)
    assert np.ptp(viewport.screenshot().reshape(-1, 3), axis=0).max() < 8


def test_a_double_click_on_a_camera_looks_through_it_and_escape_leaves(open_viewport, qtbot):
    viewport = open_viewport(two_people())
    bench = bench_of(viewport)
    viewport.frame_all()
    centre = bench.document.shown.capture.rig["16"].centre_world
    at = point_at(viewport.viewpoint.project(centre))
    qtbot.mouseDClick(viewport.canvas, LEFT, NONE, at)
    assert viewport.camera == "16"
    assert bench.selection.camera == "16"
    np.testing.assert_allclose(viewport.viewpoint.eye_world, centre, atol=1e-9)
    viewport.canvas.setFocus()
    qtbot.keyClick(viewport.canvas, Qt.Key.Key_Escape)
    assert viewport.camera is None


def test_a_click_selects_the_joint_under_the_cursor(open_viewport, qtbot):
    viewport = open_viewport(two_people())
    at = joint_px(viewport, 1, Joint.LEFT_ANKLE)
    qtbot.mouseClick(viewport.canvas, LEFT, NONE, at + QPoint(3, -2))
    selection = bench_of(viewport).selection
    assert (selection.pid, selection.joint) == (1, Joint.LEFT_ANKLE)


def test_a_click_on_a_body_selects_the_person_and_a_second_one_its_part(open_viewport, qtbot):
    viewport = open_viewport(two_people())
    switch_off(viewport, "skeleton", "cameras")
    selection = bench_of(viewport).selection
    knee = joint_px(viewport, 1, Joint.RIGHT_KNEE)
    qtbot.mouseClick(viewport.canvas, LEFT, NONE, knee)
    assert (selection.pid, selection.joint) == (1, None)
    qtbot.mouseClick(viewport.canvas, LEFT, NONE, knee)
    assert (selection.pid, selection.joint) == (1, Joint.RIGHT_KNEE)


def test_the_cursor_lights_the_joint_in_every_view(open_viewport, qtbot):
    viewport = open_viewport(two_people())
    selection = bench_of(viewport).selection
    qtbot.mouseMove(viewport.canvas, joint_px(viewport, 0, Joint.LEFT_KNEE))
    qtbot.waitUntil(lambda: selection.hover == JointRef(0, Joint.LEFT_KNEE))
    before = viewport.screenshot()
    selection.set_hover(JointRef(0, Joint.RIGHT_ANKLE))  # from another view
    assert (viewport.screenshot() != before).any()


def test_dragging_orbits_and_the_wheel_zooms(open_viewport, qtbot):
    viewport = open_viewport(two_people())
    canvas, before = viewport.canvas, viewport.viewpoint
    qtbot.mousePress(canvas, LEFT, NONE, QPoint(20, 20))
    qtbot.mouseMove(canvas, QPoint(60, 30))
    qtbot.mouseMove(canvas, QPoint(120, 40))
    qtbot.mouseRelease(canvas, LEFT, NONE, QPoint(120, 40))
    turned = viewport.viewpoint
    assert not np.allclose(turned.forward_world, before.forward_world, atol=0.05)
    assert abs(turned.right_world[2]) < 1e-9
    middle = QPointF(canvas.rect().center())
    QApplication.sendEvent(
        canvas,
        QWheelEvent(
            middle, canvas.mapToGlobal(middle), QPoint(), QPoint(0, 120),
            Qt.MouseButton.NoButton, NONE, Qt.ScrollPhase.NoScrollPhase, False,
        ),
    )  # fmt: skip
    target = body_of(viewport, 0).joints_world[0, 0]
    assert viewport.viewpoint.depth(target) < turned.depth(target)


def test_f_frames_the_selected_joint_and_home_everything(open_viewport, qtbot):
    viewport = open_viewport(two_people())
    bench = bench_of(viewport)
    bench.selection.select(0, Joint.LEFT_WRIST)
    viewport.canvas.setFocus()
    qtbot.keyClick(viewport.canvas, Qt.Key.Key_F)
    middle = QPoint(viewport.canvas.width() // 2, viewport.canvas.height() // 2)
    assert (joint_px(viewport, 0, Joint.LEFT_WRIST) - middle).manhattanLength() <= 2
    qtbot.keyClick(viewport.canvas, Qt.Key.Key_Home)
    for camera in bench.document.shown.capture.rig:
        pixel = viewport.viewpoint.project(camera.centre_world)
        assert viewport.canvas.rect().contains(point_at(pixel))


@pytest.mark.parametrize(
    ("key", "forward"),
    [(Qt.Key.Key_1, (0, 1, 0)), (Qt.Key.Key_3, (-1, 0, 0)), (Qt.Key.Key_7, (0, 0, -1))],
)
def test_the_number_pad_looks_from_the_sides(open_viewport, qtbot, key, forward):
    viewport = open_viewport(two_people())
    viewport.canvas.setFocus()
    qtbot.keyClick(viewport.canvas, key, Qt.KeyboardModifier.KeypadModifier)
    np.testing.assert_allclose(viewport.viewpoint.forward_world, forward, atol=0.01)


def rings_on(viewport: Viewport, qtbot, joint: Joint) -> None:
    bench_of(viewport).selection.select(0, int(joint))
    viewport.canvas.setFocus()
    viewport.frame_selection()
    qtbot.keyClick(viewport.canvas, Qt.Key.Key_R)
    assert viewport.gizmo.tool is Tool.ROTATE


def drag_ring(viewport: Viewport, qtbot, handle: Handle, steps: int) -> None:
    """Press on a ring's near side and go round it by `steps` of 96, without letting go."""
    view = viewport.viewpoint
    place = viewport.gizmo.place(view)
    assert place is not None
    ring = place.ring(handle)[:-1]
    start = int(np.argmin((ring - place.centre_world) @ place.sight_world))
    pixels = view.project(ring)
    qtbot.mousePress(viewport.canvas, LEFT, NONE, point_at(pixels[start]))
    for step in range(1, steps + 1):
        qtbot.mouseMove(viewport.canvas, point_at(pixels[(start + step) % 96]))
    qtbot.waitUntil(lambda: abs(viewport.gizmo.angle_rad) > 0)


def test_a_ring_drag_turns_the_joint_rigidly_in_one_undo_step(open_viewport, qtbot):
    viewport = open_viewport(two_people())
    bench = bench_of(viewport)
    rings_on(viewport, qtbot, Joint.LEFT_ELBOW)
    before = body_of(viewport, 0)
    drag_ring(viewport, qtbot, Handle.VIEW, 8)
    assert bench.document.has_preview
    assert "°" in viewport.gizmo.readout
    qtbot.mouseRelease(viewport.canvas, LEFT, NONE, QPoint(5, 5))
    assert not bench.document.has_preview
    frame = bench.document.scene.capture.frames[INDEX]
    assert bench.document.undo_stack.count() == 1
    assert bench.document.undo_stack.text(0) == f"Rotate left elbow, Ada, f {frame}"
    after = body_of(viewport, 0)
    turn = (
        after.world_from_rest[0, Joint.LEFT_ELBOW, :3, :3]
        @ before.world_from_rest[0, Joint.LEFT_ELBOW, :3, :3].T
    )
    assert 0.3 < geodesic_angle(np.eye(3), turn.astype(np.float64)) < 0.8
    below = list(descendants(Joint.LEFT_ELBOW))
    pivot = before.joints_world[0, Joint.LEFT_ELBOW]
    expected = before.joints_world[0].copy()
    expected[below] = (expected[below] - pivot) @ turn.T + pivot
    np.testing.assert_allclose(after.joints_world[0], expected, atol=1e-4)
    bench.document.undo_stack.undo()
    np.testing.assert_allclose(body_of(viewport, 0).joints_world, before.joints_world, atol=1e-6)


def test_escape_during_a_ring_drag_restores_the_pose(open_viewport, qtbot):
    viewport = open_viewport(two_people())
    bench = bench_of(viewport)
    rings_on(viewport, qtbot, Joint.LEFT_SHOULDER)
    before = body_of(viewport, 0).joints_world
    drag_ring(viewport, qtbot, Handle.VIEW, 6)
    assert np.abs(body_of(viewport, 0).joints_world - before).max() > 0.02
    qtbot.keyClick(viewport.canvas, Qt.Key.Key_Escape)
    qtbot.mouseRelease(viewport.canvas, LEFT, NONE, QPoint(5, 5))
    np.testing.assert_array_equal(body_of(viewport, 0).joints_world, before)
    assert bench.document.undo_stack.count() == 0
    assert not bench.document.has_preview


def test_ctrl_turns_in_steps_of_five_degrees(open_viewport, qtbot):
    viewport = open_viewport(two_people())
    rings_on(viewport, qtbot, Joint.LEFT_ELBOW)
    drag_ring(viewport, qtbot, Handle.VIEW, 5)
    free = viewport.gizmo.angle_rad
    place = viewport.gizmo.held_place
    assert place is not None
    ring = viewport.viewpoint.project(place.ring(Handle.VIEW))
    viewport.gizmo.drag_to(ring[40], snap=True)
    steps = np.degrees(viewport.gizmo.angle_rad) / 5
    assert steps == pytest.approx(round(steps), abs=1e-6)
    assert np.degrees(free) / 5 != pytest.approx(round(np.degrees(free) / 5), abs=1e-3)
    viewport.gizmo.cancel()
    qtbot.mouseRelease(viewport.canvas, LEFT, NONE, QPoint(5, 5))


@pytest.mark.parametrize(("axes", "axis"), [(Axes.LOCAL, 0), (Axes.WORLD, 2)])
def test_a_typed_angle_turns_about_the_chosen_axis(open_viewport, qtbot, axes, axis):
    viewport = open_viewport(two_people())
    bench = bench_of(viewport)
    joint = Joint.RIGHT_SHOULDER
    rings_on(viewport, qtbot, joint)
    viewport.gizmo.set_axes(axes)
    before = body_of(viewport, 0).world_from_rest[0, joint, :3, :3].astype(np.float64)
    for key in ("XYZ"[axis], "1", "5"):
        qtbot.keyClicks(viewport.canvas, key.lower())
    assert bench.document.has_preview
    qtbot.keyClick(viewport.canvas, Qt.Key.Key_Return)
    assert bench.document.undo_stack.count() == 1
    after = body_of(viewport, 0).world_from_rest[0, joint, :3, :3].astype(np.float64)
    direction = before[:, axis] if axes is Axes.LOCAL else np.eye(3)[axis]
    expected = matrix_from_rotvec(np.radians(15.0) * direction) @ before
    np.testing.assert_allclose(after, expected, atol=1e-5)


def test_the_twist_ring_of_a_limb_runs_around_the_bone(open_viewport, qtbot):
    viewport = open_viewport(two_people())
    children = {Joint.LEFT_ELBOW: Joint.LEFT_WRIST, Joint.RIGHT_HIP: Joint.RIGHT_KNEE}
    for joint, child in children.items():
        rings_on(viewport, qtbot, joint)
        place, twist = viewport.gizmo.place(viewport.viewpoint), viewport.gizmo.twist
        assert place is not None
        assert twist is not None
        bone = np.subtract(*body_of(viewport, 0).joints_world[0, [child, joint]])
        assert abs(place.axis_world(twist) @ bone) / np.linalg.norm(bone) > 0.9
        viewport.gizmo.set_axes(Axes.WORLD)
        assert viewport.gizmo.twist is None
        viewport.gizmo.set_axes(Axes.LOCAL)
        viewport.show_tool(Tool.NONE)


def test_the_move_arrows_shift_the_person_along_one_axis(open_viewport, qtbot):
    viewport = open_viewport(two_people())
    bench = bench_of(viewport)
    viewport.look_from(-np.pi / 2, 0.2)  # +x is to the right
    viewport.canvas.setFocus()
    qtbot.keyClick(viewport.canvas, Qt.Key.Key_G)
    view = viewport.viewpoint
    place = viewport.gizmo.place(view)
    assert place is not None
    grip = place.centre_world + 60 * place.metres_per_pixel * place.axis_world(Handle.X)
    start = point_at(view.project(grip))
    before = body_of(viewport, 0).joints_world[0]
    qtbot.mousePress(viewport.canvas, LEFT, NONE, start)
    qtbot.mouseMove(viewport.canvas, start + QPoint(20, 15))
    qtbot.mouseMove(viewport.canvas, start + QPoint(40, 30))
    qtbot.waitUntil(lambda: bench.document.has_preview)
    qtbot.mouseRelease(viewport.canvas, LEFT, NONE, start + QPoint(40, 30))
    way = body_of(viewport, 0).joints_world[0] - before
    np.testing.assert_allclose(way, np.broadcast_to(way[0], way.shape), atol=1e-5)
    assert way[0, 0] == pytest.approx(40 * view.metres_per_pixel(grip), rel=0.1)
    np.testing.assert_allclose(way[0, 1:], 0.0, atol=1e-6)
    frame = bench.document.scene.capture.frames[INDEX]
    assert bench.document.undo_stack.text(0) == f"Move, Ada, f {frame}"


def test_the_spread_chosen_in_the_toolbar_carries_the_turn_to_neighbours(open_viewport, qtbot):
    viewport = open_viewport(two_people())
    bench = bench_of(viewport)
    bench.settings.change(spread="ease", ease_frames=2)
    rings_on(viewport, qtbot, Joint.LEFT_ELBOW)
    for text in ("x", "4", "0"):
        qtbot.keyClicks(viewport.canvas, text)
    qtbot.keyClick(viewport.canvas, Qt.Key.Key_Return)
    edit = bench.document.scene.person(0).edit()
    touched = np.flatnonzero(edit.touched(bench.playback.frame_count))
    np.testing.assert_array_equal(touched, np.arange(INDEX - 2, INDEX + 3))


def test_solo_dims_the_others_and_only_the_active_person_can_be_picked(open_viewport, qtbot):
    viewport = open_viewport(two_people())
    switch_off(viewport, "skeleton", "cameras")
    bench = bench_of(viewport)
    chest = joint_px(viewport, 1, Joint.SPINE3)
    picture = viewport.screenshot().astype(int)
    ground = picture[2, 2]
    bench.selection.set_solo(True)
    dimmed = viewport.screenshot().astype(int)
    at = chest.y(), chest.x()
    assert np.abs(dimmed[at] - ground).sum() < 0.4 * np.abs(picture[at] - ground).sum()
    qtbot.mouseClick(viewport.canvas, LEFT, NONE, chest)
    assert bench.selection.pid == 0


def test_somebody_hidden_is_neither_drawn_nor_picked(open_viewport, qtbot):
    viewport = open_viewport(two_people())
    switch_off(viewport, "cameras", "floor")
    bench = bench_of(viewport)
    chest = joint_px(viewport, 1, Joint.SPINE3)
    bench.selection.set_hidden(1, True)
    picture = viewport.screenshot().astype(int)
    assert np.abs(picture[chest.y(), chest.x()] - picture[2, 2]).max() < 4
    qtbot.mouseClick(viewport.canvas, LEFT, NONE, chest)
    assert bench.selection.pid == 0


def test_somebody_locked_gets_no_rings(open_viewport, qtbot):
    viewport = open_viewport(two_people())
    rings_on(viewport, qtbot, Joint.LEFT_ELBOW)
    assert viewport.gizmo.place(viewport.viewpoint) is not None
    bench_of(viewport).selection.set_locked(0, True)
    assert viewport.gizmo.place(viewport.viewpoint) is None
    qtbot.keyClicks(viewport.canvas, "x")
    assert not viewport.gizmo.is_held


def test_the_poses_of_a_run_in_progress_are_shown(open_viewport):
    scene = two_people()
    viewport = open_viewport(scene)
    switch_off(viewport, "skeleton", "cameras", "floor")
    bench = bench_of(viewport)
    poses = scene.person(0).poses()
    away = poses.with_frames(
        np.arange(len(poses)), poses.rotvecs, poses.transl + np.array([0.0, 0.0, 0.3], np.float32)
    )
    before = viewport.screenshot()
    bench.bodies.set_live({0: away})
    assert (viewport.screenshot() != before).any()
    bench.bodies.set_live(None)
    np.testing.assert_array_equal(viewport.screenshot(), before)


class PaintCounter(QObject):
    count = 0

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        self.count += event.type() == QEvent.Type.Paint
        return False


def test_many_changes_in_one_turn_of_the_event_loop_are_one_painting(open_viewport, qtbot):
    viewport = open_viewport(two_people())
    bench = bench_of(viewport)
    QApplication.processEvents()
    counter = PaintCounter()
    viewport.canvas.installEventFilter(counter)
    for index in range(8):
        bench.playback.seek(index)
        bench.selection.select(index % 2, index)
    assert counter.count == 0
    qtbot.waitUntil(lambda: counter.count > 0)
    QApplication.processEvents()
    assert counter.count == 1


def test_without_a_scene_the_viewport_says_what_will_fill_it(open_viewport):
    viewport = open_viewport(two_people())
    bench_of(viewport).document.open(None)
    assert not viewport.canvas.isVisible()
    assert not viewport.bar.isEnabled()
    bench_of(viewport).document.open(two_people())
    assert viewport.canvas.isVisible()
    assert viewport.bar.isEnabled()


def test_the_cameras_of_the_scene_that_is_open_now_are_looked_through(open_viewport):
    scene = two_people()
    viewport = open_viewport(scene)
    viewport.look_through("16")
    bench = bench_of(viewport)
    bench.document.edit("Rename", rename_person(scene, 0, "Ann"))
    assert viewport.camera == "16"
    bench.document.open(two_people())
    assert viewport.camera is None
    viewport.look_through("no such camera")
    assert viewport.camera is None


def test_shortcuts_of_the_window_keep_working_where_the_viewport_has_no_use_for_a_key(
    open_viewport, qtbot
):
    viewport = open_viewport(two_people())
    from PySide6.QtGui import QAction, QKeySequence

    asked: list[str] = []
    for keys in ("Space", "X", "Home"):
        action = QAction(keys, viewport)
        action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda *_, keys=keys: asked.append(keys))
        viewport.addAction(action)
    viewport.activateWindow()
    viewport.canvas.setFocus()
    qtbot.waitUntil(viewport.canvas.hasFocus)
    for key in (Qt.Key.Key_Space, Qt.Key.Key_X, Qt.Key.Key_Home):
        qtbot.keyClick(viewport.canvas, key)
    assert asked == ["Space", "X"]  # Home frames everything while the viewport has the focus


def test_bodies_are_still_drawn_after_the_dock_was_floated_and_put_back(open_viewport, qtbot):
    viewport = open_viewport(two_people())
    window = QMainWindow()
    qtbot.addWidget(window)
    dock = QDockWidget("3D Viewport", window)
    dock.setWidget(viewport)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    window.resize(900, 600)
    window.show()
    viewport.show()
    qtbot.waitExposed(window)
    colour = np.array(bench_of(viewport).document.scene.person(0).colour, float)
    for is_floating in (False, True, False):
        dock.setFloating(is_floating)
        qtbot.waitUntil(lambda: viewport.canvas.isVisible() and viewport.canvas.width() > 100)
        QApplication.processEvents()
        viewport.frame_people()
        pixels = viewport.screenshot().reshape(-1, 3).astype(float)
        likeness = pixels @ colour / (np.linalg.norm(pixels, axis=1) * np.linalg.norm(colour))
        assert (likeness > 0.985).sum() > 500
    viewport.setParent(None)  # the fixture closes it


def test_a_narrow_viewport_keeps_what_matters_in_its_bar(open_viewport):
    viewport = open_viewport(two_people(), 240, 300)
    assert viewport.canvas.width() == 240
    viewport.look_through("4")
    viewport.show_tool(Tool.MOVE)
    assert viewport.bar.leave.isVisible()
    assert not viewport.bar.axes.isVisible()
    viewport.resize(1200, 300)
    assert viewport.bar.axes.isVisible()
    assert viewport.bar.axes.currentData() is Axes.WORLD
