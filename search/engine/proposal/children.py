"""Which children of a trained parent come next: what is looked at, what gets a file, and what that is worth."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from objectives.records.children import ChildrenOrder, Choices, Look
from search.engine.models.gaussian_process import GaussianProcess
from search.engine.proposal.precisions import Effect
from search.engine.staircase import NODES, Floats, Staircase
from spaces.network.family import PARTS, PRECISION, SIZE, Family

LOOKED_MOST = 8  # children of one order
SCORED_MOST = 6
CHILDREN_THOUGHT_OF = 3000  # children of a family that are thought of
LOOK_S, SCORE_S, CONVERT_S = 1.0, 2.5, 8.0  # seconds of a child before any was timed; of another precision, more
LOOK_SD = 0.01  # between a child looked at by torch and its scored file
SLIM_SPEED = 0.5  # share of the latency that goes with the channels, before any child was measured,
SIZE_POWER = 1.3  # and its power of the side of the image,
FORETOLD_SD = 0.2  # with this standard deviation of the logarithm
LEAST_SHARE = 2e-4  # of the front's hypervolume that a child must be expected to gain


@dataclass(frozen=True)
class Parent:
    """What is known of a trained parent and its children.

    Attributes:
        number: the parent's.
        family: its axes.
        latency_ms: its own latency.
        looks: children that were looked at.
        measured: children with files, and latencies in ms.
        failed: children that cannot be made.
        look_s: seconds that a look usually takes, over all parents; None before the first.
        score_s: seconds that a child with a file usually takes, likewise.
        map: its own accuracy.
        effects: what other precisions are believed to do to a detector.
    """

    number: int
    family: Family
    latency_ms: float
    looks: Sequence[Look] = ()
    measured: Sequence[tuple[Choices, float]] = ()
    failed: Sequence[Choices] = ()
    look_s: float | None = None
    score_s: float | None = None
    map: float = 0.0
    effects: Mapping[str, Effect] = field(default_factory=dict)


@dataclass(frozen=True)
class ChildrenProposal:
    """What is to be done with a parent's children, and what that is worth.

    Attributes:
        order: for the scorer.
        rate: expected gain of hypervolume per second.
        share: expected gain as a share of the front's hypervolume.
        why: one line for people.
        expected: of the children that get files: accuracy, and latency in ms with the sd of its logarithm.
    """

    order: ChildrenOrder
    rate: float
    share: float
    why: str
    expected: Sequence[tuple[float, float, float]] = ()


def propose_children(
    parent: Parent, front: Staircase, bound_ms: float | None, seconds_left: float, most: int
) -> ChildrenProposal | None:
    """Return the next children of a parent; None where none is worth its time.

    The first ones are spread over sizes and widths; then those that promise most for the front are looked at, or get
    files, whatever gains more per second. A parent's own children foretell each other's accuracy and latency.

    Args:
        parent: what is known of it.
        front: today's.
        bound_ms: latency over which a child is no use.
        seconds_left: of the budget.
        most: trials that the budget still allows.
    """
    look_s, score_s = parent.look_s or LOOK_S, parent.score_s or (CONVERT_S if parent.family.precisions else SCORE_S)
    if most < 1:
        return None
    view = _View(parent, bound_ms)
    if seeds := view.unseen_seeds()[:LOOKED_MOST]:
        if seconds_left < look_s * len(seeds) + score_s:
            return None
        why = f"its children are not known yet: {len(seeds)} of {parent.family.size:,} to look at"
        return ChildrenProposal(ChildrenOrder(look_at=tuple(seeds)), math.inf, 1.0, why)
    to_score = view.greedy(front, view.looked, int(min(SCORED_MOST, most, seconds_left / score_s)))
    to_look = view.greedy(front, view.unseen, int(min(LOOKED_MOST, seconds_left / (look_s + score_s))))
    of_score, of_look = _rate(to_score, score_s), _rate(to_look, look_s + score_s)
    if not (to_score or to_look):
        return None
    children, is_score = (to_score, True) if of_score >= of_look else (to_look, False)
    chosen = tuple(child.choices for child in children)
    share = float(front.share(sum(child.gain for child in children)))
    worth = f"worth {share:.2%} of the front's hypervolume"
    if not is_score:
        why = f"{len(chosen)} children more to look at, {worth}"
        return ChildrenProposal(ChildrenOrder(look_at=chosen), of_look, share, why)
    expected = [(child.mean, math.exp(child.log), child.log_sd) for child in children]
    why = f"{len(chosen)} of {len(view.looked)} children looked at get files, {worth}"
    if not view.axes:
        why = f"its file in {', '.join(str(one[PRECISION]) for one in chosen)}, {worth}"
    return ChildrenProposal(ChildrenOrder(score=chosen), of_score, share, why, expected)


@dataclass(frozen=True)
class _Child:
    choices: Choices
    mean: float
    sd: float
    log: float
    log_sd: float
    gain: float = 0.0


class _View:
    """Children of one parent as rows of numbers, with what is believed of them.

    What is looked at is in fp32. Files in other precisions are foretold from it: their axis is none of the rows'.
    """

    def __init__(self, parent: Parent, bound_ms: float | None) -> None:
        self.parent, self.axes = parent, parent.family.trained().axes
        self._whole = parent.family.whole
        self._own = {name: value for name, value in self._whole.items() if name == PRECISION}
        self.seen = {_key(look.choices): look for look in parent.looks}
        if self._own:
            self.seen[_key(self._whole)] = Look(self._whole, parent.map, 0.0)
        done = {_key(choices) for choices, _ in parent.measured} | {_key(choices) for choices in parent.failed}
        self._done = done | {_key(self._whole)}  # the parent itself is a trial
        self._log_bound = math.inf if bound_ms is None else math.log(bound_ms)
        looked = [choices for look in self.seen.values() for choices in self._in_each_precision(look.choices)]
        self.looked = [choices for choices in looked if _key(choices) not in self._done]

    def _in_each_precision(self, choices: Choices) -> list[Choices]:
        precisions = self.parent.family.axes.get(PRECISION, ())
        return [{**choices, PRECISION: precision} for precision in precisions] or [choices]

    @property
    def unseen(self) -> list[Choices]:
        """Children that were not looked at; of a large family, those near what was, and others."""
        return [c for c in self._pool() if _key(c) not in self.seen and _key(c) not in self._done]

    def unseen_seeds(self) -> list[Choices]:
        """Children that are looked at first, whatever they promise: all sizes, and widths of all parts alike."""
        whole = self._whole
        sizes = list(self.axes.get(SIZE, ()))
        seeds = [{**whole, SIZE: size} for size in sizes]
        slim = {name: values for name, values in self.axes.items() if name.startswith("slim.")}
        steps = max((len(values) for values in slim.values()), default=1)
        for step in range(1, steps):
            alike = {name: values[min(step, len(values) - 1)] for name, values in slim.items()}
            some = [{SIZE: size} for size in sizes[:: max(1, len(sizes) // 2)]]
            seeds += [{**whole, **alike, **size} for size in some or [{}]]
        return [c for c in seeds if _key(c) not in self.seen and _key(c) not in self._done]

    def greedy(self, front: Staircase, pool: Sequence[Choices], most: int) -> list[_Child]:
        """Return at most so many children, each of the highest gain beside those before it."""
        believed = self._believed(list(pool)) if pool and self.seen and most > 0 else []
        found: list[_Child] = []
        for _ in range(min(most, len(believed))):
            gains = _gains(front, believed)
            best = int(np.argmax(gains))
            if front.share(gains[best]) < LEAST_SHARE:
                break
            found.append(replace(believed.pop(best), gain=float(gains[best])))
            front = _with(front, found[-1])
        return found

    def _believed(self, pool: list[Choices]) -> list[_Child]:
        rows = self._rows(pool)
        mean, sd = self._accuracies(pool, rows)
        logs, log_sd = self._latencies(pool, rows)
        children = [_Child(c, *map(float, of)) for c, *of in zip(pool, mean, sd, logs, log_sd, strict=True)]
        return [child for child in children if child.log - 2 * child.log_sd <= self._log_bound]

    def _accuracies(self, pool: list[Choices], rows: Floats) -> tuple[Floats, Floats]:
        bases = [_key({**c, **self._own}) for c in pool]
        known = np.array([self.seen[key].map if key in self.seen else np.nan for key in bases])
        whole = _key(self._whole)  # its own file is scored already
        mean, sd = known.copy(), np.array([0.0 if key == whole else LOOK_SD for key in bases])
        open_ = np.isnan(known)
        if open_.any():
            looks = list(self.seen.values())
            there, targets = self._rows([look.choices for look in looks]), np.array([look.map for look in looks])
            mean[open_], sd[open_] = _foretold(there, targets, rows[open_])
            sd[open_] = np.maximum(sd[open_], LOOK_SD)
        drops = [self._effect(c) for c in pool]
        mean = mean - np.array([0.0 if effect is None else effect.drop for effect in drops])
        sds = np.array([0.0 if effect is None else effect.drop_sd for effect in drops])
        return mean, np.hypot(sd, sds)

    def _effect(self, choices: Choices) -> Effect | None:
        """Return what its precision does to a child; None for one in its parent's."""
        precision = choices.get(PRECISION)
        return None if precision == self._own.get(PRECISION) else self.parent.effects[str(precision)]

    def _latencies(self, pool: list[Choices], rows: Floats) -> tuple[Floats, Floats]:
        """Return log latencies: measured or foretold in the parent's precision, with what another one does to them."""
        logs, sd = self._foretold_latencies(pool, rows)
        measured = {_key(choices): ms for choices, ms in [(self._whole, self.parent.latency_ms), *self.parent.measured]}
        for i, choices in enumerate(pool):
            effect, base = self._effect(choices), _key({**choices, **self._own})
            if effect is None:
                continue
            if base in measured:
                logs[i], sd[i] = math.log(measured[base]), 0.0
            logs[i], sd[i] = logs[i] + effect.log_ratio, math.hypot(sd[i], effect.log_sd)
        return logs, sd

    def _foretold_latencies(self, pool: list[Choices], rows: Floats) -> tuple[Floats, Floats]:
        """Return log latencies in the parent's precision: by a rule of thumb from its own, mended by its children's."""
        guess = self._guess(pool)
        children = [(c, ms) for c, ms in self.parent.measured if self._effect(c) is None]
        known = [(self._whole, self.parent.latency_ms), *children]
        if len(known) < 4:
            return guess, np.full(len(pool), FORETOLD_SD)
        there = self._rows([choices for choices, _ in known])
        misses = np.log([ms for _, ms in known]) - self._guess([choices for choices, _ in known])
        mean, sd = _foretold(there, misses, rows)
        return guess + mean, np.maximum(sd, 0.01)

    def _guess(self, pool: Sequence[Choices]) -> Floats:
        whole = self._whole
        found = []
        for choices in pool:
            kept = [
                1.0 - ratio for ratio in (float(choices[f"slim.{part}"]) for part in PARTS if f"slim.{part}" in choices)
            ]
            smaller = float(choices.get(SIZE, 1)) / float(whole.get(SIZE, 1))
            width = 1.0 - SLIM_SPEED * (1.0 - float(np.mean(kept))) if kept else 1.0
            found.append(math.log(self.parent.latency_ms) + SIZE_POWER * math.log(smaller) + math.log(width))
        return np.array(found)

    def _rows(self, pool: Sequence[Choices]) -> Floats:
        rows = np.empty((len(pool), len(self.axes)))
        for j, (name, values) in enumerate(self.axes.items()):
            places = {value: i / (len(values) - 1) for i, value in enumerate(values)}
            if name == SIZE:
                logs = {value: math.log(float(value)) for value in values}
                low, high = min(logs.values()), max(logs.values())
                places = {value: (log - low) / (high - low) for value, log in logs.items()}
            rows[:, j] = [places[choices[name]] for choices in pool]
        return rows

    def _pool(self) -> list[Choices]:
        names, own = list(self.axes), self._own
        if self.parent.family.trained().size <= CHILDREN_THOUGHT_OF:
            return [dict(zip(names, values, strict=True)) | own for values in itertools.product(*self.axes.values())]
        rng, half = np.random.default_rng([self.parent.number, len(self.seen)]), CHILDREN_THOUGHT_OF // 2
        drawn = [own | {n: v[int(rng.integers(len(v)))] for n, v in self.axes.items()} for _ in range(half)]
        best = sorted(self.seen.values(), key=lambda look: -look.map)[:100]
        near = [
            {**look.choices, name: value} for look in best for name, values in self.axes.items() for value in values
        ]
        return list({_key(c): c for c in [*near[:half], *drawn]}.values())


def _foretold(there: Floats, targets: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation at rows (n, d), from targets at others (m, d), all numbers with an order."""
    model = GaussianProcess(np.zeros(rows.shape[1], dtype=bool))
    model.tune(there, targets)
    model.fit(there, targets, steps=0)
    return model.predict(rows)


def _gains(front: Staircase, children: Sequence[_Child]) -> Floats:
    mean, sd = np.array([c.mean for c in children]), np.array([c.sd for c in children])
    logs, log_sd = np.array([c.log for c in children]), np.array([c.log_sd for c in children])
    gains = np.zeros(len(children))
    for node, weight in NODES:
        gains += weight * front.expected_gain(mean, sd, logs + node * log_sd)
    return gains


def _with(front: Staircase, child: _Child) -> Staircase:
    """Return the front with a child as it is expected to be."""
    heights, edges = np.append(front.heights, child.mean), np.append(front.edges, child.log)
    return Staircase.of(heights, edges, front.reference, front.slowest)


def _rate(children: Sequence[_Child], seconds: float) -> float:
    """Return the gain per second of some children that take so many seconds each; 0 for none."""
    return sum(child.gain for child in children) / (seconds * len(children)) if children else 0.0


def _key(choices: Mapping[str, object]) -> frozenset[tuple[str, object]]:
    return frozenset(choices.items())
