"""Two machines on one: processes in a mount namespace of their own, where /proc/cpuinfo names another processor."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

INSIDE = 'mount --bind "$0" /proc/cpuinfo && exec "$@"'


@cache
def are_to_be_had() -> bool:
    """Whether the system and the user's rights allow it."""
    if shutil.which("unshare") is None:
        return False
    line = ["unshare", "-m", "sh", "-c", "mount --bind /proc/cpuinfo /proc/cpuinfo"]
    return subprocess.run(line, capture_output=True, check=False).returncode == 0


needs_machines = pytest.mark.skipif(not are_to_be_had(), reason="needs unshare and mount, as root")


def on_machine(folder: Path, processor: str) -> list[str]:
    """Return the words before a line that runs it on a machine with such a processor; `folder` keeps its file."""
    info = folder / f"{processor}.cpuinfo"
    info.write_text(f"processor\t: 0\nmodel name\t: {processor}\n")
    return ["unshare", "-m", "sh", "-c", INSIDE, str(info)]
