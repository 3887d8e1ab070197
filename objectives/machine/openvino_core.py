"""OpenVINO's core: one for the life of a process."""

import os
from functools import cache
from typing import Any


def openvino_core() -> Any:
    """Return the process's `openvino.Core`, made at the first call.

    Its plug-in for processors gives the thread that loads it a stack for signals, and frees that stack when it goes: if
    it goes in another thread, or before a later one, the next Ctrl-C kills the process (2026.4; `CPUSpecialSetup` in
    OpenVINO's `src/plugins/intel_cpu/src/plugin.cpp`). So it never goes. A forked process makes its own: threads of the
    plug-in are not forked.
    """
    return _core_of(os.getpid())


@cache
def _core_of(_pid: int) -> Any:
    import openvino

    return openvino.Core()
