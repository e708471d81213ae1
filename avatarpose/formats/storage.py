"""How files are touched here: bounded reads, atomic writes, npz without pickle.

Readers turn whatever goes wrong into a `FormatError` with the file's name; writers write beside the
target and rename, so that a crash leaves the old file or the new one, never half of one.
"""

import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from avatarpose.errors import FormatError

TEXT_LIMIT_BYTES = 256 << 20
ARRAYS_LIMIT_BYTES = 2 << 30
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the same arrays give the same bytes
_MAGIC = b"\x93NUMPY"
_BROKEN_ARCHIVE = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, KeyError, ValueError, NotImplementedError,
    RuntimeError, SyntaxError, TypeError, OverflowError, MemoryError, UnicodeError,
)  # fmt: skip
RESTORE = "Copy the file again from where it came from, or leave it out."


def read_bytes(path: Path, *, limit_bytes: int = TEXT_LIMIT_BYTES) -> bytes:
    """The file's content.

    Raises:
        FormatError: it cannot be read, or is larger than `limit_bytes`.
    """
    try:
        size = path.stat().st_size
        if size > limit_bytes:
            raise FormatError(
                f"{path} is {size / 2**20:.0f} MB, far more than such a file holds.",
                remedy="Check that this is the right file.",
            )
        return path.read_bytes()
    except OSError as error:
        raise FormatError(
            f"{path} cannot be read: {error.strerror or error}.",
            remedy="Check that the file exists and that you may read it.",
        ) from error


def read_text(path: Path, *, limit_bytes: int = TEXT_LIMIT_BYTES) -> str:
    """The file as UTF-8 text, without a byte order mark."""
    try:
        return read_bytes(path, limit_bytes=limit_bytes).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not a text file.", remedy=RESTORE) from error


def read_json(path: Path) -> Any:
    """The JSON value; NaN is accepted (it means missing), a key that occurs twice is not."""
    text = read_text(path)
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise FormatError(
            f"{path} is not valid JSON: {error.msg} in line {error.lineno}.", remedy=RESTORE
        ) from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is not valid JSON: {error}.", remedy=RESTORE) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} occurs twice")
    return found


def read_npz(path: Path, *, limit_bytes: int = ARRAYS_LIMIT_BYTES) -> dict[str, np.ndarray]:
    """All arrays of an npz; arrays of Python objects are refused.

    Raises:
        FormatError: the archive is damaged, too large, or holds objects.
    """
    found: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            total = sum(info.file_size for info in members)
            if total > limit_bytes:
                raise FormatError(
                    f"{path} unpacks to {total / 2**20:.0f} MB, more than is allowed.",
                    remedy="Check that this is the right file.",
                )
            for info in members:
                name = info.filename[: -len(".npy")]
                found[name] = parse_npy(archive.read(info), f"{path}: {name}")
    except _BROKEN_ARCHIVE as error:
        raise FormatError(f"{path} is not an intact npz file: {error}.", remedy=RESTORE) from error
    return found


def parse_npy(content: bytes, where: str) -> np.ndarray:
    """The array of an npy file's bytes, never through pickle."""
    shape, order, dtype, start = npy_header(content)
    if dtype.hasobject:
        raise FormatError(
            f"{where} holds Python objects, not numbers.",
            remedy="Save plain arrays; objects in files are not opened, they could run code.",
        )
    count = int(np.prod(shape, dtype=object))
    if count * dtype.itemsize != len(content) - start:
        raise FormatError(f"{where} is cut short or has a wrong header.", remedy=RESTORE)
    flat = np.frombuffer(content, dtype, count, start)
    return flat.reshape(shape, order=order).copy()


def npy_header(content: bytes) -> tuple[tuple[int, ...], Any, np.dtype, int]:
    """Shape, memory order ("C" or "F"), type, and where the values start."""
    stream = io.BytesIO(content)
    if not content.startswith(_MAGIC):
        raise ValueError("not an npy array")
    version = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, is_fortran, dtype = read(stream)
    if any(length < 0 for length in shape):
        raise ValueError("negative shape")
    return shape, "F" if is_fortran else "C", dtype, stream.tell()


def npz_bytes(arrays: Mapping[str, Any]) -> bytes:
    """An npz file in memory; equal arrays give equal bytes.

    Raises:
        FormatError: a value is an array of Python objects.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for name, value in arrays.items():
            array = np.asanyarray(value)
            if array.dtype.hasobject:
                raise FormatError(f"{name} is not an array of plain values.")
            member = io.BytesIO()
            npy.write_array(member, array, allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", _ZIP_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, member.getvalue())
    return buffer.getvalue()


def write_bytes(path: Path, content: bytes) -> None:
    """Replace `path` by `content` in one step, safe on the disk; the folder is made when missing.

    Raises:
        FormatError: the disk is full or the place is not writable.
    """
    _replace(path, content, lambda stream: os.fsync(stream.fileno()))


def write_bulk(path: Path, content: bytes) -> None:
    """As `write_bytes`, without waiting for the disk: for many files that can be made again."""
    _replace(path, content, lambda _: None)


def _replace(path: Path, content: bytes, settle: Callable[[BinaryIO], None]) -> None:
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            settle(stream)
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        os.replace(temporary, path)  # noqa: PTH105
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise FormatError(
            f"{path} cannot be written: {error.strerror or error}.",
            remedy="Check the free space and that you may write there, or choose another folder.",
        ) from error


def write_text(path: Path, text: str) -> None:
    """Replace `path` by UTF-8 text in one step."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Replace `path` by a JSON value in one step."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_npz(path: Path, arrays: Mapping[str, Any]) -> None:
    """Replace `path` by an npz of plain arrays in one step, unless it already holds them."""
    content = npz_bytes(arrays)
    if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
        return
    write_bytes(path, content)
