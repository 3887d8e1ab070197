"""A recorded table: one row a training, with its features, its latency and its accuracy over epochs."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from spaces.dimension import Value
from spaces.errors import DataError, nearest

BLANK = {"", "nan", "na", "n/a", "null", "none"}
NO_TEXT = "none"  # the category of a blank cell in a column of text
MOST_CHOICES = 50  # of a numeric column that is taken as a set of values
INTEGER_RANGE = 1000  # the widest column of integers that is suggested as integers


@dataclass(frozen=True)
class Row:
    """One recorded training.

    Attributes:
        features: those that exist for it.
        latency_ms: None if it was not measured.
        curve: epoch -> accuracy, rising, where it is known; empty if the training failed.
        epoch_seconds: seconds of training an epoch.
    """

    features: Mapping[str, Value]
    latency_ms: float | None
    curve: Mapping[int, float]
    epoch_seconds: float

    @property
    def failed(self) -> bool:
        """Whether it gives no point: without accuracy or without latency."""
        return not self.curve or self.latency_ms is None

    def best_until(self, epoch: int) -> float:
        """Return the best accuracy at or before an epoch; NaN if there is none."""
        return max((a for e, a in self.curve.items() if e <= epoch), default=math.nan)


@dataclass(frozen=True)
class Table:
    """The recorded trainings.

    Attributes:
        name: of the file.
        rows: in the file's order.
        features: names of the columns that describe a row.
        epochs: of a full training; 1 without curves.
        has_curves: whether accuracies over epochs are known.
        has_seconds: whether seconds of training are known; else an epoch counts as a second.
    """

    name: str
    rows: tuple[Row, ...]
    features: tuple[str, ...]
    epochs: int
    has_curves: bool
    has_seconds: bool

    @cached_property
    def values(self) -> dict[str, list[Value]]:
        """Return the distinct values of each feature, sorted; blanks left out."""
        columns = {name: {row.features[name] for row in self.rows if name in row.features} for name in self.features}
        return {name: sorted(values) for name, values in columns.items()}  # type: ignore[type-var]  # one type a column


def is_numeric(values: Sequence[Value]) -> bool:
    """Return whether a column holds numbers."""
    return not isinstance(values[0], str)


def is_log(values: Sequence[Value]) -> bool:
    """Return whether a numeric column, sorted, is searched on a log axis: over a decade or more above 0."""
    low, high = float(values[0]), float(values[-1])
    return low > 0 and high / low >= 10


def distributions(table: Table, exact: bool = False) -> dict[str, BaseDistribution]:
    """Return the dimensions that a sampler searches, by feature.

    Args:
        table: whose columns they are.
        exact: the sampler proposes rows, so a numeric column is the set of its values unless they are many;
            otherwise it is a range, and what is suggested is moved to the nearest row.
    """
    return {name: (_exact if exact else _relaxed)(values) for name, values in table.values.items()}


def _exact(values: Sequence[Value]) -> BaseDistribution:
    return CategoricalDistribution(values) if len(values) <= MOST_CHOICES else _text_or_float(values)


def _relaxed(values: Sequence[Value]) -> BaseDistribution:
    low, high = values[0], values[-1]
    if isinstance(low, int) and isinstance(high, int) and high - low <= INTEGER_RANGE:
        return IntDistribution(low, high, log=is_log(values))
    return _text_or_float(values)


def _text_or_float(values: Sequence[Value]) -> BaseDistribution:
    if not is_numeric(values):
        return CategoricalDistribution(values)
    return FloatDistribution(float(values[0]), float(values[-1]), log=is_log(values))


@dataclass(frozen=True)
class Columns:
    """Which columns of the file mean what, as of the command line."""

    accuracy: str | None
    latency: str
    features: tuple[str, ...]
    curves: str | None = None
    seconds: str | None = None


def read_table(path: Path, columns: Columns) -> Table:
    """Read a recorded table.

    Raises:
        DataError: it cannot be read, a column is missing, or a cell breaks the rules.
    """
    cells = _cells(path)
    if columns.accuracy is None and columns.curves is None:
        raise DataError("--accuracy or --curves: one of them must name columns")
    epochs = _accuracy_epochs(cells[0], columns, path.name)
    latencies = [_latency_ms(cell, f"{path.name}, line {n}") for n, cell in _column(cells, columns.latency)]
    curves = [_curve(row, epochs, f"{path.name}, line {line}") for line, row in enumerate(cells, start=2)]
    seconds = _seconds(cells, columns.seconds, path.name)
    features = _features(cells, columns.features)
    parts = zip(features, latencies, curves, seconds, strict=True)
    return Table(
        name=path.stem,
        rows=tuple(Row(*part) for part in parts),
        features=columns.features,
        epochs=max(epochs.values()),
        has_curves=columns.curves is not None,
        has_seconds=columns.seconds is not None,
    )


def _cells(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            cells = [{k: v or "" for k, v in row.items() if k is not None} for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV: {error}") from error
    if len(cells) < 2:
        raise DataError(f"{path.name}: needs at least two rows, got {len(cells)}")
    return cells


def _column(cells: Sequence[Mapping[str, str]], name: str) -> list[tuple[int, str]]:
    return [(line, row[name].strip()) for line, row in enumerate(cells, start=2)]


def _number(cell: str, where: str) -> float:
    """Return a cell's number; NaN if it is blank."""
    if cell.lower() in BLANK:
        return math.nan
    try:
        return float(cell)
    except ValueError:
        raise DataError(f"{where}: '{cell}' is no number") from None


def _latency_ms(cell: str, where: str) -> float | None:
    latency_ms = _number(cell, where)
    if latency_ms <= 0 or math.isinf(latency_ms):
        raise DataError(f"{where}: latency must be above 0 and finite, got {cell}")
    return None if math.isnan(latency_ms) else latency_ms


def _accuracy_epochs(header: Mapping[str, str], columns: Columns, name: str) -> dict[str, int]:
    """Return the epoch of each column of accuracy, after a look whether all columns are there."""
    for column in (columns.accuracy, columns.latency, columns.seconds, *columns.features):
        if column is not None and column not in header:
            raise DataError(f"{name}: no column '{column}'{nearest(column, header)}")
    if columns.curves is None:
        return {columns.accuracy or "": 1}
    epochs = _curve_epochs(header, columns.curves)
    if not epochs:
        stems = [column.rstrip("0123456789") for column in header if column[-1:].isdigit()]
        raise DataError(f"{name}: no columns '{columns.curves}' + epoch{nearest(columns.curves, stems)}")
    return epochs


def _curve_epochs(header: Mapping[str, str], prefix: str) -> dict[str, int]:
    """Return the epoch of each column of the curves; columns that count from 0 are counted from 1."""
    tails = {name: name.removeprefix(prefix) for name in header if name.startswith(prefix)}
    numbers = {name: int(tail) for name, tail in tails.items() if tail.isascii() and tail.isdigit()}
    first = 1 if 0 in numbers.values() else 0
    return dict(sorted(((name, number + first) for name, number in numbers.items()), key=lambda pair: pair[1]))


def _curve(row: Mapping[str, str], epochs: Mapping[str, int], where: str) -> dict[int, float]:
    values = ((epoch, _number(row[column].strip(), where)) for column, epoch in epochs.items())
    return {epoch: value for epoch, value in values if math.isfinite(value)}


def _seconds(cells: Sequence[Mapping[str, str]], column: str | None, name: str) -> list[float]:
    """Return seconds an epoch; the column's median where it is blank."""
    if column is None:
        return [1.0] * len(cells)
    seconds = [_number(cell, f"{name}, line {line}") for line, cell in _column(cells, column)]
    known = [value for value in seconds if math.isfinite(value) and value > 0]
    if not known or any(value <= 0 for value in seconds):
        raise DataError(f"{name}: column '{column}' must hold seconds above 0")
    return [value if math.isfinite(value) else median(known) for value in seconds]


def _features(cells: Sequence[Mapping[str, str]], names: Sequence[str]) -> list[dict[str, Value]]:
    columns = {name: _values([cell for _, cell in _column(cells, name)]) for name in names}
    return [
        {name: value for name in names if (value := columns[name][index]) is not None} for index in range(len(cells))
    ]


def _values(column: Sequence[str]) -> list[Value | None]:
    """Return a column's values: numbers, None where blank, if all are numbers; else text."""
    known = [cell for cell in column if cell.lower() not in BLANK]
    try:
        numbers = [float(cell) for cell in known]
    except ValueError:
        numbers = []
    if not numbers or not all(map(math.isfinite, numbers)):
        return [NO_TEXT if cell.lower() in BLANK else cell for cell in column]
    kind = int if all(number.is_integer() for number in numbers) else float
    return [None if cell.lower() in BLANK else kind(float(cell)) for cell in column]
