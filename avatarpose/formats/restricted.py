"""Legacy pickles without trust: a child process with an allow-list hands back plain arrays.

Pickles can run code. Here nothing but numpy and SciPy arrays, dictionaries and inert stand-ins for
chumpy can come into being; anything else is refused by name. The child has a time and memory limit,
so that a file made to hang or to fill the memory cannot harm the program that asked.
"""

import io
import os
import pickle
import subprocess
import sys
import tempfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from avatarpose.errors import FormatError
from avatarpose.formats.storage import npy_header, npz_bytes, parse_npy, read_npz

Kind = Literal["body", "body_npz", "parameters"]
FILE_LIMIT_BYTES = 512 << 20
TIME_LIMIT_S = 120.0
_MEMORY_LIMIT_BYTES = 6 << 30
_DEPTH_LIMIT = 8
_REFUSED = 3
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]


class Chumpy:
    """Stands in for chumpy's arrays: keeps their state, does nothing."""

    def __init__(self, *_: object) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.state = state


class ChumpySelect(Chumpy):
    """Stands in for chumpy's indexing of another array."""


class SparseMatrix(Chumpy):
    """Stands in for SciPy's compressed matrices: keeps data, indices, indptr and shape."""


class SparseColumns(SparseMatrix):
    """Compressed by columns."""


class SparseRows(SparseMatrix):
    """Compressed by rows."""


def _rebuild(cls: type, base: type, state: object) -> object:
    """copyreg._reconstructor for the few classes that may come into being."""
    if (
        cls not in (Chumpy, ChumpySelect, SparseColumns, SparseRows, OrderedDict)
        or base is not object
    ):
        raise pickle.UnpicklingError(f"{getattr(cls, '__name__', cls)} may not be rebuilt")
    del state
    return cls()


_reconstruct = np.ndarray.__reduce__(np.zeros(0))[0]
_scalar = np.float64(0).__reduce__()[0]


def _allowed() -> dict[tuple[str, str], Any]:
    table: dict[tuple[str, str], Any] = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("copyreg", "_reconstructor"): _rebuild,
        ("copy_reg", "_reconstructor"): _rebuild,
        ("builtins", "object"): object,
        ("__builtin__", "object"): object,
        ("collections", "OrderedDict"): OrderedDict,
        ("_codecs", "encode"): _encode,
        ("chumpy.ch", "Ch"): Chumpy,
        ("chumpy", "Ch"): Chumpy,
        ("chumpy.reordering", "Select"): ChumpySelect,
    }
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        table[module, "_reconstruct"] = _reconstruct
        table[module, "scalar"] = _scalar
    for letter, stand_in in (("csc", SparseColumns), ("csr", SparseRows)):
        for module in (f"scipy.sparse.{letter}", f"scipy.sparse._{letter}", "scipy.sparse"):
            table[module, f"{letter}_matrix"] = stand_in
            table[module, f"{letter}_array"] = stand_in
    return table


def _encode(text: str, coding: str) -> bytes:
    """How Python 2 strings of bytes are written by newer picklers."""
    if coding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"the coding {coding!r} is not expected")
    return text.encode("latin1")


class RestrictedUnpickler(pickle.Unpickler):
    """Builds arrays, numbers, strings and containers; refuses every other class by name."""

    _table: ClassVar[dict[tuple[str, str], Any]] = _allowed()

    def find_class(self, module_name: str, global_name: str) -> Any:
        """The permitted object called so."""
        try:
            return self._table[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it asks for {module_name}.{global_name}, which no such file needs"
            ) from None

    def persistent_load(self, pid: Any) -> Any:
        """References to things outside the file are refused."""
        raise pickle.UnpicklingError(f"it refers to something outside the file ({pid!r:.40})")


def plain_array(value: object, depth: int = 0) -> np.ndarray | None:
    """The numeric or text array behind an unpickled value; None when it is none."""
    if depth > _DEPTH_LIMIT:
        raise ValueError("it is nested too deeply")
    if isinstance(value, ChumpySelect):
        source = plain_array(value.state.get("a"), depth + 1)
        indices = plain_array(value.state.get("idxs"), depth + 1)
        shape = value.state.get("preferred_shape")
        if source is None or indices is None:
            return None
        picked = source.ravel()[indices.astype(np.int64).ravel()]
        return picked if shape is None else picked.reshape(tuple(int(n) for n in shape))
    if isinstance(value, SparseMatrix):
        return _dense(value, depth)
    if isinstance(value, Chumpy):
        return plain_array(value.state.get("x"), depth + 1)
    if isinstance(value, np.ndarray | np.generic | int | float | bool | str):
        array = np.asarray(value)
    elif isinstance(value, list | tuple):
        try:
            array = np.asarray(value)
        except ValueError:
            return None
    else:
        return None
    return array if array.dtype.kind in "biufU" else None


def _dense(matrix: SparseMatrix, depth: int) -> np.ndarray | None:
    """A SciPy compressed matrix as a dense one."""
    state = matrix.state
    parts = [plain_array(state.get(name), depth + 1) for name in ("data", "indices", "indptr")]
    shape = state.get("_shape", state.get("shape"))
    if any(part is None for part in parts) or shape is None or len(shape) != 2:
        return None
    rows, columns = (int(length) for length in shape)
    if rows * columns > 1 << 27 or rows < 0 or columns < 0:
        raise ValueError("its sparse matrix is too large")
    from scipy.sparse import csc_matrix, csr_matrix

    build = csc_matrix if isinstance(matrix, SparseColumns) else csr_matrix
    data, indices, indptr = (np.asarray(part) for part in parts)
    return np.asarray(build((data, indices, indptr), shape=(rows, columns)).todense())


def _unpickle(stream: io.BufferedIOBase) -> object:
    return RestrictedUnpickler(stream, encoding="latin1").load()


def _body_arrays(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as stream:
        value = _unpickle(stream)
    if not isinstance(value, dict):
        raise ValueError("it does not hold a dictionary")
    found = {str(key): plain_array(item) for key, item in value.items()}
    return {key: array for key, array in found.items() if array is not None}


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each array of an npz."""
    with zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        if sum(info.file_size for info in members) > FILE_LIMIT_BYTES:
            raise ValueError("it unpacks to more than is allowed")
        for info in members:
            yield info.filename[: -len(".npy")], archive.read(info)


def _object_of(name: str, content: bytes) -> object:
    """What a 0-d object array holds; its header is read here, never by numpy's pickle."""
    shape, _, dtype, start = npy_header(content)
    if shape != () or dtype != np.dtype(object):
        raise ValueError(f"{name} is not a single object")
    array = _unpickle(io.BytesIO(content[start:]))
    return array.item() if isinstance(array, np.ndarray) and array.shape == () else array


def _body_npz_arrays(path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for name, content in _members(path):
        is_object = npy_header(content)[2].hasobject
        plain = plain_array(_object_of(name, content)) if is_object else parse_npy(content, name)
        if plain is not None:
            found[name] = plain
    return found


def _parameter_arrays(path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for name, content in _members(path):
        pid = name.removeprefix("human_")
        if pid == name or not pid.isdigit():
            continue
        value = _object_of(name, content)
        if not isinstance(value, dict):
            raise ValueError(f"{name} does not hold a dictionary")
        for key, item in value.items():
            plain = plain_array(item)
            if plain is not None:
                found[f"{int(pid)}/{key}"] = plain
    return found


_READERS: Mapping[str, Callable[[Path], dict[str, np.ndarray]]] = {
    "body": _body_arrays,
    "body_npz": _body_npz_arrays,
    "parameters": _parameter_arrays,
}


def read_untrusted(
    path: Path, kind: Kind, *, time_limit_s: float = TIME_LIMIT_S
) -> dict[str, np.ndarray]:
    """The arrays of a pickled body model, or of an object npz as `<pid>/<name>`.

    Args:
        path: the file; nothing in it is trusted.
        kind: "body" for SMPL's pickles, "body_npz" for SMPL's npz files with objects inside,
            "parameters" for an npz of `human_<pid>` objects.
        time_limit_s: when to give up.

    Raises:
        FormatError: it asks for code, is damaged, or takes too long.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise FormatError(f"{path} cannot be read.", remedy="Check that it exists.") from error
    if size > FILE_LIMIT_BYTES:
        raise FormatError(f"{path} is too large ({size / 2**20:.0f} MB).", remedy="Check the file.")
    search = os.pathsep.join([str(_PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])])
    with tempfile.TemporaryDirectory(prefix="avatarpose-") as folder:
        target = Path(folder) / "plain.npz"
        command = [
            sys.executable, "-m", "avatarpose.formats.restricted", kind, str(path.resolve()),
            str(target),
        ]  # fmt: skip
        try:
            child = subprocess.run(
                command,
                check=False,
                capture_output=True,
                text=True,
                timeout=time_limit_s,
                env={**os.environ, "PYTHONPATH": search, "OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as error:
            raise FormatError(
                f"{path} takes longer than {time_limit_s:.0f} s to read.",
                remedy="Do not use it; take the file from its publisher again.",
            ) from error
        if child.returncode != 0:
            lines = child.stderr.strip().splitlines()
            reason = lines[-1] if child.returncode == _REFUSED and lines else "it is damaged"
            raise FormatError(
                f"{path} was refused: {reason}.",
                remedy="Only files that hold plain arrays are opened. Take it from its publisher "
                "again, or convert it to npz.",
            )
        return read_npz(target)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT_BYTES, _MEMORY_LIMIT_BYTES))


def main(arguments: list[str]) -> int:
    """The child process: read `<kind> <source>` and write plain arrays to `<target>`."""
    kind, source, target = arguments
    _limit_memory()
    try:
        arrays = _READERS[kind](Path(source))
        Path(target).write_bytes(npz_bytes(arrays))
    except Exception as error:  # noqa: BLE001 - the edge of the child: every reason is reported
        sys.stderr.write(f"{str(error) or type(error).__name__}\n")
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
