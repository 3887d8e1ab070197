"""A disk of a few megabytes, to be filled by tests."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(at: Path, size_mb: int) -> Iterator[bool]:
    """Mount a disk in memory at a folder, which is made; False where the system or the user's rights lack that."""
    at.mkdir(parents=True, exist_ok=True)
    mount = shutil.which("mount")
    command = [mount or "", "-t", "tmpfs", "-o", f"size={size_mb}m", "none", str(at)]
    mounted = mount is not None and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(at)], check=True)  # SQLAlchemy keeps a store's file open
