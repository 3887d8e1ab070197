"""One source on both sides: copies of a photo and series by their names, groups that the user has named."""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator

from objectives.data.check.spots import Mark, Spot
from objectives.data.check.subject import CheckedImage, Subject, pair
from objectives.data.dataset import SPLITS
from objectives.data.pictures.near import RADIUS
from objectives.data.splits.groups import photo_of

NUMBERED = re.compile(r"(.*?)(\d{1,9})(\D*)")
NEIGHBOURS = 10  # numbers apart, in the names of a series
# Bits of perceptual hashes. Of 4,200 pairs of neighbours in two splits of four public sets five are as near: each one
# product on a turntable, or one scene. Of pictures that are no neighbours many are.
SERIES_RADIUS = 12


def check_sources(subject: Subject) -> Iterator[Spot]:
    """Yield copies of one photo, neighbours of a series and images of one group in several splits; copies in one."""
    entries = [entry for entry in subject.entries if entry.split is not None]
    photos = [photo_of(entry.path) for entry in entries]
    augmented = {photo for photo, is_augmented in photos if is_augmented}
    copies: dict[str, list[CheckedImage]] = defaultdict(list)
    for entry, (photo, _) in zip(entries, photos, strict=True):
        if photo in augmented:
            copies[photo].append(entry)
    for photo, group in copies.items():
        yield from _across(subject, "splits.source_leak", photo, group)
        yield from _within(subject, photo, group)
    yield from _series(subject, entries)
    yield from _groups(subject, entries)


def _within(subject: Subject, photo: str, group: list[CheckedImage]) -> Iterator[Spot]:
    for split in SPLITS:
        same = [entry for entry in group if entry.split == split]
        if len(same) > 1:
            marks = tuple(Mark(entry.path, entry.split) for entry in same[:3])
            yield Spot("images.augmented", f"{split}: {len(same)} of {photo}", len(same), marks)


def _groups(subject: Subject, entries: list[CheckedImage]) -> Iterator[Spot]:
    if subject.group is None:
        return
    groups: dict[Hashable, list[CheckedImage]] = defaultdict(list)
    for entry in entries:
        found = subject.group.search(subject.place(entry.path))
        if found:
            groups[found.groups() or found[0]].append(entry)
    for key, group in groups.items():
        name = key if isinstance(key, str) else " ".join(part or "" for part in key)  # type: ignore[attr-defined]  # groups
        yield from _across(subject, "splits.group_leak", name, group)


def _across(subject: Subject, code: str, name: str, group: list[CheckedImage]) -> Iterator[Spot]:
    """Yield a spot for each split after the first in which a group has images."""
    by_split = {split: [e for e in group if e.split == split] for split in SPLITS}
    there = {split: found for split, found in by_split.items() if found}
    if len(there) > 1:
        (first, start), *others = there.items()
        for split, found in others:
            names = f"{subject.place(start[0].path)} in {first}, {subject.place(found[0].path)} in {split}"
            marks = (Mark(start[0].path, first), Mark(found[0].path, split))
            yield Spot(code, f"{name}: {names}", len(found), marks)


def _series(subject: Subject, entries: list[CheckedImage]) -> Iterator[Spot]:
    """Yield images whose neighbour by number is in another split, and looks much like them: frames, turntables."""
    series: dict[tuple[str, ...], list[tuple[int, CheckedImage]]] = defaultdict(list)
    for entry in entries:
        found = NUMBERED.fullmatch(photo_of(entry.path)[0])
        if found and entry.picture is not None and entry.picture.looks:
            series[str(entry.path.parent.name), found[1], found[3]].append((int(found[2]), entry))
    for numbered in series.values():
        numbered.sort(key=lambda item: item[0])
        for i, (number, entry) in enumerate(numbered):
            for other_number, other in numbered[max(0, i - 2 * NEIGHBOURS) : i]:
                if other.split != entry.split and number - other_number <= NEIGHBOURS and _is_near(other, entry):
                    yield pair(subject, "splits.series", other, entry)
                    break


def _is_near(one: CheckedImage, other: CheckedImage) -> bool:
    """Whether two pictures look much alike; those that look the same are found by their looks alone."""
    if one.picture is None or other.picture is None or one.picture.looks is None or other.picture.looks is None:
        return False
    return RADIUS < (one.picture.looks ^ other.picture.looks).bit_count() <= SERIES_RADIUS
