"""The search space: named domains, and the conditions under which a dimension exists."""

import hashlib
import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from spaces.candidate import Candidate
from spaces.dimension import Choice, Domain, Value, parse_domain
from spaces.errors import SpaceError, nearest

AFTER_TRAINING = ("deploy.precision",)  # dimensions of which a training has one value, and the others come without any
NO_PARENT = "absent"  # in a condition's text: a parent that a candidate does not have


@dataclass(frozen=True)
class Condition:
    """`child` exists only where `parent` takes one of `values` (or, if `negated`, none of them).

    None among the values (`null` in YAML) stands for a parent that a candidate does not have.
    """

    parent: str
    values: tuple[Value | None, ...]
    negated: bool = False

    def holds(self, chosen: Mapping[str, object]) -> bool:
        """Whether the condition holds among the choices made so far; an absent parent does if it is listed."""
        if self.parent not in chosen:
            return None in self.values and not self.negated
        return (chosen[self.parent] in self.values) != self.negated

    @property
    def listed(self) -> tuple[str, ...]:
        """The values as texts."""
        return tuple(NO_PARENT if value is None else str(value) for value in self.values)

    def __str__(self) -> str:
        return f"{self.parent} {'not ' if self.negated else ''}in {', '.join(self.listed)}"


@dataclass(frozen=True)
class SearchSpace:
    """Domains by dimension name, parents before children.

    Attributes:
        domains: dimension name to domain, in an order in which conditions can be decided.
        conditions: dimension name to the conditions that must all hold for it to exist.
    """

    domains: Mapping[str, Domain]
    conditions: Mapping[str, tuple[Condition, ...]]

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build a space from composed config groups.

        Args:
            config: group name to a mapping of dimension to domain text; the key `when` of a group holds
                conditions: dimension -> {parent: [values]} or {parent: {not: [values]}};
                null among values stands for a parent that is not there.

        Raises:
            SpaceError: a domain is malformed or empty, a condition names an unknown dimension or goes round.
        """
        domains: dict[str, Domain] = {}
        conditions: dict[str, tuple[Condition, ...]] = {}
        for group, dimensions in config.items():
            if not isinstance(dimensions, Mapping):
                raise SpaceError(f"space.{group}: must be a group of dimensions, got {dimensions!r}")
            for name, text in dimensions.items():
                if name != "when":
                    domains[f"{group}.{name}"] = parse_domain(f"{group}.{name}", text)
            for name, parents in _mapping(f"{group}.when", dimensions.get("when") or {}).items():
                conditions[f"{group}.{name}"] = _conditions(f"{group}.{name}", parents)
        return cls(_parents_first(domains, conditions), conditions)

    @classmethod
    def from_json(cls, texts: Mapping[str, str]) -> Self:
        """Read what `to_json` has written: an equal space, of the same fingerprint.

        Raises:
            SpaceError: a text is of another grammar, an older automl's perhaps.
        """
        domains: dict[str, Domain] = {}
        conditions: dict[str, tuple[Condition, ...]] = {}
        for name, text in texts.items():
            domain, *tests = text.split(" if ")
            domains[name] = parse_domain(name, domain)
            if tests:
                conditions[name] = tuple(_read_condition(name, test) for test in tests)
        return cls(_parents_first(domains, conditions), conditions)

    @property
    def fixed(self) -> dict[str, Value]:
        """Dimensions of a single value."""
        return {n: d.values[0] for n, d in self.domains.items() if isinstance(d, Choice) and len(d.values) == 1}

    @property
    def size(self) -> float:
        """Number of combinations, conditions left aside; infinite where an interval is searched."""
        return math.prod(domain.size for domain in self.domains.values())

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that name the space: same domains and conditions, same digits."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, str]:
        """Return dimension name to domain text, conditions behind ` if `."""
        return {
            name: " if ".join([str(domain), *sorted(map(str, self.conditions.get(name, ())))])
            for name, domain in self.domains.items()
        }

    def build(self, choose: Callable[[str, Domain], Value]) -> Candidate:
        """Walk the dimensions, asking `choose` for each one that exists, and return the candidate.

        Dimensions of a single value are not asked for, and what is chosen after the training is left out.
        """
        chosen: dict[str, Value] = {}
        fixed = self.fixed
        for name, domain in self.domains.items():
            if name in AFTER_TRAINING and name not in fixed:
                continue
            if all(condition.holds(chosen) for condition in self.conditions.get(name, ())):
                chosen[name] = fixed[name] if name in fixed else choose(name, domain)
        return Candidate.of(chosen)

    def fixed_for(self, chosen: Mapping[str, Value]) -> dict[str, Value]:
        """Return the dimensions of a single value that exist beside some choices."""
        return {
            name: value
            for name, value in self.build(lambda name, _: chosen[name]).to_json().items()
            if name not in chosen
        }

    def may_hold(self, choices: Mapping[str, Value]) -> bool:
        """Whether some candidate has all of these choices at once, the conditions taken into account."""
        if any(name not in self.domains or value not in self.domains[name] for name, value in choices.items()):
            return False
        asked = self._with_parents(choices)
        return self._holds({}, [name for name in self.domains if name in asked], choices)

    def _holds(self, chosen: Mapping[str, object], names: Sequence[str], choices: Mapping[str, Value]) -> bool:
        """Whether dimensions can be chosen, one after another, so that the choices are among what comes of it."""
        if not names:
            return choices.keys() <= chosen.keys()
        name, *rest = names
        if not all(condition.holds(chosen) for condition in self.conditions.get(name, ())):
            return name not in choices and self._holds(chosen, rest, choices)
        values = [choices[name]] if name in choices else self._deciding(name)
        return any(self._holds({**chosen, name: value}, rest, choices) for value in values)

    def combinations(self, names: Collection[str]) -> Iterator[dict[str, object]]:
        """Yield what candidates have of some dimensions together; those that a candidate lacks are left out.

        Of a dimension of numbers the values that conditions distinguish, and an object for the others.
        """
        asked = self._with_parents(names)

        def walk(chosen: dict[str, object], rest: Sequence[str]) -> Iterator[dict[str, object]]:
            if not rest:
                yield {name: value for name, value in chosen.items() if name in names}
                return
            name, *others = rest
            exists = all(condition.holds(chosen) for condition in self.conditions.get(name, ()))
            for more in ({name: value} for value in self._deciding(name)) if exists else ({},):
                yield from walk({**chosen, **more}, others)

        yield from walk({}, [name for name in self.domains if name in asked])

    def _with_parents(self, names: Iterable[str]) -> set[str]:
        """Return dimensions, and all that their conditions name, directly or not."""
        asked = set(names)
        for name in reversed(list(self.domains)):  # parents come before children
            if name in asked:
                asked |= {condition.parent for condition in self.conditions.get(name, ())}
        return asked

    def _deciding(self, name: str) -> list[object]:
        """Return the values of a dimension as far as conditions distinguish them."""
        domain = self.domains[name]
        if isinstance(domain, Choice):
            return list(domain.values)
        tests = [test for found in self.conditions.values() for test in found if test.parent == name]
        named = (value for test in tests for value in test.values if value is not None)
        return [*(value for value in named if value in domain), object()]

    def check(self, values: Mapping[str, Value]) -> None:
        """Check that some choices lie in the space.

        Raises:
            SpaceError: a name is unknown or a value is outside its domain.
        """
        for name, value in values.items():
            if name not in self.domains:
                raise SpaceError(f"the space has no dimension '{name}'{nearest(name, self.domains)}")
            if value not in self.domains[name]:
                raise SpaceError(f"{name}: {value!r} is outside {self.domains[name]}")


def _mapping(what: str, content: Any) -> Mapping[str, Any]:
    if not isinstance(content, Mapping):
        raise SpaceError(f"space.{what} must be a mapping of dimensions, got {content!r}")
    return content


def _conditions(name: str, parents: Any) -> tuple[Condition, ...]:
    found = []
    for parent, values in _mapping(f"{name}: `when`", parents).items():
        negated = isinstance(values, Mapping)
        listed = values.get("not") if isinstance(values, Mapping) else values
        if not isinstance(listed, list | tuple):
            raise SpaceError(f"space.{name}: `when` needs a list of values or {{not: [...]}}, got {values!r}")
        found.append(Condition(parent, tuple(listed), negated))
    return tuple(sorted(found, key=str))  # as the text has them


def _read_condition(name: str, text: str) -> Condition:
    """Read the text of a condition."""
    parent, is_in, texts = text.partition(" in ")
    listed = parse_domain(name, f"choice({texts})") if is_in else None
    if not isinstance(listed, Choice):
        raise SpaceError(f"space.{name}: cannot read the condition '{text}'")
    values = tuple(None if value == NO_PARENT else value for value in listed.values)
    return Condition(parent.removesuffix(" not"), values, parent.endswith(" not"))


def _parents_first(domains: dict[str, Domain], conditions: Mapping[str, tuple[Condition, ...]]) -> dict[str, Domain]:
    for name, found in conditions.items():
        for unknown in {name, *(c.parent for c in found)} - domains.keys():
            raise SpaceError(f"space.{name}: `when` names an unknown dimension '{unknown}'{nearest(unknown, domains)}")
    ordered: dict[str, Domain] = {}
    waiting = dict(domains)
    while waiting:
        ready = [n for n in waiting if all(c.parent in ordered for c in conditions.get(n, ()))]
        if not ready:
            raise SpaceError(f"space: conditions go round among {', '.join(waiting)}")
        ordered.update((name, waiting.pop(name)) for name in ready)
    return ordered
