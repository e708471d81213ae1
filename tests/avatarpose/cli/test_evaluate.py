import json
import shutil

import pytest

from avatarpose.cli import main
from avatarpose.installation import resource_path


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    folder = tmp_path_factory.mktemp("captures") / "hug"
    shutil.copytree(resource_path("sample", "hug"), folder)
    return folder


def test_the_table_shows_layers_side_by_side(capture, capsys):
    assert main(["evaluate", str(capture), "--layers", "initial,truth"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["initial", "truth"]
    world = next(line for line in lines if line.startswith("MPJPE world"))
    assert world.split()[-2:] == ["37.97", "0.00"]


def test_json_has_the_numbers_of_the_chosen_frames(capture, capsys):
    assert main(["evaluate", str(capture), "--frames", "23:25", "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert out["frames"] == [23, 24, 25]
    assert out["layers"]["initial"]["person_frames"] == 6
    assert out["layers"]["initial"]["reprojection_px"]["median"] > 0
    assert set(out["layers"]["initial"]["people"]) == {"0", "1"}


def test_a_missing_run_is_told_with_a_remedy(capture, capsys):
    assert main(["evaluate", str(capture), "--layers", "run:latest"]) == 2
    assert "avatarpose refine" in capsys.readouterr().err


def test_fit_does_not_overwrite_initial_poses_unasked(capture, capsys):
    assert main(["fit", str(capture)]) == 2
    assert "--replace" in capsys.readouterr().err


@pytest.mark.slow
def test_fit_makes_better_initial_poses_than_the_samples_own(capture, capsys):
    assert main(["fit", str(capture), "--replace"]) == 0
    assert "24 frames" in capsys.readouterr().out
    assert main(["evaluate", str(capture), "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert out["layers"]["initial"]["mpjpe_world_mm"] < 12
