"""The search space: composed groups in, conditions decided parents first, a fingerprint that means something."""

import math
import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.dimension import Choice, Domain, Grid, Interval, Value
from spaces.errors import SpaceError
from spaces.space import Condition, SearchSpace

CONFIG: dict[str, Any] = {
    "backbone": {
        "width": "choice(0.25, 0.5)",
        "name": "choice(resnet18, yolo11, yolo26)",
        "when": {"width": {"backbone.name": ["yolo11", "yolo26"]}},
    },
    "prune": {
        "ratio": "interval(0.1, 0.6)",
        "importance": "choice(none, l1)",
        "at": 0.5,
        "when": {"ratio": {"prune.importance": {"not": ["none"]}}, "at": {"prune.importance": {"not": ["none"]}}},
    },
    "size": {"pixels": "range(160, 417, 32)"},
}


def pick(rng: random.Random, domain: Domain) -> Value:
    match domain:
        case Choice(values=values):
            return rng.choice(values)
        case Grid():
            return rng.choice(list(domain))
        case Interval(low=low, high=high):
            return rng.uniform(low, high)


def one(**choices: Value) -> Mapping[str, Value]:
    """Build the candidate of CONFIG with these choices; the first value where none is given."""
    names = {name.replace("_", "."): value for name, value in choices.items()}
    space = SearchSpace.from_config(CONFIG)
    return space.build(lambda name, domain: names.get(name, pick(random.Random(0), domain)))


def test_domains_are_named_by_group() -> None:
    space = SearchSpace.from_config(CONFIG)
    assert space.domains["size.pixels"] == Grid(160, 416, 32)
    assert space.domains["prune.at"] == Choice((0.5,))
    assert space.fixed == {"prune.at": 0.5}
    assert "prune.when" not in space.domains


def test_parents_stand_before_children() -> None:
    names = list(SearchSpace.from_config(CONFIG).domains)
    assert names.index("backbone.name") < names.index("backbone.width")
    assert names.index("prune.importance") < names.index("prune.ratio")


def test_conditions_decide_what_exists() -> None:
    assert set(one(backbone_name="resnet18", prune_importance="none")) == {
        "backbone.name",
        "prune.importance",
        "size.pixels",
    }
    assert "backbone.width" in one(backbone_name="yolo26", prune_importance="none")
    pruned = one(backbone_name="resnet18", prune_importance="l1")
    assert pruned["prune.at"] == 0.5
    assert "prune.ratio" in pruned


def test_fixed_and_absent_dimensions_are_not_asked_for() -> None:
    asked: list[str] = []

    def choose(name: str, domain: Domain) -> Value:
        asked.append(name)
        return "resnet18" if name == "backbone.name" else pick(random.Random(1), domain)

    candidate = SearchSpace.from_config(CONFIG).build(choose)
    assert "prune.at" not in asked
    assert "backbone.width" not in asked
    assert set(asked) == {name for name in candidate if name != "prune.at"}


def test_a_chain_of_conditions_falls_with_its_first_link() -> None:
    space = SearchSpace.from_config(
        {
            "g": {
                "c": "choice(1, 2)",
                "b": "choice(on, off)",
                "a": "choice(on, off)",
                "when": {"c": {"g.b": {"not": ["off"]}}, "b": {"g.a": ["on"]}},
            }
        }
    )
    candidate = space.build(lambda name, domain: "off" if name == "g.a" else pick(random.Random(0), domain))
    assert dict(candidate) == {"g.a": "off"}  # b is absent, so that even `not off` of it does not hold


def test_all_conditions_must_hold() -> None:
    config = {"g": {"a": "choice(1, 2)", "b": "choice(1, 2)", "c": "choice(1, 2)"}}
    config["g"]["when"] = {"c": {"g.a": [1], "g.b": [1]}}  # type: ignore[assignment]  # nested, as YAML gives it
    space = SearchSpace.from_config(config)
    seen = {
        (a, b): "g.c" in space.build(lambda name, _, a=a, b=b: {"g.a": a, "g.b": b}.get(name, 1))  # type: ignore[misc]  # mypy types no default
        for a in (1, 2)
        for b in (1, 2)
    }
    assert seen == {(1, 1): True, (1, 2): False, (2, 1): False, (2, 2): False}


@given(st.integers(0, 10**6))
def test_what_is_built_lies_in_the_space(seed: int) -> None:
    rng = random.Random(seed)
    space = SearchSpace.from_config(CONFIG)
    candidate = space.build(lambda _, domain: pick(rng, domain))
    space.check(candidate)
    for name, conditions in space.conditions.items():
        assert (name in candidate) == all(c.holds(candidate) for c in conditions)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"size": "range(1, 5)"}, "space.size: must be a group"),
        ({"size": None}, "space.size: must be a group"),
        ({"size": {"pixels": "range(5, 1)"}}, "space.size.pixels: range: is empty"),
        ({"g": {"a": 1, "when": {"b": {"g.a": [1]}}}}, "unknown dimension 'g.b'; nearest: g.a"),
        ({"g": {"name": 1, "b": 2, "when": {"b": {"g.nane": [1]}}}}, "unknown dimension 'g.nane'; nearest: g.name"),
        ({"g": {"a": 1, "b": 2, "when": {"a": {"g.b": [2]}, "b": {"g.a": [1]}}}}, "go round among g.a, g.b"),
        ({"g": {"a": 1, "when": {"a": {"g.a": [1]}}}}, "go round among g.a"),
        ({"g": {"a": 1, "b": 2, "when": {"b": {"g.a": 1}}}}, "needs a list"),
        ({"g": {"a": 1, "b": 2, "when": {"b": {"g.a": {"no": [1]}}}}}, "needs a list"),
        ({"g": {"a": 1, "b": 2, "when": ["b"]}}, "must be a mapping"),
        ({"g": {"a": 1, "b": 2, "when": {"b": ["g.a"]}}}, "must be a mapping"),
    ],
)
def test_malformed_configs_are_told(config: dict[str, Any], told: str) -> None:
    with pytest.raises(SpaceError) as error:
        SearchSpace.from_config(config)
    assert told in str(error.value)


def test_size_counts_combinations() -> None:
    assert SearchSpace.from_config({"a": {"x": "choice(1, 2, 3)", "y": "range(4)", "z": 1}}).size == 12
    assert SearchSpace.from_config(CONFIG).size == math.inf


def turned(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same config with every mapping in reverse order."""
    pairs = reversed(config.items())
    return {key: turned(value) if isinstance(value, Mapping) else value for key, value in pairs}


def test_fingerprint_does_not_depend_on_the_order_of_keys() -> None:
    config = {**CONFIG, "deploy": {"x": 1, "when": {"x": {"prune.importance": ["l1"], "backbone.name": ["yolo11"]}}}}
    one, other = SearchSpace.from_config(config), SearchSpace.from_config(turned(config))
    assert list(one.domains) != list(other.domains)
    assert one.fingerprint == other.fingerprint
    assert len(one.fingerprint) == 16
    assert int(one.fingerprint, 16) >= 0


@pytest.mark.parametrize(
    "change",
    [
        {"size": {"pixels": "range(160, 449, 32)"}},
        {"size": {"pixels": "choice(160, 192)"}},
        {"size": {"pixel": "range(160, 417, 32)"}},
        {"prune": {**CONFIG["prune"], "ratio": "interval(0.1, 0.60000001)"}},
        {"prune": {**CONFIG["prune"], "ratio": "tag(log, interval(0.1, 0.6))"}},
        {"prune": {**CONFIG["prune"], "at": 0.6}},
        {"prune": {**CONFIG["prune"], "at": "'0.5'"}},
        {"prune": {**CONFIG["prune"], "when": {"ratio": {"prune.importance": {"not": ["none"]}}}}},
        {"prune": {**CONFIG["prune"], "when": {**CONFIG["prune"]["when"], "at": {"prune.importance": ["none"]}}}},
        {"new": {"x": 1}},
    ],
)
def test_fingerprint_follows_every_change(change: dict[str, Any]) -> None:
    before = SearchSpace.from_config(CONFIG).fingerprint
    assert SearchSpace.from_config({**CONFIG, **change}).fingerprint != before


def test_json_tells_conditions() -> None:
    texts = SearchSpace.from_config(CONFIG).to_json()
    assert texts["backbone.width"] == "choice(0.25, 0.5) if backbone.name in yolo11, yolo26"
    assert texts["prune.ratio"] == "interval(0.1, 0.6) if prune.importance not in none"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"size.pixel": 160}, "the space has no dimension 'size.pixel'; nearest: size.pixels"),
        ({"size.pixels": 161}, "size.pixels: 161 is outside range(160, 448, 32)"),
        ({"backbone.name": "resnet19"}, "'resnet19' is outside choice(resnet18, yolo11, yolo26)"),
    ],
)
def test_choices_outside_the_space_are_told(values: dict[str, Value], told: str) -> None:
    space = SearchSpace.from_config(CONFIG)
    space.check({"size.pixels": 192})
    with pytest.raises(SpaceError) as error:
        space.check(values)
    assert told in str(error.value)


def test_an_absent_parent_satisfies_nothing() -> None:
    assert Condition("a", (1,)).holds({"a": 1})
    assert not Condition("a", (1,)).holds({})
    assert not Condition("a", (1,), negated=True).holds({})
    assert Condition("a", (1,), negated=True).holds({"a": 2})


HELD_TOGETHER = [
    ({"prune.importance": "none"}, True),
    ({"prune.importance": "none", "prune.ratio": 0.3}, False),
    ({"prune.ratio": 0.3}, True),
    ({"prune.ratio": 0.7}, False),  # outside the domain
    ({"backbone.width": 0.25}, True),
    ({"backbone.width": 0.25, "backbone.name": "resnet18"}, False),
    ({"backbone.width": 0.25, "prune.ratio": 0.3, "size.pixels": 192}, True),
    ({"size.pixel": 160}, False),
]


@pytest.mark.parametrize(("choices", "held"), HELD_TOGETHER)
def test_whether_a_candidate_may_have_some_choices_at_once(choices: dict[str, Value], held: bool) -> None:
    assert SearchSpace.from_config(CONFIG).may_hold(choices) is held


def test_conditions_on_numbers_decide_what_a_candidate_may_have() -> None:
    config = {"a": {"x": "range(1, 4, 1)", "y": 1, "z": 1, "when": {"y": {"a.x": [1]}, "z": {"a.x": {"not": [1, 2]}}}}}
    space = SearchSpace.from_config(config)
    assert space.may_hold({"a.y": 1})
    assert space.may_hold({"a.z": 1})
    assert not space.may_hold({"a.y": 1, "a.z": 1})
    assert not space.may_hold({"a.x": 2, "a.z": 1})
