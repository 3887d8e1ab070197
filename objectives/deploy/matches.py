"""Which detections of a split are hits, by image: pycocotools' evaluation, and its matching kept as plain arrays."""

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
from objectives.deploy.detector import Detections

IOUS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
SIDES_PX = {
    "all": (0.0, 1e5),
    "small": (0.0, 32.0),
    "medium": (32.0, 96.0),
    "large": (96.0, 1e5),
}  # COCO's, of sqrt(area)
ALL_SIZES = ("all",)


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


@dataclass(frozen=True, eq=False)
class Evaluated:
    """Detections of a split, matched as COCO does.

    Attributes:
        matches: by class and name of the range of sizes.
        precision: by name of the range, interpolated: (10 IoU thresholds, 101 recalls, classes); -1 where a class has
            no object of the range.
    """

    matches: dict[tuple[str, str], Matches]
    precision: dict[str, NDArray[np.float64]]


def match(
    detections: Sequence[Detections],
    images: Sequence[LabelledImage],
    classes: Sequence[str],
    sizes: Sequence[str] = tuple(SIDES_PX),
) -> dict[tuple[str, str], Matches]:
    """Match detections with the boxes of a split; the arguments and what is returned are those of `evaluate`."""
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        return _all_matches(_evaluated(detections, images, classes, sizes), len(images), classes, sizes)


def evaluate(
    detections: Sequence[Detections],
    images: Sequence[LabelledImage],
    classes: Sequence[str],
    sizes: Sequence[str] = tuple(SIDES_PX),
) -> Evaluated:
    """Match detections with the boxes of a split as COCO does, and take precision over recall.

    Args:
        detections: one per image; class indices are those of `classes`. As many boxes an image count as were given.
        images: the split.
        classes: class names by index.
        sizes: names of ranges of object sizes, of SIDES_PX.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = _evaluated(detections, images, classes, sizes)
        matches = _all_matches(evaluation, len(images), classes, sizes)
        evaluation.accumulate()
    precision: NDArray[np.float64] = evaluation.eval["precision"]
    return Evaluated(matches, {size: precision[:, :, :, i, 0] for i, size in enumerate(sizes)})


def _evaluated(
    detections: Sequence[Detections], images: Sequence[LabelledImage], classes: Sequence[str], sizes: Sequence[str]
) -> COCOeval:
    truth = COCO()
    truth.dataset = coco_truth(images, classes)
    truth.createIndex()
    results = coco_results(detections)
    evaluation = COCOeval(truth, truth.loadRes(results) if results else COCO(), "bbox")
    evaluation.params.maxDets = [max(100, *(len(d.scores) for d in detections))]
    evaluation.params.areaRng = [[low**2, high**2] for low, high in (SIDES_PX[size] for size in sizes)]
    evaluation.params.areaRngLbl = list(sizes)
    evaluation.evaluate()
    return evaluation


def coco_truth(images: Sequence[LabelledImage], classes: Sequence[str]) -> dict[str, Any]:
    """Return the boxes of a split as a COCO data set; images are numbered from 0, classes and boxes from 1."""
    annotations = [
        {
            "image_id": i,
            "category_id": int(label) + 1,
            "bbox": box.tolist(),
            "area": float(box[2] * box[3]),
            "iscrowd": 0,
        }
        for i, image in enumerate(images)
        for box, label in zip(image.boxes_xywh, image.classes, strict=True)
    ]
    return {
        "info": {},
        "images": [{"id": i, "width": im.width_px, "height": im.height_px} for i, im in enumerate(images)],
        "categories": [{"id": k + 1, "name": name} for k, name in enumerate(classes)],
        "annotations": [{"id": j + 1, **annotation} for j, annotation in enumerate(annotations)],
    }


def coco_results(detections: Sequence[Detections]) -> list[dict[str, Any]]:
    """Return detections as COCO results, numbered as in `coco_truth`."""
    return [
        {"image_id": i, "category_id": int(k) + 1, "score": float(s), "bbox": [x0, y0, x1 - x0, y1 - y0]}
        for i, found in enumerate(detections)
        for (x0, y0, x1, y1), s, k in zip(found.boxes_xyxy.tolist(), found.scores, found.classes, strict=True)
    ]


def _all_matches(
    evaluation: COCOeval, images: int, classes: Sequence[str], sizes: Sequence[str]
) -> dict[tuple[str, str], Matches]:
    each = iter(evaluation.evalImgs)  # by class, range and image
    return {(name, size): _matches([next(each) for _ in range(images)]) for name in classes for size in sizes}


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
