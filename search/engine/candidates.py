"""Where candidates come from: a search space, the distributions of any Optuna study, or a list."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from search.engine.observed import key_of
from spaces.dimension import Choice, Domain, Grid, Interval, Value
from spaces.space import AFTER_TRAINING, SearchSpace

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Params = Mapping[str, Any]

RANDOM, MUTATED, CROSSED, DENSE = 400, 250, 150, 200  # candidates of each kind in a pool
MUTATIONS_MEAN = 1.5  # dimensions that a mutation draws anew, on average
BLOCK = 4096  # random numbers drawn at once
NUDGE_SD = 0.15  # of a small step along a number's scale, in its whole length


class Chance:
    """A generator's numbers, drawn in blocks: drawn one by one, the numbers cost more than all else in a pool."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._uniform: list[float] = []
        self._normal: list[float] = []

    def random(self) -> float:
        """Return a number in [0, 1)."""
        if not self._uniform:
            self._uniform = self._rng.random(BLOCK).tolist()
        return self._uniform.pop()

    def normal(self, mean: float, sd: float) -> float:
        """Return a normal number."""
        if not self._normal:
            self._normal = self._rng.normal(size=BLOCK).tolist()
        return mean + sd * self._normal.pop()

    def integers(self, high: int) -> int:
        """Return a whole number from 0, below `high`."""
        return int(self.random() * high)


RandomNumbers = Chance | np.random.Generator


class CandidateSource(ABC):
    """Gives pools of valid candidates."""

    distributions: "dict[str, BaseDistribution]"
    fixed: Mapping[str, Value] = {}  # dimensions of a single value, which are no parameters

    @abstractmethod
    def pool(self, parents: Sequence[Params], better: Sequence[Params], rng: np.random.Generator) -> list[Params]:
        """Return candidates, each once.

        Args:
            parents: parameters of the members of the front, to be varied and crossed.
            better: parameters of the better part of the trials; their values are likelier than others (as in TPE).
            rng: the source of all chance.
        """

    def every(self) -> Iterator[Params]:
        """Yield every candidate there is, if the candidates are finitely many; else none."""
        return iter(())


class ListedCandidates(CandidateSource):
    """A finite list of candidates: every pool is the whole list."""

    def __init__(self, candidates: Sequence[Params], distributions: "Mapping[str, BaseDistribution]") -> None:
        self.candidates, self.distributions = list(candidates), dict(distributions)

    def pool(self, parents: Sequence[Params], better: Sequence[Params], rng: np.random.Generator) -> list[Params]:
        """Return the list."""
        return list(self.candidates)


class SpaceCandidates(CandidateSource):
    """A search space with its conditions; what is fixed in it is no parameter."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.fixed = fixed = space.fixed
        self.domains = {name: domain for name, domain in space.domains.items() if name not in fixed}
        parents = {condition.parent for found in space.conditions.values() for condition in found}
        self._walk = [
            (name, domain, space.conditions.get(name, ()), fixed.get(name))
            for name, domain in space.domains.items()
            if (name in self.domains and name not in AFTER_TRAINING) or name in parents
        ]
        self._at = {name: scale_of(domain) for name, domain in self.domains.items()}
        self.distributions = {name: distribution(domain) for name, domain in self.domains.items()}

    def pool(self, parents: Sequence[Params], better: Sequence[Params], rng: np.random.Generator) -> list[Params]:
        """Return random candidates, and where there are parents also mutations, crossings and likely ones."""
        chance = Chance(rng)
        made = [self._build(lambda name, domain: self._at[name](chance.random())) for _ in range(RANDOM)]
        if parents:
            made += [self._mutated(_one(parents, chance), chance) for _ in range(MUTATED)]
            made += [self._crossed(_one(parents, chance), _one(parents, chance), chance) for _ in range(CROSSED)]
        if better:
            having = {name: [p[name] for p in better if name in p] for name in self.domains}
            made += [self._likely(having, chance) for _ in range(DENSE)]
        return list({key_of(params): params for params in made}.values())

    def every(self) -> Iterator[Params]:
        """Yield every candidate of a space of finitely many, the first value of each dimension first."""
        waiting: list[dict[str, Value]] = [{}] if math.isfinite(self.space.size) else []
        while waiting:
            begun = waiting.pop()
            params, unknown = self._completed(begun)
            if unknown is None:
                yield params
            else:
                waiting += [{**begun, unknown: value} for value in reversed(values_of(self.domains[unknown]))]

    def _completed(self, begun: Params) -> tuple[Params, str | None]:
        """Return the candidate of some choices, and the first dimension that the choices leave open, if any."""
        unknown: list[str] = []

        def choose(name: str, domain: Domain) -> Value:
            if name not in begun:
                unknown.append(name)
            value: Value = begun[name] if name in begun else at(domain, 0.0)
            return value

        return self._build(choose), unknown[0] if unknown else None

    def _build(self, choose: Callable[[str, Domain], Value]) -> Params:
        """Walk the space as `SearchSpace.build` does, a thousand times a proposal."""
        chosen: dict[str, Value] = {}
        params: dict[str, Value] = {}
        for name, domain, conditions, fixed in self._walk:
            if conditions and not all(condition.holds(chosen) for condition in conditions):
                continue
            if fixed is None:
                chosen[name] = params[name] = choose(name, domain)
            else:
                chosen[name] = fixed
        return params

    def _mutated(self, parent: Params, rng: RandomNumbers) -> Params:
        rate = MUTATIONS_MEAN / max(1, len(parent))

        def choose(name: str, domain: Domain) -> Value:
            if name not in parent:
                return draw(domain, rng)
            if rng.random() < rate:
                return nudge(domain, parent[name], rng)
            value: Value = parent[name]
            return value

        return self._build(choose)

    def _crossed(self, one: Params, other: Params, rng: RandomNumbers) -> Params:
        def choose(name: str, domain: Domain) -> Value:
            having = [p[name] for p in (one, other) if name in p]
            return having[rng.integers(len(having))] if having else draw(domain, rng)

        return self._build(choose)

    def _likely(self, having: Mapping[str, Sequence[Value]], rng: RandomNumbers) -> Params:
        """Draw each dimension as one of the better trials has it, nudged now and then."""

        def choose(name: str, domain: Domain) -> Value:
            values = having[name]
            if not values or rng.random() < 1.0 / (len(values) + 1):
                return draw(domain, rng)
            value = values[int(rng.integers(len(values)))]
            return nudge(domain, value, rng) if not isinstance(domain, Choice) else value

        return self._build(choose)


def flat_space(distributions: "Mapping[str, BaseDistribution]") -> SearchSpace:
    """Return the search space of an Optuna study's own distributions, without conditions."""
    return SearchSpace({name: _domain(found) for name, found in distributions.items()}, {})


def distribution(domain: Domain) -> "BaseDistribution":
    """Return Optuna's name for a domain."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match domain:
        case Choice(values=values):
            return CategoricalDistribution(values)
        case Grid(low=low, high=high, step=step) if domain.is_integer:
            return IntDistribution(int(low), int(high), step=int(step))
        case Grid(low=low, high=high, step=step):
            return FloatDistribution(low, high, step=step)
        case Interval(low=low, high=high, log=log, integer=True):
            return IntDistribution(int(low), int(high), log=log)
        case Interval(low=low, high=high, log=log):
            return FloatDistribution(low, high, log=log)


def _domain(found: "BaseDistribution") -> Domain:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match found:
        case CategoricalDistribution(choices=choices):
            return Choice(tuple(choices))  # type: ignore[arg-type]  # None is passed on as it is
        case _ if found.single():
            return Choice((found.low,))  # type: ignore[attr-defined]  # categories are above
        case IntDistribution(low=low, high=high, step=step, log=log):
            return Interval(low, high, log=log, integer=True) if log else Grid(low, high, step)
        case FloatDistribution(low=low, high=high, step=step, log=log):
            return Interval(low, high, log=log) if step is None else Grid(low, high, step)
    raise TypeError(f"unknown kind of distribution {found!r}")


def draw(domain: Domain, rng: RandomNumbers) -> Value:
    """Return a value of a domain, evenly drawn on its scale."""
    return at(domain, rng.random())


def nudge(domain: Domain, value: Value, rng: RandomNumbers) -> Value:
    """Return a value near another one; any other value of a domain without an order."""
    if isinstance(domain, Choice) or isinstance(value, str | bool):
        return draw(domain, rng)
    return at(domain, min(max(position(domain, value) + rng.normal(0.0, NUDGE_SD), 0.0), 1.0 - 1e-12))


def at(domain: Domain, share: float) -> Value:
    """Return the value at a share, in [0, 1), of a domain's scale."""
    return scale_of(domain)(share)


def scale_of(domain: Domain) -> Callable[[float], Value]:
    """Return what gives the value at a share, in [0, 1), of a domain's scale."""
    match domain:
        case Choice(values=values):
            return lambda share: values[int(share * len(values))]
        case Grid(low=low, step=step):
            count = _count(domain)
            return lambda share: low + int(share * count) * step
        case Interval(integer=True):
            raw = _along(domain)
            return lambda share: int(min(max(round(raw(share)), domain.low), domain.high))
    raw = _along(domain)
    return lambda share: float(min(max(raw(share), domain.low), domain.high))


def _along(domain: Interval) -> Callable[[float], float]:
    low, high = _ends(domain)
    if domain.log:
        return lambda share: low * (high / low) ** share
    return lambda share: low + share * (high - low)


def position(domain: Grid | Interval, value: float) -> float:
    """Return where on a domain's scale a value lies, in [0, 1]; a step or whole number lies amid its part."""
    if isinstance(domain, Grid):
        return float((value - domain.low) / domain.step + 0.5) / _count(domain)
    low, high = _ends(domain)
    if domain.log:
        return math.log(value / low) / math.log(high / low)
    return float((value - low) / (high - low))


def values_of(domain: Domain) -> list[Value]:
    """Return the values of a domain of finitely many."""
    match domain:
        case Choice(values=values):
            return list(values)
        case Grid():
            return [domain.low + i * domain.step for i in range(_count(domain))]
        case Interval(low=low, high=high, integer=True):
            return list(range(math.ceil(low), math.floor(high) + 1))
    raise ValueError(f"{domain}: has infinitely many values")


def _count(grid: Grid) -> int:
    return round((grid.high - grid.low) / grid.step) + 1


def _ends(domain: Interval) -> tuple[float, float]:
    """Return the ends of the scale; a whole number stands for all that is rounded to it."""
    margin = 0.5 if domain.integer else 0.0
    return domain.low - margin, domain.high + margin


def _one(some: Sequence[Params], rng: RandomNumbers) -> Params:
    return some[int(rng.integers(len(some)))]
