"""Squared distances between rows of mixed, conditional dimensions, as products of two narrow matrices.

Categories are 1 apart, a dimension that exists for one of two rows alone counts `ABSENT_DISTANCE`, one that exists for
neither is no distance. By dimension the distance from any row to a known one is left @ right.T, so that a weighted sum
over all dimensions is one product, and so is its derivative by each weight.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.engine.staircase import Floats

ABSENT_DISTANCE = 0.25  # squared distance between a dimension that exists and one that does not


@dataclass(frozen=True)
class KnownRows:
    """Rows that distances are taken to.

    Attributes:
        levels: by dimension, the categories that occur, NaN for absent; None for a number.
        right: the rows' factors, shape (n, k).
        dimension: of each of the k columns.
    """

    levels: tuple[Floats | None, ...]
    right: Floats
    dimension: NDArray[np.int_]

    @classmethod
    def of(cls, rows: Floats, categorical: NDArray[np.bool_]) -> "KnownRows":
        """Take rows, shape (n, d), and which dimensions have no order, shape (d,)."""
        levels = tuple(np.unique(rows[:, j]) if categorical[j] else None for j in range(rows.shape[1]))
        parts = [
            _right_number(rows[:, j]) if found is None else _same(rows[:, j], found).astype(float)
            for j, found in enumerate(levels)
        ]
        widths = [part.shape[1] for part in parts]
        right = np.concatenate([np.empty((len(rows), 0)), *parts], axis=1)
        return cls(levels, right, np.repeat(np.arange(len(parts)), widths))

    def left(self, rows: Floats) -> Floats:
        """Return the factors of other rows, shape (m, k)."""
        parts = [
            _left_number(rows[:, j]) if found is None else _left_category(rows[:, j], found)
            for j, found in enumerate(self.levels)
        ]
        return np.concatenate([np.empty((len(rows), 0)), *parts], axis=1)

    def scaled(self, left: Floats, weights: Floats) -> Floats:
        """Return squared distances summed over the dimensions with weights, shape (m, n)."""
        return np.maximum((left * weights[self.dimension]) @ self.right.T, 0.0)

    def by_dimension(self, left: Floats, factor: Floats) -> Floats:
        """Return the sum of `factor`, shape (m, n), times the squared distances of each dimension, shape (d,)."""
        sums = np.sum(left * (factor @ self.right), axis=0)
        return np.bincount(self.dimension, sums, minlength=len(self.levels)).astype(float)


def _same(values: Floats, levels: Floats) -> NDArray[np.bool_]:
    both_absent = np.isnan(values)[:, None] & np.isnan(levels)
    return np.asarray((values[:, None] == levels) | both_absent, dtype=bool)


def _left_category(values: Floats, levels: Floats) -> Floats:
    gap = np.where(np.isnan(values)[:, None] | np.isnan(levels), ABSENT_DISTANCE, 1.0)
    return np.where(_same(values, levels), 0.0, gap)


def _left_number(values: Floats) -> Floats:
    """Return a^2, a, whether it is there, 1: the products with `_right_number` sum up to (a - b)^2 where both are."""
    there = ~np.isnan(values)
    a = np.where(there, values, 0.0)
    return np.column_stack([a * a, a, there, np.ones(len(a))])


def _right_number(values: Floats) -> Floats:
    there = (~np.isnan(values)).astype(float)
    b = np.nan_to_num(values)
    own = b * b + ABSENT_DISTANCE - 2.0 * ABSENT_DISTANCE * there
    return np.column_stack([there, -2.0 * b, own, ABSENT_DISTANCE * there])
