"""What a process holds by leases, as it knows: shared by the searching thread and the one that renews."""

import threading
from collections.abc import Iterable, Mapping


class HeldLeases:
    """What is held, with its fence, and what was lost."""

    def __init__(self) -> None:
        self._fences: dict[int, int] = {}
        self._lost: set[int] = set()
        self._lock = threading.Lock()

    def add(self, what: int, fence: int) -> None:
        """Note that something was taken."""
        with self._lock:
            self._fences[what] = fence
            self._lost.discard(what)

    def give_up(self, what: int) -> bool:
        """Forget something, lost or not; return whether it was held."""
        with self._lock:
            self._lost.discard(what)
            return self._fences.pop(what, None) is not None

    def lose(self, fences: Mapping[int, int]) -> None:
        """Note that these were lost; what was given up, or taken once more, meanwhile was not."""
        with self._lock:
            for what, fence in fences.items():
                if self._fences.get(what) == fence:
                    del self._fences[what]
                    self._lost.add(what)

    def fences(self, whats: Iterable[int] | None = None) -> dict[int, int]:
        """Return the fences of all that is held, or of these; 0 for what is not."""
        with self._lock:
            return dict(self._fences) if whats is None else {what: self._fences.get(what, 0) for what in whats}

    def lost(self) -> set[int]:
        """Return what was lost and is not given up yet."""
        with self._lock:
            return set(self._lost)
