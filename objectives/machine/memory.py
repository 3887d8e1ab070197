"""Memory: what a process has for itself, the most that this one ever had, and what is free on the machine."""

import resource
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil


def unshared_bytes(process: "psutil.Process") -> int:
    """Return the memory of a process, less what is shared with others; 0 once the process is gone."""
    import psutil  # boards may lack it, and ask for their own peak alone

    try:
        memory = process.memory_info()
    except psutil.NoSuchProcess:
        return 0
    return int(memory.rss - getattr(memory, "shared", 0))


def peak_bytes() -> int:
    """Return this process's peak resident memory, in bytes.

    Linux keeps ru_maxrss over exec, so that a child would report the memory of the process it was forked from.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def free_memory_bytes() -> int:
    """Return the memory of the machine that processes can still take, in bytes."""
    known = Path("/proc/meminfo")
    if known.exists():
        line = next(line for line in known.read_text().splitlines() if line.startswith("MemAvailable"))
        return int(line.split()[1]) * 1024
    import psutil  # boards may lack it; they run Linux

    return int(psutil.virtual_memory().available)
