"""No orphans: a process that ends when the one that started it has ended, however that went."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # <sys/prctl.h>


def die_with_parent(parent_pid: int | None = None, by: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel end this process when its parent ends, by SIGKILL even; call it first of all.

    The kernel watches the parent's thread that started this process, so start it from a thread that lives as long as
    the parent. Elsewhere than on Linux nothing is done.

    Args:
        parent_pid: the parent's process id; if it has ended already, this process ends at once.
        by: the signal to be sent.
    """
    _prctl(PR_SET_PDEATHSIG, by)
    if parent_pid is not None and os.getppid() != parent_pid:
        os.kill(os.getpid(), by)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, whatever session they have moved to (Linux)."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux" and ctypes.CDLL(None).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(f"prctl({option}, {value}) was refused")
