"""A search space in words: how large it is, and its dimensions by group."""

import math
from collections.abc import Iterator

from reports.table.words import plural
from spaces.dimension import Choice, Domain, Grid, Interval, Value
from spaces.space import Condition, SearchSpace


def space_size(space: SearchSpace) -> str:
    """Return how large a space is: 'continuous: 4 dimensions, and 60,480 combinations of 10 others; 14 fixed'."""
    existing = _existing(space)
    searched = [name for name in existing if name not in space.fixed]
    continuous = sum(math.isinf(space.domains[name].size) for name in searched)
    count, fixed = combinations(space), len(existing) - len(searched)
    number = f"{count:,}" if count < 1e6 else f"{count:.1e}"
    if not continuous:
        return f"{number} candidates: {plural(len(searched), 'dimension')} searched, {fixed} fixed"
    others = len(searched) - continuous
    return f"continuous: {plural(continuous, 'dimension')}, and {number} combinations of {others} others; {fixed} fixed"


def combinations(space: SearchSpace) -> int:
    """Return the number of candidates that differ, continuous dimensions left aside; conditions count."""
    parents = _parents(space)
    return sum(
        math.prod(int(d.size) for name, d in _beside(space, chosen) if name not in parents and math.isfinite(d.size))
        for chosen in _choices(space)
    )


def space_rows(space: SearchSpace) -> list[tuple[str, str]]:
    """Return a line for each group: the group's searched dimensions, with their domains."""
    groups: dict[str, list[str]] = {}
    for name in _existing(space):
        group, _, dimension = name.partition(".")
        if name not in space.fixed:
            where = " and ".join(map(_condition_text, space.conditions.get(name, ())))
            text = f"{dimension} {domain_text(space.domains[name])}" + (f" where {where}" if where else "")
            groups.setdefault(group, []).append(text)
    return [(group, "; ".join(dimensions)) for group, dimensions in groups.items()]


def domain_text(domain: Domain) -> str:
    """Return a domain in words."""
    match domain:
        case Choice(values=values):
            return ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
        case Grid(low=low, high=high, step=step):
            return f"{low:g} to {high:g} by {step:g}"
        case Interval(low=low, high=high, log=log):
            return f"{low:g} to {high:g}" + (" (log)" if log else "")


def _condition_text(condition: Condition) -> str:
    return f"{condition.parent} is {'not ' if condition.negated else ''}{' or '.join(condition.listed)}"


def _parents(space: SearchSpace) -> set[str]:
    """Return the finite dimensions that others depend on."""
    named = {condition.parent for found in space.conditions.values() for condition in found}
    return {name for name in named if not isinstance(space.domains[name], Interval)}


def _choices(space: SearchSpace) -> Iterator[dict[str, Value]]:
    """Yield every way to choose the dimensions that others depend on."""

    def walk(names: list[str], chosen: dict[str, Value]) -> Iterator[dict[str, Value]]:
        if not names:
            yield chosen
        elif not _exists(space, names[0], chosen):
            yield from walk(names[1:], chosen)
        else:
            domain = space.domains[names[0]]
            for value in domain.values if isinstance(domain, Choice) else domain if isinstance(domain, Grid) else ():
                yield from walk(names[1:], {**chosen, names[0]: value})

    parents = _parents(space)
    yield from walk([name for name in space.domains if name in parents], {})


def _beside(space: SearchSpace, chosen: dict[str, Value]) -> list[tuple[str, Domain]]:
    """Return the dimensions that exist beside some choices."""
    return [(name, domain) for name, domain in space.domains.items() if _exists(space, name, chosen)]


def _existing(space: SearchSpace) -> list[str]:
    """Return the dimensions that exist for some candidate."""
    names = {name for chosen in _choices(space) for name, _ in _beside(space, chosen)}
    return [name for name in space.domains if name in names]


def _exists(space: SearchSpace, name: str, chosen: dict[str, Value]) -> bool:
    return all(condition.holds(chosen) for condition in space.conditions.get(name, ()))
