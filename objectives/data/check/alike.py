"""Images that nearly equal another one, to the eye: of their own split, or of another one, where they are a leak.

A perceptual hash alone cannot say whether two frames of a fixed camera show the same things; the boxes can.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from objectives.data.check.sources import photo_of
from objectives.data.check.spots import Spot
from objectives.data.check.subject import CheckedImage, Subject, pair
from objectives.data.dataset import SPLITS
from objectives.data.pictures.near import RADIUS, near_clusters

SAME_PLACE_IOU = (
    0.7  # of boxes, as shares of the pictures' sides: the copy may be scaled, cut at the edges, or drawn anew
)


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
    """Whether two pictures have boxes of the same classes in the same places; two without boxes say nothing."""
    if len(one.classes) != len(other.classes) or not len(one.classes) or one.size_px is None or other.size_px is None:
        return False
    first, second = (
        entry.boxes / np.array([*size, *size]) for entry, size in ((one, one.size_px), (other, other.size_px))
    )
    overlap = _iou(first, second) * (one.classes[:, None] == other.classes[None, :])
    return bool((overlap.max(axis=0) >= SAME_PLACE_IOU).all() and (overlap.max(axis=1) >= SAME_PLACE_IOU).all())


def _iou(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, m) intersection over union of boxes left, top, width, height."""
    starts = np.maximum(first[:, None, :2], second[None, :, :2])
    ends = np.minimum(first[:, None, :2] + first[:, None, 2:], second[None, :, :2] + second[None, :, 2:])
    shared = np.clip(ends - starts, 0, None).prod(axis=2)
    union = first[:, 2:].prod(axis=1)[:, None] + second[:, 2:].prod(axis=1)[None, :] - shared
    shares: NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return shares
