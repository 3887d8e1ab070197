"""Files that are there whole or not at all, whenever the power goes out."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"  # ends the name of a file that is being written


def cache_folder() -> Path:
    """Return the user's cache folder of this project (XDG_CACHE_HOME is honoured)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "automl"


@contextmanager
def whole(path: Path, previous: Path | None = None, *, shared: bool = False) -> Iterator[Path]:
    """Yield a temporary name beside `path`; what is written there takes the name `path` when the block has ended well.

    Args:
        path: the file; one that is there already is replaced in one step.
        previous: where the file that is there already goes, if it shall be kept.
        shared: whether other processes may write the file at the same time; the last one's stays.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}" if shared else path.name + PARTIAL)
    try:
        yield partial
        with partial.open("rb+") as stream:  # on the disk before it has a name: a rename may outlive what it names
            os.fsync(stream.fileno())
    except BaseException:  # Ctrl-C, too, must leave nothing half written
        partial.unlink(missing_ok=True)  # it may have been the disk's last room
        raise
    if previous is not None and path.exists():
        path.replace(previous)
    partial.replace(path)


@contextmanager
def whole_folder(folder: Path, partial: Path | None = None) -> Iterator[Path]:
    """Yield an empty folder beside `folder`; it takes the name when the block has ended well.

    Args:
        folder: must not be there yet, or be empty.
        partial: the folder that is written to; one that a killed process has left is removed first.
    """
    partial = partial or folder.with_name(folder.name + PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
    except BaseException:  # Ctrl-C, too, must leave nothing half written
        shutil.rmtree(partial, ignore_errors=True)
        raise
    partial.replace(folder)


def write_text(path: Path, text: str, *, shared: bool = False) -> None:
    """Write a text file whole, in UTF-8; `shared` where other processes may write it at the same time."""
    with whole(path, shared=shared) as partial:
        partial.write_text(text, encoding="utf-8")


def remove_partials(folder: Path) -> None:
    """Remove the files and folders in a folder that a killed process was writing."""
    for path in folder.glob(f"*{PARTIAL}"):
        if path.is_file():
            path.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)


def remove_folders(folders: Iterable[Path]) -> None:
    """Remove folders with all that is in them, as far as they can be removed."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
