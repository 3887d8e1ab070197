"""Which children come next: seeds first, then what gains most per second; a family is worth what its children bring."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from objectives.records.children import Choices, Look
from search.engine.proposal.children import LOOKED_MOST, SCORED_MOST, Parent, propose_children
from search.engine.proposal.families import joint_gain
from search.engine.staircase import Staircase
from spaces.network.family import PARTS, Family

RATIOS = (0.0, 0.15, 0.3, 0.5)
FAMILY = Family({"size.pixels": (256, 192, 128), **{f"slim.{part}": RATIOS for part in PARTS}})
WHOLE = {name: values[0] for name, values in FAMILY.axes.items()}


def true_map(choices: Choices) -> float:
    """Accuracy of a child of a made-up parent: cuts of the head cost much, those of p5 nothing."""
    lost = 0.4 * choices["slim.head"] + 0.1 * choices["slim.neck"] + 0.1 * choices["slim.p3"]
    return 0.5 - lost - 0.1 * math.log2(256 / choices["size.pixels"])


def true_ms(choices: Choices) -> float:
    kept = 1 - 0.6 * float(np.mean([choices[f"slim.{part}"] for part in PARTS]))
    return 10 * kept * (choices["size.pixels"] / 256) ** 1.6


def parent(looks: Sequence[Choices] = (), measured: Sequence[Choices] = ()) -> Parent:
    return Parent(
        number=0,
        family=FAMILY,
        latency_ms=10.0,
        looks=[Look(choices, true_map(choices), 0.5) for choices in looks],
        measured=[(choices, true_ms(choices)) for choices in measured],
    )


def front(*points: tuple[float, float]) -> Staircase:
    accuracies, latencies = zip(*(points or ((0.5, 10.0),)), strict=True)
    return Staircase.of(np.array(accuracies), np.log(latencies), 0.0, math.log(12.0))


def propose(known: Parent, bound_ms: float | None = None, seconds: float = math.inf, most: int = 99) -> Any:
    return propose_children(known, front(), bound_ms, seconds, most)


@cache
def run(steps: int, bound_ms: float | None = None) -> tuple[Parent, Staircase]:
    """Work through the orders of a made-up parent."""
    known, points = parent(), [(0.5, 10.0)]
    for _ in range(steps):
        proposal = propose_children(known, front(*points), bound_ms, math.inf, 999)
        if proposal is None:
            break
        looks = [*known.looks, *(Look(c, true_map(c), 0.5) for c in proposal.order.look_at)]
        measured = [*known.measured, *((c, true_ms(c)) for c in proposal.order.score)]
        points += [(true_map(c), true_ms(c)) for c in proposal.order.score]
        known = replace(known, looks=looks, measured=measured)
    return known, front(*points)


def test_the_first_look_is_at_all_sizes_and_widths() -> None:
    first = propose(parent())
    assert len(first.order.look_at) == LOOKED_MOST
    assert not first.order.score
    known, _ = run(3)
    seen = {(look.choices["size.pixels"], look.choices["slim.neck"]) for look in known.looks}
    assert {size for size, _ in seen} == {256, 192, 128}
    assert {ratio for _, ratio in seen} == set(RATIOS)


@pytest.mark.slow
def test_only_children_that_were_looked_at_get_files_and_each_once() -> None:
    known, _ = run(30)
    keys = [frozenset(choices.items()) for choices, _ in known.measured]
    assert len(keys) == len(set(keys)) > SCORED_MOST
    assert set(keys) <= {frozenset(look.choices.items()) for look in known.looks}
    looked = [frozenset(look.choices.items()) for look in known.looks]
    assert len(looked) == len(set(looked))
    assert frozenset(WHOLE.items()) not in {*keys, *looked}


@pytest.mark.slow
def test_the_front_comes_near_the_best_of_all_children() -> None:
    known, found = run(40)
    every = [dict(zip(FAMILY.axes, values, strict=True)) for values in itertools.product(*FAMILY.axes.values())]
    best = front(*((true_map(c), true_ms(c)) for c in every))
    assert found.hypervolume > 0.97 * best.hypervolume
    assert len(known.looks) < 0.2 * len(every)


@pytest.mark.slow
def test_it_ends_by_itself() -> None:
    known, found = run(150)
    assert propose_children(known, found, None, math.inf, 999) is None


@pytest.mark.slow
def test_no_child_over_the_bound_gets_a_file_once_latencies_are_known() -> None:
    known, _ = run(30, bound_ms=4.0)
    late = [true_ms(choices) for choices, _ in known.measured[2 * SCORED_MOST :]]
    assert known.measured
    assert all(ms < 4.4 for ms in late)


def test_nothing_is_left_where_no_child_keeps_the_bound() -> None:
    """The parent itself may be over the bound, if a child was foretold to keep it."""
    looks = [Look({"size.pixels": size}, 0.3, 0.5) for size in (192, 128)]
    family = Family({"size.pixels": (256, 192, 128)})
    assert propose(replace(parent(), family=family, latency_ms=30.0, looks=looks), bound_ms=3.0) is None


@pytest.mark.parametrize(("seconds", "most"), [(0.5, 99), (1000.0, 0)])
def test_nothing_is_proposed_without_time_or_trials(seconds: float, most: int) -> None:
    assert propose(parent(), seconds=seconds, most=most) is None


def test_the_budget_bounds_what_gets_files() -> None:
    known, _ = run(3)
    assert len(propose(replace(known, measured=[]), most=2).order.score) <= 2


def test_failed_children_are_not_asked_for_again() -> None:
    first = propose(parent()).order.look_at
    known = replace(parent(), failed=first)
    assert not [choices for choices in propose(known).order.look_at if choices in first]


def test_a_family_gains_what_its_best_children_gain() -> None:
    today = front((0.3, 2.0), (0.5, 10.0))
    none = joint_gain(today, np.array([0.2, 0.1]), np.full(2, 1e-6), np.log([3.0, 2.5]))
    assert none == pytest.approx(0.0, abs=1e-6)
    one = joint_gain(today, np.array([0.4]), np.full(1, 1e-6), np.log([4.0]))
    assert one == pytest.approx(0.1 * math.log(10 / 4), rel=0.1)
    both = joint_gain(today, np.array([0.4, 0.35]), np.full(2, 1e-6), np.log([4.0, 2.0]))
    assert both == pytest.approx(0.1 * math.log(10 / 4) + 0.05 * math.log(4 / 2), rel=0.1)
    assert joint_gain(today, np.array([0.9]), np.full(1, 1e-6), np.log([20.0])) == 0.0


def test_doubt_is_worth_something() -> None:
    today = front((0.5, 2.0))
    sure, doubtful = (joint_gain(today, np.array([0.45]), np.array([sd]), np.log([2.0])) for sd in (1e-6, 0.1))
    assert sure == pytest.approx(0.0, abs=1e-9)
    assert doubtful > 0.005
