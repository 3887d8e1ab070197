"""One source on both sides: augmented copies of a photo by their names, and groups that the user has named."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from objectives.data.check.spots import Mark, Spot
from objectives.data.check.subject import CheckedImage, Subject
from objectives.data.dataset import SPLITS

COPY = re.compile(
    r"(?P<photo>.+?)(?:\.rf\.[0-9A-Za-z]+|[-_. ](?:aug|augmented|augmentation)[-_. ]?\d*)$", re.IGNORECASE
)


def photo_of(path: Path) -> str | None:
    """Return the name of the photo that an augmented copy was made of; None for any other file."""
    found = COPY.fullmatch(path.stem)
    return found["photo"] if found else None


def check_sources(subject: Subject) -> Iterator[Spot]:
    """Yield copies of one photo, and images of one group, that lie in several splits; and copies within one."""
    copies: dict[str, list[CheckedImage]] = defaultdict(list)
    for entry in subject.entries:
        photo = photo_of(entry.path)
        if photo is not None and entry.split is not None:
            copies[photo].append(entry)
    for photo, entries in copies.items():
        yield from _across(subject, "splits.source_leak", photo, entries)
        for split in SPLITS:
            same = [entry for entry in entries if entry.split == split]
            if len(same) > 1:
                marks = tuple(Mark(entry.path, entry.split) for entry in same[:3])
                yield Spot("images.augmented", f"{split}: {len(same)} of {photo}", len(same), marks)
    yield from _groups(subject)


def _groups(subject: Subject) -> Iterator[Spot]:
    if subject.groups is None:
        return
    groups: dict[str, list[CheckedImage]] = defaultdict(list)
    for entry in subject.entries:
        found = subject.groups.search(subject.place(entry.path))
        if found and entry.split is not None:
            groups[" ".join(found.groups()) or found[0]].append(entry)
    for name, entries in groups.items():
        yield from _across(subject, "splits.group_leak", name, entries)


def _across(subject: Subject, code: str, name: str, entries: list[CheckedImage]) -> Iterator[Spot]:
    """Yield a spot for each split after the first in which a group has images."""
    by_split = {split: [e for e in entries if e.split == split] for split in SPLITS}
    there = {split: found for split, found in by_split.items() if found}
    if len(there) > 1:
        (first, start), *others = there.items()
        for split, found in others:
            names = f"{subject.place(start[0].path)} in {first}, {subject.place(found[0].path)} in {split}"
            marks = (Mark(start[0].path, first), Mark(found[0].path, split))
            yield Spot(code, f"{name}: {names}", len(found), marks)
