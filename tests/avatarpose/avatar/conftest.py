from collections.abc import Iterator

import numpy as np
import pytest
import torch

from avatarpose.avatar.surface import SurfaceTopology
from avatarpose.body.smpl import SmplModel
from avatarpose.synth.toy_body import toy_body


@pytest.fixture(autouse=True)
def single_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def body() -> SmplModel:
    return toy_body()


@pytest.fixture(scope="session")
def topology(body) -> SurfaceTopology:
    return SurfaceTopology(body.faces, body.vertex_count)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(11)
