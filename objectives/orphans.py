"""No orphans: a process that ends when the one that started it has ended, however that went."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def die_with_parent(parent_pid: int | None = None) -> None:
    """Have the kernel kill this process when its parent ends, by SIGKILL even; call it first of all.

    The kernel watches the parent's thread that started this process, so start it from a thread that lives as long as
    the parent. Elsewhere than on Linux nothing is done.

    Args:
        parent_pid: the parent's process id; if it has ended already, this process ends at once.
    """
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError("prctl(PR_SET_PDEATHSIG) was refused")
    if parent_pid is not None and os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)
