"""A detector run over a split: its errors, the labels that it doubts, and what that is worth."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from objectives.data.dataset import Dataset, LabelledImage
from objectives.deploy.accuracy import score
from objectives.deploy.detector import Detections
from objectives.deploy.errors.counts import Counts, count
from objectives.deploy.errors.matching import Matched, above, match
from objectives.deploy.errors.suspects import LIKELY, Doubt, Suspect, find_suspects
from objectives.records.records import Accuracy
from spaces.errors import DataError, nearest

ERRORS_FORMAT = 1  # of what `to_json` returns


class Seen(StrEnum):
    """Whether the detector was trained on the images."""

    TRAINED_ON = "trained on"
    HELD_OUT = "held out"
    UNKNOWN = "unknown"

    @property
    def caveat(self) -> str:
        """What that means for the figures, in one sentence."""
        return {
            Seen.TRAINED_ON: "The detector was trained on these images: it has learnt their labels, wrong ones too, so "
            "errors are fewer than on new images and many wrong labels are not found.",
            Seen.HELD_OUT: "The detector was not trained on these images.",
            Seen.UNKNOWN: "Whether the detector was trained on these images is not known: this is not the data set, "
            "as it was then, that the detector was trained on.",
        }[self]

    def to_json(self) -> bool | None:
        """Return whether it was; None if that is not known."""
        return {Seen.TRAINED_ON: True, Seen.HELD_OUT: False, Seen.UNKNOWN: None}[self]


@dataclass(frozen=True)
class Analysed:
    """What was analysed.

    Attributes:
        detector: what it is, for people: "trial 3 of retail".
        data: name of the data set.
        split: of the data set.
        classes: class names by index, those of the detector.
        confidence: score above which detections count, as deployed.
        seen: whether the detector was trained on the images.
    """

    detector: str
    data: str
    split: str
    classes: tuple[str, ...]
    confidence: float
    seen: Seen


@dataclass(frozen=True, eq=False)
class Analysis:
    """Errors of a detector on a split.

    Attributes:
        of: what was analysed.
        images: the split, class indices those of the detector.
        matched: for each image, its detections held against its labels.
        counts: errors by kind and class.
        suspects: labels that the detector doubts, the most suspect first.
        accuracy: mAP on the split.
    """

    of: Analysed
    images: tuple[LabelledImage, ...]
    matched: tuple[Matched, ...]
    counts: Counts
    suspects: tuple[Suspect, ...]
    accuracy: Accuracy

    @property
    def likely(self) -> dict[Doubt, int]:
        """Number of suspects scored LIKELY or more, by kind; kinds without one are left out."""
        kinds = [suspect.kind for suspect in self.suspects if suspect.score >= LIKELY]
        return {kind: kinds.count(kind) for kind in Doubt if kind in kinds}

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values; suspects have a file of their own."""
        return {
            "format": ERRORS_FORMAT,
            "detector": self.of.detector,
            "data": self.of.data,
            "split": self.of.split,
            "trained_on": self.of.seen.to_json(),
            "caveat": self.of.seen.caveat,
            "confidence": self.of.confidence,
            "images": len(self.images),
            "map": self.accuracy.map,
            "map50": self.accuracy.map50,
            **self.counts.to_json(),
            "suspects": len(self.suspects),
            "likely": {str(kind): number for kind, number in self.likely.items()},
        }


def analyse(of: Analysed, images: Sequence[LabelledImage], all_found: Sequence[Detections]) -> Analysis:
    """Analyse the detections of a split.

    Args:
        of: what is analysed.
        images: the split, class indices those of the detector.
        all_found: one per image, those of low scores included, as for mAP.
    """
    kept = [above(found, of.confidence) for found in all_found]
    matched = tuple(match(found, image) for found, image in zip(kept, images, strict=True))
    counts = count(matched, of.classes)
    suspects = find_suspects(matched, all_found, of.classes, of.confidence)
    accuracy = score(all_found, images, of.classes, of.split)
    return Analysis(of, tuple(images), matched, counts, suspects, accuracy)


def images_for(dataset: Dataset, split: str, classes: Sequence[str]) -> tuple[LabelledImage, ...]:
    """Return the images of a split with the detector's class indices; classes are known by name.

    Raises:
        DataError: the data set lacks the split, or has a class that the detector does not know.
    """
    if split not in dataset.splits:
        hint = nearest(split, dataset.splits)
        raise DataError(f"split: the data set has no '{split}'{hint}; it has {', '.join(dataset.splits)}")
    unknown = [name for name in dataset.classes if name not in classes]
    if unknown:
        raise DataError(
            f"data.root: the detector does not know the class{'es' * (len(unknown) > 1)} {', '.join(unknown)}; "
            f"it was made for {', '.join(classes)}"
        )
    index = np.array([list(classes).index(name) for name in dataset.classes], dtype=np.int64)
    return tuple(replace(image, classes=index[image.classes]) for image in dataset.splits[split])
