"""Accuracy of a deployable file on a split, by pycocotools."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.data.dataset import LabelledImage
from objectives.data.pictures.decode import read_image
from objectives.deploy.confidence import SCORE_CONFIDENCE
from objectives.deploy.detector import Detections, Detector
from objectives.deploy.device import Device
from objectives.deploy.formats.deployed import open_deployed
from objectives.deploy.matches import ALL_SIZES, SIDES_PX, Evaluated, evaluate
from objectives.deploy.operating_point import Found, found_at
from objectives.records.records import Accuracy, ClassAccuracy

__all__ = ["SCORE_CONFIDENCE", "detect_all", "look", "score", "score_file", "scored"]


def detect_all(detector: Detector, images: Sequence[LabelledImage]) -> list[Detections]:
    """Run the detector over a split."""
    return [detector(read_image(image.path)) for image in images]


def score_file(
    model: Path,
    device: Device,
    images: Sequence[LabelledImage],
    classes: Sequence[str],
    split: str,
    confidence: float | None = None,
    before_each: Callable[[], None] | None = None,
) -> Accuracy:
    """Run a deployable file on a device over a split, and score what it finds as `score` does.

    Args:
        model: the file.
        device: where it runs.
        images: the split; `classes`, `split` and `confidence` as of `score`.
        classes: class names by index.
        split: its name.
        confidence: as deployed.
        before_each: called before each image.
    """
    detector, found = Detector(open_deployed(model, device), SCORE_CONFIDENCE), []
    for image in images:
        if before_each:
            before_each()
        found.append(detector(read_image(image.path)))
    return score(found, images, classes, split, confidence)


def score(
    detections: Sequence[Detections],
    images: Sequence[LabelledImage],
    classes: Sequence[str],
    split: str,
    confidence: float | None = None,
    sizes: Sequence[str] = tuple(SIDES_PX),
) -> Accuracy:
    """Score detections against the boxes of a split.

    Args:
        detections: one per image, with low-scored boxes kept (see SCORE_CONFIDENCE).
        images: the split.
        classes: class names by index.
        split: its name, kept in the record.
        confidence: as deployed; without one nothing is said of what is found as deployed.
        sizes: ranges of object sizes, "all" first.

    Returns:
        mAP at IoU 0.5:0.95 and 0.5, all sizes, up to as many boxes an image as were given, and per class; mAP by size;
        precision, recall and F1 as deployed.
    """
    return scored(evaluate(detections, images, classes, sizes), images, classes, split, confidence)


def look(
    detections: Sequence[Detections], images: Sequence[LabelledImage], classes: Sequence[str], split: str
) -> Accuracy:
    """Score detections by mAP over all sizes alone, in a quarter of the time."""
    return score(detections, images, classes, split, sizes=ALL_SIZES)


def scored(
    evaluated: Evaluated,
    images: Sequence[LabelledImage],
    classes: Sequence[str],
    split: str,
    confidence: float | None,
) -> Accuracy:
    """Return the accuracy of detections that were matched; see `score`."""
    precision = evaluated.precision["all"]
    of_size = {size: _mean(found) for size, found in evaluated.precision.items()}
    as_deployed = None
    if confidence is not None:
        as_deployed = found_at((evaluated.matches[name, "all"] for name in classes), confidence)
    return Accuracy(
        map=max(0.0, _mean(precision)),
        map50=max(0.0, _mean(precision[0])),
        per_class=_per_class(evaluated, images, classes, confidence),
        split=split,
        images=len(images),
        map_small=of_size.get("small"),
        map_medium=of_size.get("medium"),
        map_large=of_size.get("large"),
        confidence=confidence,
        precision=as_deployed.precision if as_deployed else None,
        recall=as_deployed.recall if as_deployed else None,
        f1=as_deployed.f1 if as_deployed else None,
    )


def _per_class(
    evaluated: Evaluated, images: Sequence[LabelledImage], classes: Sequence[str], confidence: float | None
) -> dict[str, ClassAccuracy]:
    precision = evaluated.precision["all"]
    counts = np.bincount(np.concatenate([i.classes for i in images]), minlength=len(classes))
    found: dict[str, Found] = {}
    if confidence is not None:
        found = {name: found_at([evaluated.matches[name, "all"]], confidence) for name in classes}
    return {
        name: ClassAccuracy(
            _mean(precision[:, :, k]),
            _mean(precision[0, :, k]),
            int(counts[k]),
            found[name].precision if name in found else None,
            found[name].recall if name in found else None,
        )
        for k, name in enumerate(classes)
    }


def _mean(precision: NDArray[np.float64]) -> float:
    valid = precision[precision > -1]
    return float(valid.mean()) if valid.size else -1.0
