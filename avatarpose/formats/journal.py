"""What the user did since the last save, one line per change, so that a crash loses nothing.

Each line carries a checksum; reading stops at the first line that is not whole. The first line
names the saved state the journal belongs to: after a save it starts afresh.
"""

import io
import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from avatarpose.errors import FormatError
from avatarpose.formats.project_document import state_key
from avatarpose.formats.scene_text import WRONG_CONTENT, edit_from, edit_value
from avatarpose.formats.storage import TEXT_LIMIT_BYTES
from avatarpose.scene.layers import EditLayer
from avatarpose.scene.people import Person
from avatarpose.scene.scene import Scene

JOURNAL_FILE = "journal.jsonl"
LOCK_FILE = ".lock"


def _line(value: Mapping[str, Any]) -> bytes:
    body = json.dumps(value, separators=(",", ":"))
    return f"{zlib.crc32(body.encode()):08x} {body}\n".encode()


def _parsed(line: bytes) -> Any:
    """The value of a line; None when it is not whole."""
    mark, _, body = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or mark != f"{zlib.crc32(body):08x}".encode():
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


class Journal:
    """Appends changes of one open project; corrections, pins, what is shown, and names."""

    def __init__(self, folder: Path, scene: Scene) -> None:
        """Continue or begin the journal of a project.

        Args:
            folder: the project folder.
            scene: the scene as it stands (saved, or recovered); later scenes are compared with it.
        """
        self._folder = folder
        self._last = scene
        self._stream: BinaryIO | None = None

    def append(self, scene: Scene) -> bool:
        """Write down what changed since the last call, safe on the disk; False when nothing did.

        Raises:
            FormatError: the disk is full or the folder is gone.
        """
        change = _change(self._last, scene)
        if change:
            self._write(_line(change))
        self._last = scene
        return bool(change)

    def start_afresh(self, scene: Scene) -> None:
        """Forget the changes: `scene` has just been saved."""
        self.close()
        try:
            (self._folder / JOURNAL_FILE).unlink(missing_ok=True)
        except OSError as error:
            raise _not_writable(self._folder, error) from error
        self._last = scene

    def close(self) -> None:
        """Release the file; it stays for a later recovery."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _write(self, line: bytes) -> None:
        try:
            if self._stream is None:
                self._stream = self._opened()
            self._stream.write(line)
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise _not_writable(self._folder, error) from error

    def _opened(self) -> BinaryIO:
        """The file after its last whole line; begun anew when it belongs to another save."""
        path = self._folder / JOURNAL_FILE
        base = state_key(self._folder)
        lines, length = _whole_lines(path)
        if not lines or lines[0].get("base") != base:
            stream = path.open("wb")
            stream.write(_line({"base": base}))
            return stream
        stream = path.open("r+b")
        stream.truncate(length)
        stream.seek(length)
        return stream


def _not_writable(folder: Path, error: OSError) -> FormatError:
    return FormatError(
        f"Changes cannot be written down in {folder}: {error.strerror or error}.",
        remedy="Check the free space; save the project in another place.",
    )


def _whole_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The values up to the first damaged line, and how many bytes they take."""
    if not path.is_file() or path.stat().st_size > TEXT_LIMIT_BYTES:
        return [], 0
    values: list[dict[str, Any]] = []
    length = 0
    with path.open("rb") as stream:
        for line in stream:
            value = _parsed(line)
            if not isinstance(value, dict):
                break
            values.append(value)
            length += len(line)
    return values, length


def _change(before: Scene, after: Scene) -> dict[str, Any]:
    """What is different, as a JSON value; empty when nothing is that a journal holds."""
    if before is after:
        return {}
    change: dict[str, Any] = {}
    if before.name != after.name:
        change["name"] = after.name
    old = {person.pid: person for person in before.people}
    people = {}
    for person in after.people:
        found = _person_change(old.get(person.pid), person)
        if found:
            people[str(person.pid)] = found
    if people:
        change["people"] = people
    return change


def _person_change(before: Person | None, after: Person) -> dict[str, Any]:
    if before is after:
        return {}
    change: dict[str, Any] = {}
    if before is None or before.name != after.name:
        change["name"] = after.name
    if before is None or before.shown != after.shown:
        change["shown"] = after.shown
    old = {} if before is None else before.edits
    edits = {
        name: edit_value(after.edits.get(name, EditLayer()))
        for name in {*old, *after.edits}
        if old.get(name) is not after.edits.get(name)
    }
    if edits:
        change["edits"] = edits
    return change


def recover(folder: Path, scene: Scene) -> tuple[Scene, int]:
    """The scene with the changes of the journal on top, and how many there were.

    A journal that belongs to another saved state is left alone and counts as empty.

    Args:
        folder: the project folder.
        scene: the scene as loaded from it.
    """
    lines, _ = _whole_lines(folder / JOURNAL_FILE)
    if len(lines) < 2 or lines[0].get("base") != state_key(folder):
        return scene, 0
    count = 0
    for value in lines[1:]:
        try:
            scene = _replayed(scene, value)
        except (FormatError, *WRONG_CONTENT):
            break
        count += 1
    return scene, count


def _replayed(scene: Scene, value: Mapping[str, Any]) -> Scene:
    if "name" in value:
        scene = scene.changed(name=str(value["name"]))
    for pid, change in value.get("people", {}).items():
        known = {person.pid: person for person in scene.people}
        person = known.get(int(pid))
        if person is None:
            continue
        if "name" in change:
            person = replace(person, name=str(change["name"]))
        if person.has_layer(str(change.get("shown", ""))):
            person = replace(person, shown=str(change["shown"]))
        for name, edit in change.get("edits", {}).items():
            person = person.with_edit(edit_from(edit, JOURNAL_FILE), str(name))
        scene = scene.with_person(person)
    return scene


class ProjectLock:
    """Keeps a second program from writing the same project; the system frees it after a crash."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_FILE
        self._stream: io.BufferedRandom | None = None

    def acquire(self) -> bool:
        """True when the project is ours now; False when another program holds it.

        Raises:
            FormatError: the folder is not writable.
        """
        if self._stream is not None:
            return True
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            stream = self._path.open("a+b")
        except OSError as error:
            raise _not_writable(self._path.parent, error) from error
        try:
            _lock(stream)
        except OSError:
            stream.close()
            return False
        self._stream = stream
        return True

    def release(self) -> None:
        """Let others write; the file itself stays, only the hold on it counts."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def _lock(stream: io.BufferedRandom) -> None:
    """Take hold of an open file without waiting; OSError when somebody else has it."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # pyright: ignore[reportAttributeAccessIssue]
        return
    fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
