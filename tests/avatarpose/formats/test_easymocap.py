import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatarpose.errors import FormatError
from avatarpose.formats.calibration import checked_camera
from avatarpose.formats.easymocap import read_easymocap, read_raw_cameras, write_cameras
from avatarpose.geometry.camera import Rig
from avatarpose.scene.issues import Severity
from tests.avatarpose.formats.damage import only_our_errors, spoilt
from tests.strategies import cameras

POINTS = np.random.default_rng(0).normal((0.0, 0.0, 1.0), 0.4, (50, 3))


def checked_rig(folder) -> Rig:
    issues = []
    found = [
        checked_camera(r, None, where="", issues=issues) for r in read_raw_cameras(folder, issues)
    ]
    assert [issue for issue in issues if issue.severity == Severity.ERROR] == []
    return Rig(tuple(camera for camera in found if camera is not None))


@settings(max_examples=25)
@given(models=st.lists(cameras(), min_size=2, max_size=5))
def test_truth_reprojects_within_a_tenth_of_a_pixel_after_writing_and_reading(
    tmp_path_factory, models
):
    folder = tmp_path_factory.mktemp("cameras")
    names = ["16", "4", "cam 2", "a_b", "100"]
    rig = Rig(tuple(replace(model, name=name) for model, name in zip(models, names, strict=False)))
    write_cameras(folder, rig)
    found = checked_rig(folder)
    assert found.names == rig.names
    for name in rig.names:
        seen, expected = found[name].project(POINTS), rig[name].project(POINTS)
        np.testing.assert_allclose(seen, expected, atol=1e-6, rtol=1e-9)


def test_opencv_reads_what_is_written(tmp_path, small_scene):
    write_cameras(tmp_path, small_scene.capture.rig)
    for file, key in (("intri.yml", "K_16"), ("extri.yml", "Rot_16")):
        storage = cv2.FileStorage(str(tmp_path / file), cv2.FILE_STORAGE_READ)
        names = storage.getNode("names")
        assert [names.at(i).string() for i in range(names.size())] == list(
            small_scene.capture.rig.names
        )
        camera = small_scene.capture.rig["16"]
        expected = camera.pixel_from_camera if key == "K_16" else camera.camera_from_world[:3, :3]
        np.testing.assert_array_equal(storage.getNode(key).mat(), expected)
        storage.release()


def test_the_sample_s_truth_lies_on_its_detections(small_scene):
    """Cameras, keypoints and poses are in one world: confident keypoints lie near the truth."""
    body = small_scene.body
    for camera in ("4", "16", "28", "52"):
        detections = small_scene.detections[camera]
        distances = []
        for person in small_scene.people:
            skel = body.skel19(body.posed_sequence(person.layer("truth").poses))
            pixels = small_scene.capture.rig[camera].project(skel.astype(float))
            for frame in range(4):
                for slot in range(detections.xyc.shape[1]):
                    one = replace(detections, pid=np.full_like(detections.pid, -1))
                    pid = np.array(one.pid)
                    pid[frame, slot] = 0
                    seen = replace(one, pid=pid).skel19(0)[frame]
                    if np.isfinite(seen[:, 0]).any():
                        away = np.linalg.norm(seen[:, :2] - pixels[frame], axis=-1)
                        distances.append((person.pid, slot, np.nanmedian(away)))
        best = [min(d for p, _, d in distances if p == person.pid) for person in small_scene.people]
        assert max(best) < 6.0


def test_the_sample_has_everything(small_scene):
    assert small_scene.capture.frames.tolist() == [21, 22, 23, 24]
    assert small_scene.capture.fps == 25.0
    assert [who.pid for who in small_scene.people] == [0, 1]
    assert small_scene.people[0].layer_names == ("initial", "truth")
    assert small_scene.people[0].shown == "initial"
    assert 23 in small_scene.contact_frames
    assert small_scene.capture.view("4").masks is not None
    assert all((d.pid == -1).all() for d in small_scene.detections.values())
    without = {issue.camera for issue in small_scene.issues}
    assert without == {"40", "64", "76", "88"}  # the small capture has no pictures of these


def test_the_whole_sample_is_read_without_a_complaint(body):
    from avatarpose.installation import resource_path

    scene = read_easymocap(resource_path("sample", "hug"), body)
    assert scene.issues == ()
    assert scene.capture.rig.names == ("4", "16", "28", "40", "52", "64", "76", "88")
    assert scene.capture.frame_count == 24


def test_another_order_and_another_size_change_nothing_but_the_size(small_capture, body):
    """Cameras listed in reverse and pictures at 188 x 256: truth projects to the same place."""
    before = read_easymocap(small_capture, body)
    for file in ("intri.yml", "extri.yml"):
        text = (small_capture / file).read_text()
        listed = [f'  - "{name}"' for name in before.capture.rig.names]
        assert "\n".join(listed) in text
        (small_capture / file).write_text(
            text.replace("\n".join(listed), "\n".join(reversed(listed)))
        )
    for path in (small_capture / "images").rglob("*.jpg"):
        picture = cv2.imread(str(path))
        cv2.imwrite(str(path), cv2.resize(picture, (188, 256), interpolation=cv2.INTER_AREA))
    after = read_easymocap(small_capture, body)
    assert after.capture.rig.names == before.capture.rig.names
    for name in ("4", "16", "28", "52"):
        camera = after.capture.rig[name]
        assert (camera.width, camera.height) == (188, 256)
        expected = (before.capture.rig[name].project(POINTS) + 0.5) * 0.4 - 0.5
        np.testing.assert_allclose(camera.project(POINTS), expected, atol=0.1)


def test_frames_are_matched_by_number_and_a_missing_picture_is_absent(small_capture, body):
    (small_capture / "images" / "16" / "000022.jpg").unlink()
    scene = read_easymocap(small_capture, body)
    assert scene.capture.view("16").footage.source_frames.tolist() == [21, -1, 23, 24]
    assert scene.capture.view("4").footage.source_frames.tolist() == [21, 22, 23, 24]
    issue = next(issue for issue in scene.issues if issue.camera == "16")
    assert issue.frame == 22


def test_pictures_without_calibration_are_named(small_capture, body):
    shutil.copytree(small_capture / "images" / "4", small_capture / "images" / "99")
    scene = read_easymocap(small_capture, body)
    assert "99" not in scene.capture.rig
    assert any("99" in issue.message and issue.remedy for issue in scene.issues)


def test_entries_numbered_by_order_are_matched_by_order_and_it_is_said(small_capture, body):
    before = read_easymocap(small_capture, body)
    for file in ("intri.yml", "extri.yml"):
        text = (small_capture / file).read_text()
        for number, name in enumerate(before.capture.rig.names, start=1):
            for key in ("K", "dist", "R", "Rot", "T", "H", "W"):
                text = text.replace(f"\n{key}_{name}:", f"\n{key}_#{number}:")
        (small_capture / file).write_text(text.replace("_#", "_"))
    after = read_easymocap(small_capture, body)
    for name in before.capture.rig.names:
        np.testing.assert_array_equal(
            after.capture.rig[name].camera_from_world, before.capture.rig[name].camera_from_world
        )
    assert any("matched by order" in issue.message for issue in after.issues)


def test_rotations_that_disagree_are_noted_and_the_matrix_counts(small_capture, body):
    before = read_easymocap(small_capture, body)
    text = (small_capture / "extri.yml").read_text()
    first = text.index("data: [", text.index("\nR_4:"))
    end = text.index("]", first)
    (small_capture / "extri.yml").write_text(text[:first] + "data: [ 1.0, 1.5, -1.4 " + text[end:])
    after = read_easymocap(small_capture, body)
    np.testing.assert_array_equal(
        after.capture.rig["4"].camera_from_world, before.capture.rig["4"].camera_from_world
    )
    assert any("Rot_4" in issue.message for issue in after.issues)


def test_a_calibration_without_sizes_takes_them_from_the_pictures(small_capture, body):
    lines = (small_capture / "intri.yml").read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("H_", "W_"))]
    (small_capture / "intri.yml").write_text("\r\n".join(kept))
    scene = read_easymocap(small_capture, body)
    assert (scene.capture.rig["4"].width, scene.capture.rig["4"].height) == (470, 640)


def test_poses_made_with_another_body_are_noted(small_capture, body):
    truth = json.loads((small_capture / "truth.json").read_text())
    (small_capture / "truth.json").write_text(json.dumps({**truth, "body_arrays_sha256": "0" * 64}))
    scene = read_easymocap(small_capture, body)
    assert any("another body model" in issue.message for issue in scene.issues)


def test_older_parameter_files_give_the_same_poses(small_capture, small_scene, body):
    (small_capture / "smpl_init" / "smpl.npz").unlink()
    objects = read_easymocap(small_capture, body)
    (small_capture / "smpl_init" / "smpl_seed.npz").unlink()
    texts = read_easymocap(small_capture, body)
    for pid in (0, 1):
        expected = small_scene.person(pid).layer("initial").poses
        np.testing.assert_array_equal(
            objects.person(pid).layer("initial").poses.rotvecs, expected.rotvecs
        )
        rounded = texts.person(pid).layer("initial").poses
        np.testing.assert_allclose(rounded.rotvecs, expected.rotvecs, atol=6e-4)


def test_masks_of_a_tracker_only_tell_people_from_background(small_capture, body):
    for camera in ("4", "16"):
        folder = small_capture / "mask" / camera
        target = small_capture / "mask_sta" / camera / "all"
        shutil.copytree(folder, target)
        shutil.rmtree(folder)
    scene = read_easymocap(small_capture, body)
    masks = scene.capture.view("4").masks
    assert masks is not None
    assert not masks.per_person


def test_a_folder_of_videos_is_read_too(small_capture, body):
    for camera in ("4", "16"):
        shutil.rmtree(small_capture / "images" / camera)
        path = small_capture / "videos" / f"{camera}.avi"
        path.parent.mkdir(exist_ok=True)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (470, 640))
        for _ in range(5):
            writer.write(np.zeros((640, 470, 3), np.uint8))
        writer.release()
    scene = read_easymocap(small_capture, body)
    assert scene.capture.view("4").footage.kind == "video"
    assert scene.capture.frames.tolist() == [0, 1, 2, 3, 4, 21, 22, 23, 24]


def test_a_calibration_that_cannot_be_read_is_an_error(small_capture, body):
    (small_capture / "intri.yml").write_bytes(b"\x00\xff")
    with pytest.raises(FormatError, match=r"intri\.yml"):
        read_easymocap(small_capture, body)


def test_no_pictures_and_no_poses_is_an_error_with_a_remedy(small_capture, body):
    for name in ("images", "smpl_init", "smpl_gt"):
        shutil.rmtree(small_capture / name)
    with pytest.raises(FormatError, match="no pictures") as refused:
        read_easymocap(small_capture, body)
    assert "images/<camera>" in refused.value.remedy


@settings(max_examples=40)
@given(data=st.data())
def test_a_spoilt_file_is_an_issue_or_an_error_of_ours(data, tmp_path_factory, body):
    """Any one file cut, emptied, filled with junk, or swapped with another one."""
    from avatarpose.installation import resource_path

    sample = resource_path("sample", "hug")
    folder = tmp_path_factory.mktemp("spoilt") / "capture"
    names = [
        "intri.yml", "extri.yml", "meta.json", "truth.json", "smpl_init/smpl.npz",
        "images/4/000021.jpg", "mask/4/000021.png", "openpose/4/000021_keypoints.json",
        "images/16/000021.jpg", "openpose/16/000021_keypoints.json",
    ]  # fmt: skip
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sample / name, folder / name)
    victim = folder / data.draw(st.sampled_from(names))
    content = victim.read_bytes()
    other = (folder / data.draw(st.sampled_from(names))).read_bytes()
    victim.write_bytes(data.draw(st.one_of(spoilt(content), st.just(other))))
    with only_our_errors():
        scene = read_easymocap(folder, body)
        assert all(issue.message for issue in scene.issues)


def test_folders_are_matched_by_number_when_their_names_are_padded(small_capture, body):
    for place in ("images", "mask", "openpose"):
        (small_capture / place / "4").rename(small_capture / place / "04")
    scene = read_easymocap(small_capture, body)
    assert scene.capture.view("4").footage.path.name == "04"
    assert scene.capture.view("4").masks is not None
    assert "4" in scene.detections
    assert not any("no calibration" in issue.message for issue in scene.issues)


def test_easymocap_s_own_keypoints_are_read(small_capture, small_scene, body):
    for camera in ("4", "16", "28", "52"):
        target = small_capture / "annots" / camera
        target.mkdir(parents=True)
        for path in (small_capture / "openpose" / camera).iterdir():
            people = json.loads(path.read_text())["people"]
            rows = [np.reshape(p["pose_keypoints_2d"], (25, 3)).tolist() for p in people]
            annots = [{"personID": i, "keypoints": row} for i, row in enumerate(rows)]
            (target / f"{path.name[:6]}.json").write_text(json.dumps({"annots": annots}))
    shutil.rmtree(small_capture / "openpose")
    scene = read_easymocap(small_capture, body)
    for camera, expected in small_scene.detections.items():
        np.testing.assert_array_equal(scene.detections[camera].xyc, expected.xyc)
