"""Processor seconds as Linux' /proc has them, for boards without psutil."""

import os
from pathlib import Path

PROC = Path("/proc")


def everyone_s() -> float:
    """Return the processor seconds that everything on this machine has used; stolen time too (see proc(5), /proc/stat).

    Of guests nothing is added: user and nice hold their time already.
    """
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, _first(PROC / "stat").split()[1:9])
    return (user + nice + system + irq + softirq + steal) / _ticks()


def own_s() -> float:
    """Return the processor seconds of this process and its descendants, of those that have ended too."""
    used: dict[int, int] = {}
    parents: dict[int, int] = {}
    for folder in PROC.glob("[0-9]*"):  # with `/stat` behind it, the search itself would ask a process that has ended
        try:
            fields = _first(folder / "stat").rpartition(")")[2].split()  # the name before it may hold anything
        except OSError:  # it has just ended: its parent counts it
            continue
        pid = int(folder.name)
        parents[pid], used[pid] = int(fields[1]), sum(map(int, fields[11:15]))
    return sum(used[pid] for pid in used if _descends(pid, os.getpid(), parents)) / _ticks()


def _descends(pid: int, root: int, parents: dict[int, int]) -> bool:
    """Whether a process is `root` or below it."""
    seen: set[int] = set()
    while pid != root:
        if pid not in parents or pid in seen:
            return False
        seen.add(pid)
        pid = parents[pid]
    return True


def _first(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as lines:
        return lines.readline()


def _ticks() -> int:
    return os.sysconf("SC_CLK_TCK")
