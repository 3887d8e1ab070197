"""Parameters of trials as rows of numbers: mixed and conditional dimensions, whatever the space."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from search.engine.staircase import Floats
from spaces.dimension import Value
from spaces.network.family import FP32, PRECISION
from spaces.network.own import NECK_KIND
from spaces.vocabulary import DEFAULTS, VOCABULARY

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

PRECISION_PLACES = {
    FP32: 0.0,
    "fp16": 0.05,
    "int8": 0.2,
}  # accuracies hardly differ by them
LOG_RATIO = 4.0  # numbers to choose from that span this ratio or more are seen on a logarithmic scale


_Code = tuple[type, Any]  # 1, 1.0 and True are three categories


@dataclass(frozen=True)
class Column:
    """How one dimension becomes a number.

    Attributes:
        name: of the dimension.
        low, high: ends of its scale (of the logarithm, if `log`).
        log: whether the logarithm is taken.
        codes: value to code for a dimension without an order; empty for numbers.
        absent: what counts where a candidate does not have the dimension, as it is chosen; None for nothing.
        places: value to its number, of words that have an order; None for others.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    codes: Mapping[_Code, int] | None = None
    absent: Value | None = None
    places: Mapping[str, float] | None = None

    @property
    def categorical(self) -> bool:
        """Whether its values have no order."""
        return self.codes is not None

    def encode(self, values: Sequence[Any]) -> Floats:
        """Return numbers in [0, 1], or categories' codes; NaN where the dimension does not exist."""
        if self.codes is not None:
            codes, unseen = self.codes, len(self.codes)
            return np.array([np.nan if v is None else codes.get((type(v), v), unseen) for v in values], dtype=float)
        if self.places is not None:
            return np.array([np.nan if v is None else self.places.get(v, 1.0) for v in values], dtype=float)
        numbers = np.array(values, dtype=float)  # None becomes NaN
        return ((np.log(numbers) if self.log else numbers) - self.low) / (self.high - self.low)


class Encoder:
    """Turns parameters into rows; the same dimensions in the same order for every trial."""

    def __init__(self, distributions: "Mapping[str, BaseDistribution]") -> None:
        """Take the dimensions that can vary, by name."""
        columns = (_column(name, distributions[name]) for name in sorted(distributions))
        self.columns: tuple[Column, ...] = tuple(_with_absent(c) for c in columns if c is not None)

    @property
    def categorical(self) -> "np.ndarray[Any, np.dtype[np.bool_]]":
        """Which columns have no order, shape (d,)."""
        return np.array([column.categorical for column in self.columns], dtype=bool)

    def encode(self, params: Sequence[Mapping[str, Any]]) -> Floats:
        """Return rows, shape (n, d); NaN where a dimension does not exist for a trial."""
        rows = np.empty((len(params), len(self.columns)))
        for j, column in enumerate(self.columns):
            rows[:, j] = column.encode([p.get(column.name, column.absent) for p in params])
        return rows


def _column(name: str, distribution: "BaseDistribution") -> Column | None:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match distribution:
        case CategoricalDistribution(choices=choices):
            numbers = [c for c in choices if isinstance(c, int | float) and not isinstance(c, bool)]
            if len(choices) < 2:
                return None
            if len(numbers) < len(choices):
                return Column(name, codes={(type(choice), choice): i for i, choice in enumerate(choices)})
            log = min(numbers) > 0 and max(numbers) / min(numbers) >= LOG_RATIO
            return _numeric(name, min(numbers), max(numbers), log)
        case FloatDistribution() | IntDistribution():
            return _numeric(name, distribution.low, distribution.high, distribution.log)
    raise TypeError(f"{name}: unknown kind of distribution {distribution!r}")


def _with_absent(column: Column) -> Column:
    """Return a column in which the parent of an elastic training stands beside its children: whole.

    So does a detector that says nothing of its neck, as all did once, beside those with the same one.
    """
    known = VOCABULARY.get(column.name)
    if column.name == PRECISION:
        return Column(PRECISION, absent=FP32, places=PRECISION_PLACES)
    if column.name == NECK_KIND:
        return replace(column, absent=DEFAULTS[NECK_KIND])
    if known is None or not known.elastic or known.default is None or column.categorical:
        return column
    return replace(column, absent=float(known.default))


def _numeric(name: str, low: float, high: float, log: bool) -> Column | None:
    if not high > low:
        return None
    return Column(name, float(np.log(low)), float(np.log(high)), True) if log else Column(name, float(low), float(high))
