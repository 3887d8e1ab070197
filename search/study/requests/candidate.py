"""The choices of a candidate that somebody asks for, held against the study's space."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spaces.dimension import Choice, Domain, Grid, Interval, Value
from spaces.errors import SpaceError, nearest
from spaces.space import AFTER_TRAINING, Condition, SearchSpace

OF_LINE = "space."  # as a line of `automl search` has names; those of a candidate lack it
NAMED_MOST = 6  # choices that the space does not hold and that a line names; of more it says how many


@dataclass(frozen=True)
class AskedChoices:
    """What is to be queued.

    Attributes:
        choices: dimension -> value, of dimensions that are searched; all that exist beside and are not here are left to
            the sampler.
        unheld: choices of the trial that fills the others which the space does not hold: dimension -> value.
        is_whole: whether nothing is left to the sampler.
    """

    choices: Mapping[str, Value]
    unheld: Mapping[str, Value]
    is_whole: bool

    @property
    def unheld_words(self) -> str:
        """Return '`size.pixels 640, neck.kind own, and 3 more`'."""
        named = [f"{name} {value}" for name, value in self.unheld.items()]
        more = [f"and {len(named) - NAMED_MOST} more"] if len(named) > NAMED_MOST else []
        return ", ".join([*named[:NAMED_MOST], *more])


def asked_choices(space: SearchSpace, given: Mapping[str, Any], like: Mapping[str, Value]) -> AskedChoices:
    """Return what of a space is asked for.

    Args:
        space: the study's.
        given: dimension -> value, the names with or without `space.` before them.
        like: choices of a trial that fill the dimensions which are not given.

    Raises:
        SpaceError: a dimension is unknown, does not exist beside the other choices or may not, or a value is outside.
    """
    asked = {name: _checked(space, name, value) for name, value in _short(given).items()}
    chosen: dict[str, Value] = {}
    queued: dict[str, Value] = {}
    unheld = {name: value for name, value in like.items() if name not in space.domains}
    left: set[str] = set()  # to the sampler
    fixed = space.fixed
    for name, domain in space.domains.items():
        if name in AFTER_TRAINING and name not in fixed:
            continue
        conditions = space.conditions.get(name, ())
        missing = next((one for one in conditions if not one.holds(chosen) and one.parent not in left), None)
        open_ = next((one for one in conditions if one.parent in left), None)
        if name in asked:
            _check_exists(name, asked[name], missing, open_, chosen)
        if missing is not None:
            if name in like and missing.parent not in asked:  # else it is what was asked for that leaves it out
                unheld[name] = like[name]
            continue
        if open_ is not None:
            left.add(name)
        elif name in fixed:
            chosen[name] = fixed[name]
            if name in like and like[name] not in domain:
                unheld[name] = like[name]
        elif name in asked or like.get(name) in domain:
            chosen[name] = queued[name] = asked[name] if name in asked else own_value(domain, like[name])
        else:
            left.add(name)
            unheld |= {name: like[name]} if name in like else {}
    return AskedChoices(queued, unheld, not left)


def own_value(domain: Domain, value: Value) -> Value:
    """Return a value of a domain as the domain writes it: 256 for 256.0."""
    if isinstance(domain, Choice):
        return next(own for own in domain.values if own == value and isinstance(own, bool) == isinstance(value, bool))
    if isinstance(domain, Grid):
        return min(domain, key=lambda own: abs(own - float(value)))
    return int(value) if isinstance(domain, Interval) and domain.integer else float(value)


def _short(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return choices by the names that candidates have.

    Raises:
        SpaceError: one is given twice.
    """
    found: dict[str, Any] = {}
    for name, value in given.items():
        short = name.removeprefix(OF_LINE)
        if short in found:
            raise SpaceError(f"try: {short} is given twice, {found[short]!r} and {value!r}; give it once")
        found[short] = value
    return found


def _checked(space: SearchSpace, name: str, value: Any) -> Value:
    """Return a value as its domain writes it.

    Raises:
        SpaceError: the dimension is unknown, or the value is outside of its domain.
    """
    if name not in space.domains:
        raise SpaceError(f"try: the study's space has no dimension '{name}'{nearest(name, space.domains)}")
    domain = space.domains[name]
    if isinstance(value, list | dict) or value not in domain:
        raise SpaceError(f"try: {name}: {value!r} is outside {domain}")
    if name in AFTER_TRAINING and name not in space.fixed:
        raise SpaceError(f"try: {name} is of no training: each one is tried in {domain} when it has ended")
    return own_value(domain, value)


def _check_exists(
    name: str, value: Value, missing: Condition | None, open_: Condition | None, chosen: Mapping[str, Value]
) -> None:
    """Check that a dimension that is given exists whatever the sampler chooses.

    Raises:
        SpaceError: it does not, or may not.
    """
    if missing is not None:
        beside = f"{missing.parent} {chosen[missing.parent]}" if missing.parent in chosen else f"no {missing.parent}"
        raise SpaceError(f"try: {name}={value}: {name} exists only where {missing}, got {beside}")
    if open_ is not None:
        raise SpaceError(f"try: {name}={value}: {name} exists only where {open_}; choose {open_.parent}, too")
