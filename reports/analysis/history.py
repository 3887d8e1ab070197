"""How the hypervolume grew, over the trials that ended and over the time that was worked."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from objectives.records.front import hypervolume_over_trials, reference_for
from reports.table.row import TrialRow
from reports.table.table import StudyTable


@dataclass(frozen=True)
class HypervolumePoint:
    """The hypervolume after so many trials had ended, and after so many seconds of work."""

    trials: int
    seconds: float
    hypervolume: float


def hypervolume_history(table: StudyTable) -> tuple[HypervolumePoint, ...]:
    """Return the curve from its first point on: every step up, and the last trial that ended.

    Time is counted while at least one trial was running: nights between two runs do not stretch it.
    """
    ended = sorted(
        (row for row in table.rows if row.finished_at),
        key=lambda row: (row.finished_at or datetime.max, row.number),
    )
    values = _hypervolumes(table, ended)
    if not values:
        return ()
    clock = WorkClock(ended)
    points = [
        HypervolumePoint(done, clock.seconds_until(row.finished_at), value)
        for done, (row, value) in enumerate(zip(ended, values, strict=True), start=1)
        if row.finished_at
    ]
    rises = [
        point
        for before, point in zip([0.0, *values], points, strict=False)
        if point.hypervolume > before or point is points[-1]
    ]
    return (HypervolumePoint(0, 0.0, 0.0), *rises)


def current_hypervolume(table: StudyTable) -> float | None:
    """Return the hypervolume as it stands, or None before the first finished trial."""
    values = _hypervolumes(table, table.finished)
    return values[-1] if values else None


def _hypervolumes(table: StudyTable, rows: Sequence[TrialRow]) -> list[float]:
    """Return the hypervolume after each row; one that cannot stand on the front adds nothing."""
    within = [row for row in table.finished if row.on_front or not row.is_baseline]  # the space sets the scale
    reference = reference_for([row.p50_ms for row in within if row.p50_ms is not None])
    if reference is None:
        return []
    counts = {row.number for row in table.finished}
    unknown = float("nan")
    return hypervolume_over_trials(
        [row.map if row.map is not None and row.number in counts else unknown for row in rows],
        [row.p50_ms if row.p50_ms is not None and row.number in counts else unknown for row in rows],
        reference,
    )


class WorkClock:
    """Seconds during which at least one of the given trials was running."""

    def __init__(self, rows: Sequence[TrialRow]) -> None:
        spans = sorted((row.started_at or row.finished_at, row.finished_at) for row in rows if row.finished_at)
        self._starts: list[datetime] = []
        self._ends: list[datetime] = []
        for start, end in spans:
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)
        self._before = [0.0]  # seconds worked before each span
        for start, end in zip(self._starts, self._ends, strict=True):
            self._before.append(self._before[-1] + (end - start).total_seconds())

    def seconds_until(self, moment: datetime) -> float:
        """Return the seconds worked up to `moment`."""
        index = bisect_right(self._starts, moment) - 1
        if index < 0:
            return 0.0
        return self._before[index] + (min(moment, self._ends[index]) - self._starts[index]).total_seconds()
