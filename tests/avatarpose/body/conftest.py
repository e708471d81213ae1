from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from avatarpose.body.pose import PoseSequence
from avatarpose.body.smpl import SmplModel, load_open_body
from avatarpose.installation import resource_path


@pytest.fixture(scope="session")
def open_body() -> SmplModel:
    return load_open_body(resource_path("body", "body_smpl24.npz"))


@pytest.fixture(scope="session")
def hug_folder() -> Path:
    return resource_path("sample", "hug")


@pytest.fixture(scope="session")
def hug_truth(hug_folder) -> dict[int, PoseSequence]:
    """The true poses of the sample's two people."""
    with np.load(hug_folder / "smpl_gt" / "smpl.npz", allow_pickle=False) as archive:
        arrays = SimpleNamespace(**{name: archive[name] for name in archive.files})
    return {
        int(pid): PoseSequence(
            arrays.betas[row],
            arrays.global_orient[row],
            arrays.body_pose[row],
            arrays.transl[row],
            arrays.valid[row],
        )
        for row, pid in enumerate(arrays.people)
    }
