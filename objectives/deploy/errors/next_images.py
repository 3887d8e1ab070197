"""Which images to label next: those that the detector is unsure of, and that differ from what is labelled.

Uncertainty is by the margin of scores to the deployed confidence; diversity by greedy k-center (Sener and Savarese:
"Active Learning for Convolutional Neural Networks: A Core-Set Approach", ICLR 2018), begun at the labelled images, with
each distance weighted by the image's uncertainty.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from objectives.deploy.detector import Detections, Image

UNSURE_MOST = 3  # detections of an image that its uncertainty is the mean of; crowded images gain nothing
LEAST_WEIGHT = 0.1  # of images that the detector is sure of: where they differ much, they are worth labelling too
GREEDY_MOST = 500  # images that are chosen one after the other; those behind them are ordered at once
TILES = 4  # colours of an image are looked at in so many tiles a side
GRADIENT_BINS = 8
SMALL_PX = 64  # side of the square that an image is looked at in
LEAST_SPREAD = 1e-9  # below it, images do not differ but by rounding


@dataclass(frozen=True, eq=False)
class Looked:
    """An image as far as ranking needs it.

    Attributes:
        path: image file.
        size_px: width and height.
        found: detections above the deployed confidence.
        uncertainty: 0 to 1, see `uncertainty`.
        features: see `features`.
    """

    path: Path
    size_px: tuple[int, int]
    found: Detections
    uncertainty: float
    features: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NextImage:
    """An image to label.

    Attributes:
        looked: the image.
        novelty: distance to the nearest image that is labelled or chosen before; 1 is the mean distance between two
            images.
        worth: what the ranking goes by: uncertainty (LEAST_WEIGHT at least) times novelty.
    """

    looked: Looked
    novelty: float
    worth: float


def uncertainty(scores: NDArray[np.float64], confidence: float) -> float:
    """Return how near the scores of an image lie to the confidence, 0 to 1.

    A detection at the confidence counts 1, at a score of 0 or 1 nothing, linearly between; the mean of the UNSURE_MOST
    nearest, where detections that are not there count nothing.

    Args:
        scores: of all detections, those below the confidence included.
        confidence: as deployed, between 0 and 1.
    """
    margins = np.where(scores < confidence, scores / confidence, (1 - scores) / (1 - confidence))
    return float(np.sort(margins)[::-1][:UNSURE_MOST].sum() / UNSURE_MOST)


def features(image: Image, found: Detections, classes: int) -> NDArray[np.float64]:
    """Return what images are compared by: the classes found, colours by tile, and directions of edges.

    Args:
        image: (H, W, 3) BGR.
        found: all detections, those of low scores included; each counts by its score.
        classes: number of classes.

    Returns:
        Blocks of `blocks(classes)` numbers, one behind the other.
    """
    histogram = np.bincount(found.classes, weights=found.scores, minlength=classes)
    small = cv2.resize(image, (SMALL_PX, SMALL_PX), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_BGR2LAB).astype(np.float64) / 255
    tiles = cv2.resize(lab, (TILES, TILES), interpolation=cv2.INTER_AREA)
    down, right = np.gradient(lab[..., 0])
    strength, angle = np.hypot(right, down), np.arctan2(down, right) % np.pi
    edges, _ = np.histogram(angle, bins=GRADIENT_BINS, range=(0, np.pi), weights=strength)
    return np.concatenate([np.sqrt(histogram), tiles.ravel(), edges / SMALL_PX**2])


def blocks(classes: int) -> tuple[int, ...]:
    """Return the lengths of the blocks of `features`."""
    return classes, 3 * TILES**2, GRADIENT_BINS


def rank(looked: Sequence[Looked], labelled: NDArray[np.float64], block_lengths: Sequence[int]) -> list[NextImage]:
    """Return images without labels, the most useful first.

    Args:
        looked: the images.
        labelled: (k, d) features of images that are labelled already; k may be 0.
        block_lengths: of the features; each block counts as much as any other.
    """
    if not looked:
        return []
    points = _balanced(np.vstack([labelled, *(one.features for one in looked)]), block_lengths)
    known, own = points[: len(labelled)], points[len(labelled) :]
    weights = np.maximum(LEAST_WEIGHT, [one.uncertainty for one in looked])
    distances = np.full(len(own), np.inf)
    for point in known:
        np.minimum(distances, np.linalg.norm(own - point, axis=1), out=distances)
    if not len(known):
        distances[:] = 1.0  # nothing to differ from yet
    chosen: list[NextImage] = []
    left = np.ones(len(own), dtype=np.bool_)
    for _ in range(min(len(own), GREEDY_MOST)):
        best = int(np.where(left, weights * distances, -1.0).argmax())
        chosen.append(_next(looked[best], distances[best], weights[best]))
        left[best] = False
        np.minimum(distances, np.linalg.norm(own - own[best], axis=1), out=distances)
    rest = sorted(np.flatnonzero(left).tolist(), key=lambda i: -weights[i] * distances[i])
    return chosen + [_next(looked[i], distances[i], weights[i]) for i in rest]


def _next(looked: Looked, distance: float, weight: float) -> NextImage:
    return NextImage(looked, float(distance), float(weight * distance))


def _balanced(points: NDArray[np.float64], block_lengths: Sequence[int]) -> NDArray[np.float64]:
    """Scale blocks so that each has the same spread, and that the distance of two points is about 1 in the mean."""
    scaled: NDArray[np.float64] = points - points.mean(axis=0)
    start = 0
    for length in block_lengths:
        block = scaled[:, start : start + length]
        spread = float(np.sqrt((block**2).sum(axis=1).mean()))  # root mean square of the distance from the middle
        scaled[:, start : start + length] = (
            block / (spread * np.sqrt(2 * len(block_lengths))) if spread > LEAST_SPREAD else 0.0
        )
        start += length
    return scaled
