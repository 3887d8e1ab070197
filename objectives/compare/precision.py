"""Average precision of matches where each image counts so often: COCO's, for many weightings at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.matches import Matches

RECALLS = np.linspace(0.0, 1.0, 101)  # COCO's
Weights = NDArray[np.float64]  # (images, weightings): how often each image counts
CELLS_MAX = 4_000_000  # of a table of detections by weightings that is held at once


def average_precisions(matches: Matches, weights: Weights) -> NDArray[np.float64]:
    """Return the average precision at each IoU: (IOUS, weightings), NaN where a weighting has no object.

    An image that counts twice is there twice. Precision is interpolated at 101 recalls as COCO does; the sums over
    recalls are those of `COCOeval.accumulate`.

    Args:
        matches: of one class and range of sizes.
        weights: how often each image counts, whole numbers.
    """
    step = max(1, CELLS_MAX // max(1, len(matches.scores)))
    parts = [_precisions(matches, weights[:, i : i + step]) for i in range(0, weights.shape[1], step)]
    return np.concatenate(parts, axis=1)


def _precisions(matches: Matches, weights: Weights) -> NDArray[np.float64]:
    objects = matches.objects @ weights
    last = int(np.flatnonzero(matches.is_hit.any(axis=0))[-1]) + 1 if matches.is_hit.any() else 0
    times = weights[matches.images[:last]]  # (n, weightings); no figure depends on what comes after the last hit
    rows, shown, before = [], times, None
    for hit, counts in zip(matches.is_hit[:, :last], matches.counts[:, :last], strict=True):
        if before is None or (counts != before).any():
            shown, before = np.cumsum(np.where(counts[:, None], times, 0.0), axis=0), counts
        rows.append(_one_iou(times[hit], shown[hit], objects))
    return np.where(objects > 0, np.stack(rows), np.nan)


def _one_iou(hits: Weights, shown: Weights, objects: Weights) -> Weights:
    """Return the average precision at one IoU by weighting; only hits move recall, so only they are looked at.

    Args:
        hits: (hits, weightings) how often each hit counts, surest first.
        shown: likewise, how many detections count up to it.
        objects: (weightings,)
    """
    found = np.cumsum(hits, axis=0)
    precision = np.divide(found, shown, out=np.zeros_like(found), where=shown > 0)
    best = np.maximum.accumulate(precision[::-1], axis=0)[::-1]  # at this recall or a higher one
    recall = np.divide(found, objects, out=np.zeros_like(found), where=objects > 0)
    reached = np.searchsorted(RECALLS, recall, side="right")  # of the 101 recalls
    return np.asarray((best * np.diff(reached, axis=0, prepend=0)).sum(axis=0) / len(RECALLS))


def over_classes(by_class: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the mean over classes by weighting; a class without an object in a weighting is left out, as COCO does.

    Args:
        by_class: (weightings,) of each class, NaN where it has no object.
    """
    table = np.stack(by_class)
    there = ~np.isnan(table)
    classes = there.sum(axis=0)
    total = np.where(there, table, 0.0).sum(axis=0)
    means: NDArray[np.float64] = np.divide(total, classes, out=np.full(len(total), np.nan), where=classes > 0)
    return means
