"""Files that are there whole or not at all, whenever the power goes out."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"  # ends the name of a file that is being written
TRAININGS = "training-*"  # folders of a trial that hold its checkpoints
TRIALS = "trials"  # folder of a study that holds the trials'


def cache_folder() -> Path:
    """Return the user's cache folder of this project (XDG_CACHE_HOME is honoured)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "automl"


def trial_folder(number: int) -> str:
    """Return the folder of a trial below its study's."""
    return f"{TRIALS}/{number:05d}"


@contextmanager
def whole(path: Path, previous: Path | None = None) -> Iterator[Path]:
    """Yield a temporary name beside `path`; what is written there takes the name `path` when the block has ended well.

    Args:
        path: the file; one that is there already is replaced in one step.
        previous: where the file that is there already goes, if it shall be kept.
    """
    partial = path.with_name(path.name + PARTIAL)
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


def write_text(path: Path, text: str) -> None:
    """Write a text file whole."""
    with whole(path) as partial:
        partial.write_text(text)


def remove_partials(folder: Path) -> None:
    """Remove the files in a folder that a killed process was writing."""
    for path in folder.glob(f"*{PARTIAL}"):
        if path.is_file():
            path.unlink()


def remove_checkpoints(folder: Path) -> None:
    """Remove from a trial's folder what only a training that goes on would need."""
    for path in folder.glob(TRAININGS):
        shutil.rmtree(path, ignore_errors=True)
