"""Imbalance: classes, images without boxes, and boxes whose size or shape is far off that of their class."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from objectives.data.check.spots import Spot
from objectives.data.check.subject import BoxTable, Subject

UNEVEN, VERY_UNEVEN = 10.0, 100.0  # boxes of the commonest class to those of the rarest
EMPTY_SHARE = 0.5  # of a split's images
ODD_TIMES = 8.0  # off the median of the class, in either direction
ODD_SHARE = 0.05  # of the class: what is commoner is no exception
ODD_FROM = 20  # boxes of a class: of fewer, none can be called odd


def check_balance(subject: Subject) -> Iterator[Spot]:
    """Yield what the set has much too much or much too little of."""
    yield from _classes(subject)
    for split in subject.splits:
        entries = subject.of(split)
        empty = sum(not len(entry.classes) for entry in entries)
        if empty > EMPTY_SHARE * len(entries):
            yield Spot("balance.background", f"{split}: {empty} of {len(entries)} images", empty)
    boxes = subject.boxes.where(subject.boxes.is_usable)
    with np.errstate(divide="ignore"):
        sides = np.log2(boxes.xywh[:, 2:] / boxes.size_px.max(axis=1, initial=1)[:, None])
    yield from subject.spots("balance.odd_size", _odd(boxes, sides.mean(axis=1)))
    yield from subject.spots("balance.odd_shape", _odd(boxes, sides[:, 0] - sides[:, 1]))


def _classes(subject: Subject) -> Iterator[Spot]:
    if "train" not in subject.splits:
        return
    counts = subject.counts["train"]
    used = np.flatnonzero(counts)
    if len(used) < 2:
        return
    most, least = used[counts[used].argmax()], used[counts[used].argmin()]
    ratio = counts[most] / counts[least]
    if ratio > UNEVEN:
        code = "balance.classes_far" if ratio > VERY_UNEVEN else "balance.classes"
        words = f"{subject.classes[most]} {counts[most]}, {subject.classes[least]} {counts[least]}: {ratio:.0f} to 1"
        yield Spot(code, words, int((counts[used] * UNEVEN < counts[most]).sum()))


def _odd(boxes: BoxTable, octaves: NDArray[np.float64]) -> BoxTable:
    """Return the boxes that lie far off the median of their class, where those are few.

    Args:
        boxes: all usable boxes.
        octaves: (n,) base-2 logarithm of what is compared.
    """
    odd = np.zeros(len(octaves), dtype=bool)
    for label in np.unique(boxes.classes):
        of_class = np.flatnonzero(boxes.classes == label)
        far = np.abs(octaves[of_class] - np.median(octaves[of_class])) > np.log2(ODD_TIMES)
        if len(of_class) >= ODD_FROM and far.mean() < ODD_SHARE:
            odd[of_class[far]] = True
    return boxes.where(odd)
