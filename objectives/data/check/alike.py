"""Images that nearly equal another one, to the eye: of their own split, or of another one, where they are a leak.

A perceptual hash alone cannot say whether two frames of a fixed camera show the same things; their boxes can.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from objectives.data.check.sources import photo_of
from objectives.data.check.spots import Spot
from objectives.data.check.subject import CheckedImage, Subject, pair
from objectives.data.dataset import SPLITS
from objectives.data.pictures.near import RADIUS, near_clusters

# Two photos of one field of blood cells, boxes by two people: .79 of 58 boxes agree; of other photos .25 at most.
SAME_PLACE_IOU, AGREED_SHARE = 0.5, 0.7
FEW_PLACES, FEW_IOU = 3, 0.7  # of fewer boxes, those of other things may lie in one place by chance


@dataclass(frozen=True, eq=False)
class Looks:
    """Entries that look alike, and their perceptual hashes.

    Attributes:
        entries: one an image and split.
        hashes: (n,) perceptual hashes.
    """

    entries: list[CheckedImage]
    hashes: NDArray[np.uint64]

    def near(self, i: int, others: list[int]) -> list[int]:
        """Return which of `others` are near entry `i`, the nearest first."""
        bits = np.bitwise_count(self.hashes[others] ^ self.hashes[i])
        return [others[k] for k in np.argsort(bits, kind="stable").tolist() if bits[k] <= RADIUS]


def check_alike(subject: Subject) -> Iterator[Spot]:
    """Yield near-identical images: within a split, and between splits with the same boxes and with others."""
    entries = [
        e for e in subject.entries if e.split is not None and e.picture is not None and e.picture.looks is not None
    ]
    looks = [entry.picture.looks if entry.picture else None for entry in entries]
    for cluster in near_clusters(looks):
        hashes = np.array([looks[i] for i in cluster], dtype=np.uint64)
        yield from _cluster(subject, Looks([entries[i] for i in cluster], hashes))


def _cluster(subject: Subject, looks: Looks) -> Iterator[Spot]:
    earlier: list[int] = []
    for split in SPLITS:
        here = [i for i, entry in enumerate(looks.entries) if entry.split == split]
        yield from _across(subject, looks, here, earlier)
        yield from _within(subject, looks, here)
        earlier += here


def _across(subject: Subject, looks: Looks, here: list[int], earlier: list[int]) -> Iterator[Spot]:
    """Yield the images of a split that are near one of those before it; byte-identical ones are leaks already."""
    identical = {_content(looks.entries[i]) for i in earlier}
    for i in here:
        entry = looks.entries[i]
        near = [] if _content(entry) in identical else looks.near(i, earlier)
        if near:
            same = next((k for k in near if same_places(looks.entries[k], entry)), None)
            code = "splits.alike" if same is None else "splits.near_leak"
            yield pair(subject, code, looks.entries[near[0] if same is None else same], entry)


def _within(subject: Subject, looks: Looks, here: list[int]) -> Iterator[Spot]:
    """Yield the images of a split that are near an earlier one of it; each content counts once."""
    seen: dict[str, int] = {}
    for i in here:
        content = _content(looks.entries[i])
        if content not in seen:
            near = looks.near(i, list(seen.values())) if seen else []
            seen[content] = i
            others = [k for k in near if not _of_one_photo(looks.entries[k], looks.entries[i])]
            if others:
                yield pair(subject, "images.alike", looks.entries[others[0]], looks.entries[i])


def _of_one_photo(one: CheckedImage, other: CheckedImage) -> bool:
    """Whether the names say that two images are augmented copies of one photo, which is a finding of its own."""
    photo = photo_of(one.path)
    return photo is not None and photo == photo_of(other.path)


def _content(entry: CheckedImage) -> str:
    return entry.picture.content if entry.picture is not None else str(entry.path)


def same_places(one: CheckedImage, other: CheckedImage) -> bool:
    """Whether two pictures show the same things: most boxes of each have one of the other's at their place.

    Two people who annotate one photo agree on most boxes, not on all. Two without boxes say nothing.
    """
    if not len(one.classes) or not len(other.classes):
        return False
    iou = FEW_IOU if max(len(one.classes), len(other.classes)) < FEW_PLACES else SAME_PLACE_IOU
    matched = _matched(one, other, iou) + _matched(other, one, iou)
    return matched >= AGREED_SHARE * (len(one.classes) + len(other.classes))


def _matched(one: CheckedImage, other: CheckedImage, iou: float) -> int:
    """Count the boxes of one image for which the other has one, of the class and the nearest centre, that overlaps."""
    first, second = _shares(one), _shares(other)
    found = 0
    for label in np.intersect1d(one.classes, other.classes):
        own, its = first[one.classes == label], second[other.classes == label]
        nearest = cKDTree(its[:, :2] + its[:, 2:] / 2).query(own[:, :2] + own[:, 2:] / 2)[1]
        found += int((_iou(own, its[nearest]) >= iou).sum())
    return found


def _shares(entry: CheckedImage) -> NDArray[np.float64]:
    """Return boxes as shares of the picture's sides; what is no number becomes a box of no size."""
    width, height = entry.size_px or (1, 1)
    return np.asarray(np.nan_to_num(entry.boxes / [width, height, width, height], posinf=0, neginf=0))


def _iou(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) intersection over union of boxes left, top, width, height, row by row."""
    starts = np.maximum(first[:, :2], second[:, :2])
    ends = np.minimum(first[:, :2] + first[:, 2:], second[:, :2] + second[:, 2:])
    shared = np.clip(ends - starts, 0, None).prod(axis=1)
    union = first[:, 2:].prod(axis=1) + second[:, 2:].prod(axis=1) - shared
    shares: NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return shares
