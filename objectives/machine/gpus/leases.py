"""Leases of GPUs: who trains on which, alone, or beside others where memory allows.

A GPU has one lock that whoever is alone on it owns, and all others share; those that share have a slot each, in which
stands what each expects to need. An older automl leased a board by the number of its device file: that lock is held
alike. All of it is by the user's cache folder of this machine, and freed by the kernel when a process ends.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil

from objectives.machine.device_locks import Patience
from objectives.machine.gpus.driver import Gpu, GpuMemory, memory_of
from objectives.machine.locks import LockFile, lock_folder
from objectives.machine.process_tree import descendants

SHARE_MAX = 64  # trainings on one GPU


@dataclass(frozen=True)
class Reserved:
    """What the holder of a slot expects to need, in bytes, and its process."""

    memory_bytes: int
    pid: int


class GpuLease:
    """A training's hold on a GPU until its release, or until the process ends."""

    def __init__(self, gpu: Gpu, locks: Sequence[LockFile], slot: LockFile | None) -> None:
        """Keep what was taken; `slot` is None for one that is alone, and stays so."""
        self.gpu, self._locks, self._slot = gpu, locks, slot
        self._saw_others = False

    def reserve(self, memory_bytes: int, *, alone: bool = False) -> bool:
        """Make sure of the memory that a training is expected to need; False if it is not there now.

        A GPU without other trainings has room for any. After False the lease is only good for its release.

        Args:
            memory_bytes: that it is expected to need.
            alone: whether it is to have the GPU alone; then nobody joins it later.
        """
        if self._slot is None:
            return True
        with _admission(self.gpu):
            others = _others(self.gpu, self._slot)
            if alone:
                return not others and self._become_alone()
            if others and not _has_room(self.gpu, memory_bytes, others):
                return False
            _write(self._slot, Reserved(memory_bytes, os.getpid()))
        return True

    @property
    def has_company(self) -> bool:
        """Whether others train on the GPU, or did when this was last asked while they did."""
        if self._slot is not None and not self._saw_others:
            with _admission(self.gpu):
                self._saw_others = bool(_others(self.gpu, self._slot))
        return self._saw_others

    def release(self) -> None:
        """Give the GPU back; once more does nothing."""
        for lock in (*self._locks, *([self._slot] if self._slot else [])):
            lock.close()

    def _become_alone(self) -> bool:
        assert self._slot is not None
        if not all(lock.own() for lock in self._locks):
            return False
        self._slot.close()
        self._slot = None
        return True


def lease_gpu(gpus: Sequence[Gpu], share: int = 1) -> GpuLease | None:
    """Take a GPU that has room for one more training of this user; None if there is none.

    Args:
        gpus: in the order of preference; those without a training come first.
        share: trainings that one may have at once; 1 alone where the driver does not answer.
    """
    crowds = sorted((_crowd(gpu), i) for i, gpu in enumerate(gpus)) if share > 1 else [(0, i) for i in range(len(gpus))]
    for crowd, i in crowds:
        if crowd < share and (lease := _lease(gpus[i], share if gpus[i].is_known else 1)) is not None:
            return lease
    return None


def has_room(need_bytes: int, memory: GpuMemory, reserved_bytes: int, foreign_bytes: int) -> bool:
    """Whether a GPU has room for one more training.

    What others have reserved counts whole: a training that has just begun takes its memory later.

    Args:
        need_bytes: of the one more.
        memory: of the GPU now.
        reserved_bytes: by the trainings that share it.
        foreign_bytes: used there by processes that are none of these.
    """
    return need_bytes <= memory.total_bytes - max(memory.used_bytes, reserved_bytes + foreign_bytes)


def _lease(gpu: Gpu, share: int) -> GpuLease | None:
    names = [f"{gpu.key}.lease"]
    if gpu.node is not None and (older := f"cuda:{gpu.node}.lease") not in names:
        names.append(older)
    with _admission(gpu):
        locks = [LockFile(name) for name in names]
        slot = None
        if all(lock.own() if share == 1 else lock.share() for lock in locks):
            slot = _free_slot(gpu, share) if share > 1 else None
            if share == 1 or slot is not None:
                return GpuLease(gpu, locks, slot)
        for lock in locks:
            lock.close()
    return None


def _free_slot(gpu: Gpu, share: int) -> LockFile | None:
    for i in range(min(share, SHARE_MAX)):
        slot = LockFile(_slot_name(gpu, i))
        if slot.own():
            _write(slot, Reserved(0, os.getpid()))
            return slot
        slot.close()
    return None


def _crowd(gpu: Gpu) -> int:
    with _admission(gpu):
        return len(_others(gpu, None))


def _others(gpu: Gpu, own: LockFile | None) -> list[Reserved]:
    """Return what the holders of the other slots have reserved; call it under the admission."""
    found = []
    for path in lock_folder().glob(f"{gpu.key}.slot-*.lock"):
        if own is not None and path.name == own.name:
            continue
        with LockFile(path.stem) as lock:
            if not lock.own():
                found.append(_read(lock))
    return found


def _has_room(gpu: Gpu, need_bytes: int, others: Sequence[Reserved]) -> bool:
    memory = memory_of(gpu)
    if memory is None:
        return False
    foreign = foreign_bytes(memory.processes, {os.getpid(), *(other.pid for other in others)})
    return has_room(need_bytes, memory, sum(other.memory_bytes for other in others), foreign)


def foreign_bytes(processes: Mapping[int, int], holders: set[int]) -> int:
    """Return what processes of this machine that none of the holders has started use of a GPU.

    Numbers that no process here has are a host's, seen from a container: they count as the holders'.

    Args:
        processes: number of a process to bytes.
        holders: numbers of searching processes.
    """
    family = {*holders, *(process.pid for holder in holders for process in descendants(holder))}
    return sum(used for pid, used in processes.items() if pid not in family and psutil.pid_exists(pid))


def _slot_name(gpu: Gpu, index: int) -> str:
    return f"{gpu.key}.slot-{index}"


def _write(slot: LockFile, reserved: Reserved) -> None:
    slot.write(json.dumps(vars(reserved)))


def _read(slot: LockFile) -> Reserved:
    """Return what stands in a slot; nothing where its holder died while it wrote."""
    with suppress(ValueError, TypeError):
        return Reserved(**json.loads(slot.read()))
    return Reserved(0, 0)


@contextmanager
def _admission(gpu: Gpu) -> Iterator[None]:
    """Nobody joins a GPU, or counts who is there, meanwhile: a slot that is only looked at would seem taken."""
    with LockFile(f"{gpu.key}.admission") as lock:
        Patience().until(lock.own)
        yield
