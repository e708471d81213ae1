import pickle
from pathlib import Path

import pytest
import torch

from avatarpose.avatar.avatar import Avatar, load_avatar, new_avatar, save_avatar
from avatarpose.avatar.field import FieldShape
from avatarpose.avatar.hashgrid import HashGridShape
from avatarpose.body.smpl_torch import TorchSmpl
from avatarpose.errors import FormatError

CPU = torch.device("cpu")
SHAPE = FieldShape(
    grid=HashGridShape(level_count=3, log2_entries=9, base_resolution=4, finest_resolution=16),
    width=8,
    geometry_features=5,
)


@pytest.fixture(scope="module")
def smpl(body) -> TorchSmpl:
    return TorchSmpl(body)


@pytest.fixture
def avatar(smpl) -> Avatar:
    generator = torch.Generator().manual_seed(1)
    made = new_avatar(1, torch.linspace(-1, 1, 10), smpl, SHAPE, generator)
    with torch.no_grad():
        made.field.encoding.table.normal_(generator=generator)
    made.centre = made.centre + 0.01
    return made


def _queried(avatar: Avatar) -> tuple[torch.Tensor, torch.Tensor]:
    corners = torch.arange(30).reshape(10, 3)
    weights = torch.full((10, 3), 1 / 3)
    points = avatar.canonical.vertices[:10] + 0.005
    with torch.no_grad():
        return avatar.query(points, corners, weights)


def test_a_saved_avatar_comes_back_as_it_was(avatar, smpl, tmp_path):
    save_avatar(avatar, tmp_path / "a.pt")
    back = load_avatar(tmp_path / "a.pt", smpl, CPU)
    for one, other in zip(_queried(avatar), _queried(back), strict=True):
        assert torch.equal(one, other)
    assert back.pid == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


def test_the_box_holds_the_canonical_body_with_a_margin(avatar):
    unit = (avatar.canonical.vertices - avatar.centre) / avatar.side_m + 0.5
    assert unit.min() > 0
    assert unit.max() < 1


def test_a_folder_that_is_not_there_is_an_error_with_a_remedy(avatar, tmp_path):
    with pytest.raises(FormatError, match="cannot be written"):
        save_avatar(avatar, tmp_path / "missing" / "a.pt")


@pytest.mark.parametrize("content", [b"", b"no avatar", b"PK\x03\x04 cut short"])
def test_damaged_files_are_refused(content, smpl, tmp_path):
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(FormatError):
        load_avatar(tmp_path / "a.pt", smpl, CPU)


class Hostile:
    def __reduce__(self):
        return Path.touch, (Path("touched-by-the-avatar"),)


def test_objects_in_a_file_are_never_built(smpl, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Hostile()))
    torch.save({"version": 1, "field": Hostile()}, tmp_path / "zipped.pt")
    for name in ("plain.pt", "zipped.pt"):
        with pytest.raises(FormatError):
            load_avatar(tmp_path / name, smpl, CPU)
    assert not (tmp_path / "touched-by-the-avatar").exists()


def _changed(avatar: Avatar, change) -> dict:
    state = avatar.state()
    change(state)
    return state


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(version=99),
        lambda s: s.pop("betas"),
        lambda s: s.update(betas=torch.zeros(9)),
        lambda s: s.update(side_m=-1.0),
        lambda s: s.update(side_m="wide"),
        lambda s: s.update(centre=torch.full((3,), torch.nan)),
        lambda s: s["shape"].update(width=10**9),
        lambda s: s["shape"].update(surprise=1),
        lambda s: s["shape"]["grid"].update(log2_entries=60),
        lambda s: s["shape"]["grid"].update(level_count=4),
        lambda s: s["field"].pop("colour.0.weight"),
        lambda s: s["field"].update({"encoding.table": torch.zeros(2)}),
        lambda s: s["field"]["encoding.table"].fill_(torch.inf),
        lambda s: s.update(field=3),
        lambda s: s.update(shape=None),
    ],
)
def test_states_that_make_no_sense_are_refused(change, avatar, smpl, tmp_path):
    torch.save(_changed(avatar, change), tmp_path / "a.pt")
    with pytest.raises(FormatError):
        load_avatar(tmp_path / "a.pt", smpl, CPU)


@pytest.mark.parametrize("state", [[1, 2], torch.zeros(3), "text", None])
def test_files_that_hold_something_else_are_refused(state, smpl, tmp_path):
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(FormatError):
        load_avatar(tmp_path / "a.pt", smpl, CPU)
