"""Memory that a process has for itself."""

import psutil


def unshared_bytes(process: psutil.Process) -> int:
    """Return what a process holds in memory, less what it shares; 0 once it is gone."""
    try:
        memory = process.memory_info()
    except psutil.NoSuchProcess:
        return 0
    return int(memory.rss - getattr(memory, "shared", 0))
