"""What a known candidate (`start`) leaves open takes known good values: the same ones each time, none is sampled."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from objectives.training.augment import magnitudes
from spaces.dimension import Choice, Domain, Grid, Interval, Value
from spaces.space import SearchSpace
from spaces.vocabulary import DEFAULTS, USUAL

if TYPE_CHECKING:
    import optuna


def completed(known: Mapping[str, Value], space: SearchSpace) -> dict[str, Value]:
    """Return a known candidate with a value for every searched dimension that exists beside its own.

    A dimension that is left open takes the product's default, or what its domain holds nearest to it; where there is no
    default, the middle of its numbers, or the first word. A single magnitude of augmentation takes the policy's.

    Args:
        known: some choices, inside the space.
        space: what may be proposed.
    """
    chosen: dict[str, Value] = {}

    def choose(name: str, domain: Domain) -> Value:
        beside = {**space.fixed, **known, **chosen}
        chosen[name] = known[name] if name in known else nearest_in(domain, _default(name, beside))
        return chosen[name]

    space.build(choose)
    return {**known, **chosen}


def enqueue(study: "optuna.Study", known: Mapping[str, Value], space: SearchSpace) -> None:
    """Have a study try a known candidate, completed, unless it waits or was tried already.

    Studies that an older automl began hold it as it was given, and the sampler completes it.
    """
    whole = completed(known, space)
    for trial in study.get_trials(deepcopy=False):
        if trial.system_attrs.get("fixed_params") in (whole, known):
            return
    study.enqueue_trial(whole)


def _default(name: str, beside: Mapping[str, Value]) -> Value | None:
    if name in USUAL:
        return USUAL[name]
    group, _, dimension = name.partition(".")
    if group == "augment":
        return magnitudes({"policy": beside.get("augment.policy", DEFAULTS["augment.policy"])}).get(dimension)
    return None


def nearest_in(domain: Domain, default: Value | None) -> Value:
    """Return the value of a domain that is nearest to a default, or its middle; of words that lack it the first."""
    if default is not None and default in domain:
        return default
    numbers = _numbers(domain)
    if isinstance(domain, Choice) and len(numbers) < len(domain.values):
        return domain.values[0]
    number = None if isinstance(default, bool | str) else default
    if isinstance(domain, Interval):
        return _inside(domain, number)
    if number is None:
        return numbers[(len(numbers) - 1) // 2]
    return min(numbers, key=lambda value: abs(value - number))


def _numbers(domain: Domain) -> list[int | float]:
    """Return the numbers of a finite domain, sorted."""
    values = domain.values if isinstance(domain, Choice) else tuple(domain) if isinstance(domain, Grid) else ()
    return sorted(value for value in values if not isinstance(value, bool | str))


def _inside(domain: Interval, number: float | None) -> int | float:
    if number is None:
        number = math.sqrt(domain.low * domain.high) if domain.log else (domain.low + domain.high) / 2
    number = min(max(number, domain.low), domain.high)
    return round(number) if domain.integer else number
