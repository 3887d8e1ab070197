"""What lies in the folder of labels: data sets in any format that is read, each looked at again once it has changed."""

import json
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from objectives.data.files.folder import is_file
from objectives.data.pictures.index import look
from objectives.data.pictures.picture import Picture
from objectives.data.pictures.store import stamp_of
from objectives.data.raw import RawImage, RawSet
from objectives.data.readers import read_raw
from objectives.machine.files import PARTIAL, write_text
from spaces.errors import DataError


@dataclass(frozen=True, eq=False)
class LabelEntry:
    """One file or folder of labels.

    Attributes:
        name: in the folder of labels.
        path: of it.
        stamp: its state; another content has another one.
        newest_ns: when any of its files was changed last, nanoseconds since 1970.
    """

    name: str
    path: Path
    stamp: str
    newest_ns: int


@dataclass(frozen=True, eq=False)
class ReadEntry:
    """What an entry holds: images as its files name them, and what is known of those pictures that are there."""

    entry: LabelEntry
    raw: RawSet
    labelled: tuple[RawImage, ...]
    pictures: dict[Path, Picture]

    @property
    def without(self) -> int:
        """Pictures without an annotation: nobody says that they are labelled."""
        return len({image.path for image in self.raw.images if image.source is None})


def entries_of(folder: Path) -> list[LabelEntry]:
    """Return the entries of the folder of labels, the one that was changed last at the end.

    Raises:
        DataError: there is no such folder.
    """
    if not folder.is_dir():
        raise DataError(f"stream.labels: '{folder}' is no folder; make it, or name another")
    paths = sorted(folder.iterdir())
    aside = (path.name.startswith(".") or path.name.endswith(PARTIAL) for path in paths)
    found = [entry for path, out in zip(paths, aside, strict=True) if not out and (entry := _entry(path))]
    return sorted(found, key=lambda entry: (entry.newest_ns, entry.name))


def _entry(path: Path) -> LabelEntry | None:
    """Return an entry; None of what is neither file nor folder, and of what is gone, or leads nowhere."""
    files = sorted(file for file in path.rglob("*") if is_file(file)) if path.is_dir() else [path]
    try:
        states = [(file.relative_to(path).as_posix(), file.stat()) for file in files]
    except OSError:  # it is being copied or removed: the next look sees
        return None
    if not path.is_dir() and not is_file(path):
        return None
    stamp = json.dumps([(name, stamp_of(status)) for name, status in states])
    return LabelEntry(path.name, path, stamp, max((status.st_mtime_ns for _, status in states), default=0))


def read_entry(entry: LabelEntry, index: Path) -> ReadEntry:
    """Read an entry by the readers of data sets.

    A file is read alone: what lies beside it, perhaps the whole stream, is not searched for its pictures.

    Args:
        entry: the entry.
        index: of pictures; a cache.

    Raises:
        DataError: it is no data set that is known, is being copied, or can be read in several ways.
    """
    if entry.path.is_dir():
        raw = read_raw(entry.path)
    else:
        with tempfile.TemporaryDirectory(prefix="automl-alone-") as folder:
            alone = Path(folder, entry.name)
            shutil.copyfile(entry.path, alone)
            try:
                raw = replace(read_raw(alone), root=entry.path.parent)
            except DataError as error:
                raise DataError(str(error).replace(folder, str(entry.path.parent))) from None
        own = {alone: entry.path}
        raw = replace(raw, images=tuple(replace(one, source=own.get(one.source or alone)) for one in raw.images))
    labelled = tuple(image for image in raw.images if image.source is not None)
    there = [image.path for image in labelled if is_file(image.path)]
    return ReadEntry(entry, raw, labelled, look(there, index))


class SeenEntries:
    """Which entries were read, in which state: a cache beside the journal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._stamps = dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError):  # not there yet, or broken: all is read again, no harm
            self._stamps = {}

    def knows(self, entry: LabelEntry) -> bool:
        """Whether an entry was read in this state."""
        return bool(self._stamps.get(entry.name) == entry.stamp)

    def keep(self, entry: LabelEntry) -> None:
        """Keep that an entry was read in this state."""
        self._stamps[entry.name] = entry.stamp
        write_text(self._path, json.dumps(self._stamps))
