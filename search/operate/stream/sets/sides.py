"""Which labelled images of the stream are trained on, which are the recent validation set, and which are in neither.

Nothing that is trained on is in a group of what is held out, or looks like one of its images.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from objectives.data.dataset import Dataset
from objectives.data.pictures.hashes import FLAT
from objectives.data.pictures.near import RADIUS
from search.operate.journal.images import StreamImage
from search.operate.stream.labelling.split import RECENT_SIDE, TRAIN_SIDE
from search.settings.pipeline.parts import VersionSettings

COMPARED_AT_ONCE = 1024  # hashes that are compared with all others at once


@dataclass(frozen=True)
class Sides:
    """Labelled images of the stream by what they are used for; lines about those that are used for nothing."""

    train: tuple[StreamImage, ...]
    recent: tuple[StreamImage, ...]
    left_out: tuple[str, ...]


def sides_of(
    labelled: Sequence[StreamImage],
    first: Dataset,
    first_groups: Mapping[str, str],
    settings: VersionSettings,
    now: datetime,
) -> Sides:
    """Return the sides of labelled images.

    Args:
        labelled: images of the stream, the oldest first, each with its split.
        first: the data set of the first round.
        first_groups: group -> side, of its images.
        settings: of versions.
        now: the moment from which on an image's age counts.
    """
    left: Counter[str] = Counter()
    trained, held = _of_first(first, "train"), _of_first(first, "val", "test")
    recent = [image for image in labelled if image.split == RECENT_SIDE]
    fresh = [image for image in recent if now - image.at <= timedelta(days=settings.recent_days)]
    left[f"of the recent side, older than {settings.recent_days:g} days"] += len(recent) - len(fresh)
    recent = _apart(fresh, [trained, held], "of the recent side, like an image of the first data set", left)
    train = [image for image in labelled if image.split == TRAIN_SIDE]
    held_groups = {group for group, side in first_groups.items() if side == RECENT_SIDE}
    apart = [image for image in train if image.group not in held_groups]
    left["of a group of the first data set's val or test"] += len(train) - len(apart)
    train = _apart(apart, [held], "like an image of the first data set's val or test", left)
    train = _apart(train, [_Looks.of_stream(recent)], "like an image of the recent validation set", left)
    train = _without(train, trained.contents, "in the first data set's train already", left)
    if settings.images_max is not None:
        room = max(0, settings.images_max - len(first.splits["train"]))
        left[f"the oldest, beyond versions.images_max={settings.images_max}"] += max(0, len(train) - room)
        train = train[max(0, len(train) - room) :]
    lines = tuple(f"{count} labelled images are in no split: {why}" for why, count in left.items() if count)
    return Sides(tuple(train), tuple(recent), lines)


@dataclass(frozen=True, eq=False)
class _Looks:
    """Images as they are compared: SHA-256 of their files, and hashes of their looks; those that show nothing aside."""

    contents: frozenset[str]
    looks: NDArray[np.uint64]

    @classmethod
    def of_stream(cls, images: Sequence[StreamImage]) -> "_Looks":
        looks = [int(image.hash64, 16) for image in images]
        contents = frozenset(image.sha256 for image in images)
        return cls(contents, np.array([one for one in looks if one != FLAT], np.uint64))

    def has(self, looks: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return which of some hashes are near one of these."""
        found = np.zeros(len(looks), np.bool_)
        for i in range(0, len(looks) if len(self.looks) else 0, COMPARED_AT_ONCE):
            block = looks[i : i + COMPARED_AT_ONCE]
            near = np.bitwise_count(block[:, None] ^ self.looks[None, :]) <= RADIUS
            found[i : i + COMPARED_AT_ONCE] = near.any(axis=1) & (block != FLAT)
        return found


def _of_first(first: Dataset, *splits: str) -> _Looks:
    pictures = [first.pictures[image.path] for split in splits for image in first.splits.get(split, ())]
    looks = [one.looks for one in pictures if one.looks is not None and one.looks != FLAT]
    return _Looks(frozenset(one.content for one in pictures), np.array(looks, np.uint64))


def _apart(images: Sequence[StreamImage], others: Sequence[_Looks], why: str, left: Counter[str]) -> list[StreamImage]:
    """Return the images that are not like others."""
    looks = np.array([int(image.hash64, 16) for image in images], np.uint64)
    alike = np.zeros(len(images), np.bool_)
    for other in others:
        alike |= other.has(looks) | np.array([image.sha256 in other.contents for image in images], np.bool_)
    left[why] += int(alike.sum())
    return [image for image, out in zip(images, alike.tolist(), strict=True) if not out]


def _without(
    images: Sequence[StreamImage], contents: frozenset[str], why: str, left: Counter[str]
) -> list[StreamImage]:
    kept = [image for image in images if image.sha256 not in contents]
    left[why] += len(images) - len(kept)
    return kept
