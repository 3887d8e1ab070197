"""Figures of answers that were logged, against labels that came back, each with an interval by the bootstrap."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.compare.bootstrap import Resampling, difference, draw
from objectives.compare.precision import average_precisions, over_classes
from objectives.data.dataset import LabelledImage
from objectives.deploy.detector import Detections
from objectives.deploy.matches import ALL_SIZES, IOUS, Matches, match
from objectives.predictions.record import LoggedBox

RATES = ("precision", "recall", "f1", "false_negative_rate")  # at an overlap of one half, as answered
PRECISIONS = ("map50", "map")  # of what was logged: what lies under the deployed confidence is not in it
BLOCKS_MIN = 8  # blocks of images that are drawn again whole; of fewer single images are drawn
ANSWERED_SIDE_PX = 1 << 20  # stands for the side of an image, which matching does not look at


@dataclass(frozen=True)
class AnsweredImage:
    """An image that a detector answered and that is labelled.

    Attributes:
        block: images of one block are alike, a camera's of a day: they are drawn again together.
        answered: boxes of the answer.
        labelled: class name and (left, top, right, bottom) in pixels of each labelled object.
    """

    block: str
    answered: tuple[LoggedBox, ...]
    labelled: tuple[tuple[str, tuple[float, float, float, float]], ...]


@dataclass(frozen=True)
class AnswerRate:
    """A figure of answers.

    Attributes:
        metric: its name, of RATES or PRECISIONS.
        value: on all images; NaN where there is nothing to count.
        low, high: of the interval; NaN where it cannot be had.
        images: that it is of.
        blocks: of these.
        drawn: what was drawn again for the interval: "blocks", or "images" where blocks are few.
    """

    metric: str
    value: float
    low: float
    high: float
    images: int
    blocks: int
    drawn: str


def rate_answers(
    images: Sequence[AnsweredImage], metric: str, classes: Sequence[str], level: float, resamples: int = 1000
) -> AnswerRate:
    """Return one figure of answers, with its interval.

    Args:
        images: one or more.
        metric: of RATES, over the objects of all classes together, or of PRECISIONS, the mean over classes.
        classes: that count; of none given, all.
        level: of the interval.
        resamples: how often a set of the same size is drawn.
    """
    names = sorted({name for image in images for name in _names(image)} & set(classes or _all_names(images)))
    blocks, of_image = np.unique([image.block for image in images], return_inverse=True)
    drawn = "blocks" if len(blocks) >= BLOCKS_MIN else "images"
    units = len(blocks) if drawn == "blocks" else len(images)
    weights = draw(units, Resampling(level, resamples))
    weights = weights[of_image] if drawn == "blocks" else weights
    values = _values(_matched(images, names), metric, weights) if names else np.full(weights.shape[1], np.nan)
    apart = difference(np.zeros_like(values), values, units, level)
    return AnswerRate(metric, float(values[0]), apart.low, apart.high, len(images), len(blocks), drawn)


def _values(matches: Sequence[Matches], metric: str, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the figure in each weighting of the images; NaN where there is nothing to count."""
    if metric in PRECISIONS:
        ious = slice(0, 1) if metric == "map50" else slice(0, len(IOUS))
        return over_classes([average_precisions(one, weights)[ious].mean(axis=0) for one in matches])
    hits, shown, objects = (_counts(matches, weights.shape[0], what) @ weights for what in ("hits", "shown", "objects"))
    above, below = {
        "precision": (hits, shown),
        "recall": (hits, objects),
        "f1": (2 * hits, shown + objects),
        "false_negative_rate": (objects - hits, objects),
    }[metric]
    found: NDArray[np.float64] = np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)
    return found


def _counts(matches: Sequence[Matches], images: int, what: str) -> NDArray[np.float64]:
    """Return hits, boxes that count, or objects of each image, over all classes."""
    total = np.zeros(images)
    for one in matches:
        if what == "objects":
            total += one.objects
        else:
            chosen = one.is_hit[0] if what == "hits" else one.counts[0]
            total += np.bincount(one.images[chosen], minlength=images)
    return total


def _matched(images: Sequence[AnsweredImage], names: Sequence[str]) -> list[Matches]:
    index = {name: k for k, name in enumerate(names)}
    answers, truths = [], []
    for image in images:
        boxes = [box for box in image.answered if box.label in index]
        boxes.sort(key=lambda box: -box.score)
        answers.append(
            Detections(
                np.array([box.box_xyxy for box in boxes], float).reshape(-1, 4),
                np.array([box.score for box in boxes], float),
                np.array([index[box.label] for box in boxes], np.int64),
            )
        )
        objects = [(index[name], corners) for name, corners in image.labelled if name in index]
        corners = np.array([box for _, box in objects], float).reshape(-1, 4)
        corners[:, 2:] -= corners[:, :2]
        labels = np.array([k for k, _ in objects], np.int64)
        truths.append(LabelledImage(Path(), ANSWERED_SIDE_PX, ANSWERED_SIDE_PX, corners, labels))
    matches = match(answers, truths, names, ALL_SIZES)
    return [matches[name, ALL_SIZES[0]] for name in names]


def _names(image: AnsweredImage) -> set[str]:
    return {box.label for box in image.answered} | {name for name, _ in image.labelled}


def _all_names(images: Sequence[AnsweredImage]) -> set[str]:
    return {name for image in images for name in _names(image)}
