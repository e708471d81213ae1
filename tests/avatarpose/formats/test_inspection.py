import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatarpose.formats.detect import recognise
from avatarpose.formats.easymocap import read_easymocap
from avatarpose.formats.inspection import inspect_media
from avatarpose.formats.masks import read_labels, write_labels
from avatarpose.geometry.rigid import invert, rigid
from avatarpose.installation import resource_path
from tests.avatarpose.formats.damage import spoilt


def test_nothing_is_wrong_with_the_sample(small_scene):
    assert inspect_media(small_scene) == []


def test_every_damaged_picture_is_named_with_camera_and_frame(small_capture, body):
    scene = read_easymocap(small_capture, body)
    path = small_capture / "images" / "16" / "000023.jpg"
    path.write_bytes(path.read_bytes()[:2000])
    (small_capture / "images" / "4" / "000024.jpg").unlink()
    cv2.imwrite(
        str(small_capture / "images" / "28" / "000022.jpg"), np.zeros((32, 47, 3), np.uint8)
    )
    found = {(issue.camera, issue.frame) for issue in inspect_media(scene)}
    assert found == {("16", 23), ("4", 24), ("28", 22)}


def test_masks_of_nobody_of_strangers_and_of_another_shape_are_named(small_capture, body):
    scene = read_easymocap(small_capture, body)
    for path in (small_capture / "mask" / "4").iterdir():
        write_labels(path, np.zeros((640, 470), np.uint8))
    stranger = small_capture / "mask" / "16" / "000022.png"
    write_labels(stranger, np.where(read_labels(stranger) == 2, 7, 1).astype(np.uint8))
    write_labels(small_capture / "mask" / "28" / "000021.png", np.ones((470, 640), np.uint8))
    messages = {issue.camera: issue.message for issue in inspect_media(scene)}
    assert "show nobody" in messages["4"]
    assert "belong to nobody: 7" in messages["16"]
    assert "640 x 470" in messages["28"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (invert, "camera to world"),
        (lambda m: rigid(m[:3, :3], -m[:3, :3].T @ m[:3, 3]), "camera centres"),
    ],
)
def test_a_calibration_read_the_wrong_way_is_told_by_the_people_in_it(small_scene, spoil, words):
    capture = small_scene.capture
    views = tuple(
        replace(
            view,
            camera=replace(view.camera, camera_from_world=spoil(view.camera.camera_from_world)),
        )
        for view in capture.views
    )
    wrong = small_scene.changed(capture=replace(capture, views=views))
    remedies = [issue.remedy for issue in inspect_media(wrong) if issue.severity == "error"]
    assert any(words in remedy for remedy in remedies)


def test_a_video_that_promises_more_than_it_holds_is_named(small_scene, tmp_path):
    from avatarpose.scene.capture import Footage

    path = tmp_path / "short.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (470, 640))
    for _ in range(3):
        writer.write(np.zeros((640, 470, 3), np.uint8))
    writer.release()
    view = small_scene.capture.view("4")
    video = replace(view, footage=Footage("video", path, np.array([0, 1, 2, 5])))
    capture = replace(small_scene.capture, views=(video,))
    (issue,) = [i for i in inspect_media(small_scene.changed(capture=capture)) if i.camera == "4"]
    assert "only 3 can be decoded" in issue.message


@settings(max_examples=30)
@given(data=st.data())
def test_a_spoilt_capture_is_described_and_never_an_error(data, tmp_path_factory, body):
    """What `avatarpose check` does, on a capture with one or two spoilt files."""
    sample = resource_path("sample", "hug")
    folder = tmp_path_factory.mktemp("spoilt") / "capture"
    names = ["intri.yml", "extri.yml", "meta.json", "truth.json", "smpl_init/smpl.npz"]
    for camera in ("4", "52"):
        names += [f"images/{camera}/000021.jpg", f"mask/{camera}/000021.png"]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sample / name, folder / name)
    for name in data.draw(st.lists(st.sampled_from(names), max_size=2)):
        (folder / name).write_bytes(data.draw(spoilt((folder / name).read_bytes())))
    found = recognise(folder, body=body)
    assert (found.scene is None) <= any(issue.severity == "error" for issue in found.issues)
    if found.scene is not None:
        inspect_media(found.scene)


def test_a_folder_named_like_a_picture_is_no_picture(small_capture, body):
    (small_capture / "images" / "4" / "000030.jpg").mkdir()
    scene = read_easymocap(small_capture, body)
    assert scene.capture.frames.tolist() == [21, 22, 23, 24]
