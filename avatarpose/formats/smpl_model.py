"""Body model files: the open body that comes along, and users' own SMPL pickles and npz files.

What a file is, it must say itself (its format key or its arrays' names and shapes); the number of
vertices alone never decides, and SMPL's own surface points are used for SMPL's own surface only.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from avatarpose.body.skeleton import PARENTS
from avatarpose.body.smpl import SmplModel, load_open_body
from avatarpose.errors import BodyModelError, FormatError
from avatarpose.formats.restricted import FILE_LIMIT_BYTES, read_untrusted
from avatarpose.formats.storage import parse_npy, read_bytes, read_npz, write_npz
from avatarpose.installation import resource_path

OPEN_FORMAT = "smpl24-open/1"
BODY25_FILE = "J_regressor_body25.npy"
_GENDERS = ("neutral", "male", "female")
_SMPL_VERTICES, _SMPL_FACES = 6890, 13776
# Surface points of SMPL's own mesh that serve as joints (formats document 3.1).
SMPL_VERTEX_IDS = {
    "nose": 332, "reye": 6260, "leye": 2800, "rear": 4071, "lear": 583, "LBigToe": 3216,
    "LSmallToe": 3226, "LHeel": 3387, "RBigToe": 6617, "RSmallToe": 6624, "RHeel": 6787,
}  # fmt: skip
_WHERE_FROM = (
    "SMPL files come from smpl.is.tue.mpg.de under their own licence; without one, leave the "
    "choice open and the body that comes with the program is used."
)


def default_body() -> SmplModel:
    """The openly licensed body that comes with the program."""
    return load_open_body(resource_path("body", "body_smpl24.npz"))


def find_body_model(
    choice: str | Path | None, models_folder: Path | None, gender: str = "neutral"
) -> Path:
    """The file of the body model that is meant.

    Args:
        choice: a file, a folder, "open" for the body that comes with the program, or None.
        models_folder: where the user keeps SMPL models (`smpl/SMPL_NEUTRAL.pkl` or flat); taken
            without a choice when it holds one, and searched for a bare file name.
        gender: which file to take from a folder: "neutral", "male" or "female".

    Raises:
        BodyModelError: there is no such file.
    """
    if choice is None or str(choice) in ("", "open"):
        own = _in_folder(models_folder, gender) if choice is None and models_folder else None
        return own or resource_path("body", "body_smpl24.npz")
    path = Path(choice).expanduser()
    if models_folder is not None and not path.exists() and not path.is_absolute():
        path = models_folder / path
    if path.is_file():
        return path
    if not path.is_dir():
        raise BodyModelError(f"There is no body model at {path}.", remedy=_WHERE_FROM)
    found = _in_folder(path, gender)
    if found is None:
        name = f"SMPL_{gender.upper()}"
        raise BodyModelError(
            f"{path} holds neither smpl/{name}.pkl nor {name}.pkl (or .npz).", remedy=_WHERE_FROM
        )
    return found


def _in_folder(folder: Path, gender: str) -> Path | None:
    if gender not in _GENDERS:
        raise BodyModelError(
            f"There is no gender {gender!r} of body model.", remedy="Use neutral, male or female."
        )
    name = f"SMPL_{gender.upper()}"
    for place in (folder / "smpl", folder):
        for suffix in (".npz", ".pkl"):
            if (place / (name + suffix)).is_file():
                return place / (name + suffix)
    return None


def load_body_model(path: Path, *, cache_folder: Path | None = None) -> SmplModel:
    """The body model of a file: ours by its `format` key, else SMPL's by its arrays.

    Args:
        path: .npz or .pkl.
        cache_folder: where a converted pickle is kept as plain npz; None converts every time.

    Raises:
        BodyModelError: it is missing, damaged, refused, or a model of another kind.
    """
    if not path.is_file():
        raise BodyModelError(f"There is no body model at {path}.", remedy=_WHERE_FROM)
    try:
        if path.suffix.lower() == ".npz":
            arrays = _npz_arrays(path)
            if str(arrays.get("format", "")) == OPEN_FORMAT:
                _checked(arrays, path)
                return load_open_body(path)
        else:
            arrays = _pickled_arrays(path, cache_folder)
        body25 = _body25_regressor(path, arrays)
        return _smpl(arrays, path, body25)
    except FormatError as error:
        raise BodyModelError(error.problem, remedy=error.remedy or _WHERE_FROM) from error


def _npz_arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays of a plain npz, or of one that holds SciPy objects, as some SMPL npz files do."""
    try:
        return read_npz(path, limit_bytes=FILE_LIMIT_BYTES)
    except FormatError as error:
        if "Python objects" not in error.problem:
            raise
    return read_untrusted(path, "body_npz")


def _pickled_arrays(path: Path, cache_folder: Path | None) -> dict[str, np.ndarray]:
    digest = hashlib.sha256(read_bytes(path, limit_bytes=FILE_LIMIT_BYTES)).hexdigest()
    if cache_folder is None:
        return read_untrusted(path, "body")
    cached = cache_folder / f"{path.stem}-{digest[:16]}.npz"
    if cached.is_file():
        try:
            return read_npz(cached, limit_bytes=FILE_LIMIT_BYTES)
        except FormatError:
            cached.unlink(missing_ok=True)
    arrays = _checked(read_untrusted(path, "body"), path)
    write_npz(cached, arrays)
    return arrays


def _checked(arrays: Mapping[str, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    """The arrays SMPL needs, each of its shape."""
    needed = ("v_template", "f", "shapedirs", "posedirs", "J_regressor", "weights")
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise BodyModelError(
            f"{path.name} lacks {', '.join(missing)}; it is no SMPL body model.", remedy=_WHERE_FROM
        )
    found = {name: arrays[name] for name in needed}
    for name, array in found.items():
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise BodyModelError(
                f"{path.name}: {name} does not hold finite numbers.", remedy=_WHERE_FROM
            )
    vertices = len(found["v_template"])
    joints = found["weights"].shape[-1] if found["weights"].ndim == 2 else 0
    if joints != len(PARENTS):
        raise BodyModelError(
            f"{path.name} has {joints} joints, SMPL has {len(PARENTS)}: is it SMPL-X?",
            remedy="Choose an SMPL file (SMPL_NEUTRAL, SMPL_MALE or SMPL_FEMALE).",
        )
    shapes = {
        "v_template": (vertices, 3),
        "posedirs": (vertices, 3, 207),
        "J_regressor": (24, vertices),
        "weights": (vertices, 24),
    }
    for name, shape in shapes.items():
        if found[name].shape != shape:
            raise BodyModelError(
                f"{path.name}: {name} is {found[name].shape}, not {shape}.", remedy=_WHERE_FROM
            )
    directions, faces = found["shapedirs"], found["f"]
    if directions.ndim != 3 or directions.shape[:2] != (vertices, 3) or directions.shape[2] < 10:
        raise BodyModelError(
            f"{path.name}: shapedirs is {directions.shape}; ten directions are needed.",
            remedy=_WHERE_FROM,
        )
    is_mesh = faces.ndim == 2 and faces.shape[1] == 3 and faces.dtype.kind in "iu"
    if not is_mesh or len(faces) == 0 or faces.min() < 0 or faces.max() >= vertices:
        raise BodyModelError(f"{path.name}: its faces do not fit its vertices.", remedy=_WHERE_FROM)
    table = arrays.get("kintree_table")
    if table is not None:
        _check_tree(table, path)
        found["kintree_table"] = table
    found["shapedirs"] = directions[..., :10]
    return found


def _check_tree(table: np.ndarray, path: Path) -> None:
    parents = table[0, 1:].tolist() if table.ndim == 2 and table.shape[1] == len(PARENTS) else []
    if parents != list(PARENTS[1:]):
        raise BodyModelError(
            f"{path.name} has its joints in another order than SMPL.", remedy=_WHERE_FROM
        )


def _smpl(arrays: Mapping[str, np.ndarray], path: Path, body25: np.ndarray | None) -> SmplModel:
    found = _checked(arrays, path)
    vertices = len(found["v_template"])
    says_smpl = path.stem.lower().startswith(("smpl_", "basicmodel", "basic_model"))
    has_smpl_surface = vertices == _SMPL_VERTICES
    is_smpl = has_smpl_surface and (says_smpl or len(found["f"]) == _SMPL_FACES)
    vertex_ids = _named_vertices(arrays, vertices) or (SMPL_VERTEX_IDS if is_smpl else {})
    if not vertex_ids and body25 is None:
        raise BodyModelError(
            f"{path.name} neither has SMPL's own surface nor names its nose, ears and toes.",
            remedy=f"Put {BODY25_FILE} beside it, or choose an SMPL file.",
        )
    return SmplModel(
        name=path.stem.replace("_", " "),
        v_template=found["v_template"].astype(np.float32),
        faces=found["f"].astype(np.int32),
        shapedirs=found["shapedirs"].astype(np.float32),
        posedirs=found["posedirs"].astype(np.float32),
        joint_regressor=found["J_regressor"].astype(np.float32),
        weights=found["weights"].astype(np.float32),
        vertex_ids=dict(vertex_ids),
        body25_regressor=body25,
    )


def _named_vertices(arrays: Mapping[str, np.ndarray], vertices: int) -> dict[str, int]:
    names, ids = arrays.get("vertex_id_names"), arrays.get("vertex_ids")
    if names is None or ids is None or names.shape != ids.shape or ids.dtype.kind not in "iu":
        return {}
    if names.ndim != 1 or len(ids) == 0 or ids.min() < 0 or ids.max() >= vertices:
        return {}
    return {str(name): int(index) for name, index in zip(names, ids, strict=True)}


def _body25_regressor(path: Path, arrays: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """The user's BODY_25 regressor beside the model or one folder up, when it fits."""
    vertices = len(arrays.get("v_template", ()))
    for place in (path.parent, path.parent.parent):
        candidate = place / BODY25_FILE
        if not candidate.is_file():
            continue
        try:
            regressor = parse_npy(read_bytes(candidate), str(candidate))
        except (ValueError, SyntaxError, EOFError) as error:
            raise FormatError(
                f"{candidate} is damaged.", remedy="Remove it or copy it again."
            ) from error
        is_numeric = regressor.dtype.kind == "f" and bool(np.isfinite(regressor).all())
        if regressor.shape != (25, vertices) or not is_numeric:
            raise FormatError(
                f"{candidate} is {regressor.shape}, not 25 x {vertices}.",
                remedy="Remove it, or put the one for this body model beside it.",
            )
        return regressor.astype(np.float32)
    return None


def without_regressor(body: SmplModel) -> SmplModel:
    """The same body with skel19 read by joints and named vertices."""
    return replace(body, body25_regressor=None)
