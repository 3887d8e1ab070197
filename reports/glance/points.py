"""The front as points to draw in letters, in the terms of the gate or of the search's objectives."""

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass

from objectives.records.gate import Gate
from reports.analysis.views import IN_VIEW, default_view
from reports.table.row import Origin, TrialRow
from reports.table.table import StudyTable

Place = tuple[float, float]  # latency in ms, accuracy
Seen = MutableMapping[int, tuple[float | None, float | None, Place | None]]


@dataclass(frozen=True)
class FrontPoint:
    """A trial to draw by a mark of its own: latency in ms, accuracy in [0, 1]."""

    number: int
    latency_ms: float
    accuracy: float
    origin: Origin = Origin.TRAINED


@dataclass(frozen=True)
class FrontPoints:
    """All that a drawing of the front shows.

    Attributes:
        latency_name: "p95" or "p50".
        accuracy_name: "mAP50" or "mAP".
        front: the front's members, by rising latency.
        others: places of the finished trials that are not on it.
        baseline: the stock detector, which is a member or one of the others too.
        baseline_name: its name, "yolo26n".
        pick: number of the trial that is put first.
        most_ms: the gate's bound on this latency, if any.
        least: the gate's bound on this accuracy, if any.
        gate_has_more: whether the gate bounds other quantities, too.
        running: trials under way whose latency is known, where they stand by their last rung.
    """

    latency_name: str
    accuracy_name: str
    front: tuple[FrontPoint, ...]
    others: tuple[Place, ...] = ()
    baseline: FrontPoint | None = None
    baseline_name: str = ""
    pick: int | None = None
    most_ms: float | None = None
    least: float | None = None
    gate_has_more: bool = False
    running: tuple[FrontPoint, ...] = ()

    @property
    def places(self) -> list[Place]:
        """Places of all marks that the axes must hold."""
        marks = [*self.front, *([self.baseline] if self.baseline else [])]
        return [(point.latency_ms, point.accuracy) for point in marks]


def in_gate_terms(gate: Gate) -> bool:
    """Whether a front is drawn as mAP50 over p95, as the page opens, rather than as mAP over p50."""
    return default_view(gate) == "gate"


def front_points(table: StudyTable, pick: int | None = None, seen: Seen | None = None) -> FrontPoints:
    """Return the finished trials of a study as points to draw.

    Args:
        table: the study.
        pick: number of the trial that is put first.
        seen: places of trials from an earlier call, taken and added to: a long search unpacks each trial once.
    """
    in_gate, gate = in_gate_terms(table.gate), table.gate
    places = _places(table.finished, in_gate, {} if seen is None else seen)
    front = [_point(row, places) for row in table.finished if row.on_front and row.number in places]
    stock = next((row for row in table.finished if row.is_baseline and row.number in places), None)
    on_front = {point.number for point in front}
    return FrontPoints(
        latency_name="p95" if in_gate else "p50",
        accuracy_name="mAP50" if in_gate else "mAP",
        front=tuple(sorted(front, key=lambda point: (point.latency_ms, point.accuracy))),
        others=tuple(place for number, place in places.items() if number not in on_front),
        baseline=None if stock is None else _point(stock, places),
        baseline_name="" if stock is None else str(stock.baseline).partition("@")[0],
        pick=pick,
        most_ms=gate.p95_ms_max if in_gate else gate.p50_ms_most(),
        least=gate.map50_min if in_gate else gate.map_min,
        gate_has_more=not {bound.setting for bound in gate.bounds} <= IN_VIEW["gate" if in_gate else "objectives"],
    )


def _places(rows: Iterable[TrialRow], in_gate: bool, seen: Seen) -> dict[int, Place]:
    """Return where each trial lies; one whose objectives are those of the last time is not looked at again."""
    found = {}
    for row in rows:
        known = seen.get(row.number)
        if known is None or known[:2] != (row.objective_ms, row.map):
            latency, accuracy = (row.p95_ms, row.map50) if in_gate else (row.p50_ms, row.map)
            place = None if latency is None or accuracy is None else (latency, accuracy)
            known = seen[row.number] = (row.objective_ms, row.map, place)
        if known[2] is not None:
            found[row.number] = known[2]
    return found


def _point(row: TrialRow, places: dict[int, Place]) -> FrontPoint:
    return FrontPoint(row.number, *places[row.number], row.origin)
