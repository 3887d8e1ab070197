"""Choices of trials as columns of numbers, so that a linear model can explain a figure by them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = NDArray[np.float64]
CURVED_MIN = 4  # different numbers from which on a curve is fitted, not a line
NUMBERS_MIN = 3  # different numbers from which on they are numbers; two are a yes and a no
TINY = 1e-9


def columns_of(values: Sequence[Any], *, log: bool = False, members_min: int = 1) -> Columns | None:
    """Return one choice of all trials as columns (trials, columns), each of mean 0 and variance 1.

    A number is a line and, of four values or more, a parabola; anything else a column for each value but the most
    frequent. A trial without the choice has 0 everywhere: whether a choice is there is the choice that asks for it.

    Args:
        values: of each trial; None where it has none.
        log: whether numbers are taken by their logarithms, as far as all are above 0.
        members_min: trials that a value needs for a column of its own; rarer ones share one. So many trials must differ
            from the most frequent value.

    Returns:
        None where the trials do not differ in the choice, or where all but one value are too rare.
    """
    there = [value for value in values if value is not None]
    counts = Counter(map(_key, there))
    if len(counts) < 2:
        return None
    is_number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in there)
    if len(there) - max(counts.values()) < members_min:
        return None
    if is_number and len(counts) >= NUMBERS_MIN:
        return _curve(values, len(counts), log=log and min(there) > 0)
    return _members(values, counts, members_min)


def _key(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else str(value)


def _curve(values: Sequence[Any], different: int, *, log: bool) -> Columns | None:
    present = np.array([value is not None for value in values])
    numbers = np.array([0.0 if value is None else float(value) for value in values])
    scaled = np.zeros(len(values))
    scaled[present] = _standard(np.log(numbers[present]) if log else numbers[present])
    columns = [scaled]
    if different >= CURVED_MIN:
        bend = np.zeros(len(values))
        line = scaled[present]
        square = line**2 - line * float(np.mean(line**3))  # what a line does not say
        bend[present] = square - square.mean()
        columns.append(bend)
    return _scaled(np.stack(columns, axis=1))


def _members(values: Sequence[Any], counts: Counter[Any], members_min: int) -> Columns | None:
    ranked = sorted(counts, key=lambda value: (-counts[value], str(value)))
    own = [value for value in ranked[1:] if counts[value] >= members_min]
    rare = {value for value in ranked[1:] if counts[value] < members_min}
    columns = [[float(value is not None and _key(value) == one) for value in values] for one in own]
    if sum(counts[value] for value in rare) >= members_min:
        columns.append([float(value is not None and _key(value) in rare) for value in values])
    return _scaled(np.array(columns).T) if columns else None


def _scaled(columns: Columns) -> Columns | None:
    """Return the columns that vary, each of mean 0 and variance 1."""
    varying = columns[:, columns.std(axis=0) > TINY]
    return np.apply_along_axis(_standard, 0, varying) if varying.shape[1] else None


def _standard(numbers: Columns) -> Columns:
    spread = float(numbers.std())
    standard: Columns = (numbers - numbers.mean()) / (spread if spread > TINY else 1.0)
    return standard
