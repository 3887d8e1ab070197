"""Locks between processes of this user on this machine; the kernel frees a lock when its process ends."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from objectives.machine.files import cache_folder


def lock_folder() -> Path:
    """Return the folder of this machine's locks; a home folder may be that of several machines."""
    return cache_folder() / "locks" / socket.gethostname()


@contextmanager
def locked_folder(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Keep other processes from making the same thing in a folder that exists; waits, and leaves no file.

    Many may share the lock; none has it alone meanwhile.
    """
    if not folder.is_dir():
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def unless_locked(folder: Path) -> Iterator[bool]:
    """Lock a folder that exists, as `locked_folder` does, unless another has the lock; does not wait.

    Yields whether it is locked now.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_free = True
        except BlockingIOError:
            is_free = False
        yield is_free
    finally:
        os.close(descriptor)


class LockFile:
    """A named lock that many may share or one may own. Nothing here waits."""

    def __init__(self, name: str) -> None:
        folder = lock_folder()
        folder.mkdir(parents=True, exist_ok=True)
        self.name = f"{name}.lock"
        self._descriptor = os.open(folder / self.name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def share(self) -> bool:
        """Share the lock, unless another owns it."""
        return self._take(fcntl.LOCK_SH)

    def own(self) -> bool:
        """Own the lock, unless others share or own it."""
        return self._take(fcntl.LOCK_EX)

    def write(self, text: str) -> None:
        """Write a short text into the file, for whoever finds the lock taken."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def read(self) -> str:
        """Return what was written into the file last."""
        return os.pread(self._descriptor, 4096, 0).decode(errors="replace")

    def release(self) -> None:
        """Give up what is held."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give up what is held, for good; once more does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a forked child may hold the file open
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, how: int) -> bool:
        try:
            fcntl.flock(self._descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
