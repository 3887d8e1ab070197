"""A data folder, listed once: its files by kind, whatever links lie in it."""

import os
from collections import deque
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePath

from objectives.data.files.json_kinds import JsonKind, json_kind
from objectives.data.files.split_names import set_folder
from objectives.data.findings import printable
from objectives.data.pictures.kinds import PICTURE_SUFFIXES
from spaces.errors import DataError

DEPTH_MAX = 8  # folders below the one that is named
STUDY_FILE = "study.sqlite3"  # a folder with this file is a study of ours, whose layouts are no data set


def is_file(path: Path) -> bool:
    """Whether a file lies there; a name that no file can have, or a folder that may not be read, is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether a folder lies there; a name that none can have is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_picture(path: PurePath) -> bool:
    """Whether a file is a picture by its suffix."""
    return path.suffix.lower() in PICTURE_SUFFIXES


def shown(path: Path, root: Path) -> str:
    """Return a path for people: relative to the folder where it lies in it."""
    return printable(path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path))


def walk(root: Path, closed: list[Path] | None = None) -> Iterator[Path]:
    """Yield the files of a folder and of those below it, sorted in each folder.

    A folder is looked into once, so links that lead in a circle end; one that is there as itself goes before a link to
    it. Hidden folders, studies, and what lies more than DEPTH_MAX folders down are passed over.

    Args:
        root: the folder.
        closed: is given the folders that may not be read.
    """
    seen: set[tuple[int, int]] = set()
    waiting, linked = deque([(root, 0)]), deque[tuple[Path, int]]()
    while waiting or linked:
        folder, depth = (waiting or linked).popleft()
        try:
            status = folder.stat()
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError:
            if closed is not None:
                closed.append(folder)
            continue
        if (status.st_dev, status.st_ino) in seen or any(entry.name == STUDY_FILE for entry in entries):
            continue
        seen.add((status.st_dev, status.st_ino))
        for entry in entries:
            if entry.name.startswith((".", "__MACOSX")):
                continue
            if entry.is_file():
                yield folder / entry.name
            elif entry.is_dir() and depth < DEPTH_MAX and not _leads_back(entry):
                (linked if entry.is_symlink() else waiting).append((folder / entry.name, depth + 1))


def _leads_back(entry: "os.DirEntry[str]") -> bool:
    """Whether an entry is a link to a folder that it lies in."""
    if not entry.is_symlink():
        return False
    return Path(entry.path).parent.resolve().is_relative_to(os.path.realpath(entry.path))


class Folder:
    """A data folder, or one annotation file of it.

    Attributes:
        root: the folder.
        only: the file that was named instead of its folder; None for all.
        closed: folders below it that may not be read.
    """

    def __init__(self, root: Path, only: Path | None = None) -> None:
        self.root, self.only = root, only
        self.closed: list[Path] = []

    @classmethod
    def of(cls, root: Path) -> "Folder":
        """Return the folder that a path names, or that holds the file that it names.

        Raises:
            DataError: nothing is there.
        """
        if is_folder(root):
            return cls(root)
        if is_file(root):
            top = root.parents[min(2, len(root.parents) - 1)]
            return cls(set_folder(root.parent, top), root)
        raise DataError(
            f"data.root: '{root}' does not exist; name a folder with COCO JSON or another known format, or one of its "
            "annotation files"
        )

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """All files, those of a folder together."""
        return tuple(walk(self.root, self.closed))

    def annotations(self, *suffixes: str) -> list[Path]:
        """Return the files that may hold annotations, by suffix in lower case."""
        found = (self.only,) if self.only else self.files
        return [path for path in found if path.suffix.lower() in suffixes]

    @cached_property
    def pictures(self) -> tuple[Path, ...]:
        """All pictures, by suffix."""
        return tuple(path for path in self.files if is_picture(path))

    @cached_property
    def json_kinds(self) -> dict[Path, JsonKind]:
        """What each JSON file seems to be."""
        return {path: json_kind(path) for path in self.annotations(".json")}

    def depth(self, path: Path) -> int:
        """Return how many folders down a folder lies."""
        return len(path.relative_to(self.root).parts) if path.is_relative_to(self.root) else 0
