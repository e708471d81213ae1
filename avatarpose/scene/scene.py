"""The document: one frozen value that holds everything a project knows."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from avatarpose.body.pose import rebuild
from avatarpose.body.smpl import SmplModel
from avatarpose.errors import SceneError
from avatarpose.scene.capture import Capture
from avatarpose.scene.issues import Issue
from avatarpose.scene.people import Detections2D, Person

_revisions = itertools.count(1)


@dataclass(frozen=True, slots=True, eq=False)
class RunRecord:
    """What is kept of a refinement beside its poses.

    Attributes:
        name: layer name, "run:1", "run:2", ...
        preset: the preset it was started with.
        frames: first and last frame number.
        pids: people it refined.
        seconds: how long it took.
        source: layer it started from.
        losses: per loss term, (step, value) pairs thinned for plotting.
        folder: name of the run's folder inside the project ("" when kept in memory only).
    """

    name: str
    preset: str
    frames: tuple[int, int]
    pids: tuple[int, ...]
    seconds: float
    source: str = "initial"
    losses: Mapping[str, tuple[tuple[int, float], ...]] = field(
        default_factory=dict[str, tuple[tuple[int, float], ...]]
    )
    folder: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything that is shown, edited, refined and saved; every edit makes a new one.

    Attributes:
        name: the project's name.
        capture: cameras and pictures.
        body: the body model every pose in the scene belongs to.
        people: in order of pid.
        detections: 2D keypoints per camera name.
        runs: refinements in the order they were adopted.
        contact_frames: frame numbers with contact, where the source states them.
        issues: what the reader found wrong.
        revision: grows with every scene made in this process; tells newer from older.
    """

    name: str
    capture: Capture
    body: SmplModel
    people: tuple[Person, ...] = ()
    detections: Mapping[str, Detections2D] = field(default_factory=lambda: MappingProxyType({}))
    runs: tuple[RunRecord, ...] = ()
    contact_frames: tuple[int, ...] = ()
    issues: tuple[Issue, ...] = ()
    revision: int = field(default_factory=lambda: next(_revisions))

    def __post_init__(self) -> None:
        object.__setattr__(self, "people", tuple(sorted(self.people, key=lambda who: who.pid)))
        object.__setattr__(self, "detections", MappingProxyType(dict(self.detections)))

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild(self)

    def person(self, pid: int) -> Person:
        """The person with identity `pid`."""
        for person in self.people:
            if person.pid == pid:
                return person
        known = ", ".join(str(other) for other in self.pids)
        raise SceneError(
            f"There is no person {pid} in {self.name}.",
            remedy=f"The people are {known}." if known else "Fit bodies first.",
        )

    @property
    def pids(self) -> tuple[int, ...]:
        """Identities in order."""
        return tuple(person.pid for person in self.people)

    def changed(self, **changes: object) -> "Scene":
        """A copy with other fields and a new revision."""
        return replace(self, revision=next(_revisions), **changes)  # pyright: ignore[reportArgumentType]

    def with_person(self, person: Person) -> "Scene":
        """A copy in which one person is replaced (by pid)."""
        others = tuple(who for who in self.people if who.pid != person.pid)
        return self.changed(people=(*others, person))

    def next_run_name(self) -> str:
        """Name for the next run layer: runs are numbered and never overwritten."""
        numbers = [0]
        for person in self.people:
            for name in person.layer_names:
                if name.startswith("run:") and name[4:].isdigit():
                    numbers.append(int(name[4:]))
        return f"run:{max(numbers) + 1}"
