"""A process with all its descendants: what they use together, and their end."""

import contextlib
import time
from collections.abc import Collection
from dataclasses import dataclass

import psutil

from objectives.machine.memory import unshared_bytes

PATIENCE_S = 10.0  # a process in an uninterruptible wait cannot be killed now


@dataclass(frozen=True)
class Usage:
    """What a process and its descendants use: number of processes, bytes of memory that they do not share."""

    processes: int = 0
    memory_bytes: int = 0


def usage(root_pid: int) -> Usage:
    """Return what a tree of processes uses now; nothing if the tree is gone. Memory is resident, less mapped files."""
    processes = [root_pid, *(process.pid for process in descendants(root_pid))]
    return Usage(len(processes), sum(map(_resident_bytes, processes)))


def proportional_bytes(root_pid: int) -> int:
    """Return the memory of a tree with shared pages counted once (slower than `usage`; Linux, else the same)."""
    processes = [root_pid, *(process.pid for process in descendants(root_pid))]
    return sum(map(_proportional_bytes, processes))


def descendants(root_pid: int) -> list[psutil.Process]:
    """Return the living processes below a process."""
    try:
        below = psutil.Process(root_pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [process for process in below if not is_dead(process)]


def is_dead(process: psutil.Process) -> bool:
    """Whether a process is gone, or waits to be reaped."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def kill_below(root_pid: int, spared: Collection[int] = ()) -> None:
    """Kill everything below a process until nothing is left, however fast it multiplies.

    Args:
        root_pid: the process; it is not killed.
        spared: children that live on, with all that is below them.
    """
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and (doomed := _doomed(root_pid, spared)):
        for process in doomed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def _doomed(root_pid: int, spared: Collection[int]) -> list[psutil.Process]:
    below = descendants(root_pid)  # looked at first: what a spared one starts after that is not in it
    kept = {*spared, *(process.pid for pid in spared for process in descendants(pid))}
    return [process for process in below if process.pid not in kept]


def _resident_bytes(pid: int) -> int:
    try:
        return unshared_bytes(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return 0


def _proportional_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_full_info().pss)
    except (psutil.Error, AttributeError):  # gone, another user's, or no Linux
        return _resident_bytes(pid)
