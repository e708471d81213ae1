"""The commands of the window with their keys, and the menus they are in."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from app import verbs
from app.views.gizmo_tool import Tool

if TYPE_CHECKING:
    from app.main_window import MainWindow

PEOPLE_KEYS = 9
MOST_COLUMNS = 8


def add_actions(window: "MainWindow") -> None:
    """Declare every command of the window."""
    bench, add = window.bench, window.actions_by_name.add
    playback, document = bench.playback, bench.document
    add("open", "&Open…", window.ask_open, keys="Ctrl+O", tip="Open a project or capture folder")
    add("sample", "Open &sample", window.open_sample, tip="Two people, 8 cameras, 24 frames")
    add("save", "&Save", window.save, keys="Ctrl+S", tip="Save the project")
    add("save_as", "Save &as…", window.ask_save_as, keys="Ctrl+Shift+S")
    add("close", "&Quit", window.close, keys="Ctrl+Q")
    stack = document.undo_stack
    add("undo", "&Undo", stack.undo, keys="Ctrl+Z")
    add("redo", "&Redo", stack.redo, keys=("Ctrl+Shift+Z", "Ctrl+Y"))
    add(
        "remove_corrections", "Remove &corrections here", window.remove_corrections,
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
    add("last_frame", "&Last frame", lambda: playback.seek(playback.frame_count - 1), keys="End")
    add("next_edited", "Next edited frame", lambda: window.go_edited(1), keys="Alt+Right")
    add("previous_edited", "Previous edited frame", lambda: window.go_edited(-1), keys="Alt+Left")
    add("next_key", "Next key of this person", lambda: window.go_key(1), keys=".")
    add("previous_key", "Previous key of this person", lambda: window.go_key(-1), keys=",")
    add(
        "range_all", "Select no range", lambda: playback.select_range(None),
        keys="Ctrl+Shift+A", tip="Commands work on the shown frame again",
    )  # fmt: skip
    for number in range(PEOPLE_KEYS):
        add(
            f"person_{number + 1}", f"Person &{number + 1}",
            lambda number=number: verbs.choose_person(bench, number), keys=str(number + 1),
        )  # fmt: skip
    add("next_person", "&Next person", lambda: verbs.next_person(bench), keys="`")
    add("solo", "&Solo", window.toggle_solo, keys="/", tip="Dim and protect all other people")
    add("ik_cycle", "&Next IK mode", window.cycle_ik, keys="Q")
    window.actions_by_name.add_choice(
        "ik_mode",
        (
            ("limb", "Limb IK", "The limb the joint belongs to bends"),
            ("body", "Body IK", "The trunk takes part"),
            ("fk", "FK", "Only the bone above the joint turns"),
        ),
    )
    window.actions_by_name.add_choice(
        "spread",
        (
            ("frame", "This frame", "A correction holds for the shown frame only"),
            ("ease", "Ease ±N", "A correction fades over N frames on either side"),
            ("range", "Range", "A correction holds over the selected range"),
        ),
    )
    switch = window.actions_by_name.add_switch
    switch("show_photo", "&Photos", "show_photo", keys="Shift+P", tip="Camera pictures")
    switch("show_keypoints", "&Keypoints", "show_keypoints", tip="2D detections")
    switch("show_skeleton", "&Skeletons", "show_skeleton", tip="SMPL joints and bones")
    switch("show_errors", "&Errors", "show_errors", keys="E", tip="Detection to body joint")
    switch("show_avatar", "&Avatars", "show_avatar", tip="Rendered avatars of a run")
    window.actions_by_name.add_choice(
        "mesh",
        (
            ("none", "No mesh", "Bodies are not drawn"),
            ("outline", "Mesh outline", "The silhouette of each body"),
            ("fill", "Filled mesh", "Each body as a translucent surface"),
        ),
    )
    window.actions_by_name.add_choice(
        "theme", (("dark", "&Dark", ""), ("light", "&Light", ""), ("system", "&System", ""))
    )
    add("fit", "&Fit all views", window.grid.fit_all, tip="Show every picture whole")
    add("frame", "Frame the &person", window.grid.frame_selected, keys="V",
        tip="Zoom every view to the active person")  # fmt: skip
    add("maximise", "&Maximise view", window.maximise, keys="F11",
        tip="The active camera fills the space, or all views again")  # fmt: skip
    compare = add("compare", "&Compare with before (hold B)", window.compare, keys="B",
                  tip="Show the poses before the run or the edits while B is held")  # fmt: skip
    compare.setAutoRepeat(False)
    add("initialise", "&Initialise from keypoints", window.initialise, keys="Ctrl+I",
        tip="Fit bodies to the keypoints of all views; these become the initial poses")  # fmt: skip
    add("settings", "Se&ttings…", window.show_settings, keys="Ctrl+,",
        tip="Theme, editing, and the body model")  # fmt: skip
    add("shortcuts", "&Keyboard shortcuts", window.show_shortcuts, keys=("F1", "?"))
    add("about", "&About", window.show_about)
    add("refine", "&Refine", window.job_panel.start, keys="Ctrl+R",
        tip="Learn avatars and refine the poses of the range, or of all frames")  # fmt: skip
    add("refine_choose", "Refine with &options…", window.job_panel.open_sheet, keys="Ctrl+Shift+R",
        tip="Choose frames, people, cameras and preset")  # fmt: skip
    add("pause", "&Pause or resume", window.center.toggle_pause, keys="Ctrl+.")
    add("stop", "&Stop, keep best", window.center.stop, tip="Finish now with the best poses so far")
    add("cancel", "&Cancel, put back", window.center.cancel, tip="End the run and keep nothing")
    add("next_doubtful", "Next &doubtful frame", window.timeline.next_doubtful, keys="J",
        tip="The next frame whose worst joint is beyond the limit")  # fmt: skip
    add("previous_doubtful", "Previous doubtful frame", window.timeline.previous_doubtful,
        keys="Shift+J")  # fmt: skip
    add("rotate", "&Rotate in 3D", lambda: window.toggle_gizmo(Tool.ROTATE), keys="R",
        tip="Rings around the selected joint in the 3D viewport")  # fmt: skip
    add("move", "&Move in 3D", lambda: window.toggle_gizmo(Tool.MOVE), keys="G",
        tip="Arrows that move the person in the 3D viewport")  # fmt: skip
    add("look_through", "&Look through this camera", window.look_through, keys="Shift+F11",
        tip="The 3D viewport takes the place of the active camera")  # fmt: skip
    add("triangulate", "&Triangulate joint from detections", window.triangulate, keys="T",
        tip="Place the selected joint where the detections of all views say it is")  # fmt: skip


def fill_menu_bar(window: "MainWindow") -> None:
    """The menus; every command is in one of them."""
    bar = window.menuBar()

    def fill(menu: QMenu, names: str) -> None:
        for name in names.split():
            if name == "-":
                menu.addSeparator()
            else:
                menu.addAction(window.actions_by_name[name])

    file = bar.addMenu("&File")
    fill(file, "open")
    recent = file.addMenu("Open &recent")
    window.bench.settings.changed.connect(
        lambda name: _fill_recent(recent, window) if name == "recent" else None
    )
    _fill_recent(recent, window)
    fill(file, "sample - save save_as - close")
    fill(bar.addMenu("&Edit"), "undo redo - remove_corrections - range_all - settings")
    view = bar.addMenu("&View")
    fill(view, "show_photo show_keypoints show_skeleton show_errors show_avatar -")
    fill(view, "mesh_none mesh_outline mesh_fill - fit frame maximise look_through - compare -")
    fill(view.addMenu("&Theme"), "theme_dark theme_light theme_system")
    columns = view.addMenu("&Columns")
    for count in range(MOST_COLUMNS + 1):
        entry = columns.addAction("Automatic" if count == 0 else str(count))
        entry.triggered.connect(
            lambda _=False, count=count: window.bench.settings.change(columns=count)
        )
    people = "next_person solo - " + " ".join(f"person_{n + 1}" for n in range(PEOPLE_KEYS))
    fill(bar.addMenu("&Person"), people)
    pose = bar.addMenu("P&ose")
    fill(pose, "ik_mode_limb ik_mode_body ik_mode_fk ik_cycle -")
    fill(pose, "spread_frame spread_ease spread_range - triangulate rotate move -")
    fill(pose, "initialise")
    fill(
        bar.addMenu("F&rame"),
        "play - next_frame previous_frame next_10 previous_10 next_100 previous_100 -"
        " first_frame last_frame - next_doubtful previous_doubtful"
        " next_edited previous_edited next_key previous_key",
    )
    fill(bar.addMenu("&Refine"), "refine refine_choose - pause stop cancel")
    docks = bar.addMenu("&Window")
    for dock in window.docks.values():
        docks.addAction(dock.toggleViewAction())
    fill(bar.addMenu("&Help"), "shortcuts about")


def _fill_recent(menu: QMenu, window: "MainWindow") -> None:
    menu.clear()
    paths = window.bench.settings.values.recent
    for path in paths:
        entry = menu.addAction(path)
        entry.triggered.connect(lambda _=False, path=path: window.open_path(Path(path)))
    menu.setEnabled(bool(paths))
