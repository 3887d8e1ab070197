"""Claims by locks on a study's folder, which the kernel frees as soon as their process has died.

A lock that is held distinguishes a slow process from a dead one, which no clock can.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from objectives.records.paths import StudyPaths
from search.study.claims.contract import SESSIONS, Claims


class KernelClaims(Claims):
    """Claims on a study's folder, which must be one that locks work on.

    POSIX locks belong to the process, and closing the file ends all of them. A byte of the file stands for each trial,
    and one behind all of these for each searching process.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._own_key: int | None = None
        self._bytes = StudyPaths(folder).claims.open("a+b")
        self._mutex = StudyPaths(folder).mutex.open("a+b")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep all other processes from choosing their next work; wait for the turn of this one."""
        fcntl.flock(self._mutex, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._mutex, fcntl.LOCK_UN)

    def take(self, number: int) -> bool:
        """Claim a trial; False if another living process works on it."""
        taken = self._take(number)
        if taken:
            self.trials.add(number)
        return taken

    def hold(self, number: int) -> None:
        """Claim a trial that no other process works on, as is known; another may be looking at its lock just now."""
        fcntl.lockf(self._bytes, fcntl.LOCK_EX, 1, number)
        self.trials.add(number)

    def free(self, number: int) -> None:
        """Give a trial back."""
        self.trials.discard(number)
        fcntl.lockf(self._bytes, fcntl.LOCK_UN, 1, number)

    def is_elsewhere(self, number: int) -> bool:
        """Whether another living process works on a trial."""
        if number in self.trials:
            return False
        if not self._take(number):
            return True
        self.free(number)
        return False

    def enter(self, key: int) -> None:
        """Hold the lock of a searching process, for life."""
        self._own_key = key
        fcntl.lockf(self._bytes, fcntl.LOCK_EX, 1, SESSIONS + key)

    def is_alive(self, key: int) -> bool:
        """Whether a searching process lives."""
        if key == self._own_key:  # to try a lock of one's own would free it
            return True
        if not self._take(SESSIONS + key):
            return True
        fcntl.lockf(self._bytes, fcntl.LOCK_UN, 1, SESSIONS + key)
        return False

    def hurry(self) -> None:
        """Do nothing: no database is waited for."""

    def close(self) -> None:
        """Give everything back."""
        self._bytes.close()
        self._mutex.close()

    def _take(self, at: int) -> bool:
        try:
            fcntl.lockf(self._bytes, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, at)
        except (BlockingIOError, PermissionError):  # the standard allows either
            return False
        return True
