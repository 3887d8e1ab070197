"""Which detections of a split are hits, by image: pycocotools' matching, kept so that images can be weighed anew."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from objectives.data.dataset import LabelledImage
from objectives.deploy.accuracy import coco_results, coco_truth
from objectives.deploy.detector import Detections

IOUS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
SIDES_PX = {
    "all": (0.0, 1e5),
    "small": (0.0, 32.0),
    "medium": (32.0, 96.0),
    "large": (96.0, 1e5),
}  # COCO's, of sqrt(area)


@dataclass(frozen=True, eq=False)
class Matches:
    """Detections of one class and one range of object sizes in a split, surest first.

    Attributes:
        images: (n,) index of the image of each detection.
        scores: (n,) its score.
        is_hit: (IOUS, n) whether it matches an object of the range.
        counts: (IOUS, n) whether it counts: those that match an object of another size, or are of another size and
            match none, do not.
        objects: (images,) objects of the class and the range in each image.
    """

    images: NDArray[np.int64]
    scores: NDArray[np.float64]
    is_hit: NDArray[np.bool_]
    counts: NDArray[np.bool_]
    objects: NDArray[np.int64]


def match(
    detections: Sequence[Detections], images: Sequence[LabelledImage], classes: Sequence[str]
) -> dict[tuple[str, str], Matches]:
    """Match detections with the boxes of a split as COCO does.

    Args:
        detections: one per image; class indices are those of `classes`.
        images: the split.
        classes: class names by index.

    Returns:
        by class and name of the range (SIDES_PX).
    """
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        truth = COCO()
        truth.dataset = coco_truth(images, classes)
        truth.createIndex()
        results = coco_results(detections)
        found = truth.loadRes(results) if results else COCO()
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.params.maxDets = [max(100, *(len(d.scores) for d in detections))]
        evaluation.params.areaRng = [[low**2, high**2] for low, high in SIDES_PX.values()]
        evaluation.params.areaRngLbl = list(SIDES_PX)
        evaluation.evaluate()
    each = iter(evaluation.evalImgs)  # by class, range and image
    return {(name, size): _matches([next(each) for _ in images]) for name in classes for size in SIDES_PX}


def _matches(by_image: Sequence[dict[str, Any] | None]) -> Matches:
    """Put the images of one class and range together; None stands for one without objects and detections."""
    objects = [0 if one is None else int(np.count_nonzero(np.asarray(one["gtIgnore"]) == 0)) for one in by_image]
    there = [(i, one) for i, one in enumerate(by_image) if one is not None and len(one["dtScores"])]
    scores = np.concatenate([np.zeros(0), *(one["dtScores"] for _, one in there)])
    order = np.argsort(-scores, kind="mergesort")  # as pycocotools: of equal ones the earlier image first
    of_image = np.repeat([i for i, _ in there], [len(one["dtScores"]) for _, one in there]).astype(np.int64)
    none = np.zeros((len(IOUS), 0), dtype=bool)
    matched = np.concatenate([none, *(np.asarray(one["dtMatches"]) > 0 for _, one in there)], axis=1)[:, order]
    ignored = np.concatenate([none, *(np.asarray(one["dtIgnore"]) > 0 for _, one in there)], axis=1)[:, order]
    counts = ~ignored
    return Matches(of_image[order], scores[order], matched & counts, counts, np.asarray(objects, dtype=np.int64))
