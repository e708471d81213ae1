from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.jobs.errors import ErrorSurvey, PersonErrors, survey, usual_limit_px
from app.workbench import Workbench
from avatarpose.body.pose import PoseSequence
from avatarpose.body.skeleton import Skel19
from avatarpose.evaluate.reprojection import reprojection_errors
from avatarpose.scene import edits
from avatarpose.scene.scene import Scene
from tests.app.scenes import FRAMES, WRONG_FRAMES, make_bench, two_people


@pytest.fixture(scope="module")
def scene() -> Scene:
    return two_people()


@pytest.fixture
def bench(qapp: QApplication, scene: Scene) -> Iterator[Workbench]:  # noqa: ARG001
    bench = make_bench(scene)
    yield bench
    bench.footage.close()


def of(px: np.ndarray) -> PersonErrors:
    poses = PoseSequence.rest(len(px))
    return PersonErrors(poses, poses, px, np.zeros(len(px), bool))


def moved(scene: Scene, index: int) -> Scene:
    poses = scene.person(1).poses()
    transl = poses.transl[index] + np.array([0, 0, 0.2], np.float32)
    return edits.set_pose(scene, 1, index, poses.rotvecs[index], transl)


def test_a_survey_in_pieces_equals_the_measurement_at_once(scene: Scene) -> None:
    known = survey(scene, None, {}, 12, 5)
    assert int((~known[0].is_stale).sum()) == 5
    assert np.flatnonzero(~known[0].is_stale).tolist() == [10, 11, 12, 13, 14]
    while any(it.is_stale.any() for it in known.values()):
        known = survey(scene, None, known, 12, 5)
    for pid, errors in known.items():
        expected = reprojection_errors(scene, pid, scene.person(pid).poses())
        np.testing.assert_allclose(errors.px, expected, atol=1e-3)


def test_only_frames_that_changed_are_measured_again(scene: Scene) -> None:
    known = survey(scene, None, {}, 0, FRAMES)
    edited = moved(scene, 7)
    again = survey(edited, None, known, 0, 0)
    assert np.flatnonzero(again[1].is_stale).tolist() == [7]
    assert again[0] is known[0]
    measured = survey(edited, None, again, 0, FRAMES)
    assert measured[1].mean_px[7] > 5
    assert measured[1].mean_px[6] < 0.1
    back = survey(scene, None, measured, 0, FRAMES)
    assert back[1].mean_px[7] < 0.1


def test_a_run_in_progress_is_measured_instead_of_the_document(scene: Scene) -> None:
    known = survey(scene, None, {}, 0, FRAMES)
    live = {0: scene.person(1).poses()}
    running = survey(scene, live, known, 0, FRAMES)
    assert running[0].mean_px.min() > 5
    assert running[1] is known[1]
    after = survey(scene, None, running, 0, FRAMES)
    np.testing.assert_allclose(after[0].mean_px, known[0].mean_px, atol=1e-4)


def test_absent_people_and_missing_keypoints_have_no_error(scene: Scene) -> None:
    person = scene.person(0)
    valid = np.ones(FRAMES, bool)
    valid[3] = False
    layer = replace(person.layers[0], poses=replace(person.layers[0].poses, valid=valid))
    errors = survey(scene.with_person(person.with_layer(layer)), None, {}, 0, FRAMES)[0]
    assert np.isnan(errors.mean_px[3])
    assert np.isnan(errors.worst_px[3])
    assert np.isfinite(errors.mean_px[2])
    without = survey(scene.changed(detections={}), None, {}, 0, FRAMES)[0]
    assert np.isnan(without.worst_px).all()


def test_the_worst_joint_is_not_fooled_by_one_camera() -> None:
    px = np.ones((2, 5, 19), np.float32)
    px[0, 2, Skel19.LEFT_WRIST] = 300  # one camera is wrong
    px[1, :4, Skel19.RIGHT_ELBOW] = 50  # most cameras agree that the elbow is off
    errors = of(px)
    assert errors.worst_px.tolist() == [1, 50]
    assert errors.worst_joint(1) == Skel19.RIGHT_ELBOW


@given(
    arrays(np.float64, (4, 3, 19), elements=st.one_of(st.just(np.nan), st.floats(0, 1e3, width=32)))
)
def test_worst_errors_agree_with_a_plain_median(px: np.ndarray) -> None:
    errors = of(px)
    for frame in range(4):
        medians = [
            np.median(px[frame, np.isfinite(px[frame, :, joint]), joint])
            for joint in range(19)
            if np.isfinite(px[frame, :, joint]).any()
        ]
        if medians:
            assert errors.worst_px[frame] == pytest.approx(max(medians))
        else:
            assert np.isnan(errors.worst_px[frame])


@given(st.floats(0.5, 40), st.integers(1, 45))
def test_frames_like_most_others_are_not_doubtful(usual: float, bad: int) -> None:
    px = np.full((100, 3, 19), usual, np.float32)
    px[:bad] *= 6
    limit = usual_limit_px(None, {0: of(px)})
    assert usual < limit
    assert limit < max(6 * usual, 5.01)


def test_the_survey_follows_the_document(qtbot: QtBot, bench: Workbench, scene: Scene) -> None:
    watch = ErrorSurvey(bench)
    qtbot.waitUntil(lambda: watch.is_complete)
    assert np.flatnonzero(watch.doubtful()).tolist() == list(WRONG_FRAMES)
    bench.document.preview(moved(scene, 2))
    qtbot.waitUntil(lambda: bool(watch.doubtful()[2]))
    bench.document.preview(None)
    qtbot.waitUntil(lambda: not watch.doubtful()[2])
    bench.document.open(None)
    qtbot.waitUntil(lambda: not watch.errors)
    watch.shutdown()
