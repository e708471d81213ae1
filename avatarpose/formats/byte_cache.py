"""Recently used arrays within a budget of bytes, shared by threads."""

import threading
from collections import OrderedDict
from collections.abc import Hashable

import numpy as np


class ByteCache:
    """Keeps what was used last; the least recently used goes first when the budget is spent."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self._arrays: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self._used_bytes = 0
        self._lock = threading.Lock()

    @property
    def used_bytes(self) -> int:
        """Bytes held."""
        return self._used_bytes

    def find(self, key: Hashable) -> np.ndarray | None:
        """The array kept under `key`, which counts as a use; None when there is none."""
        with self._lock:
            if key not in self._arrays:
                return None
            self._arrays.move_to_end(key)
            return self._arrays[key]

    def keep(self, key: Hashable, array: np.ndarray) -> None:
        """Remember an array; one larger than the whole budget is not kept."""
        with self._lock:
            old = self._arrays.pop(key, None)
            if old is not None:
                self._used_bytes -= old.nbytes
            if array.nbytes > self._budget_bytes:
                return
            self._arrays[key] = array
            self._used_bytes += array.nbytes
            while self._used_bytes > self._budget_bytes:
                _, oldest = self._arrays.popitem(last=False)
                self._used_bytes -= oldest.nbytes

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._arrays.clear()
            self._used_bytes = 0
