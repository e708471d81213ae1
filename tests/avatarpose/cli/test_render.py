from pathlib import Path

import cv2
import numpy as np
import pytest

from avatarpose.cli import main

KINDS = ("overlay", "avatar", "compare")


def pictures_in(folder: Path) -> dict[str, np.ndarray]:
    found = {path.name: cv2.imread(str(path)) for path in sorted(folder.glob("*.png"))}
    assert all(picture is not None for picture in found.values())
    return {name: picture for name, picture in found.items() if picture is not None}


def film_frames(path: Path) -> list[np.ndarray]:
    film = cv2.VideoCapture(str(path))
    frames = []
    while True:
        is_read, frame = film.read()
        if not is_read:
            film.release()
            return frames
        frames.append(frame)


@pytest.mark.parametrize("what", KINDS)
def test_a_folder_gets_a_picture_per_camera_and_frame(refined, tmp_path, what, capsys):
    project, out = refined[0], tmp_path / "out"
    words = ["--what", what, "--frames", "1:2", "--cameras", "1,3", "--out", str(out)]
    assert main(["render", str(project), *words]) == 0
    assert "4 pictures" in capsys.readouterr().out
    found = pictures_in(out)
    assert list(found) == ["1-000001.png", "1-000002.png", "3-000001.png", "3-000002.png"]
    widths = {picture.shape[1] for picture in found.values()}
    assert widths == ({2 * 64 + 4} if what == "compare" else {64})


def test_a_video_shows_the_cameras_side_by_side(refined, tmp_path):
    out = tmp_path / "take.mp4"
    words = ["--frames", "0:2", "--cameras", "1,2", "--size", "128x96", "--out", str(out)]
    assert main(["render", str(refined[0]), *words]) == 0
    frames = film_frames(out)
    assert len(frames) == 3
    assert frames[0].shape[0] * frames[0].shape[1] >= 2 * 128 * 96
    assert [path.name for path in tmp_path.iterdir()] == ["take.mp4"]


def test_bodies_and_avatars_lie_where_the_people_are(refined, tmp_path):
    project = refined[0]
    words = ["--frames", "1", "--cameras", "2", "--no-labels"]
    seen = {}
    for what in ("overlay", "avatar"):
        out = tmp_path / what
        assert main(["render", str(project), "--what", what, *words, "--out", str(out)]) == 0
        seen[what] = pictures_in(out)["2-000001.png"].astype(float)
    photo = cv2.imread(str(project / "images" / "2" / "000001.jpg"))
    labels = cv2.imread(str(project / "masks_truth" / "2" / "000001.png"), cv2.IMREAD_UNCHANGED)
    assert photo is not None
    assert labels is not None
    inside = cv2.erode((labels > 0).astype(np.uint8), np.ones((3, 3))) > 0
    outside = cv2.dilate((labels > 0).astype(np.uint8), np.ones((9, 9))) == 0
    for what, picture in seen.items():
        change = np.abs(picture - photo).max(-1)
        assert np.median(change[inside]) > 4, what
        assert change[outside].max() == 0, what


def test_the_camera_goes_round_the_avatars(refined, tmp_path):
    out = tmp_path / "round"
    words = ["--what", "novel", "--pictures", "3", "--size", "72x80", "--out", str(out)]
    assert main(["render", str(refined[0]), *words, "--no-labels"]) == 0
    found = pictures_in(out)
    assert list(found) == ["novel-0000.png", "novel-0001.png", "novel-0002.png"]
    for picture in found.values():
        assert picture.shape == (80, 72, 3)
        assert picture.min() < 120  # somebody stands before the bright ground
        assert picture[2, 2].min() > 180


def test_without_avatars_one_is_sent_to_refine(tiny_project, tmp_path, capsys):
    words = ["--what", "avatar", "--out", str(tmp_path / "out")]
    assert main(["render", str(tiny_project), *words]) == 2
    told = capsys.readouterr().err
    assert "no avatars yet" in told
    assert "avatarpose refine" in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--cameras", "nowhere"], "no camera 'nowhere'"),
        (["--layer", "run:latest"], "not been refined yet"),
        (["--draw", "mesh,hats"], "Nothing called hats"),
        (["--fps", "-1"], "--fps must be above 0"),
        (["--frames", "50:60"], "No frame lies between"),
    ],
)
def test_what_is_not_there_cannot_be_rendered(tiny_project, tmp_path, capsys, words, problem):
    assert main(["render", str(tiny_project), *words, "--out", str(tmp_path / "out")]) == 2
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_another_kind_of_file_is_refused(tiny_project, tmp_path, capsys):
    assert main(["render", str(tiny_project), "--out", str(tmp_path / "take.avi")]) == 2
    assert "neither a folder nor an .mp4" in capsys.readouterr().err
