"""Logged boxes held against labels, or against another version's: counts by image, at IoU 0.5 as COCO matches."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.data.dataset import LabelledImage
from objectives.deploy.detector import Detections
from objectives.deploy.matches import ALL_SIZES, match
from objectives.predictions.record import LoggedBox

Boxes = Sequence[LoggedBox]


@dataclass(frozen=True, eq=False)
class BoxCounts:
    """Boxes by image, (images,) each: of the labels, found, and those that are both."""

    labels: NDArray[np.int64]
    found: NDArray[np.int64]
    hits: NDArray[np.int64]


def count_boxes(pairs: Sequence[tuple[Boxes, Boxes]], classes: Collection[str] = ()) -> BoxCounts:
    """Match boxes of images.

    Args:
        pairs: for each image the boxes that were found, and its labels.
        classes: those that count; none: all.
    """
    names = sorted({box.label for pair in pairs for boxes in pair for box in boxes})
    counted = [name for name in names if not classes or name in classes]
    sums = np.zeros((3, len(pairs)), dtype=np.int64)
    if pairs and counted:
        found = [_detections(one, names) for one, _ in pairs]
        images = [_labelled(other, names, number) for number, (_, other) in enumerate(pairs)]
        for (name, _), of_class in match(found, images, names, ALL_SIZES).items():
            if name in counted:
                sums[0] += of_class.objects
                sums[1] += np.bincount(of_class.images, minlength=len(pairs))
                sums[2] += np.bincount(of_class.images[of_class.is_hit[0]], minlength=len(pairs))
    return BoxCounts(*sums)


def _detections(boxes: Boxes, names: Sequence[str]) -> Detections:
    ordered = sorted(boxes, key=lambda box: -box.score)
    return Detections(
        np.array([box.box_xyxy for box in ordered], dtype=np.float64).reshape(-1, 4),
        np.array([box.score for box in ordered], dtype=np.float64),
        np.array([names.index(box.label) for box in ordered], dtype=np.int64),
    )


def _labelled(boxes: Boxes, names: Sequence[str], number: int) -> LabelledImage:
    corners = np.array([box.box_xyxy for box in boxes], dtype=np.float64).reshape(-1, 4)
    sized = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
    classes = np.array([names.index(box.label) for box in boxes], dtype=np.int64)
    return LabelledImage(Path(str(number)), 0, 0, sized, classes)
