from dataclasses import replace

import numpy as np
import pytest
import torch

from avatarpose.errors import OptimizationError
from avatarpose.optimize.checkpoint import (
    Progress,
    fingerprint,
    load_checkpoint,
    plain_generator,
    prepare_folder,
    restored_generator,
    save_checkpoint,
)
from avatarpose.optimize.settings import RunRequest
from avatarpose.scene.edits import set_pose
from avatarpose.scene.layers import ViewPin
from tests.avatarpose.optimize.scenes import tiny_plan


def _progress() -> Progress:
    return Progress(
        stage_index=2,
        elapsed_s=12.5,
        losses={"rgb": [(1, 0.5), (2, 0.25)]},
        bands=[("keypoints", 0, 2)],
        state={"turns": torch.arange(6.0).reshape(2, 3), "draws": "text", "flag": True},
    )


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    save_checkpoint(tmp_path / "c.pt", "mark", _progress())
    back = load_checkpoint(tmp_path / "c.pt", "mark")
    assert (back.stage_index, back.elapsed_s) == (2, 12.5)
    assert back.losses == {"rgb": [(1, 0.5), (2, 0.25)]}
    assert [tuple(band) for band in back.bands] == [("keypoints", 0, 2)]
    assert torch.equal(back.state["turns"], _progress().state["turns"])
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]


def test_the_checkpoint_of_something_else_is_refused(tmp_path):
    save_checkpoint(tmp_path / "c.pt", "mark", _progress())
    with pytest.raises(OptimizationError, match="other poses, frames or settings") as caught:
        load_checkpoint(tmp_path / "c.pt", "another")
    assert caught.value.remedy


def test_damaged_checkpoints_are_refused(tmp_path):
    save_checkpoint(tmp_path / "c.pt", "mark", _progress())
    content = (tmp_path / "c.pt").read_bytes()
    for broken in (b"", b"text", content[: len(content) // 2]):
        (tmp_path / "c.pt").write_bytes(broken)
        with pytest.raises(OptimizationError, match="cannot be read"):
            load_checkpoint(tmp_path / "c.pt", "mark")
    torch.save({"version": 2}, tmp_path / "c.pt")
    with pytest.raises(OptimizationError, match="cannot be read"):
        load_checkpoint(tmp_path / "c.pt", "mark")


def test_a_folder_that_cannot_be_made_is_an_error_before_the_work(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OptimizationError, match="cannot be kept") as caught:
        prepare_folder(tmp_path / "file" / "run")
    assert caught.value.remedy
    prepare_folder(tmp_path / "new" / "run")
    assert list((tmp_path / "new" / "run").iterdir()) == []


def test_a_generator_goes_on_where_it_was():
    generator = np.random.default_rng(5)
    generator.random(7)
    again = restored_generator(plain_generator(generator))
    assert np.array_equal(again.random(9), generator.random(9))


def test_whatever_changes_the_result_changes_the_fingerprint(tiny_scene):
    request, plan = RunRequest(device="cpu"), tiny_plan()
    mark = fingerprint(tiny_scene, request, plan)
    assert fingerprint(tiny_scene, RunRequest(device="cpu"), tiny_plan()) == mark
    source = tiny_scene.person(0).poses()
    edited = set_pose(tiny_scene, 0, 1, source.rotvecs[1], source.transl[1] + 0.1)
    pin = ViewPin(tiny_scene.capture.rig.names[0], 1, 20, (4.0, 5.0))
    pinned = set_pose(tiny_scene, 0, 1, source.rotvecs[1], source.transl[1], pins=(pin,))
    held = set_pose(tiny_scene, 0, 1, source.rotvecs[1], source.transl[1], joints=(20,))
    others = [
        fingerprint(tiny_scene, replace(request, seed=1), plan),
        fingerprint(tiny_scene, replace(request, frames=(0, 2)), plan),
        fingerprint(tiny_scene, request, replace(plan, inner_steps=3)),
        *(fingerprint(scene, request, plan) for scene in (edited, pinned, held)),
    ]
    assert len({mark, *others}) == 7
