"""The words that a process was started with, for tests that look for their own among others."""

import psutil


def words_of(process: psutil.Process) -> list[str]:
    """Return the command line of a process; none if it has ended by now, or cannot be asked."""
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
