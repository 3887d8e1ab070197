"""Shares of the machine: slots for workers, processor cores."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from objectives.machine.device_locks import Patience
from objectives.machine.locks import LockFile, lock_folder

SLOTS_MAX = 1024  # workers of one machine


@dataclass(frozen=True)
class Share:
    """A share of the machine, held until its release, or until the process ends.

    Attributes:
        index: of the slot.
    """

    index: int
    _lock: LockFile = field(repr=False)

    def release(self) -> None:
        """Give the share back; once."""
        self._lock.close()


def take_slot() -> Share:
    """Take this machine's lowest free slot for a worker."""
    with _census():
        slot = _first_free("slot-{}", range(SLOTS_MAX))
    if slot is None:
        raise OSError(f"all {SLOTS_MAX} slots for workers are taken on this machine")
    return slot


def slots_taken() -> int:
    """Return how many slots are taken on this machine, those of this process among them."""
    with _census():
        return sum(_is_taken(path.stem) for path in lock_folder().glob("slot-*.lock"))


def share_of_cores(index: int, workers: int, cores: Sequence[int]) -> tuple[int, ...]:
    """Return a worker's own processor cores: as many as the others', or one more; one core where workers are many.

    Args:
        index: of the worker, from 0; beyond `workers` the shares are given out again from the first.
        workers: how many there are.
        cores: of the machine.
    """
    if workers > len(cores):
        return (cores[index % len(cores)],)
    i = index % workers
    return tuple(cores[i * len(cores) // workers : (i + 1) * len(cores) // workers])


def _first_free(name: str, indices: Iterable[int]) -> Share | None:
    for index in indices:
        lock = LockFile(name.format(index))
        if lock.own():
            return Share(index, lock)
        lock.close()
    return None


def _is_taken(name: str) -> bool:
    with LockFile(name) as lock:
        return not lock.own()


@contextmanager
def _census() -> Iterator[None]:
    """Nobody takes or counts slots meanwhile: a slot that is only looked at would seem taken."""
    with LockFile("census") as lock:
        Patience().until(lock.own)
        yield
