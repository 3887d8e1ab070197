"""Detections of one image held against its labels: what each detection is, and what became of each label.

After TIDE (Bolya, Foley, Hays, Hoffman: "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV 2020),
with its thresholds. Two differences: where a detection overlaps labels of its own and of another class, the greater
overlap decides; and what TIDE calls "both" (of another class and poorly placed) is background here. Correct detections
are those of COCO's matching at IoU 0.5, which mAP50 counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask

from objectives.data.dataset import LabelledImage
from objectives.deploy.detector import Detections

FOUND_IOU = 0.5  # overlap from which on a detection shows an object
NEAR_IOU = 0.1  # overlap below which a detection has nothing to do with a label


class Kind(StrEnum):
    """What a detection is, or what became of a label."""

    CORRECT = "correct"  # class and place agree; both
    CONFUSED = "confused"  # the place agrees, the class does not; both
    LOCALISATION = "localisation"  # class agrees, overlap from NEAR_IOU to FOUND_IOU; both
    DUPLICATE = "duplicate"  # one more of an object that a surer detection has found; detections alone
    BACKGROUND = "background"  # nothing of the kind is labelled there; detections alone
    MISSED = "missed"  # labels alone


OF_DETECTIONS = (Kind.CORRECT, Kind.CONFUSED, Kind.LOCALISATION, Kind.DUPLICATE, Kind.BACKGROUND)
OF_LABELS = (Kind.CORRECT, Kind.CONFUSED, Kind.LOCALISATION, Kind.MISSED)


@dataclass(frozen=True, eq=False)
class Matched:
    """One image: its labels, its detections, and how they belong together.

    Attributes:
        image: with its labels.
        found: the detections, those above the confidence alone.
        kinds: (n) one of OF_DETECTIONS each.
        labels: (n,) index of the label that each detection is about; -1 for background.
        overlaps: (n, m) IoU of each detection with each label.
        fates: (m) one of OF_LABELS for each label.
        takers: (m,) index of the detection that stands for each label, correct or confused; -1 for the others.
    """

    image: LabelledImage
    found: Detections
    kinds: tuple[Kind, ...]
    labels: NDArray[np.int64]
    overlaps: NDArray[np.float64]
    fates: tuple[Kind, ...]
    takers: NDArray[np.int64]


def above(found: Detections, confidence: float) -> Detections:
    """Return the detections scored above a confidence, as the deployed detector gives them."""
    kept = found.scores > confidence
    return Detections(found.boxes_xyxy[kept], found.scores[kept], found.classes[kept])


def overlaps_of(found: Detections, image: LabelledImage) -> NDArray[np.float64]:
    """Return the IoU of each detection with each label, (n, m), by pycocotools as in mAP."""
    if not len(found.scores) or not len(image.classes):
        return np.zeros((len(found.scores), len(image.classes)))
    boxes = np.hstack([found.boxes_xyxy[:, :2], found.boxes_xyxy[:, 2:] - found.boxes_xyxy[:, :2]])
    result: NDArray[np.float64] = mask.iou(boxes, image.boxes_xywh, [0] * len(image.classes))
    return result


def match(found: Detections, image: LabelledImage) -> Matched:
    """Hold the detections of an image, those above the confidence alone, against its labels."""
    overlaps = overlaps_of(found, image)
    alike = found.classes[:, None] == image.classes[None, :]
    own, other = np.where(alike, overlaps, 0.0), np.where(alike, 0.0, overlaps)
    labels = np.full(len(found.scores), -1, dtype=np.int64)
    takers = np.full(len(image.classes), -1, dtype=np.int64)
    order = np.argsort(-found.scores, kind="stable")
    _take(own, order, labels, takers)
    of_another = _most(other) >= _most(own)
    _take(other, [d for d in order.tolist() if of_another[d]], labels, takers)
    kinds = tuple(_kind(d, own, other, alike, labels, takers) for d in range(len(labels)))
    fates = _fates(kinds, labels, takers, alike)
    return Matched(image, found, kinds, labels, overlaps, fates, takers)


def _most(overlaps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each detection's greatest overlap; 0 where there is no label."""
    return np.asarray(overlaps.max(axis=1, initial=0.0))


def _take(
    overlaps: NDArray[np.float64],
    order: Sequence[int] | NDArray[np.int64],
    labels: NDArray[np.int64],
    takers: NDArray[np.int64],
) -> None:
    """Give each detection, the surest first, the free label that it overlaps most, from FOUND_IOU on."""
    for d in order:
        free = np.where(takers < 0, overlaps[d], 0.0)
        if labels[d] < 0 and free.max(initial=0.0) >= FOUND_IOU:
            labels[d] = best = len(free) - 1 - int(free[::-1].argmax())  # of equal ones the last, as COCO's
            takers[best] = d


def _kind(
    d: int,
    own: NDArray[np.float64],
    other: NDArray[np.float64],
    alike: NDArray[np.bool_],
    labels: NDArray[np.int64],
    takers: NDArray[np.int64],
) -> Kind:
    """Return what a detection is; one that has taken no label is given the label that it is about."""
    if labels[d] >= 0:
        return Kind.CORRECT if alike[d, labels[d]] else Kind.CONFUSED
    most_own, most_other = own[d].max(initial=0.0), other[d].max(initial=0.0)
    if max(most_own, most_other) >= FOUND_IOU:
        labels[d] = int((other if most_other >= most_own else own)[d].argmax())
        return Kind.CONFUSED if most_other >= most_own else Kind.DUPLICATE
    if most_own < NEAR_IOU:
        return Kind.BACKGROUND
    free = np.where(takers < 0, own[d], 0.0)  # a label that has no detection yet is what it was meant for
    labels[d] = int((free if free.max() >= NEAR_IOU else own[d]).argmax())
    return Kind.LOCALISATION


def _fates(
    kinds: Sequence[Kind], labels: NDArray[np.int64], takers: NDArray[np.int64], alike: NDArray[np.bool_]
) -> tuple[Kind, ...]:
    nearly = {int(label) for kind, label in zip(kinds, labels, strict=True) if kind is Kind.LOCALISATION}
    fates = []
    for j, d in enumerate(takers.tolist()):
        if d >= 0:
            fates.append(Kind.CORRECT if alike[d, j] else Kind.CONFUSED)
        else:
            fates.append(Kind.LOCALISATION if j in nearly else Kind.MISSED)
    return tuple(fates)
