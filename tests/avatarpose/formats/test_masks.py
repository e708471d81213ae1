import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatarpose.formats.masks import (
    TRACKER_COLOURS,
    UNKNOWN,
    MaskReader,
    label_png,
    read_labels,
    write_labels,
)
from tests.avatarpose.formats.damage import only_our_errors


@given(seed=st.integers(0, 2**32 - 1), most=st.sampled_from([1, 3, 9, 255]))
def test_labels_survive_writing_and_reading(tmp_path_factory, seed, most):
    labels = np.random.default_rng(seed).integers(0, most + 1, (13, 17)).astype(np.uint8)
    path = tmp_path_factory.mktemp("mask") / "a.png"
    write_labels(path, labels)
    np.testing.assert_array_equal(read_labels(path), labels)


def test_ids_from_0_to_9_survive_and_the_file_shows_colours(tmp_path):
    labels = np.arange(10, dtype=np.uint8).reshape(2, 5)
    write_labels(tmp_path / "a.png", labels)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png"), labels)
    shown = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_COLOR)
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) >= 9  # a palette, not grey


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_palettes_of_few_bits_are_read_as_indices(tmp_path, depth):
    import struct
    import zlib

    labels = np.arange(8, dtype=np.uint8).reshape(1, 8) % (1 << depth)
    bits = "".join(f"{value:0{depth}b}" for value in labels[0])
    row = b"\x00" + int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(
        -(-len(bits) // 8), "big"
    )

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", 8, 1, depth, 3, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"PLTE", bytes(range(3 << depth)))
    png += chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(png)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png"), labels)


def test_a_mask_saved_as_the_trackers_colours_gives_its_ids(tmp_path):
    labels = np.arange(8).reshape(2, 4)
    colours = np.array(TRACKER_COLOURS, np.uint8)[labels]
    cv2.imwrite(str(tmp_path / "a.png"), colours[..., ::-1])
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png"), labels)


def test_a_jpeg_mask_is_one_foreground(tmp_path):
    mask = np.zeros((32, 32), np.uint8)
    mask[8:24, 8:24] = 255
    cv2.imwrite(str(tmp_path / "a.jpg"), mask)
    labels = read_labels(tmp_path / "a.jpg")
    assert set(np.unique(labels)) == {0, 255}
    np.testing.assert_array_equal(labels > 0, mask > 0)


@given(cut=st.integers(1, 120), junk=st.binary(max_size=40))
def test_a_damaged_mask_is_an_error_of_ours(tmp_path_factory, cut, junk):
    whole = label_png(np.arange(255, dtype=np.uint8).reshape(15, 17))
    path = tmp_path_factory.mktemp("mask") / "a.png"
    for content in (whole[:-cut], junk, whole[:30] + junk + whole[60:]):
        path.write_bytes(content)
        with only_our_errors():
            read_labels(path)


def test_the_sample_s_masks_hold_two_people_and_the_asked_size(small_scene):
    reader = MaskReader(small_scene.capture)
    labels = reader.read("28", 1)
    assert labels is not None
    assert labels.shape == (640, 470)
    assert set(np.unique(labels)) == {0, 1, 2}
    small = reader.read("28", 1, (235, 320))
    assert small is not None
    for label in (1, 2):
        share = np.mean(labels == label)
        assert np.mean(small == label) == pytest.approx(share, rel=0.01)
    assert not labels.flags.writeable


def test_resizing_keeps_the_area_within_half_a_percent(small_scene):
    reader = MaskReader(small_scene.capture)
    full = reader.read("4", 0)
    assert full is not None
    for size in ((235, 320), (313, 427), (200, 272)):
        small = reader.read("4", 0, size)
        assert small is not None
        assert np.mean(small > 0) == pytest.approx(np.mean(full > 0), rel=0.005)


def test_an_undistorted_mask_lies_where_the_camera_says(small_scene):
    view = small_scene.capture.view("16")
    reader = MaskReader(small_scene.capture)
    recorded, ideal = reader.read("16", 2), reader.read("16", 2, undistort=True)
    assert recorded is not None
    assert ideal is not None
    rows, columns = np.mgrid[20:620:7, 20:450:7]
    pixels = np.stack([columns, rows], -1).reshape(-1, 2)
    found = view.camera.distort(pixels.astype(float)).round().astype(int)
    inside = (found >= 0).all(1) & (found[:, 0] < 470) & (found[:, 1] < 640)
    same = (
        ideal[pixels[inside, 1], pixels[inside, 0]] == recorded[found[inside, 1], found[inside, 0]]
    )
    assert same.mean() > 0.995  # rounding at edges


def test_what_lies_beyond_the_recorded_picture_is_unknown(small_scene):
    from dataclasses import replace

    view = small_scene.capture.view("16")
    pincushion = replace(view.camera, distortion=np.array([0.4, 0, 0, 0, 0, 0, 0, 0.0]))
    capture = replace(small_scene.capture, views=(replace(view, camera=pincushion),))
    labels = MaskReader(capture).read("16", 0, undistort=True)
    assert labels is not None
    assert labels[0, 0] == UNKNOWN


def test_masks_that_tell_nobody_apart_give_one(small_capture, body):
    from avatarpose.formats.easymocap import read_easymocap

    for camera in ("4", "16", "28", "52"):
        for path in (small_capture / "mask" / camera).iterdir():
            cv2.imwrite(str(path), (read_labels(path) > 0).astype(np.uint8) * 255)
    scene = read_easymocap(small_capture, body)
    masks = scene.capture.view("4").masks
    assert masks is not None
    assert not masks.per_person
    labels = MaskReader(scene.capture).read("4", 0)
    assert labels is not None
    assert set(np.unique(labels)) == {0, 1}


def test_a_mask_of_another_shape_is_none_and_noted(small_scene, small_capture):
    write_labels(small_capture / "mask" / "4" / "000022.png", np.ones((470, 640), np.uint8))
    reader = MaskReader(small_scene.capture)
    assert reader.read("4", 1) is None
    assert "another shape" in reader.issues[0].message


def test_a_missing_or_damaged_mask_is_none_and_noted(small_scene, small_capture):
    (small_capture / "mask" / "4" / "000022.png").write_bytes(b"")
    reader = MaskReader(small_scene.capture)
    assert reader.read("4", 1) is None
    assert reader.read("4", 99) is None
    assert reader.read("nobody", 0) is None
    (issue,) = reader.issues
    assert (issue.camera, issue.frame) == ("4", 22)
    assert issue.remedy
