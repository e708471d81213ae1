"""The project file itself: its schema, its earlier states, and which body model it names."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from avatarpose.errors import FormatError
from avatarpose.formats.scene_text import WRONG_CONTENT, path_from
from avatarpose.formats.storage import write_bytes
from avatarpose.formats.toml_text import read_toml

PROJECT_FILE = "avatarpose.toml"
CAPTURE_FILE = "capture.json"
EDITS_FILE = "edits.json"
SCHEMA_VERSION = 1
GENERATIONS = 5
# From which schema version a function brings the document one version further.
MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


@dataclass(frozen=True, slots=True)
class RecordedBody:
    """The body model a project was made with.

    Attributes:
        name: its name.
        sha256: its fingerprint.
        path: its file; None for the one that comes with the program.
    """

    name: str
    sha256: str
    path: Path | None


def is_project(folder: Path) -> bool:
    """True when the folder is one of our projects."""
    return (folder / PROJECT_FILE).is_file()


def file_name_of(name: str) -> str:
    """A layer's or camera's name as a file name that every system accepts."""
    return quote(name, safe=" ._()+,-") if name.strip(". ") else "_" + quote(name, safe="")


def keep_generation(folder: Path, name: str) -> None:
    """Put the present state of a file among the last five."""
    path = folder / name
    if not path.is_file():
        return
    content = path.read_bytes()
    backups = [folder / "backups" / f"{name}.{number}" for number in range(1, GENERATIONS + 1)]
    if backups[0].is_file() and backups[0].read_bytes() == content:
        return
    for younger, older in zip(reversed(backups[:-1]), reversed(backups[1:]), strict=True):
        if younger.is_file():
            younger.replace(older)
    write_bytes(backups[0], content)


def read_document(folder: Path) -> dict[str, Any]:
    """The project file, brought to the present schema.

    Raises:
        FormatError: it is damaged, or from a newer program.
    """
    path = folder / PROJECT_FILE
    document = read_toml(path)
    version = document.get("schema_version")
    if not isinstance(version, int) or version < 1:
        raise FormatError(
            f"{path} states no schema version.",
            remedy=f"Copy {folder / 'backups' / (PROJECT_FILE + '.1')} over it.",
        )
    if version > SCHEMA_VERSION:
        raise FormatError(
            f"{path} was written by a newer version of the program (schema {version}).",
            remedy="Install the newest version.",
        )
    while version < SCHEMA_VERSION:
        document = MIGRATIONS[version](document)
        version += 1
    return document


def document_or_none(folder: Path) -> dict[str, Any] | None:
    """The project file; None when there is none, or a damaged one."""
    try:
        return read_document(folder) if is_project(folder) else None
    except FormatError:
        return None


def recorded_body(folder: Path) -> RecordedBody:
    """Which body model the project was made with.

    Raises:
        FormatError: the project file is damaged.
    """
    stated = read_document(folder).get("body", {})
    try:
        path = str(stated["path"])
        return RecordedBody(
            str(stated["name"]), str(stated["sha256"]), path_from(path, folder) if path else None
        )
    except WRONG_CONTENT as error:
        raise FormatError(
            f"{folder / PROJECT_FILE} does not say which body model it uses.",
            remedy=f"Copy {folder / 'backups' / (PROJECT_FILE + '.1')} over it.",
        ) from error


def state_key(folder: Path) -> str:
    """Tells one saved state of a project from another."""
    digest = hashlib.sha256()
    for name in (PROJECT_FILE, EDITS_FILE):
        path = folder / name
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()[:16]
