import json
from dataclasses import replace

import numpy as np
import pytest

from avatarpose.body.pose import PoseSequence
from avatarpose.body.skeleton import Joint
from avatarpose.errors import SceneError
from avatarpose.evaluate.evaluation import evaluate_layers, resolve_layer
from avatarpose.evaluate.reprojection import median_error_px, reprojection_errors
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rigid import look_at
from avatarpose.installation import resource_path
from avatarpose.scene.capture import Capture, View
from avatarpose.scene.edits import set_pose
from avatarpose.scene.layers import PoseLayer
from avatarpose.scene.people import Detections2D, Person
from avatarpose.scene.scene import Scene

FRAMES = 4


def standing(x_m: float) -> PoseSequence:
    orient = np.zeros((FRAMES, 3))
    orient[:, 0] = np.pi / 2
    return replace(
        PoseSequence.rest(FRAMES),
        global_orient=orient,
        transl=np.tile([x_m, 0.0, 1.0], (FRAMES, 1)),
    )


def shifted(poses: PoseSequence, shift_m: tuple[float, float, float]) -> PoseSequence:
    return replace(poses, transl=poses.transl + np.float32(shift_m))


@pytest.fixture
def three(body) -> Scene:
    """Three people 2 m apart; person 0 is 30 mm off, 1 is missed in frame 12, 2 exact."""
    truth = {pid: standing(2.0 * pid) for pid in range(3)}
    valid = np.array([True, True, False, True])
    found = {
        0: shifted(truth[0], (0.03, 0.0, 0.0)),
        1: replace(truth[1], valid=valid),
        2: truth[2],
    }
    better = {0: shifted(truth[0], (0.0, 0.01, 0.0)), 1: truth[1], 2: truth[2]}
    k = np.array([[300.0, 0, 159.5], [0, 300.0, 119.5], [0, 0, 1]])
    cameras = [
        Camera(name, 320, 240, k, look_at(np.array(centre), np.array([2.0, 0.0, 1.0])))
        for name, centre in (("a", [2.0, 8.0, 1.5]), ("b", [2.0, -8.0, 1.5]))
    ]
    detections = {}
    for camera in cameras:
        xyc = np.ones((FRAMES, 3, 19, 3), np.float32)
        for pid, poses in truth.items():
            xyc[:, pid, :, :2] = camera.project(body.skel19_sequence(poses).astype(float))
        pid = np.tile(np.arange(3), (FRAMES, 1))
        detections[camera.name] = Detections2D("skel19", xyc, pid)
    people = tuple(
        Person(
            pid,
            f"Person {pid + 1}",
            (
                PoseLayer("initial", found[pid]),
                PoseLayer("truth", truth[pid]),
                PoseLayer("run:2", better[pid]),
                PoseLayer("run:10", better[pid]),
            ),
            "initial",
        )
        for pid in range(3)
    )
    capture = Capture("three", np.arange(10, 14), 10.0, tuple(View(camera) for camera in cameras))
    return Scene("three", capture, body, people, detections, contact_frames=(11, 12))


def test_hand_computed_errors_with_a_miss_and_a_third_person(three):
    out = evaluate_layers(three, ["initial"])
    layer = out["layers"]["initial"]
    # 4 person-frames are off by 30 mm, 3 + 4 by nothing, one is missed
    assert layer["mpjpe_world_mm"] == pytest.approx(4 * 30 / 11, abs=1e-3)
    assert layer["mve_mm"] == pytest.approx(4 * 30 / 11, abs=1e-3)
    assert layer["mpjpe_root_mm"] == pytest.approx(0.0, abs=1e-3)
    assert layer["pa_mpjpe_mm"] == pytest.approx(0.0, abs=1e-3)
    assert layer["missed_person_frames"] == 1
    assert layer["pcp_percent"] == pytest.approx(100 * 11 / 12)
    assert layer["penetration_mean_mm"] == 0
    assert layer["people"]["1"]["missed_person_frames"] == 1
    assert layer["people"]["1"]["pcp_percent"] == pytest.approx(75.0)
    assert layer["people"]["0"]["per_joint_mm"]["left_wrist"] == pytest.approx(30.0, abs=1e-3)
    assert out["person_frames"] == 12
    assert out["frames"] == [10, 11, 12, 13]
    assert out["reference"] == "truth"


def test_contact_frames_are_counted_apart(three):
    contact = evaluate_layers(three, ["initial"])["layers"]["initial"]["contact"]
    assert contact["person_frames"] == 6
    assert contact["missed_person_frames"] == 1
    assert contact["mpjpe_world_mm"] == pytest.approx(2 * 30 / 5, abs=1e-3)
    rest = evaluate_layers(three, ["initial"], np.array([0, 3]))["layers"]["initial"]
    assert rest["contact"] is None


def test_person_frames_are_worse_by_comparison_with_the_first_layer(three):
    forwards = evaluate_layers(three, ["initial", "run:2"])["layers"]
    assert forwards["run:2"]["worse_person_frames"] == 0
    backwards = evaluate_layers(three, ["run:2", "initial"])["layers"]
    assert backwards["run:2"]["worse_person_frames"] == 0
    assert backwards["initial"]["worse_person_frames"] == 5  # four farther off, one lost
    assert backwards["initial"]["people"]["1"]["worse_person_frames"] == 1


def test_the_latest_run_has_the_highest_number(three):
    assert resolve_layer(three, "run:latest") == "run:10"
    assert list(evaluate_layers(three, ["run:latest"])["layers"]) == ["run:10"]


def test_shown_includes_the_users_edits_and_initial_does_not(three):
    poses = three.person(0).poses()
    moved = set_pose(three, 0, 1, poses.rotvecs[1], poses.transl[1] + np.float32([0.0, 0.0, 0.5]))
    layers = evaluate_layers(moved, ["initial", "shown"])["layers"]
    assert layers["initial"]["people"]["0"]["mpjpe_world_mm"] == pytest.approx(30.0, abs=1e-3)
    assert layers["shown"]["people"]["0"]["mpjpe_world_mm"] > 100


def test_a_layer_nobody_has_is_told_with_those_there_are(three):
    with pytest.raises(SceneError) as raised:
        evaluate_layers(three, ["run:3"])
    assert "run:10" in raised.value.remedy


def test_without_truth_reprojection_and_a_message_remain(three):
    people = tuple(
        replace(person, layers=tuple(x for x in person.layers if x.name != "truth"))
        for person in three.people
    )
    out = evaluate_layers(three.changed(people=people), ["initial"])
    layer = out["layers"]["initial"]
    assert layer["mpjpe_world_mm"] is None
    assert layer["pcp_percent"] is None
    assert layer["reprojection_px"]["median"] < 0.1
    assert set(layer["reprojection_px"]["cameras"]) == {"a", "b"}
    assert "no ground truth" in out["message"]


def test_the_result_is_json_without_nan(three):
    text = json.dumps(evaluate_layers(three, ["initial", "truth"]), allow_nan=False)
    assert json.loads(text)["layers"]["truth"]["mpjpe_world_mm"] == 0


def test_reprojection_errors_are_pixels_in_the_recorded_picture(three):
    person = three.person(0)
    errors = reprojection_errors(three, 0, person.poses())
    assert errors.shape == (4, 2, 19)
    # 30 mm across the axes of cameras 8 m away with a focal length of 300 px
    assert np.median(errors) == pytest.approx(300 * 0.03 / 8, rel=0.1)
    assert median_error_px(three, 0, person.poses("truth")) < 1e-3


def test_reprojection_of_some_frames_is_that_part_of_all(three):
    poses = three.person(0).poses()
    everything = reprojection_errors(three, 0, poses)
    np.testing.assert_allclose(
        reprojection_errors(three, 0, poses, np.array([3, 1])), everything[[3, 1]], rtol=1e-5
    )


def test_nobody_is_reprojected_where_absent_or_undetected(three):
    errors = reprojection_errors(three, 1, three.person(1).poses())
    assert np.isnan(errors[2]).all()
    assert np.isfinite(errors[[0, 1, 3]]).all()
    assert np.isnan(reprojection_errors(three, 9, three.person(0).poses())).all()


def test_the_initial_layer_of_the_sample_has_the_errors_its_maker_states(hug):
    stated = json.loads((resource_path("sample", "hug") / "truth.json").read_text())["init"]
    layer = evaluate_layers(hug, ["initial"])["layers"]["initial"]
    assert layer["mpjpe_world_mm"] == pytest.approx(stated["world_mpjpe_mm"], abs=0.01)
    assert layer["pa_mpjpe_mm"] == pytest.approx(stated["pa_mpjpe_mm"], abs=0.01)
    assert layer["mve_mm"] == pytest.approx(stated["mve_mm"], abs=0.01)
    assert layer["contact"]["mpjpe_world_mm"] == pytest.approx(stated["contact_mpjpe_mm"], abs=0.01)
    assert layer["contact"]["mve_mm"] == pytest.approx(stated["mve_contact_mm"], abs=0.01)
    assert layer["acceleration_mm_s2"] == pytest.approx(stated["accel_err_mm_s2"], abs=0.1)
    for pid, value in enumerate(stated["per_person"]):
        assert layer["people"][str(pid)]["mpjpe_world_mm"] == pytest.approx(value, abs=0.01)
    joints = list(stated["per_joint_mm"].values())
    assert list(layer["per_joint_mm"].values()) == pytest.approx(joints, abs=0.01)


def test_joints_have_their_names(three):
    joints = evaluate_layers(three, ["initial"])["layers"]["initial"]["per_joint_mm"]
    assert Joint.LEFT_WRIST.label.replace(" ", "_") in joints
    assert len(joints) == 19
