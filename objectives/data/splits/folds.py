"""Repeated k-fold splits, for sets too small for a single one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from objectives.data.findings import Finding, Findings
from objectives.data.splits.assign import TRAIN, Labelled, assign
from objectives.data.splits.groups import Groups
from spaces.errors import DataError


@dataclass(frozen=True, eq=False)
class Fold:
    """One of the folds: indices of images to train on and to score on."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]


def folds(
    images: Sequence[Labelled], groups: Groups, classes: Sequence[str], count: int, repeats: int, seed: int
) -> tuple[list[Fold], tuple[Finding, ...]]:
    """Return `count` folds, `repeats` times over with other groups together; each image is scored on once a repeat.

    Args:
        images: of the data set.
        groups: which of them belong together.
        classes: names by index.
        count: of folds, 2 or more.
        repeats: 1 or more.
        seed: of the first repeat.

    Raises:
        DataError: counts out of range, or fewer groups than folds.
    """
    if count < 2 or repeats < 1:
        raise DataError(f"data.folds: needs 2 folds or more and 1 repeat or more, got {count} and {repeats}")
    # The first part is named so that `assign` has a split to take rare classes from; all parts are equal.
    names = [TRAIN, *(f"part {i}" for i in range(2, count + 1))]
    found, made = Findings(), list[Fold]()
    for repeat in range(repeats):
        parts, findings = assign(images, groups, classes, dict.fromkeys(names, 1 / count), seed + repeat)
        found.extend(f for f in findings if f.code != "splits.rare_class")  # in some other fold, it is scored
        of = np.array(parts)
        made += [Fold(np.flatnonzero(of != name), np.flatnonzero(of == name)) for name in names]
    return made, found.made()
