"""The splits of a data set as the settings want them: given ones kept or repaired, missing ones made, or all anew."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from objectives.data.findings import Findings
from objectives.data.pictures.picture import Picture
from objectives.data.splits.assign import Labelled, assign
from objectives.data.splits.folds import folds
from objectives.data.splits.groups import Groups, group_images
from objectives.data.splits.repair import leaking, repaired
from objectives.data.splits.splitting import Splitting
from objectives.data.splits.times import assign_by_time, times_of
from spaces.errors import DataError

MADE_SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}  # of splits that are made anew; in this order by time
VAL_SHARE = 0.2  # of the training images, where a validation split is missing

Image = TypeVar("Image", bound=Labelled)
Splits = Mapping[str, Sequence[Image]]


def arranged(
    splits: "Splits[Image]",
    classes: Sequence[str],
    pictures: Mapping[Path, Picture],
    root: Path,
    how: Splitting,
    findings: Findings,
) -> dict[str, tuple[Image, ...]]:
    """Return the images by split as the settings want them.

    Args:
        splits: as the files give them.
        classes: names by index.
        pictures: what each image file holds.
        root: folder of the data set.
        how: what is wanted.
        findings: takes what is moved, and what could not be done.

    Raises:
        DataError: too few groups of images, or a pattern that finds nothing.
    """
    if how.way == "given" and "val" in splits:  # nothing to arrange: nothing need be grouped
        return {split: tuple(found) for split, found in splits.items()}
    images = [image for found in splits.values() for image in found]
    given = [split for split, found in splits.items() for _ in found]
    groups = group_images([image.path for image in images], pictures, root, how.group)
    findings.extend(groups.findings)
    if how.way == "group":
        named, found = assign(images, groups, classes, MADE_SHARES, how.seed)
        findings.extend(found)
    elif how.way == "time":
        times = times_of([image.path for image in images], root, how.time or "")
        named = assign_by_time(times, groups, MADE_SHARES)
    elif how.way == "fold":
        named = _folded(images, given, groups, classes, how, findings)
    else:
        named = _with_val(images, given, groups, classes, how, findings) if "val" not in splits else list(given)
        if how.way == "repair":
            names = [image.path.name for image in images]
            named, found = repaired(named, groups, names)
            findings.extend(found)
    made: dict[str, list[Image]] = {}
    for image, split in zip(images, named, strict=True):
        made.setdefault(split, []).append(image)
    return {split: tuple(found) for split, found in made.items()}


def _folded(
    images: Sequence[Labelled],
    given: Sequence[str],
    groups: Groups,
    classes: Sequence[str],
    how: Splitting,
    findings: Findings,
) -> list[str]:
    number, count, repeats = how.part()
    held = [i for i, split in enumerate(given) if split != "test"]
    parts, found = folds([images[i] for i in held], _only(groups, held), classes, count, repeats, how.seed)
    findings.extend(found)
    named = list(given)
    scored = set(parts[number - 1].val.tolist())
    for place, i in enumerate(held):
        named[i] = "val" if place in scored else "train"
    return named


def _with_val(
    images: Sequence[Labelled],
    given: Sequence[str],
    groups: Groups,
    classes: Sequence[str],
    how: Splitting,
    findings: Findings,
) -> list[str]:
    """Take a fifth of the training images for validation.

    Photos go by their names alone, as ever, so that studies begun so go on; where that would put copies on both sides,
    or leave a class out that could be there, groups are assigned by their classes.
    """
    train = [i for i, split in enumerate(given) if split == "train"]
    own = _only(groups, train)
    named = list(given)
    for place, split in zip(train, _by_name([images[i] for i in train]), strict=True):
        named[place] = split
    ours = [named[i] for i in train]
    if leaking(ours, own) or _leaves_out([images[i] for i in train], ours):
        assigned, found = assign(
            [images[i] for i in train], own, classes, {"train": 1 - VAL_SHARE, "val": VAL_SHARE}, how.seed
        )
        findings.extend(found)
        for place, split in zip(train, assigned, strict=True):
            named[place] = split
    count = sum(named[i] == "val" for i in train)
    findings.add("splits.validation", f"{count} of {len(train)}", count)
    return named


def _by_name(images: Sequence[Labelled]) -> list[str]:
    photos = sorted({_photo(image.path) for image in images}, key=lambda name: hashlib.sha256(name.encode()).digest())
    if len(photos) < 2:
        raise DataError(
            f"data.root: needs two labelled photos or more to split off a validation set, got {len(photos)}"
        )
    held = set(photos[: max(1, round(VAL_SHARE * len(photos)))])
    return ["val" if _photo(image.path) in held else "train" for image in images]


def _photo(path: Path) -> str:
    """Name of the photo that a file shows; Roboflow names augmentations `PHOTO.rf.HASH.jpg`."""
    return path.stem.split(".rf.")[0]


def _leaves_out(images: Sequence[Labelled], splits: Sequence[str]) -> bool:
    """Whether a class of several images is on one side alone."""
    sides: dict[int, list[str]] = {}
    for image, split in zip(images, splits, strict=True):
        for label in set(image.classes.tolist()):
            sides.setdefault(label, []).append(split)
    return any(len(found) > 1 and len(set(found)) == 1 for found in sides.values())


def _only(groups: Groups, kept: Sequence[int]) -> Groups:
    """Return the groups of some of the images."""
    return Groups(groups.of[list(kept)])
