"""Posed bodies of the shown scene, computed once per pose and kept while they are in use."""

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from PySide6.QtCore import QObject, Signal

from avatarpose.body.pose import PoseSequence
from avatarpose.body.smpl import PosedBody, SmplModel
from avatarpose.optimize.snapshot import Preview
from avatarpose.scene.layers import EditLayer
from avatarpose.scene.scene import Scene

KEPT_BODIES = 256  # about 0.1 MB each
KEPT_EDITED = 32


class PosedScene(QObject):
    """Answers "what does this person's body look like at this frame?".

    Bodies are found again by the pose itself (shape, rotations, translation), so a frame that an
    edit does not touch stays cached. All methods are cheap on a hit and take about 5 ms on a miss.
    """

    live_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bodies: OrderedDict[tuple, PosedBody] = OrderedDict()
        # The values hold what the keys name by id, so that no id is used again meanwhile.
        self._edited: OrderedDict[
            tuple[int, int, int, int], tuple[PoseSequence, EditLayer, SmplModel, PosedBody]
        ] = OrderedDict()
        self._live: Mapping[int, PoseSequence] | None = None
        self._previews: dict[tuple[str, int], Preview] = {}

    def at(self, scene: Scene, pid: int, index: int) -> PosedBody | None:
        """The shown body (source plus corrections) at a frame index, with a frames axis of 1.

        None where the person is absent.
        """
        person = scene.person(pid)
        return self.layer_at(scene, pid, person.shown, index)

    def layer_at(self, scene: Scene, pid: int, layer: str, index: int) -> PosedBody | None:
        """The body in the named source plus the corrections on it; None where absent."""
        person = scene.person(pid)
        source = person.layer(layer).poses
        if not 0 <= index < len(source) or not source.valid[index]:
            return None
        edit = person.edits.get(layer)
        if edit is None:
            rotvecs = _rotvecs(source, index)
            return self.posed(scene.body, source.betas, rotvecs, source.transl[index])
        key = (id(source), id(edit), index, id(scene.body))
        kept = self._edited.get(key)
        if kept is None:  # every view asks for the same few poses in turn
            rotvecs, transl = edit.pose_at(source, index)
            body = self.posed(scene.body, source.betas + edit.betas, rotvecs, transl)
            kept = self._edited[key] = (source, edit, scene.body, body)
            while len(self._edited) > KEPT_EDITED:
                self._edited.popitem(last=False)
        return kept[-1]

    def skel19_at(self, scene: Scene, pid: int, index: int) -> Float[np.ndarray, "19 3"] | None:
        """The 19 measured joints of the shown body in the world (m); None where absent."""
        body = self.at(scene, pid, index)
        return None if body is None else scene.body.skel19(body)[0]

    def posed(
        self, model: SmplModel, betas: np.ndarray, rotvecs: np.ndarray, transl: np.ndarray
    ) -> PosedBody:
        """The body of one pose, from the cache when it was asked for lately."""
        betas, rotvecs = np.asarray(betas, np.float32), np.asarray(rotvecs, np.float32)
        transl = np.asarray(transl, np.float32)
        key = (id(model), betas.tobytes(), rotvecs.tobytes(), transl.tobytes())
        found = self._bodies.get(key)
        if found is None:
            found = model.posed(betas, rotvecs[None], transl[None])
            self._bodies[key] = found
            while len(self._bodies) > KEPT_BODIES:
                self._bodies.popitem(last=False)
        else:
            self._bodies.move_to_end(key)
        return found

    @property
    def live(self) -> Mapping[int, PoseSequence] | None:
        """Poses of a run in progress, over the whole time base; None when nothing runs."""
        return self._live

    def set_live(self, poses: Mapping[int, PoseSequence] | None) -> None:
        """Show the poses of a run in progress as an overlay beside the document; None ends it."""
        self._live = poses
        self.live_changed.emit()

    def live_at(self, scene: Scene, pid: int, index: int) -> PosedBody | None:
        """The body of a run in progress; None when nothing runs or the person is not part of it."""
        if self._live is None or pid not in self._live:
            return None
        poses = self._live[pid]
        if not 0 <= index < len(poses) or not poses.valid[index]:
            return None
        return self.posed(scene.body, poses.betas, _rotvecs(poses, index), poses.transl[index])

    def add_previews(self, previews: tuple[Preview, ...]) -> None:
        """Take in pictures a run has rendered; newer ones replace those of the same frame."""
        if previews:
            self._previews.update({(p.camera, p.frame_index): p for p in previews})
            self.live_changed.emit()

    def preview(self, camera: str, index: int) -> Preview | None:
        """The newest rendered picture of a view at a frame, if there is one."""
        return self._previews.get((camera, index))

    def clear(self) -> None:
        """Forget everything (another scene was opened)."""
        self._bodies.clear()
        self._edited.clear()
        self._previews.clear()
        self._live = None
        self.live_changed.emit()


def _rotvecs(poses: PoseSequence, index: int) -> np.ndarray:
    return np.concatenate([poses.global_orient[index][None], poses.body_pose[index].reshape(23, 3)])
