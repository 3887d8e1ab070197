"""Recall of each class at the deployed confidence, of both detectors, with intervals that hold for few objects too."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from objectives.compare.bootstrap import PairedDifference, Resampling, difference, draw
from objectives.deploy.matches import Matches
from objectives.deploy.operating_point import HALF

Counts = NDArray[np.int64]  # (images,): hits, or objects, of a class


@dataclass(frozen=True)
class ClassRecall:
    """Share of the objects of a class that are found, IoU 0.5; a class that a detector does not know it never finds.

    Attributes:
        name: of the class.
        objects: of it in the set.
        recall: of both; the false negative rate is 1 - recall.
        low: lower end of the interval of the challenger's recall; NaN where there are too few images.
        high: upper end.
    """

    name: str
    objects: int
    recall: PairedDifference
    low: float
    high: float


def recalls(
    matched: Sequence[Mapping[tuple[str, str], Matches]],
    classes: Sequence[str],
    confidences: Sequence[float],
    resampling: Resampling,
) -> tuple[ClassRecall, ...]:
    """Return the recall of each class that the set has objects of.

    The intervals are those of the bootstrap over images, or farther out: where both detectors find the same objects,
    or one finds all of them, every resample says the same, however few objects there are. The difference reaches at
    least as far as Agresti and Min's interval of paired shares (2005, Statistics in Medicine 24), the challenger's own
    recall as far as Wilson's.

    Args:
        matched: champion, challenger: by class and range of sizes.
        classes: names of classes of the set.
        confidences: of both, as deployed.
        resampling: of the intervals.
    """
    there = [name for name in classes if matched[0][name, "all"].objects.any()]
    if not there:
        return ()
    weights = draw(len(matched[0][there[0], "all"].objects), resampling)
    return tuple(
        _of_class(name, [one[name, "all"] for one in matched], confidences, weights, resampling.level) for name in there
    )


def _of_class(
    name: str, both: Sequence[Matches], confidences: Sequence[float], weights: NDArray[np.float64], level: float
) -> ClassRecall:
    objects = both[0].objects
    hits = [_hits(one, confidence) for one, confidence in zip(both, confidences, strict=True)]
    columns = [_shares(one, objects, weights) for one in hits]
    apart = difference(columns[0], columns[1], len(objects), level)
    alone = difference(np.zeros_like(columns[1]), columns[1], len(objects), level)
    low, high = _paired_ends(hits, int(objects.sum()), level)
    wilson = binomtest(int(hits[1].sum()), int(objects.sum())).proportion_ci(level, "wilson")
    return ClassRecall(
        name,
        int(objects.sum()),
        replace(apart, low=_farther(min, apart.low, low), high=_farther(max, apart.high, high)),
        _farther(min, alone.low, float(wilson.low)),
        _farther(max, alone.high, float(wilson.high)),
    )


def _hits(matches: Matches, confidence: float) -> Counts:
    """Return how many objects are found in each image."""
    is_found = matches.is_hit[HALF] & (matches.scores > confidence)
    return np.bincount(matches.images[is_found], minlength=len(matches.objects)).astype(np.int64)


def _shares(hits: Counts, objects: Counts, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the recall on the set and on each resample, (1 + resamples,); NaN where none of its images has objects."""
    total = objects @ weights
    shares: NDArray[np.float64] = np.divide(hits @ weights, total, out=np.full(len(total), np.nan), where=total > 0)
    return shares


def _paired_ends(hits: Sequence[Counts], objects: int, level: float) -> tuple[float, float]:
    """Return the ends of Agresti and Min's interval: half an object more in each of the four cells of the table.

    Which objects both find is known by image alone: those of an image that both find as many of count as the same.
    """
    apart = hits[1] - hits[0]
    gained, lost, total = apart[apart > 0].sum() + 0.5, -apart[apart < 0].sum() + 0.5, objects + 2
    spread = math.sqrt(gained + lost - (gained - lost) ** 2 / total) / total
    reach = float(norm.ppf((1 + level) / 2)) * spread
    middle = float(gained - lost) / total
    return max(-1.0, middle - reach), min(1.0, middle + reach)


def _farther(choose: Callable[[float, float], float], end: float, other: float) -> float:
    return end if math.isnan(end) else choose(end, other)
