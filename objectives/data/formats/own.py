"""What a reader of the user's own yields, checked and made a raw set."""

from collections.abc import Iterable
from pathlib import Path

from objectives.data.dataset import SPLIT_ALIASES, SPLITS
from objectives.data.files.folder import Folder
from objectives.data.files.text import number
from objectives.data.formats.contract import Entry, Gathered, RawBox, Reading
from objectives.data.raw import RawSet
from spaces.errors import AutomlError, DataError


def read_own(root: Path, produced: object) -> RawSet:
    """Return the raw set of what a reader produced: a raw set as it is, or entries, one a picture.

    Args:
        root: the folder; pictures may be named relative to it.
        produced: a RawSet, or an iterable of Entry.

    Raises:
        DataError: it is neither, or running the reader fails.
    """
    if isinstance(produced, RawSet):
        return produced
    if not isinstance(produced, Iterable) or isinstance(produced, str | bytes):
        raise DataError(f"data.reader: must give entries or a RawSet, got {type(produced).__name__}")
    gathered = Gathered(Reading(Folder(root), root, (), "a reader of your own"))
    try:
        for made in produced:
            gathered.entries.append(_checked(made, root, gathered))
    except AutomlError:
        raise
    except Exception as error:  # whatever the user's code raises
        raise DataError(f"data.reader: failed with {type(error).__name__}: {str(error)[:160]}") from error
    return gathered.raw("own")


def _checked(made: object, root: Path, gathered: Gathered) -> Entry:
    if not isinstance(made, Entry):
        raise DataError(
            f"data.reader: must yield {Entry.__module__}.{Entry.__name__}, one a picture; got {type(made).__name__}"
        )
    split = SPLIT_ALIASES.get(made.split, made.split) if made.split else None
    if split not in (*SPLITS, None):
        raise DataError(f"data.reader: split must be {', '.join(SPLITS)} or None, got {made.split!r}")
    path = root / made.path  # an absolute path stays what it is
    boxes = [box for raw in made.boxes if (box := _box(raw, path, gathered)) is not None]
    return Entry(path, tuple(boxes), split, made.size_px, made.relative, made.source)


def _box(raw: RawBox, path: Path, gathered: Gathered) -> RawBox | None:
    place = gathered.place(path, raw)
    try:
        text, *numbers = raw
        left, top, width, height = (number(value) for value in numbers)
    except (TypeError, ValueError):
        gathered.findings.add("labels.not_a_box", place)
        return None
    name = gathered.name(str(text), place)
    return None if name is None else (name, left, top, width, height)
