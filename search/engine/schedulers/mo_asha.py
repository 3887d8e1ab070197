"""MO-ASHA: asynchronous successive halving on accuracy and log latency, ranked by non-dominated sorting."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from objectives.records.trial_record import Phase
from search.engine.observed import Observed
from search.engine.schedulers.scheduler import NO_LIMIT, BudgetLeft, Scheduler, Step, left_s, may_begin


class MoAsha(Scheduler):
    """Promotes a paused trial as soon as it is in the top 1/eta of its rung (Schmucker et al. 2021)."""

    def __init__(self, eta: float = 3.0) -> None:
        if not eta > 1:
            raise ValueError(f"MoAsha: eta must be above 1, got {eta}")
        self.eta = eta

    def next_step(
        self, trials: Sequence[Observed], ladder: Sequence[int], last: int | None, budget_left: BudgetLeft = NO_LIMIT
    ) -> Step | None:
        """Return a promotion at the highest rung that has one, else a new trial; only what ends in the time left."""
        able = [t for t in trials if t.phase is Phase.PAUSED and left_s(t, ladder) <= budget_left.seconds_left]
        for rung, above in reversed(list(pairwise(ladder))):
            paused = {t.number for t in able if rung <= t.epoch < above}
            if paused and (step := self._promote(trials, paused, rung, above)):
                return step
        return (
            Step(None, ladder[0], "no paused trial is in the top of its rung")
            if may_begin(trials, budget_left)
            else None
        )

    def _promote(self, trials: Sequence[Observed], paused: set[int], rung: int, above: int) -> Step | None:
        points = list(_points(trials, rung))
        top = int(len(points) / self.eta)
        for place, number in zip(range(1, top + 1), ranked(points), strict=False):
            if number in paused:
                return Step(number, above, f"epoch {rung}: place {place} of {len(points)}, the first {top} go on")
        return None


@dataclass(frozen=True)
class RungPoint:
    """A trial at a rung: best accuracy until there, and log latency in ms; a NaN in either ranks last."""

    number: int
    accuracy: float
    log_latency: float

    @property
    def known(self) -> bool:
        """Whether the trial can be ranked: accuracy and latency are known."""
        return not (math.isnan(self.accuracy) or math.isnan(self.log_latency))


def ranked(points: Sequence[RungPoint]) -> Iterator[int]:
    """Yield the numbers of the trials, the best first: layer by layer, spread out within a layer."""
    known = [point for point in points if point.known]
    spans = _span([p.accuracy for p in known]), _span([p.log_latency for p in known])
    for layer in layers(known):
        yield from (point.number for point in epsilon_net(layer, *spans))
    yield from sorted(point.number for point in points if not point.known)


def layers(points: Sequence[RungPoint]) -> list[list[RungPoint]]:
    """Sort into non-dominated layers, the front first, in O(n log n); equal points share a layer.

    Taken from the fastest on, a point belongs to the first layer whose best accuracy so far is below its own.
    """
    found: list[list[RungPoint]] = []
    tops: list[float] = []  # best accuracy of each layer so far, negated: rising, as bisect wants it
    order = sorted(points, key=lambda p: (p.log_latency, -p.accuracy, p.number))
    for (_, accuracy), equals in groupby(order, key=lambda p: (p.log_latency, p.accuracy)):
        at = bisect_right(tops, -accuracy)
        if at == len(found):
            found.append([])
            tops.append(-accuracy)
        tops[at] = -accuracy
        found[at].extend(equals)
    return found


def epsilon_net(layer: Sequence[RungPoint], accuracy_span: float, latency_span: float) -> Iterator[RungPoint]:
    """Yield a layer from its most accurate point on, then always the one farthest from all that came before."""

    def distance(one: RungPoint, other: RungPoint) -> float:
        return math.hypot(
            (one.accuracy - other.accuracy) / accuracy_span, (one.log_latency - other.log_latency) / latency_span
        )

    chosen = min(layer, key=lambda p: (-p.accuracy, p.log_latency, p.number))
    gaps = dict.fromkeys(sorted(layer, key=lambda p: p.number), math.inf)
    while True:
        yield chosen
        del gaps[chosen]
        if not gaps:
            return
        gaps = {point: min(gap, distance(point, chosen)) for point, gap in gaps.items()}
        chosen = max(gaps, key=gaps.__getitem__)  # of equals, the lowest number


def _points(trials: Sequence[Observed], rung: int) -> Iterator[RungPoint]:
    for trial in trials:
        if trial.epoch >= rung:
            accuracy = trial.best_until(rung)
            log_latency = math.log(trial.latency_ms) if trial.latency_ms else math.nan
            yield RungPoint(trial.number, math.nan if accuracy is None else accuracy, log_latency)


def _span(values: Sequence[float]) -> float:
    return (max(values) - min(values) if values else 0.0) or 1.0
