"""Boxes that are there twice: to the letter, nearly, or under two classes."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from objectives.data.check.spots import Spot
from objectives.data.check.subject import BoxTable, CheckedImage, Subject
from objectives.data.dataset import LABEL_STEP

SAME_IOU = 0.9  # from which on two boxes are held to be drawn around one object


def check_overlaps(subject: Subject) -> Iterator[Spot]:
    """Yield boxes that another box of their image repeats."""
    boxes = subject.boxes.where(subject.boxes.is_usable)
    repeated = _repeated(boxes)
    yield from subject.spots("labels.duplicate_box", boxes.where(repeated))
    rest = boxes.where(~repeated)
    bounds = [*np.flatnonzero(np.diff(rest.entry, prepend=-1)).tolist(), len(rest.entry)]
    for start, end in pairwise(bounds):
        if end - start > 1:
            rows = slice(start, end)
            entry = subject.entries[rest.entry[start]]
            yield from _pairs(subject, entry, rest.index[rows], rest.xywh[rows], rest.classes[rows])


def _repeated(boxes: BoxTable) -> NDArray[np.bool_]:
    """(n,) whether a box has the class and place of an earlier one of its image, as the trainer's labels round them."""
    left_top, sides = boxes.xywh[:, :2], boxes.xywh[:, 2:]
    places = np.rint(np.hstack([(left_top + sides / 2) / boxes.size_px, sides / boxes.size_px]) / LABEL_STEP)
    rows = np.column_stack([boxes.entry, boxes.classes, places])
    _, first = np.unique(rows, axis=0, return_index=True)
    repeated = np.ones(len(rows), dtype=bool)
    repeated[first] = False
    return repeated


def _pairs(
    subject: Subject,
    entry: CheckedImage,
    indices: NDArray[np.int64],
    xywh: NDArray[np.float64],
    classes: NDArray[np.int64],
) -> Iterator[Spot]:
    """Yield one spot an image and kind: each box that lies on another one is counted once."""
    twins: dict[str, dict[int, int]] = {"labels.near_duplicate_box": {}, "labels.two_classes": {}}
    for one, other in _same_places(xywh):
        code = "labels.near_duplicate_box" if classes[one] == classes[other] else "labels.two_classes"
        twins[code].setdefault(int(indices[max(one, other)]), int(indices[min(one, other)]))
    for code, found in twins.items():
        if found:
            others = list(found)
            first = entry.classes[found[others[0]]]
            words = f", also {subject.classes[first]}" if code == "labels.two_classes" else ""
            yield subject.spot(code, entry, others, words)


def _same_places(xywh: NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    """Yield pairs of boxes whose intersection over union is SAME_IOU or more.

    Boxes are swept from left to right: of such a pair the left edges are at most (1 / SAME_IOU - 1) widths apart.
    """
    order = np.argsort(xywh[:, 0], kind="stable")
    left, top, width, height = xywh[order].T
    right, bottom, area = left + width, top + height, width * height
    ends = np.searchsorted(left, left + width * (1 / SAME_IOU - 1), side="right")
    for i, end in enumerate(ends.tolist()):
        if end - i < 2:
            continue
        near = slice(i + 1, end)
        across = np.minimum(right[i], right[near]) - left[near]
        down = np.minimum(bottom[i], bottom[near]) - np.maximum(top[i], top[near])
        shared = np.clip(across, 0, None) * np.clip(down, 0, None)
        hits = np.flatnonzero(shared >= SAME_IOU * (area[i] + area[near] - shared))
        for hit in hits.tolist():
            yield int(order[i]), int(order[i + 1 + hit])
