"""The window: makes the shared objects, lays out and wires the docks; it alone knows everyone."""

from pathlib import Path

from PySide6.QtCore import QEvent, QSettings, Qt
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QFileDialog,
    QLabel,
    QMainWindow,
    QMessageBox,
    QProgressDialog,
    QStackedWidget,
    QWidget,
)

from app import verbs
from app.actions import Actions
from app.document import Document
from app.footage import PictureLoader
from app.jobs.center import JobCenter, JobState
from app.jobs.errors import ErrorSurvey
from app.jobs.initialisation import Initialisation, lacks_poses
from app.menus import add_actions, fill_menu_bar
from app.playback import Playback
from app.posed_scene import PosedScene
from app.project_files import ProjectFiles, sample_folder
from app.selection import Selection
from app.settings import Settings
from app.theme import apply_theme
from app.toolbar import Tools
from app.views.camera_grid import CameraGrid
from app.views.dialogs import SettingsDialog, ShortcutSheet, show_problem
from app.views.gizmo_tool import Tool
from app.views.history import History
from app.views.inspector import Inspector
from app.views.job_panel import JobPanel
from app.views.outliner import Outliner
from app.views.shortcut_sheet import groups_of_keys
from app.views.start_page import StartPage
from app.views.timeline import Timeline
from app.views.viewport import Viewport
from app.workbench import Workbench

NEWS_MS = 6000
LAYOUT_VERSION = 1
LEFT_PX, RIGHT_PX, BOTTOM_PX, RUN_PX = 230, 470, 240, 500


class MainWindow(QMainWindow):
    """Everything of the program that is on the screen.

    Args:
        settings: preferences; None keeps them in memory only.
        projects_folder: where projects of captures are made; None for the usual places.
    """

    def __init__(
        self, settings: Settings | None = None, *, projects_folder: Path | None = None
    ) -> None:
        super().__init__()
        self.setObjectName("main window")
        self.resize(1680, 980)
        self.setDockNestingEnabled(True)
        settings = settings or Settings()
        # No parents: they outlive the views, which listen to them to the last.
        self.bench = Workbench(
            document=Document(),
            selection=Selection(),
            playback=Playback(),
            bodies=PosedScene(),
            footage=PictureLoader(),
            settings=settings,
        )
        self.files = ProjectFiles(self.bench, projects_folder, self)
        self.actions_by_name = Actions(self.bench, self)
        self.docks: dict[str, QDockWidget] = {}
        self._fitting: QProgressDialog | None = None
        self._start = StartPage(settings)
        self.grid = CameraGrid(self.bench)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._start)
        self._pages.addWidget(self.grid)
        self.setCentralWidget(self._pages)
        self._make_docks()
        add_actions(self)
        fill_menu_bar(self)
        self._toolbar = Tools(self.bench, self.actions_by_name, self)
        self.addToolBar(self._toolbar)
        self._make_status_bar()
        self._wire()
        self._show_page()

    # --- opening and closing ------------------------------------------------------------------

    def open_path(self, path: Path) -> None:
        """Open a project or capture, asking first when there are unsaved changes."""
        if self._may_leave():
            self.files.open(path)

    def open_sample(self) -> None:
        """Open the capture that comes with the program."""
        self.open_path(sample_folder())

    def ask_open(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Open project or capture folder")
        if chosen:
            self.open_path(Path(chosen))

    def save(self) -> None:
        if self.files.folder is None:
            self.ask_save_as()
        else:
            self.files.save()

    def ask_save_as(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Save project in folder")
        if chosen:
            self.files.save(Path(chosen))

    def _may_leave(self) -> bool:
        """Ask what becomes of unsaved changes; False when the user stays."""
        if self.bench.document.scene is None or not self.files.is_modified:
            return True
        buttons = QMessageBox.StandardButton
        box = QMessageBox(self)
        box.setObjectName("unsaved changes")
        box.setIcon(QMessageBox.Icon.Question)
        box.setText("Save the changes to this project?")
        box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
        box.setDefaultButton(buttons.Save)
        answer = box.exec()
        if answer == buttons.Save:
            self.save()
        elif answer == buttons.Discard:
            self.files.forget_changes()
        return answer != buttons.Cancel

    def closeEvent(self, event: QCloseEvent) -> None:
        self.grid.drag.cancel()
        if not self._may_leave():
            event.ignore()
            return
        settings = self.bench.settings
        if self.bench.document.scene is not None:
            settings.keep_layout("state", self.saveState(LAYOUT_VERSION))
        settings.keep_layout("geometry", self.saveGeometry())
        self.bench.playback.pause()
        self.center.shutdown()
        self.initialisation.shutdown()
        self.survey.shutdown()
        self.files.close()
        self.bench.footage.close()
        # On its way out the stack would still call views that are gone already.
        self.bench.document.undo_stack.blockSignals(True)
        event.accept()

    # --- building -----------------------------------------------------------------------------

    def _make_docks(self) -> None:
        bench, area = self.bench, Qt.DockWidgetArea
        self.survey = ErrorSurvey(bench, self)
        self.center = JobCenter(bench, self)
        self.initialisation = Initialisation(bench, self)
        self.viewport = Viewport(bench)
        self.timeline = Timeline(bench, center=self.center, survey=self.survey)
        self.job_panel = JobPanel(bench, self.center, survey=self.survey)
        inspector = Inspector(bench, survey=self.survey)
        self._add_dock("Outliner", Outliner(bench), area.LeftDockWidgetArea)
        space = self._add_dock("3D Viewport", self.viewport, area.RightDockWidgetArea)
        facts = self._add_dock("Inspector", inspector, area.RightDockWidgetArea)
        self.splitDockWidget(space, facts, Qt.Orientation.Vertical)
        timeline = self._add_dock("Timeline", self.timeline, area.BottomDockWidgetArea)
        run = self._add_dock("Run", self.job_panel, area.BottomDockWidgetArea)
        past = self._add_dock("History", History(bench), area.BottomDockWidgetArea)
        self.splitDockWidget(timeline, run, Qt.Orientation.Horizontal)
        self.tabifyDockWidget(run, past)
        run.raise_()
        self._share_space()

    def _share_space(self) -> None:
        """Room for the docks as they start: the pictures get the most."""
        docks = self.docks
        across, down = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        self.resizeDocks([docks["Outliner"], docks["3D Viewport"]], [LEFT_PX, RIGHT_PX], across)
        self.resizeDocks([docks["3D Viewport"], docks["Inspector"]], [380, 300], down)
        self.resizeDocks([docks["Timeline"]], [BOTTOM_PX], down)
        self.resizeDocks([docks["Timeline"], docks["Run"]], [1160, RUN_PX], across)

    def _add_dock(self, title: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(f"dock {title}")
        dock.setAccessibleName(title)
        dock.setWidget(widget)
        self.addDockWidget(area, dock)
        self.docks[title] = dock
        return dock

    def _make_status_bar(self) -> None:
        self._hint = QLabel()
        self._place = QLabel()
        self._saved = QLabel()
        bar = self.statusBar()
        bar.addWidget(self._hint, 1)
        bar.addPermanentWidget(self._place)
        bar.addPermanentWidget(self._saved)

    # --- wiring -------------------------------------------------------------------------------

    def _wire(self) -> None:
        bench, files = self.bench, self.files
        self._start.sample_asked.connect(self.open_sample)
        self._start.open_asked.connect(self.ask_open)
        self._start.path_asked.connect(lambda path: self.open_path(Path(path)))
        files.opening.connect(self._on_opening)
        files.opened.connect(self._show_page)
        files.opened.connect(self._offer_poses)
        self.initialisation.progressed.connect(self._show_fitting)
        self.initialisation.ended.connect(self._on_initialised)
        self.initialisation.trouble.connect(self._on_failed)
        files.failed.connect(self._on_failed)
        files.recovered.connect(
            lambda count: self._tell(f"{count} unsaved edits were recovered; undo discards them")
        )
        self.center.adopted.connect(lambda _: files.save())  # a run's poses are in no journal
        files.saved.connect(lambda folder: self._tell(f"Saved in {folder}"))
        files.state_changed.connect(self._show_state)
        bench.document.scene_opened.connect(self._show_page)
        stack = bench.document.undo_stack
        for signal in (stack.undoTextChanged, stack.redoTextChanged):
            signal.connect(self._name_undo)
        stack.canUndoChanged.connect(self.actions_by_name["undo"].setEnabled)
        stack.canRedoChanged.connect(self.actions_by_name["redo"].setEnabled)
        self.actions_by_name["undo"].setEnabled(stack.canUndo())
        self.actions_by_name["redo"].setEnabled(stack.canRedo())
        self.grid.hint_changed.connect(self._hint.setText)
        self.grid.drag.changed.connect(self._show_place)
        self.viewport.hint_changed.connect(self._hint.setText)
        self.timeline.refine_requested.connect(self.job_panel.start)
        self.center.trouble.connect(self._on_failed)
        self.center.state_changed.connect(self._show_run)
        self._show_run()
        for signal in (
            bench.playback.frame_changed, bench.playback.range_changed, bench.selection.changed,
        ):  # fmt: skip
            signal.connect(lambda *_: self._show_place())
        bench.footage.failed.connect(
            lambda camera, problem: self._tell(f"Camera {camera}: {problem}")
        )
        bench.settings.changed.connect(self._on_setting)

    def _on_setting(self, name: str) -> None:
        if name == "theme":
            application = QApplication.instance()
            if isinstance(application, QApplication):
                apply_theme(application, self.bench.settings.values.theme)

    def _on_opening(self, name: str) -> None:
        self._start.show_busy(name)
        if self.bench.document.scene is None:
            self._pages.setCurrentWidget(self._start)
        self._tell(f"Opening {name}…")

    def _on_failed(self, problem: str, remedy: str) -> None:
        self._start.show_idle()
        show_problem(problem, remedy, self)

    def _show_page(self) -> None:
        """The start page without a scene, the docks with one."""
        has_scene = self.bench.document.scene is not None
        self._start.show_idle()
        self._pages.setCurrentWidget(self.grid if has_scene else self._start)
        for dock in self.docks.values():
            dock.setVisible(has_scene)
        self._toolbar.setVisible(has_scene)
        if has_scene:
            state = self.bench.settings.kept_layout("state")
            if state is None or not self.restoreState(state, LAYOUT_VERSION):
                self._share_space()
            if self.grid.views:
                self.grid.views[0].setFocus()
        self.center.set_project_folder(self.files.folder)
        self._show_run()
        self._show_state()
        self._show_place()

    def _show_state(self) -> None:
        scene = self.bench.document.scene
        is_modified = scene is not None and self.files.is_modified
        self.setWindowTitle(f"{scene.name}[*] – avatarpose" if scene is not None else "avatarpose")
        self.setWindowModified(is_modified)
        self._saved.setText("" if scene is None else "not saved" if is_modified else "saved")
        for name in ("save", "save_as", "remove_corrections"):
            self.actions_by_name[name].setEnabled(scene is not None)

    def _show_place(self) -> None:
        scene, playback = self.bench.document.shown, self.bench.playback
        if scene is None or playback.frame_count == 0:
            self._place.setText("")
            return
        frames = scene.capture.frames
        text = f"f {frames[playback.index]}  ({playback.index + 1} of {playback.frame_count})"
        if playback.range is not None:
            first, last = playback.range
            text += f"  ·  range {frames[first]}–{frames[last]}"
        selection = self.bench.selection
        if selection.pid in scene.pids and selection.pid is not None:
            text += f"  ·  {scene.person(selection.pid).name}"
        self._place.setText(text)

    def _show_run(self) -> None:
        """Commands of the run that make sense now."""
        act, state = self.actions_by_name, self.center.state
        has_scene = self.bench.document.scene is not None
        for name in ("refine", "refine_choose"):
            act[name].setEnabled(has_scene and not state.is_active)
        act["initialise"].setEnabled(has_scene and not state.is_active)
        act["pause"].setEnabled(state in (JobState.RUNNING, JobState.PAUSED))
        act["stop"].setEnabled(state in (JobState.RUNNING, JobState.PAUSED))
        act["cancel"].setEnabled(state.is_active)

    def _tell(self, news: str) -> None:
        self.statusBar().showMessage(news, NEWS_MS)

    def _name_undo(self, _: str) -> None:
        stack, act = self.bench.document.undo_stack, self.actions_by_name
        for name, verb, text in (
            ("undo", "Undo", stack.undoText()), ("redo", "Redo", stack.redoText()),
        ):  # fmt: skip
            act[name].setToolTip(f"{verb} {text}".strip())
            act[name].setStatusTip(f"{verb} {text}".strip())

    # --- commands -----------------------------------------------------------------------------

    def remove_corrections(self) -> None:
        if not verbs.remove_corrections(self.bench):
            self._tell("The active person has no corrections here")

    def go_edited(self, direction: int) -> None:
        frames = verbs.edited_frames(self.bench, everybody=True)
        if not verbs.go_to_nearest(self.bench, frames, direction):
            self._tell("No edited frame that way")

    def go_key(self, direction: int) -> None:
        frames = verbs.edited_frames(self.bench, everybody=False)
        if not verbs.go_to_nearest(self.bench, frames, direction):
            self._tell("No key of this person that way")

    def toggle_gizmo(self, tool: Tool) -> None:
        """Show or hide the rings or arrows in the 3D viewport."""
        self.docks["3D Viewport"].show()
        self.viewport.bar.tool_asked.emit(tool)

    def look_through(self) -> None:
        """Put the 3D viewport into the active camera, or take it out again."""
        camera = self.bench.selection.camera
        if self.viewport.camera is not None:
            self.viewport.leave_camera()
        elif camera is not None:
            self.docks["3D Viewport"].show()
            self.viewport.look_through(camera)

    def triangulate(self) -> None:
        """Place the selected joint by its detections, as one undo step."""
        self._tell(verbs.triangulate_joint(self.bench))

    def toggle_solo(self) -> None:
        self.bench.selection.set_solo(not self.bench.selection.is_solo)
        self._tell("Solo on: only the active person can be grabbed" if
                   self.bench.selection.is_solo else "Solo off")  # fmt: skip

    def cycle_ik(self) -> None:
        mode = verbs.cycle_ik_mode(self.bench.settings)
        self._tell({"limb": "Limb IK", "body": "Body IK", "fk": "FK"}[mode])

    def maximise(self) -> None:
        camera = self.grid.maximised or self.bench.selection.camera
        if camera is not None and self.grid.views:
            self.grid.toggle_maximised(camera)

    def compare(self) -> None:
        """Show the poses before; the release of B (or clicking the menu again) ends it."""
        document = self.bench.document
        if document.scene is None or self.grid.drag.is_active:
            return
        if document.has_preview:
            document.preview(None)
        else:
            document.preview(verbs.scene_before(document.scene))
            self._hint.setText("Before: release B to come back")

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_B and not event.isAutoRepeat():
            self._end_comparison()
        super().keyReleaseEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.ActivationChange and not self.isActiveWindow():
            self._end_comparison()
        super().changeEvent(event)

    def _end_comparison(self) -> None:
        if self.bench.document.has_preview and not self.grid.drag.is_active:
            self.bench.document.preview(None)
            self._hint.setText("")

    def show_shortcuts(self) -> None:
        """The sheet of keys."""
        ShortcutSheet(groups_of_keys(self), self).open()

    def show_settings(self) -> None:
        """Preferences, the body model among them."""
        SettingsDialog(self.bench.settings, self).open()

    def show_about(self) -> None:
        """What the program is."""
        box = QMessageBox(self)
        box.setObjectName("About")
        box.setWindowTitle("About")
        box.setText("avatarpose")
        box.setInformativeText(
            "See, repair and refine the poses of closely interacting people in multi-view video."
        )
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def initialise(self) -> None:
        """Fit bodies to the 2D keypoints of all views, as one undo step."""
        if self.center.state.is_active or not self.initialisation.start():
            return
        self.bench.playback.pause()
        panel = QProgressDialog("Fitting bodies to the keypoints…", "Cancel", 0, 100, self)
        panel.setObjectName("initialisation")
        panel.setWindowTitle("Initialise from keypoints")
        panel.setWindowModality(Qt.WindowModality.WindowModal)
        panel.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        panel.setMinimumWidth(420)
        panel.setMinimumDuration(0)
        panel.setAutoReset(False)
        panel.setAutoClose(False)
        panel.canceled.connect(self.initialisation.cancel)
        self._fitting = panel
        self.initialisation.ended.connect(panel.close)
        panel.setValue(0)
        panel.show()

    def _show_fitting(self, share: float, words: str) -> None:
        if self.initialisation.is_active and self._fitting is not None:
            self._fitting.setLabelText(words[:1].upper() + words[1:] + "…")
            self._fitting.setValue(round(100 * share))

    def _offer_poses(self) -> None:
        """A capture that brings keypoints and no poses: fitting them is what comes next."""
        scene = self.bench.document.scene
        if scene is None or not lacks_poses(scene):
            return
        box = QMessageBox(self)
        box.setObjectName("no poses yet")
        box.setIcon(QMessageBox.Icon.Information)
        box.setText(f"{scene.name} has 2D keypoints but no poses yet.")
        box.setInformativeText(
            "Bodies can be fitted to them now, or later: Pose, Initialise from keypoints."
        )
        now = box.addButton("Fit now", QMessageBox.ButtonRole.AcceptRole)
        box.addButton("Later", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(now)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        now.clicked.connect(self.initialise)
        box.open()

    def _on_initialised(self, has_poses: bool) -> None:
        self._fitting = None
        if has_poses:
            self.files.save()  # fitted poses are in no journal
            self._tell("Bodies were fitted to the keypoints; undo takes them back")


def user_settings() -> Settings:
    """Preferences kept where the desktop keeps those of its programs."""
    return Settings(QSettings("avatarpose", "avatarpose"))
