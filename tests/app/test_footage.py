from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.footage import PictureLoader
from avatarpose.scene.capture import Capture, Footage, View
from tests.app.scenes import ring_camera

COUNT = 6


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    """Two cameras; the first one lacks frame 3, its frame 4 is damaged."""
    views = []
    for name, angle in (("1", 0.0), ("2", 2.0)):
        folder = tmp_path / name
        folder.mkdir()
        names = tuple(f"{index:06d}.png" for index in range(COUNT))
        for index in range(COUNT):
            picture = np.full((240, 320, 3), 30 * index, np.uint8)
            picture[:, :160, 2] = 255  # red on the left
            assert cv2.imwrite(str(folder / names[index]), picture)
        numbers = np.arange(COUNT)
        if name == "1":
            numbers[3] = -1
            (folder / names[4]).write_bytes(b"no picture")
        views.append(View(ring_camera(name, angle), Footage("images", folder, numbers, names)))
    return Capture("two", np.arange(COUNT), 25.0, tuple(views))


@pytest.fixture
def loader(qtbot: QtBot, capture: Capture) -> Iterator[PictureLoader]:  # noqa: ARG001
    loader = PictureLoader()
    loader.open(capture)
    yield loader
    loader.close()


def test_a_picture_arrives_later_and_is_then_at_hand(qtbot: QtBot, loader: PictureLoader):
    with qtbot.waitSignal(loader.arrived):
        assert loader.picture("1", 2) is None
    picture = loader.picture("1", 2)
    assert picture is not None
    assert picture.image.size().width() == 320
    assert picture.image.pixelColor(10, 10).getRgb()[:3] == (255, 60, 60)
    assert picture.image.pixelColor(300, 10).getRgb()[:3] == (60, 60, 60)
    assert picture.bgra.shape == (240, 320, 4)


def test_a_reduced_picture_is_small_and_serves_until_a_finer_one_is_there(
    qtbot: QtBot, loader: PictureLoader
):
    with qtbot.waitSignal(loader.arrived):
        loader.picture("2", 0, reduction=4)
    small = loader.picture("2", 0, reduction=4)
    assert small is not None
    assert small.bgra.shape == (60, 80, 4)
    with qtbot.waitSignal(loader.arrived):
        assert loader.picture("2", 0) is small
    fine = loader.picture("2", 0)
    assert fine is not None
    assert fine.reduction == 1


def test_missing_and_damaged_pictures_are_known_and_said_once(qtbot: QtBot, loader: PictureLoader):
    assert not loader.has_picture("1", 3)
    assert loader.picture("1", 3) is None
    assert loader.has_picture("1", 4)
    with qtbot.waitSignal(loader.failed) as failure:
        loader.picture("1", 4)
    assert failure.args is not None
    assert failure.args[0] == "1"
    assert not loader.has_picture("1", 4)


def test_neighbours_are_read_ahead(qtbot: QtBot, loader: PictureLoader):
    with qtbot.waitSignal(loader.arrived):
        loader.picture("2", 0)
    loader.read_ahead(0)
    qtbot.waitUntil(lambda: loader.picture("2", 1) is not None)
    assert loader.picture("2", 1) is not None


def test_pictures_of_the_former_capture_never_arrive(
    qtbot: QtBot, loader: PictureLoader, capture: Capture
):
    loader.picture("1", 0)
    loader.open(None)
    assert loader.picture("1", 0) is None
    loader.open(capture)
    with qtbot.waitSignal(loader.arrived):
        loader.picture("1", 1)
    assert loader.picture("1", 1) is not None
