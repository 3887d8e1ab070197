"""Copies: one file listed in two splits, or byte-identical files; with which boxes, and in which splits."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path

import numpy as np

from objectives.data.check.spots import Spot
from objectives.data.check.subject import CheckedImage, Subject, pair
from objectives.data.dataset import SPLITS
from objectives.data.pictures.hashes import content_hash

START_BYTES = 4096  # compared before whole files are
SAME_PX = 2.0  # boxes of two copies that differ less are the same


def check_copies(subject: Subject) -> Iterator[Spot]:
    """Yield leaks between splits, images that are there twice in one, and copies whose boxes differ."""
    for group in identical(subject):
        yield from _group(subject, group)


def _group(subject: Subject, group: list[CheckedImage]) -> Iterator[Spot]:
    """Yield what is wrong with one group of identical images."""
    by_split = [[e for e in group if e.split == split] for split in (*SPLITS, None)]
    first = next(entries for entries in by_split if entries)[0]
    for entries in by_split:
        if entries and entries[0].split not in (first.split, None):
            for entry in entries:
                yield pair(subject, "splits.leak", first, entry)
        for entry in entries[1:]:
            yield pair(subject, "images.duplicate", entries[0], entry)
    for entry in group:
        if not same_boxes(first, entry):
            few, many = len(first.classes), len(entry.classes)
            words = f": {few} and {many} boxes" if few != many else ": boxes in other places, or of other classes"
            yield pair(subject, "labels.disagree", first, entry, words=words)


def same_boxes(one: CheckedImage, other: CheckedImage) -> bool:
    """Whether two entries have the same boxes and classes, in whatever order."""
    if len(one.classes) != len(other.classes):
        return False
    rows = [np.column_stack([e.classes, e.boxes])[np.lexsort((*e.boxes.T.round(), e.classes))] for e in (one, other)]
    return bool(np.array_equal(rows[0][:, 0], rows[1][:, 0]) and np.allclose(rows[0], rows[1], atol=SAME_PX, rtol=0))


def identical(subject: Subject) -> Iterator[list[CheckedImage]]:
    """Yield groups of entries whose files have the same bytes.

    Where contents are not indexed, only files of one size are read, and of these wholly only those that begin alike.
    """
    known = [entry for entry in subject.entries if entry.picture is not None and entry.picture.content]
    unknown = [entry for entry in subject.entries if entry.picture is None]
    yield from _grouped((e.picture.content, e) for e in known if e.picture)
    for alike in _grouped((_bytes(entry.path), entry) for entry in unknown):
        if len({entry.path for entry in alike}) == 1:
            yield alike
            continue
        for similar in _grouped((_start(entry.path), entry) for entry in alike):
            yield from _grouped((_content(entry.path), entry) for entry in similar)


def _grouped(keyed: Iterable[tuple[Hashable, CheckedImage]]) -> Iterator[list[CheckedImage]]:
    """Yield the entries of each key that several have; a key of None is not one."""
    groups: dict[Hashable, list[CheckedImage]] = defaultdict(list)
    for key, entry in keyed:
        if key is not None:
            groups[key].append(entry)
    return (group for group in groups.values() if len(group) > 1)


def _bytes(path: Path) -> int | None:
    try:
        return path.stat().st_size or None  # empty files are no copies of each other
    except OSError:
        return None


def _start(path: Path) -> bytes | None:
    try:
        with path.open("rb") as stream:
            return stream.read(START_BYTES)
    except OSError:
        return None


def _content(path: Path) -> str | None:
    try:
        return content_hash(path)
    except OSError:
        return None
