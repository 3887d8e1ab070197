"""A file of a version in another folder, without its bytes a second time where the disk can."""

import os
import shutil
from pathlib import Path


def link(source: Path, target: Path) -> None:
    """Let `target` be the same file as `source`, by a hard link, or a copy where there are none."""
    try:
        os.link(source, target)
    except OSError:  # a disk without hard links
        shutil.copy2(source, target)
