"""Errors counted over a split: by kind, by class, and which class is taken for which."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.errors.matching import OF_DETECTIONS, OF_LABELS, Kind, Matched


@dataclass(frozen=True)
class ClassErrors:
    """Counts of one class.

    Attributes:
        name: of the class.
        labels: number of its labels by what became of them, OF_LABELS; they add up to all of its labels.
        detections: number of detections of this class by what they are, OF_DETECTIONS; they add up likewise.
    """

    name: str
    labels: dict[Kind, int]
    detections: dict[Kind, int]

    @property
    def labelled(self) -> int:
        """Number of its labels."""
        return sum(self.labels.values())

    @property
    def detected(self) -> int:
        """Number of detections of this class."""
        return sum(self.detections.values())

    @property
    def recall(self) -> float | None:
        """Share of its labels that are found, 0 to 1; None if it has none."""
        return self.labels[Kind.CORRECT] / self.labelled if self.labelled else None

    @property
    def precision(self) -> float | None:
        """Share of its detections that are correct, 0 to 1; None if there is none."""
        return self.detections[Kind.CORRECT] / self.detected if self.detected else None

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return {
            "class": self.name,
            "labels": {str(kind): count for kind, count in self.labels.items()},
            "detections": {str(kind): count for kind, count in self.detections.items()},
            "recall": self.recall,
            "precision": self.precision,
        }


@dataclass(frozen=True)
class Confusion:
    """One class taken for another: how many labels of `label` were detected as `detected`."""

    label: str
    detected: str
    count: int


@dataclass(frozen=True, eq=False)
class Counts:
    """Errors of a split.

    Attributes:
        classes: counts by class, in the order of the classes.
        matrix: (k + 1, k + 1) rows are classes of labels, columns those of detections. A label stands in its row once:
            under the class of the detection that stands for it, or in the last column, where nothing does (poorly
            placed ones included). A detection that stands for no label is in the last row.
    """

    classes: tuple[ClassErrors, ...]
    matrix: NDArray[np.int64]

    @property
    def labels(self) -> dict[Kind, int]:
        """All labels by what became of them."""
        return {kind: sum(one.labels[kind] for one in self.classes) for kind in OF_LABELS}

    @property
    def detections(self) -> dict[Kind, int]:
        """All detections by what they are."""
        return {kind: sum(one.detections[kind] for one in self.classes) for kind in OF_DETECTIONS}

    @property
    def confusions(self) -> tuple[Confusion, ...]:
        """Pairs of classes that are confused, the most frequent first."""
        names = [one.name for one in self.classes]
        pairs = self.matrix[:-1, :-1].copy()
        np.fill_diagonal(pairs, 0)
        found = [Confusion(names[i], names[k], int(pairs[i, k])) for i, k in zip(*np.nonzero(pairs), strict=True)]
        return tuple(sorted(found, key=lambda pair: -pair.count))

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return {
            "labels": {str(kind): count for kind, count in self.labels.items()},
            "detections": {str(kind): count for kind, count in self.detections.items()},
            "classes": [one.to_json() for one in self.classes],
            "confusion_matrix": self.matrix.tolist(),
        }


def count(matched: Sequence[Matched], classes: Sequence[str]) -> Counts:
    """Count the errors of a split.

    Args:
        matched: its images.
        classes: class names by index.
    """
    labels = np.zeros((len(classes), len(OF_LABELS)), dtype=np.int64)
    detections = np.zeros((len(classes), len(OF_DETECTIONS)), dtype=np.int64)
    matrix = np.zeros((len(classes) + 1, len(classes) + 1), dtype=np.int64)
    for one in matched:
        of_labels, of_detections = one.image.classes, one.found.classes
        np.add.at(labels, (of_labels, _indices(OF_LABELS, one.fates)), 1)
        np.add.at(detections, (of_detections, _indices(OF_DETECTIONS, one.kinds)), 1)
        stands = one.takers >= 0
        columns = np.full(len(of_labels), len(classes))
        columns[stands] = of_detections[one.takers[stands]]
        np.add.at(matrix, (of_labels, columns), 1)
        alone = np.setdiff1d(np.arange(len(of_detections)), one.takers[stands])
        np.add.at(matrix[-1], of_detections[alone], 1)
    return Counts(
        tuple(
            ClassErrors(
                name,
                dict(zip(OF_LABELS, labels[k].tolist(), strict=True)),
                dict(zip(OF_DETECTIONS, detections[k].tolist(), strict=True)),
            )
            for k, name in enumerate(classes)
        ),
        matrix,
    )


def _indices(known: Sequence[Kind], kinds: Sequence[Kind]) -> NDArray[np.int64]:
    return np.array([known.index(kind) for kind in kinds], dtype=np.int64)
