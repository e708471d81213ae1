"""A box for one value between a worker and the window: the newest wins, the worker never waits."""

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


def newest(_older: T, newer: T) -> T:
    """Keep the newer of two values."""
    return newer


class Mailbox(Generic[T]):
    """Holds at most one value.

    Args:
        merge: what remains of an unread value and the newer one that pushes it out; by default the
            newer one.
    """

    def __init__(self, merge: Callable[[T, T], T] = newest) -> None:
        self._merge = merge
        self._lock = Lock()
        self._letters: list[T] = []

    def put(self, value: T) -> bool:
        """Lay a value in; True when the box was empty, so one knock per emptied box is enough."""
        with self._lock:
            was_empty = not self._letters
            self._letters = [value] if was_empty else [self._merge(self._letters[0], value)]
            return was_empty

    def take(self) -> T | None:
        """Take the value out; None when the box is empty."""
        with self._lock:
            return self._letters.pop() if self._letters else None
