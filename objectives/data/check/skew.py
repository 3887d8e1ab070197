"""Splits that are not of one kind: other classes, sizes and shapes of boxes, or other pictures than in training."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from objectives.data.check.spots import Spot
from objectives.data.check.subject import CheckedImage, Subject

SHARE_POINTS = 0.1  # of the boxes of a split
SURE = 3.3  # standard errors: by chance once in a thousand; images are counted, since boxes of one are no many draws
SHIFT = 0.25  # largest distance of two distributions
SHIFT_FACTOR = 1.95  # of the Kolmogorov-Smirnov bound at one in a thousand
CODES_OF = {"size": "splits.other_sizes", "shape": "splits.other_shapes", "picture": "splits.other_pictures"}


def check_skew(subject: Subject) -> Iterator[Spot]:
    """Yield differences between the training split and those that scores come from, beyond chance."""
    for split in subject.splits:
        if split != "train" and "train" in subject.splits:
            yield from _classes(subject, split)
            yield from _shifts(subject, split)


def _classes(subject: Subject, split: str) -> Iterator[Spot]:
    counts, train = subject.counts[split], subject.counts["train"]
    if not counts.sum() or not train.sum():
        return
    share, expected = counts / counts.sum(), train / train.sum()
    images = [sum(bool(len(e.classes)) for e in subject.of(name)) for name in (split, "train")]
    error = np.sqrt(expected * (1 - expected) * sum(1 / n for n in images))
    for index in np.flatnonzero(np.abs(share - expected) > np.maximum(SHARE_POINTS, SURE * error)).tolist():
        words = f"{split} {share[index]:.0%}, train {expected[index]:.0%}"
        yield Spot("splits.other_classes", f"{subject.classes[index]}: {words}")


def _shifts(subject: Subject, split: str) -> Iterator[Spot]:
    here, train = _shapes(subject.of(split)), _shapes(subject.of("train"))
    for what, code in CODES_OF.items():
        (values, images), (others, other_images) = here[what], train[what]
        if len(values) and len(others):
            distance = _distance(values, others)
            if distance > max(SHIFT, SHIFT_FACTOR * np.sqrt(1 / images + 1 / other_images)):
                medians = f"median {np.median(values):.3g}, train {np.median(others):.3g}"
                yield Spot(code, f"{split}: {medians}")


def _shapes(entries: list[CheckedImage]) -> dict[str, tuple[NDArray[np.float64], int]]:
    """Return by name of a quantity its values over a split, and the number of images that they are of."""
    known = [entry for entry in entries if entry.size_px is not None]
    labelled = [entry for entry in known if len(entry.classes)]
    sides = [e.boxes[:, 2:] / max(e.size_px) for e in labelled if e.size_px]
    boxes = np.concatenate(sides) if sides else np.zeros((0, 2))
    boxes = boxes[np.isfinite(boxes).all(axis=1) & (boxes > 0).all(axis=1)]
    pictures = np.array([np.sqrt(e.size_px[0] * e.size_px[1]) for e in known if e.size_px])
    return {
        "size": (np.sqrt(boxes.prod(axis=1)), len(labelled)),
        "shape": (boxes[:, 0] / boxes[:, 1], len(labelled)),
        "picture": (pictures, len(known)),
    }


def _distance(values: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Largest distance of two empirical distribution functions (Kolmogorov-Smirnov)."""
    steps = np.concatenate([values, others])
    below = [np.searchsorted(np.sort(x), steps, side="right") / len(x) for x in (values, others)]
    return float(np.abs(below[0] - below[1]).max())
