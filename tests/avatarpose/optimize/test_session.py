import itertools
import pickle
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from avatarpose.body.skeleton import Joint
from avatarpose.errors import AvatarPoseError, OptimizationError
from avatarpose.geometry.rotation import geodesic_angle, matrix_from_rotvec
from avatarpose.optimize.run_folder import CHECKPOINT, EXPOSURE_FILE
from avatarpose.optimize.schedule import Plan
from avatarpose.optimize.session import OptimizationSession
from avatarpose.optimize.settings import RunRequest
from avatarpose.optimize.snapshot import RunResult, Snapshot
from avatarpose.scene.edits import set_pose, set_strength, show_layer
from avatarpose.scene.layers import TRUTH, Strength
from avatarpose.scene.scene import Scene
from tests.avatarpose.optimize.scenes import (
    ALL,
    AVATARS,
    KEYPOINTS,
    POSES,
    SILHOUETTES,
    joints_of,
    tiny_plan,
    with_views,
    without_detections,
)

REQUEST = RunRequest(device="cpu")
WRIST = Joint.LEFT_WRIST
QUICK = tiny_plan(KEYPOINTS, POSES)


def _session(scene: Scene, schedule: Plan = QUICK, **options) -> OptimizationSession:
    return OptimizationSession(scene, REQUEST, schedule=schedule, **options)


def _run(scene: Scene, schedule: Plan = QUICK, **options) -> RunResult:
    session = _session(scene, schedule, **options)
    for _ in session.run():
        pass
    return session.result()


def _assert_equal(one: RunResult, other: RunResult) -> None:
    assert one.poses.keys() == other.poses.keys()
    for pid, poses in one.poses.items():
        for name in ("betas", "global_orient", "body_pose", "transl"):
            assert np.array_equal(getattr(poses, name), getattr(other.poses[pid], name)), name


@pytest.fixture(scope="module")
def finished(tiny_scene, tmp_path_factory) -> tuple[RunResult, list[Snapshot], object]:
    """A whole run with everything in it."""
    folder = tmp_path_factory.mktemp("run") / "made by the run"
    session = _session(
        tiny_scene, tiny_plan(), folder=folder,
        preview_cameras=tiny_scene.capture.rig.names[:2], preview_frame=1,
    )  # fmt: skip
    snapshots = list(session.run())
    return session.result(), snapshots, folder


def test_a_run_goes_through_all_stages_to_the_end(finished):
    result, snapshots, _ = finished
    assert result.is_complete
    assert [band.name for band in result.bands] == [stage.name for stage in ALL]
    assert snapshots[-1].step == snapshots[-1].step_count
    assert snapshots[-1].stage == "done"
    assert snapshots[-1].remaining_s == 0
    assert result.frames == (0, 3)
    assert {"keypoints", "rgb", "alpha", "instance"} <= set(result.losses)


def test_snapshots_go_forward(finished):
    _, snapshots, _ = finished
    for before, after in itertools.pairwise(snapshots):
        assert after.step >= before.step
        assert after.stage_index >= before.stage_index
        assert after.elapsed_s >= before.elapsed_s
        assert after.step_count == before.step_count


def test_snapshots_and_results_cross_process_borders(finished):
    result, snapshots, _ = finished
    for value in (snapshots[-1], result):
        back = pickle.loads(pickle.dumps(value))
        assert np.array_equal(back.poses[1].body_pose, value.poses[1].body_pose)
        assert not back.poses[1].transl.flags.writeable


def test_snapshots_do_not_change_afterwards(finished):
    _, snapshots, _ = finished
    first, last = snapshots[0].poses[0], snapshots[-1].poses[0]
    assert not np.array_equal(first.body_pose, last.body_pose)
    assert not first.body_pose.flags.writeable


def test_previews_show_the_people(finished):
    _, snapshots, _ = finished
    previews = snapshots[-1].previews
    assert len(previews) == 2
    for preview in previews:
        assert preview.frame_index == 1
        assert preview.rgba.shape == (48, 64, 4)
        shown = preview.rgba[..., 3] > 128
        assert 0.02 < shown.mean() < 0.6
        assert preview.rgba[shown][:, :3].std() > 0


def test_a_folder_keeps_checkpoint_avatars_and_exposures(finished):
    _, _, folder = finished
    names = {path.name for path in folder.iterdir()}
    assert names == {CHECKPOINT, EXPOSURE_FILE, "avatar-0.pt", "avatar-1.pt"}


def test_keypoints_alone_already_help(tiny_scene):
    """Half a hundred steps of alignment bring the bodies nearer to the truth."""
    result = _run(tiny_scene, tiny_plan(replace(KEYPOINTS, steps=60)))
    before, after = [], []
    for pid in tiny_scene.pids:
        person = tiny_scene.person(pid)
        truth = tiny_scene.body.skel19_sequence(person.poses(TRUTH))
        for errors, poses in ((before, person.poses()), (after, result.poses[pid])):
            found = tiny_scene.body.skel19_sequence(poses)
            errors.append(np.linalg.norm(found - truth, axis=-1).mean())
    assert np.mean(after) < 0.7 * np.mean(before)


def test_the_same_seed_gives_the_same_result(tiny_scene, finished):
    _assert_equal(_run(tiny_scene, tiny_plan()), finished[0])


def test_another_seed_gives_another_result(tiny_scene):
    plan = tiny_plan(POSES)
    one = _run(tiny_scene, plan)
    session = OptimizationSession(tiny_scene, replace(REQUEST, seed=7), schedule=plan)
    list(session.run())
    assert not np.array_equal(one.poses[0].body_pose, session.result().poses[0].body_pose)


def test_frames_outside_the_range_stay_as_they_were(tiny_scene):
    request = replace(REQUEST, frames=(1, 2))
    session = OptimizationSession(tiny_scene, request, schedule=tiny_plan(POSES))
    list(session.run())
    for pid, poses in session.result().poses.items():
        start = tiny_scene.person(pid).poses()
        assert np.allclose(poses.rotvecs[[0, 3]], start.rotvecs[[0, 3]])
        assert not np.allclose(poses.rotvecs[[1, 2]], start.rotvecs[[1, 2]])
    assert session.result().frames == (1, 2)


def test_only_the_chosen_people_are_refined(tiny_scene):
    session = OptimizationSession(
        tiny_scene, replace(REQUEST, pids=(1,)), schedule=tiny_plan(AVATARS, POSES)
    )
    list(session.run())
    assert list(session.result().poses) == [1]


def test_pausing_from_another_thread_holds_until_resumed(tiny_scene):
    session = _session(tiny_scene, tiny_plan(replace(POSES, steps=2)))
    paused, ended = threading.Event(), threading.Event()
    seen: list[Snapshot] = []

    def work() -> None:
        for snapshot in session.run():
            seen.append(snapshot)
            if snapshot.message == "Paused":
                paused.set()
        ended.set()

    session.pause()
    assert session.is_paused
    thread = threading.Thread(target=work)
    thread.start()
    assert paused.wait(60)
    assert not ended.is_set()
    assert seen[-1].step < seen[-1].step_count
    session.resume()
    thread.join(60)
    assert ended.is_set()
    assert session.result().is_complete


def test_a_paused_run_can_be_stopped(tiny_scene):
    session = _session(tiny_scene)
    session.pause()
    for snapshot in session.run():
        if snapshot.message == "Paused":
            session.stop()
    assert not session.result().is_complete


def test_stopping_keeps_what_was_reached(tiny_scene):
    session = _session(tiny_scene, tiny_plan(replace(KEYPOINTS, steps=100_000)))
    for snapshot in session.run():
        if snapshot.losses:
            session.stop()
    result = session.result()
    assert not result.is_complete
    start = tiny_scene.person(0).poses()
    assert not np.array_equal(result.poses[0].body_pose, start.body_pose)


def test_a_run_stopped_before_its_first_step_gives_the_start(tiny_scene):
    session = _session(tiny_scene)
    session.stop()
    list(session.run())
    for pid, poses in session.result().poses.items():
        start = tiny_scene.person(pid).poses()
        turned = geodesic_angle(
            matrix_from_rotvec(poses.rotvecs), matrix_from_rotvec(start.rotvecs)
        )
        assert turned.max() < 2e-3


def test_a_cancelled_run_has_no_result(tiny_scene):
    session = _session(tiny_scene)
    for _ in session.run():
        session.cancel()
    with pytest.raises(OptimizationError, match="no result"):
        session.result()


def test_a_run_that_is_no_longer_listened_to_ends_its_threads(tiny_scene):
    before = {thread.ident for thread in threading.enumerate()}
    session = _session(tiny_scene, tiny_plan(replace(KEYPOINTS, steps=100_000)))
    steps = session.run()
    while not next(steps).losses:
        pass
    steps.close()
    left = [t for t in threading.enumerate() if t.ident not in before and "keypoints" in t.name]
    assert left == []


def test_there_is_no_result_before_the_end(tiny_scene):
    with pytest.raises(OptimizationError, match="has not ended"):
        _session(tiny_scene).result()


@pytest.mark.parametrize("finished_stages", [1, 2, 3])
def test_a_resumed_run_ends_like_an_uninterrupted_one(
    tiny_scene, tmp_path, finished, finished_stages
):
    """Stopped in the stage after a checkpoint: that stage is done again from its beginning."""
    plan, whole = tiny_plan(), finished[0]
    session = _session(tiny_scene, plan, folder=tmp_path)
    for snapshot in session.run():
        if (tmp_path / CHECKPOINT).exists() and snapshot.stage_index >= finished_stages:
            session.stop()
    if session.result().is_complete:
        pytest.skip("the run was over before it could be stopped")
    again = _session(tiny_scene, plan, folder=tmp_path, resume=True)
    snapshots = list(again.run())
    assert snapshots[0].step > 0
    _assert_equal(again.result(), whole)
    assert [band.name for band in again.result().bands] == [band.name for band in whole.bands]
    assert set(again.result().losses) == set(whole.losses)


def test_resuming_with_other_settings_is_refused(tiny_scene, tmp_path):
    _run(tiny_scene, QUICK, folder=tmp_path)
    other = OptimizationSession(
        tiny_scene, replace(REQUEST, seed=1), folder=tmp_path, resume=True, schedule=QUICK
    )
    with pytest.raises(AvatarPoseError, match="other poses, frames or settings"):
        list(other.run())


def test_resuming_without_a_checkpoint_is_refused(tiny_scene, tmp_path):
    with pytest.raises(AvatarPoseError, match="no checkpoint"):
        list(_session(tiny_scene, folder=tmp_path, resume=True).run())


def _corrected(scene: Scene, strength: Strength, index: int = 2) -> Scene:
    """The left wrist of person 0 put 15 cm aside by hand."""
    source = scene.person(0).poses()
    rotvecs = source.rotvecs[index]
    rotvecs[Joint.LEFT_SHOULDER] += [0.1, 0.2, 0.5]
    scene = set_pose(scene, 0, index, rotvecs, source.transl[index], joints=(WRIST,))
    return set_strength(scene, 0, index, WRIST, strength)


def _away_m(scene: Scene, result: RunResult, index: int = 2) -> float:
    wanted = joints_of(scene, scene.person(0).poses(), index)[WRIST]
    return float(np.linalg.norm(joints_of(scene, result.poses[0], index)[WRIST] - wanted))


@pytest.mark.parametrize(("strength", "limit_m"), [(Strength.SOFT, 0.03), (Strength.LOCKED, 1e-3)])
def test_joints_corrected_before_the_run_hold(tiny_scene, strength, limit_m):
    scene = _corrected(tiny_scene, strength)
    moved = joints_of(scene, scene.person(0).poses(), 2) - joints_of(
        tiny_scene, tiny_scene.person(0).poses(), 2
    )
    assert np.linalg.norm(moved[WRIST]) > 0.1
    result = _run(scene, tiny_plan(KEYPOINTS, SILHOUETTES, POSES))
    assert _away_m(scene, result) < limit_m


@pytest.mark.parametrize(
    ("posted_in", "strength", "limit_m"),
    [
        ("loading pictures", Strength.LOCKED, 1e-3),
        ("keypoints", Strength.SOFT, 0.03),
        ("keypoints", Strength.LOCKED, 1e-3),
        ("poses 1", Strength.SOFT, 0.03),
        ("poses 1", Strength.LOCKED, 1e-3),
    ],
)
def test_joints_corrected_during_the_run_hold(tiny_scene, strength, limit_m, posted_in):
    plan = tiny_plan(KEYPOINTS, replace(POSES, steps=4))
    session = _session(tiny_scene, plan)
    scene = _corrected(tiny_scene, strength)
    posted = False
    for snapshot in session.run():
        if snapshot.stage == posted_in and not posted:
            session.post(scene)
            posted = True
    assert posted
    assert snapshot.revision == scene.revision
    assert _away_m(scene, session.result()) < limit_m


def test_locked_joints_hold_when_the_run_is_stopped_at_once(tiny_scene):
    scene = _corrected(tiny_scene, Strength.LOCKED)
    session = _session(tiny_scene)
    for _ in session.run():
        session.post(scene)
        session.stop()
    assert _away_m(scene, session.result()) < 1e-3


def test_showing_another_layer_during_the_run_changes_nothing(tiny_scene):
    plan = tiny_plan(POSES)
    session = _session(tiny_scene, plan)
    for _ in session.run():
        session.post(show_layer(tiny_scene, TRUTH))
    _assert_equal(session.result(), _run(tiny_scene, plan))


def test_a_scene_without_somebody_does_not_end_the_run(tiny_scene):
    session = _session(tiny_scene, tiny_plan(POSES))
    for _ in session.run():
        session.post(tiny_scene.changed(people=tiny_scene.people[:1]))
    assert list(session.result().poses) == [0, 1]


def test_stages_without_evidence_are_left_out(tiny_scene):
    def names(scene: Scene) -> list[str]:
        return [stage.name for stage in _session(scene, tiny_plan()).refinement.stages]

    assert names(tiny_scene) == [stage.name for stage in ALL]
    assert names(with_views(tiny_scene, masks=False)) == ["keypoints", "avatars 1", "poses 1"]
    bare = names(without_detections(tiny_scene))
    assert not any("keypoints" in name for name in bare)
    assert bare[0].startswith("silhouettes")
    assert bare[-2:] == ["avatars 1", "poses 1"]


def test_people_are_refined_without_masks(tiny_scene):
    result = _run(with_views(tiny_scene, masks=False), tiny_plan(AVATARS, POSES))
    assert result.is_complete
    assert np.isfinite(result.poses[0].body_pose).all()


def test_missing_pictures_are_an_error_with_a_remedy(tiny_scene):
    with pytest.raises(AvatarPoseError) as caught:
        _run(with_views(tiny_scene, footage=False))
    assert caught.value.remedy


def test_a_folder_that_cannot_be_made_is_an_error_before_the_work(tiny_scene, tmp_path):
    (tmp_path / "file").write_text("in the way")
    session = _session(tiny_scene, folder=tmp_path / "file" / "run")
    with pytest.raises(AvatarPoseError, match="cannot be kept"):
        next(session.run())


def test_a_checkpoint_that_cannot_be_written_does_not_end_the_run(tiny_scene, tmp_path):
    """Something took the checkpoint's place while the run was on its way."""
    session = _session(tiny_scene, tiny_plan(POSES), folder=tmp_path)
    messages = []
    for snapshot in session.run():
        (tmp_path / (CHECKPOINT + ".part")).mkdir(exist_ok=True)
        messages.append(snapshot.message)
    assert session.result().is_complete
    assert "cannot be written" in messages[-1]


@pytest.mark.parametrize(
    "change",
    [
        {"frames": (50, 60)},
        {"pids": (9,)},
        {"cameras": ("nowhere",)},
        {"preset": "thorough"},
    ],
)
def test_requests_that_cannot_be_met_are_errors_at_once(tiny_scene, change):
    with pytest.raises(AvatarPoseError):
        OptimizationSession(tiny_scene, replace(REQUEST, **change))


def test_asking_for_cuda_where_there_is_none_is_an_error(tiny_scene):
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(AvatarPoseError, match="no CUDA device"):
        OptimizationSession(tiny_scene, RunRequest(device="cuda"))


def test_a_scene_without_poses_is_an_error(tiny_scene):
    people = tuple(replace(person, layers=(), shown="") for person in tiny_scene.people)
    with pytest.raises(AvatarPoseError, match="Nobody in the scene has poses"):
        _session(tiny_scene.changed(people=people))
