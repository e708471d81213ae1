"""What every view is given: the shared objects of one window, made once in main_window."""

from dataclasses import dataclass

from app.document import Document
from app.footage import PictureLoader
from app.playback import Playback
from app.posed_scene import PosedScene
from app.selection import Selection
from app.settings import Settings


@dataclass(frozen=True, slots=True, eq=False)
class Workbench:
    """The tools on the table; a view's constructor is `View(bench, parent=None)`.

    Attributes:
        document: the open scene, its preview and its history.
        selection: the active person, joint, camera, and what is hovered.
        playback: the shown frame and the selected range.
        bodies: posed bodies of any scene and frame, and the poses of a run in progress.
        footage: pictures, loaded in the background.
        settings: preferences that outlive the window.
    """

    document: Document
    selection: Selection
    playback: Playback
    bodies: PosedScene
    footage: PictureLoader
    settings: Settings
