import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

from avatarpose.body.skeleton import PARENTS
from avatarpose.errors import BodyModelError
from avatarpose.formats import smpl_model
from avatarpose.formats.smpl_model import (
    BODY25_FILE,
    SMPL_VERTEX_IDS,
    default_body,
    find_body_model,
    load_body_model,
    without_regressor,
)
from avatarpose.formats.storage import write_npz
from avatarpose.installation import resource_path

VERTICES, FACES = 6890, 13776


def smpl_arrays(betas: int = 10) -> dict:
    """Arrays laid out as SMPL's, with made-up numbers."""
    random = np.random.default_rng(5)
    table = np.stack([np.array([4294967295, *PARENTS[1:]]), np.arange(24)]).astype(np.uint32)
    weights = random.random((VERTICES, 24)).astype(np.float32)
    return {
        "v_template": random.normal(0, 0.5, (VERTICES, 3)),
        "shapedirs": random.normal(0, 0.01, (VERTICES, 3, betas)).astype(np.float32),
        "posedirs": np.zeros((VERTICES, 3, 207), np.float32),
        "J_regressor": np.full((24, VERTICES), 1 / VERTICES),
        "weights": weights / weights.sum(1, keepdims=True),
        "kintree_table": table,
        "f": random.integers(0, VERTICES, (FACES, 3)).astype(np.uint32),
        "J": np.zeros((24, 3)),
        "bs_type": "lrotmin",
    }


def as_published(path: Path, arrays: dict) -> None:
    """A Python 2 style pickle with a sparse regressor and chumpy arrays, as SMPL is published."""
    maker = path.parent / "maker" / "chumpy"
    maker.mkdir(parents=True)
    (maker / "__init__.py").write_text("")
    (maker / "ch.py").write_text("class Ch(object): pass\n")
    stored = {**arrays, "J_regressor": scipy.sparse.csc_matrix(arrays["J_regressor"])}
    (path.parent / "arrays.pkl").write_bytes(pickle.dumps(stored, 2))
    script = (
        "import pickle, sys\nfrom chumpy.ch import Ch\n"
        "d = pickle.load(open(sys.argv[1], 'rb'))\n"
        "for k in ('v_template', 'shapedirs', 'weights'):\n"
        "    c = Ch(); c.__dict__['x'] = d[k]; d[k] = c\n"
        "pickle.dump(d, open(sys.argv[2], 'wb'), 2)\n"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(path.parent / "arrays.pkl"), str(path)],
        check=True,
        env={**os.environ, "PYTHONPATH": str(maker.parent)},
    )


def test_the_open_body_is_the_default_and_known_by_its_format_key(tmp_path):
    assert find_body_model(None, None) == resource_path("body", "body_smpl24.npz")
    copy = tmp_path / "SMPL_NEUTRAL.npz"
    copy.write_bytes(resource_path("body", "body_smpl24.npz").read_bytes())
    body = load_body_model(copy)
    assert body.sha256 == default_body().sha256
    assert body.vertex_ids["nose"] != SMPL_VERTEX_IDS["nose"]


def test_a_published_pickle_becomes_a_model_and_is_converted_only_once(tmp_path, monkeypatch):
    arrays = smpl_arrays()
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    as_published(path, arrays)
    body = load_body_model(path, cache_folder=tmp_path / "cache")
    np.testing.assert_allclose(body.v_template, arrays["v_template"], rtol=1e-6)
    np.testing.assert_array_equal(body.faces, arrays["f"])
    assert body.vertex_ids["nose"] == 332
    assert body.vertex_ids["RBigToe"] == 6617
    assert body.body25_regressor is None
    (cached,) = (tmp_path / "cache").iterdir()
    with np.load(cached, allow_pickle=False) as archive:
        assert archive["weights"].shape == (VERTICES, 24)

    def never(*_: object) -> None:
        raise AssertionError("the pickle was opened again")

    monkeypatch.setattr(smpl_model, "read_untrusted", never)
    again = load_body_model(path, cache_folder=tmp_path / "cache")
    assert again.sha256 == body.sha256


def test_shape_directions_beyond_ten_are_left_out(tmp_path):
    write_npz(tmp_path / "SMPL_MALE.npz", smpl_arrays(betas=16))
    assert load_body_model(tmp_path / "SMPL_MALE.npz").shapedirs.shape == (VERTICES, 3, 10)


def test_a_body25_regressor_beside_the_model_is_used(tmp_path):
    write_npz(tmp_path / "smpl" / "SMPL_FEMALE.npz", smpl_arrays())
    regressor = np.random.default_rng(2).random((25, VERTICES)).astype(np.float32)
    np.save(tmp_path / BODY25_FILE, regressor)
    body = load_body_model(tmp_path / "smpl" / "SMPL_FEMALE.npz")
    np.testing.assert_array_equal(body.body25_regressor, regressor)
    assert "BODY_25" in body.joint_definition
    assert without_regressor(body).body25_regressor is None
    np.save(tmp_path / BODY25_FILE, regressor[:, :100])
    with pytest.raises(BodyModelError, match="25 x 6890"):
        load_body_model(tmp_path / "smpl" / "SMPL_FEMALE.npz")


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": np.zeros((VERTICES, 55), np.float32)},
        {"weights": np.zeros((VERTICES, 52), np.float32)},
        {"v_template": np.full((VERTICES, 3), np.nan)},
        {"v_template": np.zeros((10, 3))},
        {"posedirs": np.zeros((VERTICES, 3, 9), np.float32)},
        {"shapedirs": np.zeros((VERTICES, 3, 5), np.float32)},
        {"f": np.full((FACES, 3), VERTICES)},
        {"J_regressor": np.array("x")},
        {"kintree_table": np.zeros((2, 24), int)},
        {"weights": None},
    ],
    ids=", ".join,
)
def test_another_kind_of_model_is_refused_with_a_remedy(tmp_path, changes):
    arrays = {k: v for k, v in {**smpl_arrays(), **changes}.items() if v is not None}
    write_npz(tmp_path / "SMPL_NEUTRAL.npz", arrays)
    with pytest.raises(BodyModelError) as refused:
        load_body_model(tmp_path / "SMPL_NEUTRAL.npz")
    assert "SMPL_NEUTRAL.npz" in refused.value.problem
    assert refused.value.remedy


def test_a_surface_that_is_not_smpl_s_has_no_nose_by_number(tmp_path):
    arrays = smpl_arrays()
    for name in ("v_template", "shapedirs", "posedirs", "weights"):
        arrays[name] = np.concatenate([arrays[name], arrays[name][:100]])
    arrays["J_regressor"] = np.full((24, VERTICES + 100), 1 / (VERTICES + 100))
    write_npz(tmp_path / "SMPL_NEUTRAL.npz", arrays)
    with pytest.raises(BodyModelError, match="nose"):
        load_body_model(tmp_path / "SMPL_NEUTRAL.npz")


@pytest.mark.parametrize("content", [b"", b"\x80", b"junk", b"PK\x03\x04 not really a zip"])
@pytest.mark.parametrize("ending", [".pkl", ".npz"])
def test_a_damaged_model_is_an_error_of_ours(tmp_path, content, ending):
    path = tmp_path / f"SMPL_NEUTRAL{ending}"
    path.write_bytes(content)
    with pytest.raises(BodyModelError) as refused:
        load_body_model(path)
    assert refused.value.remedy


def test_both_layouts_of_a_models_folder_are_found(tmp_path):
    nested, flat = tmp_path / "nested", tmp_path / "flat"
    for path in (nested / "smpl" / "SMPL_NEUTRAL.pkl", flat / "SMPL_NEUTRAL.npz"):
        path.parent.mkdir(parents=True)
        path.touch()
    assert find_body_model(nested, None) == nested / "smpl" / "SMPL_NEUTRAL.pkl"
    assert find_body_model(None, nested) == nested / "smpl" / "SMPL_NEUTRAL.pkl"
    assert find_body_model(str(flat), nested) == flat / "SMPL_NEUTRAL.npz"
    assert find_body_model("open", nested) == resource_path("body", "body_smpl24.npz")
    assert find_body_model("SMPL_NEUTRAL.npz", flat) == flat / "SMPL_NEUTRAL.npz"
    assert find_body_model(None, tmp_path) == resource_path("body", "body_smpl24.npz")
    with pytest.raises(BodyModelError, match="SMPL_FEMALE"):
        find_body_model(flat, None, "female")
    with pytest.raises(BodyModelError, match="no body model"):
        find_body_model(tmp_path / "nowhere", None)


def test_a_hostile_model_is_refused_and_nothing_runs(tmp_path):
    witness = tmp_path / "witness"

    class Hostile:
        def __reduce__(self):
            return os.system, (f"touch {witness}",)

    (tmp_path / "SMPL_NEUTRAL.pkl").write_bytes(pickle.dumps({"v_template": Hostile()}))
    np.savez(tmp_path / "SMPL_MALE.npz", v_template=np.array(Hostile(), dtype=object))
    for name in ("SMPL_NEUTRAL.pkl", "SMPL_MALE.npz"):
        with pytest.raises(BodyModelError, match="refused"):
            load_body_model(tmp_path / name, cache_folder=tmp_path / "cache")
    assert not witness.exists()
    assert not (tmp_path / "cache").exists()
