"""Right, wrong and missed of a matched split at any confidence: in all, by class, by size, by image, and confusions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.operating_point import Found
from reports.detections.matched import RIGHT, MatchedImage, MatchedSplit

STEPS = 100  # of the scale of confidences, from 0 to 1


@dataclass(frozen=True, eq=False)
class CountsOver:
    """Counts over a grid of confidences; all but the labels fall as the confidence grows.

    Attributes:
        right: (grid,) right detections above each confidence: each has a label of its own.
        wrong: (grid,) the others.
        labels: number of labels.
    """

    right: NDArray[np.int64]
    wrong: NDArray[np.int64]
    labels: int

    def at(self, i: int) -> Found:
        """Return what is found at a confidence of the grid: precision, recall, F1."""
        return Found(int(self.right[i]), int(self.right[i] + self.wrong[i]), self.labels)


@dataclass(frozen=True)
class ImageCounts:
    """What is right, wrong and missed in one image at one confidence."""

    key: int
    right: int
    wrong: int
    missed: int


def confidence_grid(split: MatchedSplit) -> tuple[float, ...]:
    """Return the confidences that are counted at, rising: hundredths from the floor on, and the deployed one."""
    hundredths = {step / STEPS for step in range(STEPS) if step / STEPS > split.floor}
    return tuple(sorted({split.floor, split.from_confidence, *hundredths}))


def steps_above(scores: NDArray[np.float64], grid: Sequence[float]) -> NDArray[np.int64]:
    """Return how many confidences of the grid each score is above: at confidence i it counts where that is above i."""
    return np.searchsorted(np.asarray(grid), scores, side="left").astype(np.int64)


def count_over(
    split: MatchedSplit, grid: Sequence[float], *, class_index: int | None = None, size: int | None = None
) -> CountsOver:
    """Count over a grid, in all, or of one class and one size alone (of right detections the label's size)."""
    right, wrong, labels = np.zeros(len(grid) + 1, np.int64), np.zeros(len(grid) + 1, np.int64), 0
    for one in split.images:
        steps = steps_above(one.scores, grid)
        meant = _meant(one.classes, one.sizes, class_index, size)
        is_right = one.kinds == RIGHT
        right += np.bincount(steps[meant & is_right], minlength=len(grid) + 1)
        wrong += np.bincount(steps[meant & ~is_right], minlength=len(grid) + 1)
        labels += int(np.count_nonzero(_meant(one.image.classes, one.label_sizes, class_index, size)))
    return CountsOver(_at_least(right), _at_least(wrong), labels)


def counts_of_images(split: MatchedSplit, confidence: float) -> list[ImageCounts]:
    """Return the counts of each image, in the order of the split."""
    return [_counts(one, confidence) for one in split.images]


def worst_first(counts: Sequence[ImageCounts]) -> list[ImageCounts]:
    """Return images by their errors, the most first; of equal ones those with less that is right, then in order."""
    return sorted(counts, key=lambda one: (-(one.wrong + one.missed), one.right, one.key))


def best_first(counts: Sequence[ImageCounts]) -> list[ImageCounts]:
    """Return images without much that is wrong, those with the most that is right first."""
    return sorted(counts, key=lambda one: (one.wrong + one.missed - one.right, one.key))


def confusions(split: MatchedSplit, confidence: float) -> list[tuple[int, int, int]]:
    """Return (class of the label, class that it was taken for, how many labels), the most frequent first."""
    found: Counter[tuple[int, int]] = Counter()
    for one in split.images:
        taken = one.confused_with(confidence)
        pairs = zip(one.image.classes.tolist(), taken.tolist(), strict=True)
        found.update((label, other) for label, other in pairs if other >= 0)
    return sorted(((label, other, n) for (label, other), n in found.items()), key=lambda pair: (-pair[2], pair[:2]))


def _meant(
    classes: NDArray[np.int64], sizes: NDArray[np.int64], class_index: int | None, size: int | None
) -> NDArray[np.bool_]:
    kept = np.ones(len(classes), dtype=np.bool_)
    if class_index is not None:
        kept &= classes == class_index
    if size is not None:
        kept &= sizes == size
    return kept


def _at_least(by_steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turn counts by steps into counts of those above each confidence: steps of more than i."""
    return np.cumsum(by_steps[::-1])[::-1][1:]


def _counts(one: MatchedImage, confidence: float) -> ImageCounts:
    shown = one.scores > confidence
    right = int(np.count_nonzero(shown & (one.kinds == RIGHT)))
    return ImageCounts(one.key, right, int(np.count_nonzero(shown)) - right, len(one.found_from) - right)
