import os

import numpy as np
import pytest
import torch

from avatarpose.body.smpl_torch import TorchSmpl
from avatarpose.errors import FormatError
from avatarpose.optimize.avatar_stage import Exposure
from avatarpose.optimize.run_folder import (
    CHECKPOINT,
    load_people,
    load_request,
    run_folder,
    save_exposure,
    save_request,
    unfinished_run,
)
from avatarpose.optimize.settings import RunRequest
from avatarpose.scene.scene import RunRecord, Scene
from avatarpose.synth.toy_body import toy_body


@pytest.mark.parametrize(
    "request_",
    [
        RunRequest(),
        RunRequest("full", (21, 30), (0, 2), ("4", "16"), "cpu", 7),
        RunRequest(device="cuda"),
    ],
)
def test_a_request_is_read_as_it_was_written(tmp_path, request_):
    save_request(tmp_path, request_)
    assert load_request(tmp_path) == request_


def test_no_request_is_none_and_a_damaged_one_is_told(tmp_path):
    assert load_request(tmp_path) is None
    for text in ("[]", '{"preset": "full"}', "{"):
        (tmp_path / "request.json").write_text(text)
        with pytest.raises(FormatError):
            load_request(tmp_path)


def test_runs_lie_in_numbered_folders(tmp_path):
    assert run_folder(tmp_path, "run:7") == tmp_path / "runs" / "run-007"


def test_exposures_are_kept_by_camera(tmp_path):
    exposure = Exposure(2, torch.device("cpu"))
    with torch.no_grad():
        exposure.gain[1] = torch.tensor([0.1, 0.2, 0.3])
        exposure.offset[0] = torch.tensor([0.01, 0.0, -0.01])
    save_exposure(tmp_path, ["4", "16"], exposure)
    people = load_people(tmp_path, TorchSmpl(toy_body(), torch.device("cpu")), torch.device("cpu"))
    assert people.avatars == ()
    assert people.gain["16"] == pytest.approx([0.1, 0.2, 0.3])
    assert people.offset["4"] == pytest.approx([0.01, 0.0, -0.01])


@pytest.mark.parametrize("text", ["[1]", '{"4": {"gain": [1, 2]}}', '{"4": 3}'])
def test_damaged_exposures_are_told(tmp_path, text):
    (tmp_path / "exposure.json").write_text(text)
    with pytest.raises(FormatError):
        load_people(tmp_path, TorchSmpl(toy_body(), torch.device("cpu")), torch.device("cpu"))


def test_the_latest_run_that_was_not_adopted_is_unfinished(tmp_path, tiny_scene: Scene):
    assert unfinished_run(tmp_path, tiny_scene) is None
    for number, name in enumerate(("run-001", "run-002", "run-003")):
        path = tmp_path / "runs" / name / CHECKPOINT
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
        os.utime(path, (1000 + number, 1000 + number))
    assert unfinished_run(tmp_path, tiny_scene) == tmp_path / "runs" / "run-003"
    record = RunRecord("run:3", "full", (0, 1), (0,), 1.0, folder="run-003")
    adopted = tiny_scene.changed(runs=(record,))
    assert unfinished_run(tmp_path, adopted) == tmp_path / "runs" / "run-002"


@pytest.fixture
def tiny_scene() -> Scene:
    from avatarpose.scene.capture import Capture

    return Scene("tiny", Capture("tiny", np.arange(2), 25.0, ()), toy_body())
