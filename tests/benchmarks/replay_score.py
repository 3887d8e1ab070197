"""Scores of a replayed search: the share of the table's hypervolume, and what of the true front was found."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from replay_run import Event
from replay_table import Table

from objectives.records.front import Reference, hypervolume_over_trials
from spaces.errors import DataError

LATENCY_TOLERANCE = 1.0001  # ratio
ACCURACY_TOLERANCE = 0.01  # of the accuracy range of the front


@dataclass(frozen=True, eq=False)
class Goal:
    """What there is to be found in a table: the whole hypervolume above a reference accuracy, and the front."""

    table: Table
    reference: float
    box: Reference
    total: float

    @classmethod
    def of(cls, table: Table, reference: float | None = None) -> "Goal":
        """Take the reference latency from the table, and the reference accuracy where none is given.

        That is 0, or the least accuracy over all curves if there are curves.

        Raises:
            DataError: no row is worth anything.
        """
        rows = [row for row in table.rows if not row.failed]
        latencies = [row.latency_ms or math.nan for row in rows]
        if len(set(latencies)) < 2:
            raise DataError(f"{table.name}: needs trained rows of at least two latencies, got {len(set(latencies))}")
        if reference is None:
            reference = min(min(row.curve.values()) for row in rows) if table.has_curves else 0.0
        box = Reference(min(latencies), max(latencies))
        gains = [row.best_until(table.epochs) - reference for row in rows]
        total = hypervolume_over_trials(gains, latencies, box)[-1]
        if not total > 0:
            raise DataError(f"{table.name}: the whole hypervolume is 0 above accuracy {reference:g}; set --reference")
        return cls(table, reference, box, total)

    def shares(self, events: Sequence[Event]) -> list[float]:
        """Return the share of the whole hypervolume after each step."""
        latencies = [self._latency_ms(event) for event in events]
        gains = [event.accuracy - self.reference for event in events]
        return [area / self.total for area in hypervolume_over_trials(gains, latencies, self.box)]

    @cached_property
    def front(self) -> list[tuple[float, float]]:
        """Return (latency in ms, accuracy) of the true front, the fastest first."""
        points = [(r.latency_ms or math.nan, -r.best_until(self.table.epochs)) for r in self.table.rows if not r.failed]
        members: list[tuple[float, float]] = []
        for latency_ms, minus in sorted(points):
            if not members or -minus > members[-1][1]:
                members.append((latency_ms, -minus))
        return members

    def found(self, events: Sequence[Event], slow: bool) -> float:
        """Return the share of the front's slowest or fastest third that was found, within the tolerances."""
        third = math.ceil(len(self.front) / 3)
        members = self.front[-third:] if slow else self.front[:third]
        slack = ACCURACY_TOLERANCE * (self.front[-1][1] - self.front[0][1])
        points = [(self._latency_ms(event), event.accuracy) for event in events]
        return fmean(
            any(ms <= latency_ms * LATENCY_TOLERANCE and gain >= accuracy - slack for ms, gain in points)
            for latency_ms, accuracy in members
        )

    def _latency_ms(self, event: Event) -> float:
        return self.table.rows[event.row].latency_ms or math.nan


@dataclass(frozen=True)
class History:
    """A search that ended: its steps, the share after each, and what the engine's decisions took."""

    events: Sequence[Event]
    shares: Sequence[float]
    ask_seconds: Sequence[float]
    step_seconds: Sequence[float]

    def until(self, epochs: float) -> "History":
        """Return the part within a budget."""
        count = sum(event.epochs <= epochs + 1e-6 for event in self.events)
        return History(self.events[:count], self.shares[:count], self.ask_seconds, self.step_seconds)

    def share(self, epochs: float) -> float:
        """Return the share within a budget."""
        shares = self.until(epochs).shares
        return shares[-1] if shares else 0.0

    def first(self, share: float) -> tuple[float, float]:
        """Return (epochs, seconds) of training until a share; infinite if it was not reached."""
        for event, reached in zip(self.events, self.shares, strict=True):
            if reached >= share - 1e-9:
                return event.epochs, event.seconds
        return math.inf, math.inf
