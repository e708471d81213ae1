import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatarpose.errors import FormatError
from avatarpose.formats.smpl_json import (
    read_skel19_folder,
    read_smpl_folder,
    th_from_transl,
    transl_from_th,
    write_easymocap_smpl,
    write_skel19_folder,
)
from avatarpose.geometry.rotation import matrix_from_rotvec
from tests.avatarpose.formats.damage import only_our_errors
from tests.strategies import random_poses, rotvecs, vectors

FRAMES = np.array([3, 4, 7])


@given(rotvec=rotvecs(), transl=vectors(-3.0, 3.0), pelvis=vectors(-0.3, 0.3))
def test_th_and_transl_are_two_names_of_one_place(rotvec, transl, pelvis):
    th = th_from_transl(transl[None], rotvec[None], pelvis)
    np.testing.assert_allclose(transl_from_th(th, rotvec[None], pelvis)[0], transl, atol=1e-12)
    point = np.array([0.1, 0.9, -0.2])
    rotation = matrix_from_rotvec(rotvec)
    by_smpl = rotation @ (point - pelvis) + pelvis + transl
    np.testing.assert_allclose(rotation @ point + th[0], by_smpl, atol=1e-12)


def test_bodies_survive_easymocap_s_files(tmp_path, body, random):
    people = {0: random_poses(random, 3, 0.3), 4: random_poses(random, 3, 0.3)}
    write_easymocap_smpl(tmp_path, FRAMES, people, body)
    tracks = read_smpl_folder(tmp_path, body)
    assert tracks.frames.tolist() == FRAMES.tolist()
    for pid, poses in people.items():
        np.testing.assert_allclose(
            body.posed_sequence(tracks.people[pid]).vertices_world,
            body.posed_sequence(poses).vertices_world,
            atol=1e-5,
        )


def test_a_root_rotation_inside_the_pose_is_composed(tmp_path, body):
    outer, inner = np.array([0.2, 0.5, -0.3]), np.array([-0.4, 0.1, 0.9])
    entry = {
        "id": 0,
        "Rh": [outer.tolist()],
        "Th": [[0.1, 0.2, 0.3]],
        "poses": [[*inner.tolist(), *[0.0] * 69]],
        "shapes": [[0.0] * 10],
    }
    (tmp_path / "000003.json").write_text(json.dumps({"annots": [entry]}))
    poses = read_smpl_folder(tmp_path, body).people[0]
    alone = random_poses(np.random.default_rng(0), 1, 0.0)
    rest = body.posed(
        np.zeros(10, np.float32), np.concatenate([inner[None, None], np.zeros((1, 23, 3))], 1),
        np.zeros((1, 3)),
    ).vertices_world[0]  # fmt: skip
    expected = rest @ matrix_from_rotvec(outer).T + (0.1, 0.2, 0.3)
    assert len(alone) == 1
    np.testing.assert_allclose(body.posed_sequence(poses).vertices_world[0], expected, atol=1e-5)


def test_3d_joints_survive_and_absent_people_are_left_out(tmp_path, random):
    joints = random.normal(0, 1, (3, 19, 3))
    joints[1] = np.nan
    write_skel19_folder(tmp_path, FRAMES, {2: joints})
    assert json.loads((tmp_path / "000004.json").read_text()) == []
    found, issues = read_skel19_folder(tmp_path, FRAMES)
    assert issues == ()
    np.testing.assert_allclose(found[2][..., :3], joints, atol=1e-7)
    assert found[2][:, 0, 3].tolist() == [1.0, 0.0, 1.0]


def test_the_sample_s_skeleton_is_the_forward_of_its_truth(small_scene, body):
    from avatarpose.installation import resource_path

    found, issues = read_skel19_folder(
        resource_path("sample", "hug", "skel19_gt"), small_scene.capture.frames
    )
    assert issues == ()
    for person in small_scene.people:
        skel = body.skel19(body.posed_sequence(person.layer("truth").poses))
        np.testing.assert_allclose(found[person.pid][..., :3], skel, atol=2e-5)


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[1]", '[{"id": "x"}]', '[{"id": 0}]', '[{"id": -4, "Rh": [[0,0,0]]}]',
     '[{"id": 0, "Rh": [[0,0,0]], "Th": [[0,0,0]], "poses": [[1]], "shapes": [[0]]}]',
     '[{"id": 0, "global_orient": [[1e999]], "transl": 3, "body_pose": [], "betas": []}]'],
)  # fmt: skip
def test_a_folder_of_nothing_usable_is_an_error_of_ours(tmp_path, body, content):
    (tmp_path / "1.json").write_text(content)
    with pytest.raises(FormatError) as refused:
        read_smpl_folder(tmp_path, body)
    assert refused.value.remedy
    found, issues = read_skel19_folder(tmp_path, np.array([1]))
    assert found == {}
    assert len(issues) == 1


@given(value=st.recursive(st.none() | st.floats() | st.text(max_size=3),
                          lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
                              st.sampled_from(["id", "annots", "Rh", "Th", "poses", "shapes",
                                               "keypoints3d", "betas"]), inner, max_size=5),
                          max_leaves=12))  # fmt: skip
def test_any_json_is_an_issue_or_an_error_of_ours(tmp_path_factory, body, value):
    folder = tmp_path_factory.mktemp("json")
    (folder / "1.json").write_text(json.dumps(value))
    read_skel19_folder(folder, np.array([1]))
    with only_our_errors():
        read_smpl_folder(folder, body)
