import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatarpose.errors import FormatError
from avatarpose.formats.pictures import (
    decode_picture,
    distortion_maps,
    is_whole,
    numbered_files,
    picture_size,
    resize_picture,
    undistortion_maps,
)
from tests.strategies import cameras


def encoded(picture: np.ndarray, ending: str) -> bytes:
    return cv2.imencode(ending, picture)[1].tobytes()


def smooth(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    channels = [128 + 100 * np.sin(columns / 17 + phase) * np.cos(rows / 23) for phase in range(3)]
    return np.stack(channels, -1).astype(np.uint8)


def test_files_are_found_by_their_number_never_by_their_place(tmp_path):
    names = ["img_2.jpg", "img_10.jpg", ".hidden_3.jpg", "Thumbs.db", "cam2_000007.PNG"]
    for name in names:
        (tmp_path / name).touch()
    found = numbered_files(tmp_path, (".jpg", ".png"))
    assert found.by_number == {2: "img_2.jpg", 7: "cam2_000007.PNG", 10: "img_10.jpg"}
    assert list(found.by_number) == [2, 7, 10]
    assert found.issues == ()


def test_of_two_names_with_one_number_the_padded_one_counts_and_it_is_said(tmp_path):
    for name in ("1.jpg", "000001.jpg", "cover.jpg"):
        (tmp_path / name).touch()
    found = numbered_files(tmp_path, (".jpg",), camera="c")
    assert found.by_number == {1: "000001.jpg"}
    assert len(found.issues) == 2
    assert all(issue.camera == "c" and issue.remedy for issue in found.issues)


@given(cut=st.integers(1, 3000))
def test_a_jpeg_that_breaks_off_is_not_whole_and_not_decoded(cut):
    content = encoded(smooth(60, 80), ".jpg")
    shortened = content[: max(len(content) - cut, 0)]
    assert is_whole(content)
    assert not is_whole(shortened)
    assert decode_picture(shortened) is None


def test_the_end_mark_of_a_thumbnail_does_not_make_a_jpeg_whole():
    thumbnail = encoded(smooth(8, 8), ".jpg")
    content = encoded(smooth(60, 80), ".jpg")
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    with_thumbnail = content[:2] + segment + content[2:]
    assert is_whole(with_thumbnail)
    assert not is_whole(with_thumbnail[:-20])


def test_a_png_that_breaks_off_is_not_decoded():
    content = encoded(smooth(60, 80), ".png")
    assert decode_picture(content) is not None
    assert decode_picture(content[:-30]) is None


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (np.full((4, 6), 77, np.uint8), (77, 77, 77)),
        (np.full((4, 6, 3), (10, 20, 30), np.uint8), (30, 20, 10)),
        (np.full((4, 6, 4), (10, 20, 30, 5), np.uint8), (30, 20, 10)),
        (np.full((4, 6), 77 << 8, np.uint16), (77, 77, 77)),
        (np.full((4, 6, 3), (10 << 8, 20 << 8, 30 << 8), np.uint16), (30, 20, 10)),
    ],
    ids=["grey", "colour", "alpha", "16 bit grey", "16 bit colour"],
)
def test_every_kind_of_picture_becomes_rgb(stored, expected):
    picture = decode_picture(encoded(stored, ".png"))
    assert picture is not None
    assert picture.shape == (4, 6, 3)
    np.testing.assert_array_equal(picture[0, 0], expected)


def test_a_picture_that_would_fill_the_memory_is_not_decoded():
    content = encoded(smooth(60, 80), ".png")
    bomb = content[:16] + struct.pack(">II", 40_000, 40_000) + content[24:]
    assert decode_picture(bomb) is None


def test_a_rotation_mark_is_ignored():
    content = encoded(smooth(60, 80), ".jpg")
    orientation = struct.pack("<HHIHHI", 0x0112, 3, 1, 6, 0, 0)  # a quarter turn
    exif = b"Exif\x00\x00II*\x00" + struct.pack("<IH", 8, 1) + orientation
    marked = content[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + content[2:]
    np.testing.assert_array_equal(decode_picture(marked), decode_picture(content))
    turned = cv2.imdecode(np.frombuffer(marked, np.uint8), cv2.IMREAD_COLOR)
    assert turned.shape == (80, 60, 3)  # OpenCV would have turned it


@pytest.mark.parametrize("ending", [".jpg", ".png", ".bmp"])
def test_the_size_is_read_off_the_head(tmp_path, ending):
    (tmp_path / f"a{ending}").write_bytes(encoded(smooth(37, 51), ending))
    assert picture_size(tmp_path / f"a{ending}") == (51, 37)


def test_a_file_that_is_no_picture_is_named(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"hello")
    with pytest.raises(FormatError, match="not a picture"):
        picture_size(tmp_path / "a.jpg")


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (94, 128), (470, 640)])
def test_decoding_small_equals_decoding_full_and_shrinking(size):
    content = encoded(smooth(640, 940 if size != (94, 128) else 470), ".jpg")
    full = decode_picture(content)
    assert full is not None
    reduced = decode_picture(content, at_least=(60, 80))
    assert reduced is not None
    small = resize_picture(reduced, (47, 64))
    wanted = resize_picture(full, (47, 64))
    assert np.abs(small.astype(int) - wanted).mean() < 1.0
    assert np.abs(small.astype(int) - wanted).max() <= 6


def test_a_size_that_does_not_divide_is_never_decoded_small():
    picture = decode_picture(encoded(smooth(101, 203), ".jpg"), at_least=(20, 10))
    assert picture is not None
    assert picture.shape == (101, 203, 3)


@settings(max_examples=20)
@given(camera=cameras())
def test_the_maps_agree_with_the_camera(camera):
    x, y = undistortion_maps(camera)
    pixels = np.array([[0.0, 0.0], [camera.width - 1.0, camera.height - 1.0], [50.0, 120.0]])
    columns, rows = pixels.astype(int).T
    expected = camera.distort(pixels)
    np.testing.assert_allclose(np.stack([x, y], -1)[rows, columns], expected, atol=1e-2, rtol=1e-5)


def test_distorting_undoes_undistorting(small_scene):
    camera = small_scene.capture.rig["16"].resized(94, 128)
    x, y = distortion_maps(camera)
    pixels = np.stack([x, y], -1)[::9, ::9].reshape(-1, 2).astype(float)
    rows, columns = np.mgrid[:128:9, :94:9]
    np.testing.assert_allclose(
        camera.distort(pixels), np.stack([columns, rows], -1).reshape(-1, 2), atol=1e-3
    )
