"""Accuracy of a deployable file on a split, by pycocotools."""

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from objectives.data.dataset import LabelledImage
from objectives.data.pictures.decode import read_image
from objectives.deploy.detector import Detections, Detector
from objectives.records.records import Accuracy, ClassAccuracy

SCORE_CONFIDENCE = 0.001  # of the boxes that enter the precision-recall curve


def detect_all(detector: Detector, images: Sequence[LabelledImage]) -> list[Detections]:
    """Run the detector over a split."""
    return [detector(read_image(image.path)) for image in images]


def score(
    detections: Sequence[Detections], images: Sequence[LabelledImage], classes: Sequence[str], split: str
) -> Accuracy:
    """Score detections against the boxes of a split.

    Args:
        detections: one per image, with low-scored boxes kept (see SCORE_CONFIDENCE).
        images: the split.
        classes: class names by index.
        split: its name, kept in the record.

    Returns:
        mAP at IoU 0.5:0.95 and 0.5, all sizes, up to as many boxes an image as were given, and per class.
    """
    precision = _precision(detections, images, classes)
    counts = np.bincount(np.concatenate([i.classes for i in images]), minlength=len(classes))
    per_class = {
        name: ClassAccuracy(_mean(precision[:, :, k]), _mean(precision[0, :, k]), int(counts[k]))
        for k, name in enumerate(classes)
    }
    return Accuracy(max(0.0, _mean(precision)), max(0.0, _mean(precision[0])), per_class, split, len(images))


def _precision(
    detections: Sequence[Detections], images: Sequence[LabelledImage], classes: Sequence[str]
) -> NDArray[np.float64]:
    """Return interpolated precision, (10 IoU thresholds, 101 recalls, classes); -1 where a class has no box."""
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        truth = COCO()
        truth.dataset = coco_truth(images, classes)
        truth.createIndex()
        results = coco_results(detections)
        if not results:
            return np.where(_has_boxes(images, classes), 0.0, -1.0) * np.ones((10, 101, 1))
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.params.maxDets = [max(100, *(len(d.scores) for d in detections))]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    precision: NDArray[np.float64] = evaluation.eval["precision"][:, :, :, 0, 0]
    return precision


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


def _has_boxes(images: Sequence[LabelledImage], classes: Sequence[str]) -> NDArray[np.bool_]:
    present = np.unique(np.concatenate([i.classes for i in images]))
    return np.isin(np.arange(len(classes)), present)


def _mean(precision: NDArray[np.float64]) -> float:
    valid = precision[precision > -1]
    return float(valid.mean()) if valid.size else -1.0
