"""Packs messages between the window's process and a refinement's.

What the other side has already (the body model, the capture, the detections, every pose layer of
the first scene) travels as a name, so that posting an edit costs kilobytes instead of megabytes.
Both ends are ours: no packed data is ever read from a file or from anybody else.
"""

import io
import pickle
from collections.abc import Mapping
from typing import Any

from avatarpose.scene.scene import Scene


def shared_parts(scene: Scene) -> dict[str, object]:
    """The heavy parts of a scene by name; the same scene gives the same names on both sides."""
    parts: dict[str, object] = {"body": scene.body, "capture": scene.capture}
    for camera, detections in scene.detections.items():
        parts[f"detections/{camera}"] = detections
    for person in scene.people:
        for layer in person.layers:
            parts[f"layer/{person.pid}/{layer.name}"] = layer
    return parts


class Courier:
    """Packs and unpacks messages, with known parts replaced by their names.

    Args:
        parts: what both sides have, by name.
    """

    def __init__(self, parts: Mapping[str, object]) -> None:
        self._parts = dict(parts)
        self._names = {id(part): name for name, part in self._parts.items()}

    def pack(self, message: object) -> bytes:
        """The message as bytes."""
        buffer = io.BytesIO()
        _Pickler(buffer, self._names).dump(message)
        return buffer.getvalue()

    def unpack(self, packed: bytes) -> Any:
        """The message again."""
        return _Unpickler(io.BytesIO(packed), self._parts).load()


class _Pickler(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO, names: Mapping[int, str]) -> None:
        super().__init__(buffer, protocol=pickle.HIGHEST_PROTOCOL)
        self._names = names

    def persistent_id(self, obj: Any) -> str | None:
        return self._names.get(id(obj))


class _Unpickler(pickle.Unpickler):
    def __init__(self, buffer: io.BytesIO, parts: Mapping[str, object]) -> None:
        super().__init__(buffer)
        self._parts = parts

    def persistent_load(self, pid: Any) -> object:
        return self._parts[pid]
