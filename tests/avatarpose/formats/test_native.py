from dataclasses import replace

import numpy as np
import pytest

from avatarpose.errors import AvatarPoseError
from avatarpose.formats.detect import open_scene
from avatarpose.formats.masks import MaskReader
from avatarpose.formats.media import FrameReader
from avatarpose.formats.native import write_native
from tests.avatarpose.formats.test_project import assert_same_scene


def made(scene):
    """The scene without any reference to files, and pictures and masks made for it."""
    views = tuple(replace(view, footage=None, masks=None) for view in scene.capture.views[:3])
    capture = replace(scene.capture, views=views, folder=None)
    detections = {view.camera.name: scene.detections[view.camera.name] for view in views[:2]}
    bare = scene.changed(capture=capture, detections=detections, issues=())
    shape = (views[0].camera.height, views[0].camera.width)

    def picture(frame: int) -> np.ndarray:
        rows, columns = np.mgrid[: shape[0], : shape[1]]
        return np.stack([rows % 256, columns % 256, 0 * rows + frame], -1).astype(np.uint8)

    def labels(frame: int) -> np.ndarray:
        out = np.zeros(shape, np.uint8)
        out[:100, :50], out[100:200], out[300:320] = 1, 2 + frame % 2, 255
        return out

    images = [(v.camera.name, int(f), picture(f)) for v in views for f in (21, 22, 24)]
    masks = [(v.camera.name, int(f), labels(f)) for v in views for f in (21, 22)]
    return bare, images, masks


@pytest.mark.parametrize("image_format", ["jpg", "png"])
def test_what_is_written_is_opened_again(small_scene, tmp_path, image_format):
    bare, images, masks = made(small_scene)
    written = write_native(
        tmp_path / "synth", bare, iter(images), iter(masks), image_format=image_format
    )
    opened = open_scene(tmp_path / "synth")
    assert not opened.is_new
    assert opened.project_folder == tmp_path / "synth"
    assert_same_scene(opened.scene, written)
    assert opened.scene.issues == ()
    reader, labels = FrameReader(opened.scene.capture), MaskReader(opened.scene.capture)
    for camera, frame, picture in images:
        found = reader.read(camera, opened.scene.capture.index_of(frame))
        assert found is not None
        difference = np.abs(found.astype(int) - picture)
        assert difference.mean() < (4.0 if image_format == "jpg" else 1e-9)
    for camera, frame, mask in masks:
        found = labels.read(camera, opened.scene.capture.index_of(frame))
        np.testing.assert_array_equal(found, mask)
    first = opened.scene.capture.views[0].camera.name
    assert reader.read(first, 2) is None  # frame 23 was not given
    assert labels.read(first, 3) is None
    reader.close()


def test_a_folder_of_ours_can_be_moved(small_scene, tmp_path):
    bare, images, masks = made(small_scene)
    write_native(tmp_path / "synth", bare, images, masks)
    (tmp_path / "synth").rename(tmp_path / "moved")
    scene = open_scene(tmp_path / "moved").scene
    reader = FrameReader(scene.capture)
    assert reader.read(scene.capture.rig.names[0], 0) is not None
    reader.close()


def test_the_same_scene_gives_the_same_bytes(small_scene, tmp_path):
    bare, images, masks = made(small_scene)
    contents = []
    for name in ("a", "b"):
        folder = tmp_path / name / "synth"
        write_native(folder, bare, images, masks)
        contents.append(
            {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        )
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("camera", "frame", "picture"),
    [
        ("nobody", 21, np.zeros((4, 4, 3), np.uint8)),
        ("4", 99, np.zeros((4, 4, 3), np.uint8)),
        ("4", 21, np.zeros((4, 4), np.uint8)),
        ("4", 21, np.zeros((4, 4, 3))),
    ],
)
def test_a_picture_that_does_not_belong_is_an_error_of_ours(
    small_scene, tmp_path, camera, frame, picture
):
    with pytest.raises(AvatarPoseError):
        write_native(tmp_path / "synth", small_scene, [(camera, frame, picture)])
