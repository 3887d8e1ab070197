"""Which training images an epoch holds, and how often: a part of them, rare classes more often."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from ultralytics.data.dataset import YOLODataset

OFTEN_MOST = 10.0  # times that an image is in an epoch, at most


@dataclass(frozen=True)
class Selection:
    """What an epoch holds of the training images.

    Attributes:
        share: of the images, in (0, 1]; the classes keep their shares, and a smaller part lies within a larger one.
        oversample: power p of how much more often than others rare classes come, in [0, 1]; 0 leaves them as they are.
        seed: of all chance.
    """

    share: float = 1.0
    oversample: float = 0.0
    seed: int = 0

    @property
    def is_all(self) -> bool:
        """Whether every image comes once."""
        return self.share >= 1 and self.oversample <= 0

    def indices(self, names: Sequence[str], classes: Sequence[Sequence[int]]) -> list[int]:
        """Return the places of an epoch's images, rising; an image that comes twice is there twice.

        Args:
            names: of the images; chance hangs on them, and not on their order.
            classes: indices of the classes that each image holds, in any order, with or without repeats.
        """
        held = [frozenset(found) for found in classes]
        part = _part(names, held, self.share, self.seed)
        often = _often([held[i] for i in part], self.oversample)
        counts = [
            math.floor(times) + (_chance(names[i], self.seed) < times % 1) for i, times in zip(part, often, strict=True)
        ]
        return [i for i, count in zip(part, counts, strict=True) for _ in range(count)]


def _part(names: Sequence[str], held: Sequence[frozenset[int]], share: float, seed: int) -> list[int]:
    """Return the places of a share of the images, rising: as large a share of those with each class, one at least.

    An image counts for the rarest of its classes; those without any are a class of their own. A class that is the
    rarest of no image has none that counts for it, and gets one of its images all the same.
    """
    if share >= 1:
        return list(range(len(names)))
    frequency = Counter(label for labels in held for label in labels)
    groups: dict[int, list[int]] = {}
    for i, labels in enumerate(held):
        groups.setdefault(min(labels, key=lambda k: (frequency[k], k), default=-1), []).append(i)
    ranks = np.empty(len(names))
    for members in groups.values():
        ordered = sorted(members, key=lambda i: _chance(names[i], seed))
        ranks[ordered] = np.arange(len(ordered)) / len(ordered)
    for label in sorted(frequency.keys() - groups.keys()):
        holders = [i for i, labels in enumerate(held) if label in labels]
        if all(ranks[i] for i in holders):
            ranks[min(holders, key=lambda i: _chance(names[i], seed))] = 0.0
    return [int(i) for i in np.flatnonzero(ranks < share)]


def _often(held: Sequence[frozenset[int]], power: float) -> list[float]:
    """Return how often each image comes: by its rarest class, relative to the most frequent one (Gupta et al. 2019)."""
    frequency = Counter(label for labels in held for label in labels)
    most = max(frequency.values(), default=1)
    times = {label: min(OFTEN_MOST, (most / count) ** power) for label, count in frequency.items()}
    return [max((times[label] for label in labels), default=1.0) for labels in held]


def _chance(name: str, seed: int) -> float:
    """Return a number in [0, 1) that hangs on a name and the seed alone."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=6).digest(), "big") / 2**48


@contextmanager
def selecting(selection: Selection) -> Iterator[list[str]]:
    """Let the data sets that Ultralytics builds inside hold an epoch's images alone; yields the files that were read.

    Its data sets read all labels, and decode images into memory behind that: this is the one place between the two.
    """
    read: list[str] = []
    whole = YOLODataset.update_labels

    def update(self: Any, include_class: Any) -> None:
        whole(self, include_class)
        read.extend(self.im_files)
        if not selection.is_all:
            classes = [label["cls"].ravel().astype(int).tolist() for label in self.labels]
            names = [file.rpartition("/")[2] for file in self.im_files]
            chosen = selection.indices(names, classes)
            self.labels, self.im_files = [self.labels[i] for i in chosen], [self.im_files[i] for i in chosen]

    YOLODataset.update_labels = update
    try:
        yield read
    finally:
        YOLODataset.update_labels = whole
