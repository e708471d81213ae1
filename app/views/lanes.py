"""The rows of the timeline: what each shows, says and means for the scene at hand."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app.jobs.center import JobCenter
from app.jobs.errors import ErrorSurvey, PersonErrors
from app.playback import Playback
from app.views.strips import (
    Inks,
    TimeScale,
    blend,
    draw_edits,
    draw_errors,
    draw_presence,
    draw_run,
)
from app.workbench import Workbench
from avatarpose.body.skeleton import Skel19
from avatarpose.scene.layers import Strength
from avatarpose.scene.people import Person
from avatarpose.scene.scene import Scene

ERROR_HEIGHT = 36
EDIT_HEIGHT = 13
CAMERA_HEIGHT = 12
RUN_HEIGHT = 18


class Lane:
    """One row.

    Attributes:
        height: in pixels.
        gap: pixels below it.
        pid: the person it belongs to, if any.
        is_cameras: a click on its name folds or unfolds the cameras.
        hint: what its name's tool tip says.
    """

    height: float = CAMERA_HEIGHT
    gap: float = 2.0
    pid: int | None = None
    is_cameras = False
    hint = ""

    def draw_label(self, painter: QPainter, rect: QRectF, inks: Inks) -> None:
        """Its name, at the left."""

    def draw(self, painter: QPainter, rect: QRectF, scale: TimeScale, inks: Inks) -> None:
        """Its strip."""

    def text_at(self, index: int) -> str:
        """What it says about a frame."""
        return ""


class ErrorLane(Lane):
    """How well a person's poses fit the detections."""

    height = ERROR_HEIGHT
    gap = 1.0

    def __init__(
        self,
        person: Person,
        errors: PersonErrors | None,
        threshold_px: float,
        playback: Playback,
        *,
        is_active: bool,
    ) -> None:
        self.pid = person.pid
        self._person, self._errors, self._threshold_px = person, errors, threshold_px
        self._playback, self._is_active = playback, is_active
        self.hint = (
            "Distance between the body's joints and the 2D keypoints.\n"
            "Bars: mean over joints and cameras. Line: the worst joint (median over cameras).\n"
            f"Dashed: the limit of doubt, {threshold_px:.1f} px; J jumps to the next frame beyond."
        )

    def draw_label(self, painter: QPainter, rect: QRectF, inks: Inks) -> None:
        """Colour, name, and the numbers of the shown frame."""
        colour = QColor(*self._person.colour)
        if self._is_active:
            painter.fillRect(QRectF(rect.left(), rect.top(), 3, rect.height()), inks.accent)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(QRectF(rect.left() + 10, rect.top() + 6, 10, 10), 3, 3)
        font = painter.font()
        font.setBold(self._is_active)
        painter.setFont(font)
        painter.setPen(inks.text)
        top = QRectF(rect.left() + 27, rect.top() + 1, rect.width() - 27, ERROR_HEIGHT / 2)
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        name = painter.fontMetrics().elidedText(
            self._person.name, Qt.TextElideMode.ElideRight, int(top.width())
        )
        painter.drawText(top, flags, name)
        font.setBold(False)
        painter.setFont(font)
        painter.setPen(inks.faint)
        painter.drawText(top.translated(0, ERROR_HEIGHT / 2 - 2), flags, self._numbers())

    def draw(self, painter: QPainter, rect: QRectF, scale: TimeScale, inks: Inks) -> None:
        """Bars, steps and alarms; a plain lane while nothing is known."""
        painter.fillRect(rect, inks.lane)
        if self._errors is None or len(self._errors.px) != scale.count:
            return
        mean, worst = self._errors.mean_px, self._errors.worst_px
        colour = QColor(*self._person.colour)
        draw_errors(painter, rect, scale, mean, worst, self._threshold_px, colour, inks)
        if not np.isfinite(worst).any() and not self._errors.is_stale.any():
            painter.setPen(inks.faint)
            text = "no 2D keypoints: errors cannot be measured"
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)

    def text_at(self, index: int) -> str:
        """Mean, and the worst joint by name."""
        errors = self._errors
        if errors is None or index >= len(errors.px) or not np.isfinite(errors.worst_px[index]):
            return f"{self._person.name}: no keypoints"
        joint = Skel19(errors.worst_joint(index))
        return (
            f"{self._person.name}\nmean {errors.mean_px[index]:.1f} px\n"
            f"worst {joint.label} {errors.worst_px[index]:.1f} px"
        )

    def _numbers(self) -> str:
        errors, index = self._errors, self._playback.index
        if errors is None or index >= len(errors.px) or not np.isfinite(errors.worst_px[index]):
            return "–"
        return f"{errors.mean_px[index]:.1f} · {errors.worst_px[index]:.1f} px"


class EditLane(Lane):
    """What the user corrected."""

    height = EDIT_HEIGHT
    gap = 7.0
    hint = "Diamond: corrected frame. Square: a joint is locked there. Bar: frames that follow it."

    def __init__(self, person: Person, frame_count: int) -> None:
        self.pid = person.pid
        edit = person.edit()
        self._keys = {
            index: bool((key.strength == Strength.LOCKED).any()) for index, key in edit.keys.items()
        }
        self._touched = np.zeros(frame_count, bool)
        for index, key in edit.keys.items():
            first, last = key.hold if key.hold is not None else (index, index)
            first, last = first - key.ease_frames, last + key.ease_frames
            self._touched[max(first, 0) : last + 1] = True

    def draw_label(self, painter: QPainter, rect: QRectF, inks: Inks) -> None:
        """How many corrections there are."""
        painter.setPen(inks.faint)
        count = len(self._keys)
        text = f"{count} correction{'' if count == 1 else 's'}" if count else "no corrections"
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        _small(painter, lambda: painter.drawText(rect.adjusted(27, 0, 0, 0), flags, text))

    def draw(self, painter: QPainter, rect: QRectF, scale: TimeScale, inks: Inks) -> None:
        """Diamonds and bars."""
        draw_edits(painter, rect, scale, self._keys, self._touched, inks)

    def text_at(self, index: int) -> str:
        """Whether the frame was corrected or follows a correction."""
        if index in self._keys:
            return "corrected, a joint is locked" if self._keys[index] else "corrected"
        return "follows a correction" if self._touched[index] else "as it came"


class CameraLane(Lane):
    """Which frames have a picture, in one camera or in all."""

    gap = 2.0
    is_cameras = True

    def __init__(self, label: str, share: np.ndarray, *, is_folded: bool, is_head: bool) -> None:
        self._label, self._share = label, share
        self._is_head, self._is_folded = is_head, is_folded
        self.hint = "Click to fold or unfold the cameras. Hatched: pictures are missing."

    def draw_label(self, painter: QPainter, rect: QRectF, inks: Inks) -> None:
        """The camera's name; the head has an arrow."""
        painter.setPen(inks.faint)
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        indent = 27 if self._is_head else 38
        _small(
            painter, lambda: painter.drawText(rect.adjusted(indent, -1, 0, 1), flags, self._label)
        )
        if self._is_head:
            middle = QPointF(rect.left() + 15, rect.center().y())
            painter.setPen(QPen(inks.faint, 1.4))
            wing, tip = ((-3, -2), (0, 1.5)) if not self._is_folded else ((-2, -3), (1.5, 0))
            other = (-wing[0], wing[1]) if not self._is_folded else (wing[0], -wing[1])
            painter.drawLine(middle + QPointF(*wing), middle + QPointF(*tip))
            painter.drawLine(middle + QPointF(*tip), middle + QPointF(*other))

    def draw(self, painter: QPainter, rect: QRectF, scale: TimeScale, inks: Inks) -> None:
        """Filled where there are pictures."""
        draw_presence(painter, rect, scale, self._share, inks)

    def text_at(self, index: int) -> str:
        """How many pictures there are."""
        share = float(self._share[index])
        if share >= 1.0:
            return "pictures are there"
        return "no picture" if share == 0.0 else f"pictures of {share:.0%} of the cameras"


@dataclass
class RunLane(Lane):
    """How far the refinement has come, over the frames it works on."""

    center: JobCenter
    first: int
    last: int
    height = RUN_HEIGHT
    gap = 6.0
    hint = "The refinement in progress, over the frames it works on."

    def draw_label(self, painter: QPainter, rect: QRectF, inks: Inks) -> None:
        """The run's state."""
        painter.setPen(inks.text)
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(rect.adjusted(10, 0, 0, 0), flags, f"Refine: {self.center.state.value}")

    def draw(self, painter: QPainter, rect: QRectF, scale: TimeScale, inks: Inks) -> None:
        """Progress and stage."""
        painter.fillRect(rect, blend(inks.ground, inks.lane, 0.5))
        x0, x1 = scale.edge(self.first), scale.edge(self.last + 1)
        box = QRectF(x0, rect.top(), x1 - x0, rect.height())
        snapshot = self.center.snapshot
        if snapshot is None:
            draw_run(painter, box, 0.0, "preparing", inks, is_paused=False)
            return
        done = snapshot.step / max(snapshot.step_count, 1)
        stage = f"{snapshot.stage_index + 1}/{snapshot.stage_count}"
        text = f"{snapshot.stage}  ·  stage {stage}  ·  {done:.0%}"
        is_paused = self.center.state.value == "Paused"
        draw_run(painter, box, done, text, inks, is_paused=is_paused)

    def text_at(self, index: int) -> str:
        """Whether the frame is being refined."""
        return "being refined" if self.first <= index <= self.last else "not part of the run"


def lanes_of(
    bench: Workbench,
    scene: Scene,
    survey: ErrorSurvey,
    center: JobCenter | None,
    *,
    shows_cameras: bool,
) -> list[Lane]:
    """The rows for a scene, from top to bottom."""
    lanes: list[Lane] = []
    capture = scene.capture
    if center is not None and center.state.is_active and center.request is not None:
        first, last = 0, capture.frame_count - 1
        if center.request.frames is not None:
            inside = np.flatnonzero(
                (capture.frames >= center.request.frames[0])
                & (capture.frames <= center.request.frames[1])
            )
            if len(inside):
                first, last = int(inside[0]), int(inside[-1])
        lanes.append(RunLane(center, first, last))
    threshold = survey.threshold_px
    for person in scene.people:
        errors = survey.errors.get(person.pid)
        is_active = bench.selection.pid == person.pid
        lanes.append(ErrorLane(person, errors, threshold, bench.playback, is_active=is_active))
        lanes.append(EditLane(person, capture.frame_count))
    nothing = np.zeros(capture.frame_count)
    present = [
        (view.camera.name, nothing if view.footage is None else view.footage.present)
        for view in capture.views
    ]
    if present:
        share = np.mean([flags for _, flags in present], axis=0)
        lanes.append(
            CameraLane(f"{len(present)} cameras", share, is_folded=not shows_cameras, is_head=True)
        )
        if shows_cameras:
            lanes += [
                CameraLane(name, np.asarray(flags, float), is_folded=False, is_head=False)
                for name, flags in present
            ]
    return lanes


def _small(painter: QPainter, draw: Callable[[], object]) -> None:
    """Draw in a slightly smaller font."""
    font = painter.font()
    size = font.pointSizeF()
    font.setPointSizeF(max(size - 1.0, 6.0))
    painter.setFont(font)
    draw()
    font.setPointSizeF(size)
    painter.setFont(font)
