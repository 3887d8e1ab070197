"""What processes were started as, for tests that look for their own among others."""

from collections.abc import Iterable

import psutil

WORKER = "search.commands.workers.child"


def words_of(process: psutil.Process) -> list[str]:
    """Return the command line of a process; none if it has ended by now, or cannot be asked."""
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def workers_among(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Return the workers of a cluster; what one forks has its command line too, until it becomes another program."""
    found = {process.pid: process for process in processes if WORKER in words_of(process)}
    return [process for process in found.values() if _parent(process) not in found]


def _parent(process: psutil.Process) -> int:
    try:
        return int(process.ppid())
    except psutil.Error:
        return -1
