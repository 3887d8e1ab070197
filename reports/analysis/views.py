"""The two views of the front as data to draw: the gate's terms, and the search's objectives."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from objectives.records.even_sample import best_and_sample
from objectives.records.gate import Gate
from objectives.records.records import Outcome
from reports.table.kin.family_words import origin_words
from reports.table.proof.contestants import read_proof
from reports.table.row import PAUSED, TrialRow
from reports.table.table import StudyTable
from reports.table.words import architecture, ms, share

VIEWS = {"gate": "The gate’s terms", "objectives": "The search’s objectives"}
IN_VIEW = {"gate": {"p95_ms_max", "map50_min"}, "objectives": {"p50_ms_max", "throughput_min", "map_min"}}  # bounds
LAYERS = ("child", "finished", "stopped", "running", "paused", "over", "front")
POINTS_MAX = 3000  # a browser draws so many at once, without WebGL
TICK_LADDERS: tuple[tuple[float, ...], ...] = (
    (1,),
    (1, 3),
    (1, 2, 5),
    (1, 1.5, 2, 3, 5, 7),
    (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8),
)


@dataclass(frozen=True)
class Point:
    """One trial in a view: latency in ms, mAP (None where only the latency is known), and its marks.

    Attributes:
        family: number of the elastic training that it is a child of, was polished from, or is; None if of no family.
        is_child: whether it was cut from that training, and not trained itself.
        is_baseline: whether it is the stock detector that the others are compared with.
        ends_ms: of a median latency its 95 % interval; None where none is known.
    """

    number: int
    latency_ms: float
    accuracy: float | None
    stable: bool
    passes_gate: bool
    label: str
    family: int | None = None
    is_child: bool = False
    is_baseline: bool = False
    ends_ms: tuple[float, float] | None = None


@dataclass(frozen=True)
class ProvenPoint:
    """A contestant of a proof in a view: means over its seeds, with their intervals.

    Attributes:
        latency_half_ms: half of the latency's interval.
        accuracy_half: half of the accuracy's.
    """

    number: int
    latency_ms: float
    latency_half_ms: float
    accuracy: float
    accuracy_half: float


@dataclass(frozen=True)
class FamilyLine:
    """One family in a view: its number, how many children were scored, and its parent and children on the front.

    Attributes:
        points: the parent, and its children and polishes on the front, by rising latency.
    """

    number: int
    children: int
    points: tuple[Point, ...]


@dataclass(frozen=True)
class FrontView:
    """Everything that a drawing of the front needs.

    Attributes:
        layers: name of a layer, of LAYERS, to its points; the points of the front by rising latency.
        gate_ms: greatest latency that the gate admits in this view's quantity, if any.
        gate_accuracy: least accuracy that the gate admits in this view's quantity, if any.
        latency_range_ms: what the axis shows at first; points outside are reached by zooming out.
        winner: number of the trial to name.
        total: points that there are; `layers` may hold fewer.
        families: those with scored children, by number.
        baseline: the finished baseline's point, which lies in a layer too, and its name.
        gate_has_more: whether the gate bounds other quantities than this view's.
        proven: contestants of the study's proof, as far as they have two trainings or more.
    """

    key: str
    latency_name: str
    accuracy_name: str
    layers: dict[str, tuple[Point, ...]]
    gate_ms: float | None
    gate_accuracy: float | None
    latency_range_ms: tuple[float, float]
    accuracy_range: tuple[float, float]
    winner: int | None
    total: int
    families: tuple[FamilyLine, ...] = ()
    baseline: tuple[Point, str] | None = None
    gate_has_more: bool = False
    proven: tuple[ProvenPoint, ...] = ()

    @property
    def drawn(self) -> int:
        """Points that are drawn."""
        return sum(map(len, self.layers.values()))


def default_view(gate: Gate) -> str:
    """Return the view to open with: the gate's terms if the gate bounds mAP50 or p95."""
    return "objectives" if gate.map50_min is None and gate.p95_ms_max is None else "gate"


class MadePoints:
    """Points of a study's trials: those of a trial that is still the same object are not made anew."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._made: dict[tuple[str, int], tuple[TrialRow, int | None, str | None, Point | None]] = {}

    def of(self, row: TrialRow, key: str, family: int | None, *, has_gate: bool) -> tuple[str | None, Point | None]:
        """Return where a trial is drawn in a view, and its point; None where it is not."""
        kept = self._made.get((key, row.number))
        if kept is None or kept[0] is not row or kept[1] != family:
            layer = None if row.other_device or row.is_proof else _layer(row)
            point = _point(row, family, in_gate=key == "gate", has_gate=has_gate) if layer else None
            kept = self._made[key, row.number] = (row, family, layer, point)
        return kept[2:]


def front_view(
    table: StudyTable,
    key: str,
    winner: int | None = None,
    points_max: float = POINTS_MAX,
    made: MadePoints | None = None,
) -> FrontView:
    """Return mAP50 against p95 (`gate`) or mAP 0.5:0.95 against p50 (`objectives`), of about `points_max` points.

    Args:
        table: the study.
        key: of the view.
        winner: number of the trial to name.
        points_max: about how many points are drawn.
        made: points of this study, for whoever asks again and again.
    """
    in_gate, gate = key == "gate", table.gate
    made = made or MadePoints()
    found: dict[str, list[Point]] = {layer: [] for layer in LAYERS}
    families = {family.number: family.number for family in table.families if family.children}
    families |= {row.number: family.number for family in table.families for row in family.polishes}
    for row in table.rows:
        family = row.parent if row.is_child else families.get(row.number)
        layer, point = made.of(row, key, family, has_gate=gate != Gate())
        if layer and point and (layer == "over" or point.accuracy is not None):
            found[layer].append(point)
    found["front"].sort(key=lambda point: point.latency_ms)
    bounds = (gate.p95_ms_max, gate.map50_min) if in_gate else (gate.p50_ms_most(), gate.map_min)
    return FrontView(
        key=key,
        latency_name="p95 latency" if in_gate else "p50 latency",
        accuracy_name="mAP50" if in_gate else "mAP 0.5:0.95",
        layers=_thinned(found, winner, points_max),
        gate_ms=bounds[0],
        gate_accuracy=bounds[1],
        latency_range_ms=_latency_range(found, bounds[0]),
        accuracy_range=_accuracy_range(found, bounds[1]),
        winner=winner,
        total=sum(map(len, found.values())),
        families=_lines(table, found),
        baseline=_baseline(table, found),
        gate_has_more=not {bound.setting for bound in gate.bounds} <= IN_VIEW[key],
        proven=_proven(table, in_gate=in_gate),
    )


def _proven(table: StudyTable, *, in_gate: bool) -> tuple[ProvenPoint, ...]:
    proof, found = read_proof(table), []
    for one in proof.contestants if proof else ():
        latency, accuracy = (one.p95_ms, one.map50) if in_gate else (one.p50_ms, one.map)
        if latency is not None and accuracy is not None:
            found.append(ProvenPoint(one.number, latency.mean, latency.half, accuracy.mean, accuracy.half))
    return tuple(found)


def _baseline(table: StudyTable, layers: dict[str, list[Point]]) -> tuple[Point, str] | None:
    names = {row.number: row.baseline for row in table.rows if row.baseline is not None}
    points = (point for layer in ("front", "finished") for point in layers[layer] if point.number in names)
    return next(((point, names[point.number]) for point in points), None)


def _lines(table: StudyTable, layers: dict[str, list[Point]]) -> tuple[FamilyLine, ...]:
    """Return the families with children that are drawn."""
    on_front = [point for point in layers["front"] if point.family is not None]
    parents = [p for name in ("finished", "front") for p in layers[name] if p.family == p.number]
    members = {point.number: point for point in (*parents, *on_front)}.values()
    ranked = sorted(members, key=lambda point: (point.latency_ms, point.accuracy or 0.0))
    return tuple(
        FamilyLine(family.number, len(family.children), tuple(p for p in ranked if p.family == family.number))
        for family in table.families
        if family.children
    )


def _thinned(layers: dict[str, list[Point]], winner: int | None, points_max: float) -> dict[str, tuple[Point, ...]]:
    """Return `points_max` points or few more: the front, winner, baseline, and the same share of every other layer."""
    total = sum(map(len, layers.values()))
    thinned = {}
    for layer, points in layers.items():
        most = len(points) if layer == "front" else math.ceil(len(points) * min(1.0, points_max / max(1, total)))
        kept = best_and_sample(points, most, lambda point: point.accuracy or 0.0)
        named = [point for point in points if (point.number == winner or point.is_baseline) and point not in kept]
        thinned[layer] = (*kept, *named)
    return thinned


def _layer(row: TrialRow) -> str | None:
    """Return where a trial is drawn, or None if nowhere."""
    if row.is_measured:
        return "front" if row.on_front else "child" if row.is_child else "finished"
    if row.outcome is Outcome.STOPPED:
        return "stopped"
    if row.outcome is Outcome.OVER_BOUND:
        return "over"
    if row.outcome is None:
        return PAUSED if row.paused else "running"
    return None


def _point(row: TrialRow, family: int | None, *, in_gate: bool, has_gate: bool) -> Point | None:
    latency = row.p95_ms if in_gate else row.p50_ms
    if latency is None:
        return None
    last = row.rungs[-1] if row.rungs and not row.is_measured else None
    seen = (last.map50 if in_gate else last.map) if last else None
    accuracy = (row.map50 if in_gate else row.map) if row.is_measured else seen
    passes = has_gate and row.passes_gate
    ends = None if in_gate else row.p50_ends_ms
    shown = (row.number, latency, accuracy, row.stable, passes, _label(row))
    return Point(*shown, family, row.is_child, row.is_baseline, ends)


def _label(row: TrialRow) -> str:
    """Return two lines for a hover, a third for what was not just trained: detector, figures, what it comes from."""
    figures = (
        ("mAP50", row.map50, share),
        ("mAP", row.map, share),
        ("p95", row.p95_ms, ms),
        ("p50", row.p50_ms, ms),
    )
    said = "  ".join(f"{name} {form(value)}" for name, value, form in figures if value is not None)
    child = f"\n{origin_words(row)}" if row.is_special else ""
    return f"{architecture(row.candidate) or row.status}\n{said}{child}"


def _latency_range(layers: dict[str, list[Point]], bound: float | None) -> tuple[float, float]:
    """Return a range around trained trials and the bound; over-bound trials count up to 2.5 times that."""
    trained = _latencies(layers, ("child", "finished", "front", "stopped", "running", PAUSED)) + (
        [bound] if bound else []
    )
    if not trained:
        trained = _latencies(layers, ("over",)) or [1.0, 10.0]
    over = [value for value in _latencies(layers, ("over",)) if value <= 2.5 * max(trained)]
    low, high = min(trained + over), max(trained + over)
    pad = max((high / low) ** 0.06, 1.06)
    return (low / pad, high * pad)


def _latencies(layers: dict[str, list[Point]], names: Iterable[str]) -> list[float]:
    return [point.latency_ms for name in names for point in layers[name]]


def _accuracy_range(layers: dict[str, list[Point]], bound: float | None) -> tuple[float, float]:
    """Return a range around finished trials and the bound, from 0 unless all values lie close together."""
    names = ("child", "finished", "front") if layers["front"] else ("stopped", "running", PAUSED)
    values = [point.accuracy for name in names for point in layers[name] if point.accuracy is not None]
    values += [bound] if bound is not None else []
    low, high = min(values, default=0.0), max(values, default=1.0) or 1.0
    low = 0.0 if low < 0.4 * high else low
    pad = 0.09 * (high - low) or 0.05
    return (low - pad, min(high + pad, 1.02))


def latency_ticks(low_ms: float, high_ms: float) -> list[float]:
    """Return 4 to 10 round latencies within the range, for a log axis."""
    for ladder in TICK_LADDERS:
        decades = range(math.floor(math.log10(low_ms)), math.ceil(math.log10(high_ms)) + 1)
        ticks = [factor * 10.0**decade for decade in decades for factor in ladder]
        ticks = [float(f"{tick:.3g}") for tick in ticks if low_ms <= tick <= high_ms]
        if len(ticks) >= 4:
            return ticks
    exponent = 10.0 ** math.floor(math.log10((high_ms - low_ms) / 4))
    step = next(factor * exponent for factor in (1, 2, 5, 10) if factor * exponent * 6 >= high_ms - low_ms)
    first = math.ceil(low_ms / step)
    return [float(f"{index * step:.6g}") for index in range(first, math.floor(high_ms / step) + 1)]
