"""From what a sampler suggests to a row of the table that was not tried yet."""

import sys
from abc import ABC, abstractmethod
from collections import defaultdict

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, FloatDistribution
from replay_table import Row, Table, distributions, is_log, is_numeric

from spaces.dimension import Value


class Chooser(ABC):
    """Asks a trial for its dimensions and takes a row; each row is taken once."""

    def __init__(self, table: Table, seed: int) -> None:
        self.table = table
        self.seed = seed
        self.untried = np.ones(len(table.rows), bool)

    def take(self, trial: optuna.Trial) -> int:
        """Return the row's index."""
        row = self._choose(trial)
        self.untried[row] = False
        return row

    @abstractmethod
    def _choose(self, trial: optuna.Trial) -> int: ...


class Nearest(Chooser):
    """Takes the nearest untried row: 1 for each other text, the scaled difference for each number.

    A number that a row lacks adds nothing. Of rows equally near, the first of an order shuffled by the seed.
    """

    def __init__(self, table: Table, seed: int) -> None:
        super().__init__(table, seed)
        self.dimensions = distributions(table)
        self.order = np.random.default_rng(seed).permutation(len(table.rows))
        rows = [table.rows[i] for i in self.order]
        self.columns = {
            name: np.array([self._scaled(name, row.features.get(name)) for row in rows]) for name in self.dimensions
        }

    def _scaled(self, name: str, value: Value | None) -> float:
        """Return a text's place in its column, a number's place between least and most; NaN for none."""
        if value is None:
            return np.nan
        values = self.table.values[name]
        if not is_numeric(values):
            return float(values.index(value))
        low, high, at = float(values[0]), float(values[-1]), float(value)
        if is_log(values):
            low, high, at = np.log(low), np.log(high), np.log(at)
        return float((at - low) / (high - low)) if high > low else 0.0

    def _choose(self, trial: optuna.Trial) -> int:
        return self.nearest({name: suggest(trial, name, space) for name, space in self.dimensions.items()})

    def nearest(self, params: dict[str, Value]) -> int:
        """Return the nearest untried row's index."""
        distance = np.zeros(len(self.order))
        for name, value in params.items():
            apart: NDArray[np.float64] = np.abs(self.columns[name] - self._scaled(name, value))
            distance += np.nan_to_num(apart) if is_numeric(self.table.values[name]) else apart > 0
        distance[~self.untried[self.order]] = np.inf
        return int(self.order[np.argmin(distance)])


class Exact(Chooser):
    """Takes the row that the sampler proposed; rows with the same features are handed out in order."""

    def __init__(self, table: Table, seed: int) -> None:
        super().__init__(table, seed)
        self.dimensions = distributions(table, exact=True)
        self.rows: dict[tuple[Value | None, ...], list[int]] = defaultdict(list)
        for index, row in enumerate(table.rows):
            self.rows[self._key(candidate(row, self.dimensions))].append(index)

    def _key(self, params: dict[str, Value]) -> tuple[Value | None, ...]:
        return tuple(params.get(name) for name in self.dimensions)

    def _choose(self, trial: optuna.Trial) -> int:
        everywhere = {name for name in self.dimensions if all(name in row.features for row in self.table.rows)}
        # A dimension that some rows lack is asked for where the sampler's candidate has it.
        asked = everywhere | trial.relative_params.keys()
        params = {name: suggest(trial, name, space) for name, space in self.dimensions.items() if name in asked}
        rows = self.rows.get(self._key(params))
        if rows is None:
            raise RuntimeError(f"the sampler proposed what is no row of the table: {params}")
        if not rows:
            sys.stderr.write(f"proposed again, the nearest row is taken: {params}\n")
            return self._instead(params)
        return rows.pop(0)

    def _instead(self, params: dict[str, Value]) -> int:
        near = Nearest(self.table, self.seed)
        near.untried = self.untried
        row = near.nearest(params)
        self.rows[self._key(candidate(self.table.rows[row], self.dimensions))].remove(row)
        return row


def candidate(row: Row, dimensions: dict[str, BaseDistribution]) -> dict[str, Value]:
    """Return a row's features as params: what a float dimension holds is a float."""
    return {
        name: float(value) if isinstance(dimensions[name], FloatDistribution) else value
        for name, value in row.features.items()
    }


def suggest(trial: optuna.Trial, name: str, space: BaseDistribution) -> Value:
    """Ask a trial for a value of a dimension."""
    match space:
        case optuna.distributions.CategoricalDistribution(choices=choices):
            return trial.suggest_categorical(name, choices)  # type: ignore[return-value]  # one of the values
        case optuna.distributions.IntDistribution(low=low, high=high, log=log):
            return trial.suggest_int(name, low, high, log=log)
        case FloatDistribution(low=low, high=high, log=log):
            return trial.suggest_float(name, low, high, log=log)
    raise TypeError(f"{name}: {space}")
