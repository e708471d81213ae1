"""The window: makes the shared objects, lays out and wires the docks; it alone knows everyone."""

from pathlib import Path

from PySide6.QtCore import QEvent, QSettings, Qt
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDockWidget,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QMessageBox,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QStackedWidget,
    QToolBar,
    QToolButton,
    QWidget,
)

from app import actions as verbs
from app.actions import Actions
from app.document import Document
from app.footage import PictureLoader
from app.jobs.center import JobCenter
from app.jobs.errors import ErrorSurvey
from app.playback import Playback
from app.posed_scene import PosedScene
from app.project_files import ProjectFiles, sample_folder
from app.selection import Selection
from app.settings import Settings
from app.theme import apply_theme
from app.views.camera_grid import CameraGrid
from app.views.history import History
from app.views.inspector import Inspector
from app.views.job_panel import JobPanel
from app.views.outliner import Outliner
from app.views.start_page import StartPage
from app.views.timeline import Timeline
from app.views.viewport import Viewport
from app.workbench import Workbench

LARGEST_EASE = 99
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
        document = Document(parent=self)
        self.bench = Workbench(
            document=document,
            selection=Selection(self),
            playback=Playback(self),
            bodies=PosedScene(self),
            footage=PictureLoader(self),
            settings=settings,
        )
        self.files = ProjectFiles(self.bench, projects_folder, self)
        self.actions_by_name = Actions(self.bench, self)
        self._docks: dict[str, QDockWidget] = {}
        self._start = StartPage(settings)
        self.grid = CameraGrid(self.bench)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._start)
        self._pages.addWidget(self.grid)
        self.setCentralWidget(self._pages)
        self._make_actions()
        self._make_docks()
        self._make_menus()
        self._toolbar = self._make_toolbar()
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

    def _ask_open(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Open project or capture folder")
        if chosen:
            self.open_path(Path(chosen))

    def _save(self) -> None:
        if self.files.folder is None:
            self._ask_save_as()
        else:
            self.files.save()

    def _ask_save_as(self) -> None:
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
            self._save()
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
        self.survey.shutdown()
        self.files.close()
        self.bench.footage.close()
        event.accept()

    # --- building -----------------------------------------------------------------------------

    def _make_actions(self) -> None:
        bench, add = self.bench, self.actions_by_name.add
        playback, document = bench.playback, bench.document
        add("open", "&Open…", self._ask_open, keys="Ctrl+O", tip="Open a project or capture folder")
        add("sample", "Open &sample", self.open_sample, tip="Two people, 8 cameras, 24 frames")
        add("save", "&Save", self._save, keys="Ctrl+S", tip="Save the project")
        add("save_as", "Save &as…", self._ask_save_as, keys="Ctrl+Shift+S")
        add("close", "&Quit", self.close, keys="Ctrl+Q")
        stack = document.undo_stack
        add("undo", "&Undo", stack.undo, keys="Ctrl+Z")
        add("redo", "&Redo", stack.redo, keys=("Ctrl+Shift+Z", "Ctrl+Y"))
        add(
            "remove_corrections", "Remove &corrections here", self._remove_corrections,
            keys="Delete", tip="Take the active person's corrections off this frame or the range",
        )  # fmt: skip
        add("play", "&Play or pause", playback.toggle, keys="Space")
        for name, text, by, key in (
            ("next_frame", "&Next frame", 1, "Right"),
            ("previous_frame", "&Previous frame", -1, "Left"),
            ("next_10", "Forward 10 frames", 10, "Shift+Right"),
            ("previous_10", "Back 10 frames", -10, "Shift+Left"),
            ("next_100", "Forward 100 frames", 100, "Ctrl+Right"),
            ("previous_100", "Back 100 frames", -100, "Ctrl+Left"),
        ):
            add(name, text, lambda by=by: playback.step(by), keys=key)
        add("first_frame", "&First frame", lambda: playback.seek(0), keys="Home")
        add(
            "last_frame", "&Last frame", lambda: playback.seek(playback.frame_count - 1), keys="End"
        )
        add("next_edited", "Next edited frame", lambda: self._go_edited(1), keys="Alt+Right")
        add(
            "previous_edited", "Previous edited frame", lambda: self._go_edited(-1), keys="Alt+Left"
        )
        add("next_key", "Next key of this person", lambda: self._go_key(1), keys=".")
        add("previous_key", "Previous key of this person", lambda: self._go_key(-1), keys=",")
        add(
            "range_all", "Select no range", lambda: playback.select_range(None),
            keys="Ctrl+Shift+A", tip="Commands work on the shown frame again",
        )  # fmt: skip
        for number in range(9):
            add(
                f"person_{number + 1}", f"Person &{number + 1}",
                lambda number=number: verbs.choose_person(bench, number), keys=str(number + 1),
            )  # fmt: skip
        add("next_person", "&Next person", lambda: verbs.next_person(bench), keys="`")
        add("solo", "&Solo", self._toggle_solo, keys="/", tip="Dim and protect all other people")
        add("ik_cycle", "&Next IK mode", self._cycle_ik, keys="Q")
        self.ik_group = self.actions_by_name.add_choice(
            "ik_mode",
            (
                ("limb", "Limb IK", "The limb the joint belongs to bends"),
                ("body", "Body IK", "The trunk takes part"),
                ("fk", "FK", "Only the bone above the joint turns"),
            ),
        )
        self.spread_group = self.actions_by_name.add_choice(
            "spread",
            (
                ("frame", "This frame", "A correction holds for the shown frame only"),
                ("ease", "Ease ±N", "A correction fades over N frames on either side"),
                ("range", "Range", "A correction holds over the selected range"),
            ),
        )
        switch = self.actions_by_name.add_switch
        switch("show_photo", "&Photos", "show_photo", keys="Shift+P", tip="Camera pictures")
        switch("show_keypoints", "&Keypoints", "show_keypoints", tip="2D detections")
        switch("show_skeleton", "&Skeletons", "show_skeleton", tip="SMPL joints and bones")
        switch("show_errors", "&Errors", "show_errors", keys="E", tip="Detection to body joint")
        switch("show_avatar", "&Avatars", "show_avatar", tip="Rendered avatars of a run")
        self.mesh_group = self.actions_by_name.add_choice(
            "mesh",
            (
                ("none", "No mesh", "Bodies are not drawn"),
                ("outline", "Mesh outline", "The silhouette of each body"),
                ("fill", "Filled mesh", "Each body as a translucent surface"),
            ),
        )
        self.theme_group = self.actions_by_name.add_choice(
            "theme", (("dark", "&Dark", ""), ("light", "&Light", ""), ("system", "&System", ""))
        )
        add("fit", "&Fit all views", self.grid.fit_all, tip="Show every picture whole")
        add("frame", "Frame the &person", self.grid.frame_selected, keys="V",
            tip="Zoom every view to the active person")  # fmt: skip
        add("maximise", "&Maximise view", self._maximise, keys="F11",
            tip="The active camera fills the space, or all views again")  # fmt: skip
        compare = add("compare", "&Compare with before (hold B)", self._compare, keys="B",
                      tip="Show the poses before the run or the edits while B is held")  # fmt: skip
        compare.setAutoRepeat(False)
        add("shortcuts", "&Keyboard shortcuts", self._show_shortcuts, keys=("F1", "?"))
        add("about", "&About", self._show_about)

    def _make_docks(self) -> None:
        bench, area = self.bench, Qt.DockWidgetArea
        self.survey = ErrorSurvey(bench, self)
        self.center = JobCenter(bench, self)
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
        docks = self._docks
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
        self._docks[title] = dock
        return dock

    def _make_menus(self) -> None:
        bar = self.menuBar()
        file = bar.addMenu("&File")
        self._fill_menu(file, "open")
        self._recent_menu = file.addMenu("Open &recent")
        self._fill_menu(file, "sample - save save_as - close")
        self._fill_menu(bar.addMenu("&Edit"), "undo redo - remove_corrections - range_all")
        view = bar.addMenu("&View")
        self._fill_menu(view, "show_photo show_keypoints show_skeleton show_errors show_avatar -")
        self._fill_menu(view, "mesh_none mesh_outline mesh_fill - fit frame maximise - compare -")
        self._fill_menu(view.addMenu("&Theme"), "theme_dark theme_light theme_system")
        columns = view.addMenu("&Columns")
        for count in range(9):
            entry = columns.addAction("Automatic" if count == 0 else str(count))
            entry.triggered.connect(
                lambda _=False, count=count: self.bench.settings.change(columns=count)
            )
        people = "next_person solo - " + " ".join(f"person_{n + 1}" for n in range(9))
        self._fill_menu(bar.addMenu("&Person"), people)
        pose = bar.addMenu("P&ose")
        self._fill_menu(pose, "ik_mode_limb ik_mode_body ik_mode_fk ik_cycle -")
        self._fill_menu(pose, "spread_frame spread_ease spread_range")
        self._fill_menu(
            bar.addMenu("F&rame"),
            "play - next_frame previous_frame next_10 previous_10 next_100 previous_100 -"
            " first_frame last_frame - next_edited previous_edited next_key previous_key",
        )
        window = bar.addMenu("&Window")
        for dock in self._docks.values():
            window.addAction(dock.toggleViewAction())
        self._fill_menu(bar.addMenu("&Help"), "shortcuts about")

    def _fill_menu(self, menu: QMenu, names: str) -> None:
        for name in names.split():
            if name == "-":
                menu.addSeparator()
            else:
                menu.addAction(self.actions_by_name[name])

    def _make_toolbar(self) -> QToolBar:
        bar = QToolBar("Tools", self)
        bar.setObjectName("toolbar")
        bar.setMovable(False)
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        act = self.actions_by_name
        bar.addAction(act["undo"])
        bar.addAction(act["redo"])
        bar.addSeparator()
        for action in self.ik_group.actions():
            bar.addAction(action)
        bar.addSeparator()
        bar.addWidget(QLabel("Spread"))
        bar.addWidget(self._spread_box())
        bar.addSeparator()
        bar.addWidget(QLabel("Show"))
        for name in ("show_photo", "show_keypoints", "show_skeleton", "show_errors"):
            bar.addAction(act[name])
        bar.addWidget(self._mesh_button())
        bar.addAction(act["show_avatar"])
        bar.addWidget(self._opacity_slider())
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(space)
        self.addToolBar(bar)
        return bar

    def _spread_box(self) -> QWidget:
        settings = self.bench.settings
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        chooser = QComboBox()
        chooser.setAccessibleName("Spread of a correction")
        chooser.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        for action in self.spread_group.actions():
            chooser.addItem(action.text(), action.data())
        reach = QSpinBox()
        reach.setAccessibleName("Frames of ease")
        reach.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        reach.setRange(1, LARGEST_EASE)
        reach.setPrefix("± ")
        reach.setToolTip("Frames over which a correction fades on either side")
        row.addWidget(chooser)
        row.addWidget(reach)

        def follow(name: str) -> None:
            if name in ("spread", "ease_frames"):
                chooser.setCurrentIndex(chooser.findData(settings.values.spread))
                reach.setValue(settings.values.ease_frames)
                reach.setEnabled(settings.values.spread == "ease")

        follow("spread")
        settings.changed.connect(follow)
        chooser.activated.connect(lambda _: settings.change(spread=chooser.currentData()))
        reach.valueChanged.connect(lambda count: settings.change(ease_frames=count))
        return box

    def _mesh_button(self) -> QToolButton:
        button = QToolButton()
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setAccessibleName("Mesh style")
        menu = QMenu(button)
        for action in self.mesh_group.actions():
            menu.addAction(action)
        button.setMenu(menu)

        def follow(name: str) -> None:
            if name == "mesh":
                chosen = {"none": "off", "outline": "outline", "fill": "filled"}
                button.setText(f"Mesh: {chosen[self.bench.settings.values.mesh]} ▾")

        follow("mesh")
        self.bench.settings.changed.connect(follow)
        return button

    def _opacity_slider(self) -> QSlider:
        settings = self.bench.settings
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, 100)
        slider.setFixedWidth(84)
        slider.setAccessibleName("Avatar opacity")
        slider.setToolTip("Opacity of rendered avatars")
        slider.setValue(round(settings.values.avatar_opacity * 100))
        slider.valueChanged.connect(lambda value: settings.change(avatar_opacity=value / 100))

        def follow(name: str) -> None:
            if name == "avatar_opacity":
                slider.setValue(round(settings.values.avatar_opacity * 100))
            slider.setEnabled(settings.values.show_avatar)

        settings.changed.connect(follow)
        return slider

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
        self._start.open_asked.connect(self._ask_open)
        self._start.path_asked.connect(lambda path: self.open_path(Path(path)))
        files.opening.connect(self._on_opening)
        files.opened.connect(self._show_page)
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
        for signal in (
            bench.playback.frame_changed, bench.playback.range_changed, bench.selection.changed,
        ):  # fmt: skip
            signal.connect(lambda *_: self._show_place())
        bench.footage.failed.connect(
            lambda camera, problem: self._tell(f"Camera {camera}: {problem}")
        )
        bench.settings.changed.connect(self._on_setting)
        self._fill_recent()

    def _on_setting(self, name: str) -> None:
        if name == "theme":
            application = QApplication.instance()
            if isinstance(application, QApplication):
                apply_theme(application, self.bench.settings.values.theme)
        elif name == "recent":
            self._fill_recent()

    def _fill_recent(self) -> None:
        self._recent_menu.clear()
        for path in self.bench.settings.values.recent:
            entry = self._recent_menu.addAction(path)
            entry.triggered.connect(lambda _=False, path=path: self.open_path(Path(path)))
        self._recent_menu.setEnabled(bool(self.bench.settings.values.recent))

    def _on_opening(self, name: str) -> None:
        self._start.show_busy(name)
        if self.bench.document.scene is None:
            self._pages.setCurrentWidget(self._start)
        self._tell(f"Opening {name}…")

    def _on_failed(self, problem: str, remedy: str) -> None:
        self._start.show_idle()
        box = QMessageBox(self)
        box.setObjectName("problem")
        box.setIcon(QMessageBox.Icon.Warning)
        box.setText(problem)
        box.setInformativeText(remedy)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def _show_page(self) -> None:
        """The start page without a scene, the docks with one."""
        has_scene = self.bench.document.scene is not None
        self._start.show_idle()
        self._pages.setCurrentWidget(self.grid if has_scene else self._start)
        for dock in self._docks.values():
            dock.setVisible(has_scene)
        self._toolbar.setVisible(has_scene)
        if has_scene:
            state = self.bench.settings.kept_layout("state")
            if state is None or not self.restoreState(state, LAYOUT_VERSION):
                self._share_space()
            if self.grid.views:
                self.grid.views[0].setFocus()
        self.center.set_project_folder(self.files.folder)
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

    def _remove_corrections(self) -> None:
        if not verbs.remove_corrections(self.bench):
            self._tell("The active person has no corrections here")

    def _go_edited(self, direction: int) -> None:
        frames = verbs.edited_frames(self.bench, everybody=True)
        if not verbs.go_to_nearest(self.bench, frames, direction):
            self._tell("No edited frame that way")

    def _go_key(self, direction: int) -> None:
        frames = verbs.edited_frames(self.bench, everybody=False)
        if not verbs.go_to_nearest(self.bench, frames, direction):
            self._tell("No key of this person that way")

    def _toggle_solo(self) -> None:
        self.bench.selection.set_solo(not self.bench.selection.is_solo)
        self._tell("Solo on: only the active person can be grabbed" if
                   self.bench.selection.is_solo else "Solo off")  # fmt: skip

    def _cycle_ik(self) -> None:
        mode = verbs.cycle_ik_mode(self.bench.settings)
        self._tell({"limb": "Limb IK", "body": "Body IK", "fk": "FK"}[mode])

    def _maximise(self) -> None:
        camera = self.grid.maximised or self.bench.selection.camera
        if camera is not None and self.grid.views:
            self.grid.toggle_maximised(camera)

    def _compare(self) -> None:
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

    def _show_shortcuts(self) -> None:
        rows = []
        for action in self.actions_by_name.all():
            if action.shortcuts():
                keys = ", ".join(key.toString() for key in action.shortcuts())
                text = action.text().replace("&", "").rstrip("…")
                rows.append(
                    f"<tr><td style='padding:2px 24px 2px 0'>{text}</td><td>{keys}</td></tr>"
                )
        half = -(-len(rows) // 2)
        columns = "".join(
            f"<td><table>{''.join(part)}</table></td><td width=40></td>"
            for part in (rows[:half], rows[half:])
        )
        self._show_text("Keyboard shortcuts", f"<table><tr>{columns}</tr></table>")

    def _show_about(self) -> None:
        self._show_text("About", "<b>avatarpose</b><br>See, repair and refine the poses of closely "
                        "interacting people in multi-view video.")  # fmt: skip

    def _show_text(self, title: str, text: str) -> None:
        box = QMessageBox(self)
        box.setObjectName(title)
        box.setWindowTitle(title)
        box.setTextFormat(Qt.TextFormat.RichText)
        box.setText(text)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()


def user_settings() -> Settings:
    """Preferences kept where the desktop keeps those of its programs."""
    return Settings(QSettings("avatarpose", "avatarpose"))
