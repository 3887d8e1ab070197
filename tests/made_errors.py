"""Made labels and detections for the tests of errors: plain boxes, and shelves with planted label errors."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from objectives.data.dataset import LabelledImage
from objectives.deploy.detector import Detections
from objectives.deploy.errors.analysis import Analysed, Analysis, Seen, analyse

CLASSES = ("can", "jar", "box")
CONFIDENCE = 0.25
Row = tuple[float, float, float, float, float, int]  # left, top, width, height, score, class


def labelled(boxes: Sequence[Sequence[float]], classes: Sequence[int], name: str = "a.jpg") -> LabelledImage:
    """Return an image of 1000 x 1000 px with labels: left, top, width, height."""
    return LabelledImage(Path(name), 1000, 1000, np.array(boxes, float).reshape(-1, 4), np.array(classes, np.int64))


def detected(rows: Sequence[Sequence[float]]) -> Detections:
    """Return detections, in the order of the rows: left, top, width, height, score, class."""
    table = np.array(rows, float).reshape(-1, 6)
    boxes = np.hstack([table[:, :2], table[:, :2] + table[:, 2:4]])
    return Detections(boxes, table[:, 4], table[:, 5].astype(np.int64))


def truth_found(image: LabelledImage, rng: np.random.Generator) -> Detections:
    """Return the true boxes as a good detector would find them: a little off, with scores from 0.6 to 0.95."""
    count = len(image.classes)
    off = rng.normal(0, 0.02, (count, 4)) * image.boxes_xywh[:, [2, 3, 2, 3]]
    rows = np.column_stack([image.boxes_xywh + off, rng.uniform(0.6, 0.95, count), image.classes])
    return detected(rows[np.argsort(-rows[:, 4])] if count else [])


def analysed(
    images: Sequence[LabelledImage],
    found: Sequence[Detections],
    classes: Sequence[str] = CLASSES,
    seen: Seen = Seen.HELD_OUT,
) -> Analysis:
    of = Analysed("trial 3 of retail", "shelves", "val", tuple(classes), CONFIDENCE, seen)
    return analyse(of, images, found)


def without(image: LabelledImage, index: int) -> LabelledImage:
    """Return an image that has lost a label."""
    kept = np.arange(len(image.classes)) != index
    return replace(image, boxes_xywh=image.boxes_xywh[kept], classes=image.classes[kept])


def with_class(image: LabelledImage, index: int, label: int) -> LabelledImage:
    """Return an image, a label of which has another class."""
    classes = image.classes.copy()
    classes[index] = label
    return replace(image, classes=classes)


def with_box(image: LabelledImage, index: int, box: Sequence[float]) -> LabelledImage:
    """Return an image, a label of which lies elsewhere."""
    boxes = image.boxes_xywh.copy()
    boxes[index] = box
    return replace(image, boxes_xywh=boxes)
