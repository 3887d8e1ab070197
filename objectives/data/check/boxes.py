"""Boxes that lie outside their image, have no size, or are tiny, huge, slivers, or too small for the input sizes."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from objectives.data.check.spots import Spot
from objectives.data.check.subject import BoxTable, Subject
from objectives.data.dataset import OUTSIDE_PX

TINY_PX = 3.0  # of the shorter side, in the picture as it is
HUGE_SHARE = 0.95  # of the picture's area
SLIVER_RATIO = 50.0  # of the longer side to the shorter
SEEN_PX = 4.0  # of the shorter side at the network's input: half a cell of the finest grid, whose stride is 8


def check_boxes(subject: Subject) -> Iterator[Spot]:
    """Yield boxes whose place or size is wrong, or of no use."""
    boxes = subject.boxes
    yield from _places(subject, boxes)
    usable = boxes.where(boxes.is_usable)
    sides = usable.xywh[:, 2:]
    shorter, longer = sides.min(axis=1, initial=np.inf), sides.max(axis=1, initial=0)
    covered = _covered(usable) / usable.size_px.prod(axis=1)
    yield from subject.spots("labels.tiny", usable.where(shorter < TINY_PX))
    yield from subject.spots("labels.huge", usable.where(covered > HUGE_SHARE))
    yield from subject.spots("labels.sliver", usable.where(longer > SLIVER_RATIO * shorter))
    yield from _unseen(subject, usable)


def _places(subject: Subject, boxes: BoxTable) -> Iterator[Spot]:
    left_top, right_bottom = boxes.xywh[:, :2], boxes.xywh[:, :2] + boxes.xywh[:, 2:]
    centres = (left_top + right_bottom) / 2
    with np.errstate(invalid="ignore"):
        beyond = np.maximum(-left_top, right_bottom - boxes.size_px).max(axis=1, initial=-np.inf)
        is_far = np.asarray(((centres < 0) | (centres > boxes.size_px)).any(axis=1), dtype=bool)
    is_out = np.asarray(beyond > OUTSIDE_PX, dtype=bool) & boxes.is_usable
    yield from subject.spots("labels.no_size", boxes.where(~boxes.is_usable))
    yield from subject.spots("labels.far_outside", boxes.where(is_far))
    yield from subject.spots("labels.outside", boxes.where(is_out))


def _covered(boxes: BoxTable) -> NDArray[np.float64]:
    """Area of each box inside its picture, in pixels."""
    ends = np.minimum(boxes.xywh[:, :2] + boxes.xywh[:, 2:], boxes.size_px)
    sides: NDArray[np.float64] = np.clip(ends - np.maximum(boxes.xywh[:, :2], 0), 0, None)
    return np.asarray(sides.prod(axis=1))


def _unseen(subject: Subject, boxes: BoxTable) -> Iterator[Spot]:
    if not subject.sizes_px:
        return
    largest = max(subject.sizes_px)
    shorter = boxes.xywh[:, 2:].min(axis=1, initial=np.inf) * largest / boxes.size_px.max(axis=1, initial=1)
    is_used = np.array([entry.split is not None for entry in subject.entries], dtype=bool)
    unseen = (shorter < SEEN_PX) & is_used[boxes.entry]
    yield from subject.spots(
        "labels.too_small", boxes.where(unseen), f", at an input of {largest} px under {SEEN_PX:g}"
    )
