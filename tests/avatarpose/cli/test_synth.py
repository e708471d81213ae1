import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from avatarpose.cli import main

SMALL = ["--views", "2", "--frames", "2", "--size", "64x48", "--seed", "5"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synth") / "capture"
    assert main(["synth", str(out), *SMALL, "--init-error-mm", "30"]) == 0
    return out


def test_a_project_folder_with_pictures_masks_and_truth_is_made(made):
    assert (made / "avatarpose.toml").is_file()
    assert len(list((made / "images").rglob("*.jpg"))) == 4
    assert len(list((made / "masks").rglob("*.png"))) == 4
    assert len(list((made / "masks_truth").rglob("*.png"))) == 4
    labels = cv2.imread(str(next((made / "masks_truth").rglob("*.png"))), cv2.IMREAD_UNCHANGED)
    assert labels is not None
    assert set(np.unique(labels)) == {0, 1, 2}


def test_the_readme_says_how_to_make_it_again(made):
    text = (made / "README.txt").read_text(encoding="utf-8")
    assert "--seed 5" in text
    measured = re.search(r"person-frames: ([0-9.]+) mm", text)
    assert measured is not None
    assert float(measured[1]) == pytest.approx(30, rel=0.05)


def test_an_occupied_folder_is_left_alone(made, capsys):
    before = sorted(made.rglob("*"))
    assert main(["synth", str(made), *SMALL]) == 2
    assert "already there" in capsys.readouterr().err
    assert sorted(made.rglob("*")) == before


def test_bad_numbers_are_refused_with_a_remedy(tmp_path, capsys):
    assert main(["synth", str(tmp_path / "x"), "--people", "7"]) == 2
    assert "what to do" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
