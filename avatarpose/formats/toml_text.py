"""TOML: the standard library reads it; this writes it, and turns reading errors into ours."""

import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avatarpose.errors import FormatError
from avatarpose.formats.storage import RESTORE, read_text

_BARE_KEY = re.compile(r"^[A-Za-z0-9_-]+$")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def read_toml(path: Path, *, limit_bytes: int = 16 << 20) -> dict[str, Any]:
    """The document's tables.

    Raises:
        FormatError: it is not valid TOML.
    """
    try:
        return tomllib.loads(read_text(path, limit_bytes=limit_bytes))
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise FormatError(f"{path} is not valid TOML: {error}.", remedy=RESTORE) from error


def toml_text(document: Mapping[str, Any]) -> str:
    """A document of values, tables and lists of tables as TOML text."""
    lines: list[str] = []
    _write_table(document, (), lines)
    return "\n".join(lines).lstrip("\n") + "\n"


def _write_table(table: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    nested = [(key, value) for key, value in table.items() if _is_nested(value)]
    for key, value in table.items():
        if not _is_nested(value):
            lines.append(f"{_key(key)} = {_value(value)}")
    for key, value in nested:
        below = (*path, key)
        name = ".".join(_key(part) for part in below)
        if isinstance(value, Mapping):
            lines += ["", f"[{name}]"]
            _write_table(value, below, lines)
            continue
        for entry in value:
            lines += ["", f"[[{name}]]"]
            _write_table(entry, below, lines)


def _is_nested(value: object) -> bool:
    if isinstance(value, Mapping):
        return True
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(isinstance(entry, Mapping) for entry in value)


def _key(key: str) -> str:
    return key if _BARE_KEY.match(key) else _text(key)


def _text(text: str) -> str:
    escaped = "".join(
        _ESCAPES.get(letter)
        or (letter if letter >= " " and letter != "\x7f" else f"\\u{ord(letter):04x}")
        for letter in text
    )
    return f'"{escaped}"'


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return "nan"
        if math.isinf(value):
            return "inf" if value > 0 else "-inf"
        text = repr(value)
        return text if any(letter in text for letter in ".e") else text + ".0"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(entry) for entry in value) + "]"
    raise TypeError(f"TOML cannot hold a {type(value).__name__}")
