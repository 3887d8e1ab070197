"""Images that nearly equal another one, to the eye: of their own split, or of another one, where they are a leak.

A perceptual hash alone cannot say whether two frames of a fixed camera show the same things; their boxes can.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from objectives.data.check.spots import Spot
from objectives.data.check.subject import CheckedImage, Subject, pair
from objectives.data.dataset import SPLITS
from objectives.data.pictures.near import RADIUS, near_clusters
from objectives.data.splits.groups import photo_of

# Two photos of one field of blood cells, boxes by two people: .79 of 58 boxes agree; of other photos .25 at most.
SAME_PLACE_IOU, AGREED_SHARE = 0.5, 0.7
# Frames of a fixed camera are one cluster, in which every two are near: each is compared with some of them.
COMPARED, BOXES_COMPARED = 512, 16
FAR = 1e3  # sides of the picture: what lies farther out is somewhere there
FEW_PLACES, FEW_IOU = 3, 0.7  # of fewer boxes, those of other things may lie in one place by chance


@dataclass(frozen=True, eq=False)
class Looks:
    """Entries that look alike, sorted by name, and their perceptual hashes.

    Attributes:
        entries: one an image and split.
        hashes: (n,) perceptual hashes.
    """

    entries: list[CheckedImage]
    hashes: NDArray[np.uint64]

    def near(self, i: int, others: NDArray[np.int64]) -> list[int]:
        """Return which of `others` are near entry `i`, the nearest first; of very many those with the nearest names.

        Augmented copies of one photo are left out: by their names, they are a finding of their own.
        """
        start = max(0, int(np.searchsorted(others, i)) - COMPARED // 2)
        others = others[start : start + COMPARED]
        bits = np.bitwise_count(self.hashes[others] ^ self.hashes[i])
        found = [int(others[k]) for k in np.argsort(bits, kind="stable") if bits[k] <= RADIUS]
        photo, is_augmented = photo_of(self.entries[i].path)
        return [k for k in found if not is_augmented or photo_of(self.entries[k].path)[0] != photo]


def check_alike(subject: Subject) -> Iterator[Spot]:
    """Yield near-identical images: within a split, and between splits with the same boxes and with others."""
    entries = [e for e in subject.entries if e.split is not None and _looks(e) is not None]
    entries.sort(key=lambda entry: entry.path)
    looks = [_looks(entry) for entry in entries]
    for cluster in near_clusters(looks):
        hashes = np.array([looks[i] for i in cluster], dtype=np.uint64)
        yield from _cluster(subject, Looks([entries[i] for i in cluster], hashes))


def _looks(entry: CheckedImage) -> int | None:
    return entry.picture.looks if entry.picture is not None else None


def _cluster(subject: Subject, looks: Looks) -> Iterator[Spot]:
    earlier: list[int] = []
    for split in SPLITS:
        here = [i for i, entry in enumerate(looks.entries) if entry.split == split]
        yield from _across(subject, looks, here, np.array(sorted(earlier), dtype=np.int64))
        yield from _within(subject, looks, here)
        earlier += here


def _across(subject: Subject, looks: Looks, here: list[int], earlier: NDArray[np.int64]) -> Iterator[Spot]:
    """Yield the images of a split that are near one of those before it; byte-identical ones are leaks already."""
    identical = {_content(looks.entries[i]) for i in earlier.tolist()}
    for i in here:
        entry = looks.entries[i]
        near = [] if _content(entry) in identical else looks.near(i, earlier)
        if near:
            same = next((k for k in near[:BOXES_COMPARED] if same_places(looks.entries[k], entry)), None)
            code = "splits.alike" if same is None else "splits.near_leak"
            yield pair(subject, code, looks.entries[near[0] if same is None else same], entry)


def _within(subject: Subject, looks: Looks, here: list[int]) -> Iterator[Spot]:
    """Yield the images of a split that are near an earlier one of it; each content counts once."""
    contents: set[str] = set()
    seen: list[int] = []
    for i in here:
        content = _content(looks.entries[i])
        if content not in contents:
            near = looks.near(i, np.array(seen[-COMPARED:], dtype=np.int64))
            contents.add(content)
            seen.append(i)
            if near:
                yield pair(subject, "images.alike", looks.entries[near[0]], looks.entries[i])


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
    shares = np.nan_to_num(entry.boxes / [width, height, width, height], posinf=0, neginf=0)
    return np.clip(shares, -FAR, FAR)


def _iou(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) intersection over union of boxes left, top, width, height, row by row."""
    starts = np.maximum(first[:, :2], second[:, :2])
    ends = np.minimum(first[:, :2] + first[:, 2:], second[:, :2] + second[:, 2:])
    shared = np.clip(ends - starts, 0, None).prod(axis=1)
    union = first[:, 2:].prod(axis=1) + second[:, 2:].prod(axis=1) - shared
    shares: NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return shares
