import cv2
import numpy as np
import pytest

from avatarpose.errors import FormatError
from avatarpose.formats.film import PictureFolder, Video, open_film, write_picture


def plain(value: int, width: int = 64, height: int = 48) -> np.ndarray:
    return np.full((height, width, 3), (value, 100, 255 - value), np.uint8)


def frames_of(path) -> tuple[list[np.ndarray], float]:
    film = cv2.VideoCapture(str(path))
    fps = film.get(cv2.CAP_PROP_FPS)
    frames = []
    while (read := film.read())[0]:
        frames.append(read[1])
    film.release()
    return frames, fps


def test_a_video_has_every_picture_at_its_pace(tmp_path):
    path = tmp_path / "new" / "take.mp4"
    with open_film(path, 12.0) as film:
        for value in (0, 120, 240):
            film.add([("", plain(value))])
    frames, fps = frames_of(path)
    assert fps == pytest.approx(12.0)
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 3
    for frame, value in zip(frames, (0, 120, 240), strict=True):
        assert frame[24, 32] == pytest.approx((255 - value, 100, value), abs=8)


def test_odd_sides_are_made_even(tmp_path):
    path = tmp_path / "odd.mp4"
    with Video(path, 10.0) as film:
        film.add([("", plain(50, 63, 47))])
    assert frames_of(path)[0][0].shape == (48, 64, 3)


def begin_and_fail(path) -> None:
    with open_film(path, 10.0) as film:
        film.add([("", plain(50))])
        raise ZeroDivisionError


def test_a_video_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        begin_and_fail(tmp_path / "take.mp4")
    assert list(tmp_path.iterdir()) == []


def test_an_older_video_stays_when_a_new_one_fails(tmp_path):
    path = tmp_path / "take.mp4"
    path.write_bytes(b"older")
    with pytest.raises(ZeroDivisionError):
        begin_and_fail(path)
    assert path.read_bytes() == b"older"


def test_a_folder_gets_a_lossless_picture_per_name(tmp_path):
    film = open_film(tmp_path / "pictures", 25.0)
    assert isinstance(film, PictureFolder)
    with film:
        film.add([("1-000021", plain(10)), ("2-000021", plain(20))])
    found = cv2.imread(str(tmp_path / "pictures" / "2-000021.png"))
    assert found is not None
    assert np.array_equal(found[..., ::-1], plain(20))


def test_places_that_cannot_be_written_are_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FormatError):
        write_picture(tmp_path / "file" / "a.png", plain(1))
    with pytest.raises(FormatError), open_film(tmp_path / "file" / "a.mp4", 10.0) as film:
        film.add([("", plain(1))])


@pytest.mark.parametrize("name", ["take.avi", "take.GIF", "one.png"])
def test_other_kinds_of_files_are_refused(tmp_path, name):
    with pytest.raises(FormatError, match="neither a folder nor"):
        open_film(tmp_path / name, 25.0)
