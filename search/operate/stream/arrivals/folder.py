"""Image files that lie in a folder and below it, with the state of each; whatever is hidden or half copied is not."""

import os
from pathlib import Path

from objectives.data.pictures.kinds import PICTURE_SUFFIXES
from objectives.data.pictures.store import stamp_of
from objectives.machine.files import PARTIAL
from spaces.errors import DataError


def files_below(root: Path, setting: str, suffixes: frozenset[str] = PICTURE_SUFFIXES) -> dict[str, os.stat_result]:
    """Return the files below a folder by their paths relative to it, sorted; links to folders are followed once.

    Args:
        root: the folder.
        setting: that names it, for the error.
        suffixes: of the files that are wanted, in small letters.

    Raises:
        DataError: there is no such folder.
    """
    if not root.is_dir():
        raise DataError(f"{setting}: '{root}' is no folder; make it, or name another")
    found: dict[str, os.stat_result] = {}
    visited: set[tuple[int, int]] = set()
    for place, folders, names in os.walk(root, followlinks=True):
        status = Path(place).stat()
        if (status.st_dev, status.st_ino) in visited:
            folders.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not _is_aside(name))
        for name in sorted(names):
            if Path(name).suffix.lower() in suffixes and not _is_aside(name):
                path = Path(place, name)
                try:
                    found[path.relative_to(root).as_posix()] = path.stat()
                except OSError:  # gone since, or a link that leads nowhere
                    continue
    return found


def stamps_of(found: dict[str, os.stat_result]) -> dict[str, str]:
    """Return the state of each file as text: another content has another one."""
    return {path: stamp_of(status) for path, status in found.items()}


def _is_aside(name: str) -> bool:
    """Whether a name is of something hidden, or of a file that is being written."""
    return name.startswith(".") or name.endswith(PARTIAL)
