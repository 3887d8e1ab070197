"""MO-ASHA's rule: promotions from the top rung down, layers against a naive oracle, NaN last, no chance in it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.records.trial_record import Phase
from search.engine.observed import Observed
from search.engine.schedulers.mo_asha import MoAsha, RungPoint, layers, ranked

LADDER = [1, 3, 9]


def trial(
    number: int, latency_ms: float | None, *accuracies: float, phase: Phase = Phase.PAUSED, epochs: tuple[int, ...] = ()
) -> Observed:
    """A trial with these accuracies at epochs 1, 3, 9, or at those given."""
    at = epochs or tuple(LADDER[: len(accuracies)])
    return Observed(number, {}, latency_ms, at, accuracies, tuple(map(float, at)), None, phase)


def step(*trials: Observed, eta: float = 3.0, ladder: list[int] = LADDER) -> tuple[int | None, int]:
    found = MoAsha(eta).next_step(trials, ladder, None)
    assert not found.stop
    assert found.why
    return found.number, found.to_epoch


def test_a_new_trial_starts_until_a_rung_has_enough() -> None:
    assert step() == (None, 1)
    assert step(trial(0, 5, 0.5), trial(1, 5, 0.4)) == (None, 1)
    assert step(trial(0, 5, 0.5), trial(1, 5, 0.4), trial(2, 5, 0.3)) == (0, 3)


def test_a_promoted_trial_keeps_its_place_among_the_best() -> None:
    others = [trial(1, 5, 0.4), trial(2, 5, 0.3)]
    for phase in (Phase.RUNNING, Phase.FINISHED, Phase.STOPPED, Phase.FAILED, Phase.OVER_BOUND):
        assert step(trial(0, 5, 0.5, phase=phase), *others) == (None, 1)
    assert step(trial(0, 5, 0.5, 0.6), *others) == (None, 1)  # paused, but at the next rung


def test_the_highest_rung_comes_first() -> None:
    low = [trial(n, 5, 0.9 - n / 100) for n in range(3)]
    high = [trial(n, 5, 0.1, 0.2 + n / 100) for n in range(3, 6)]
    assert step(*low, *high) == (5, 9)
    assert step(*low, *high[:2]) == (0, 3)


def test_both_objectives_count() -> None:
    fast, middle, slow = trial(0, 1, 0.3), trial(1, 10, 0.2), trial(2, 100, 0.9)
    losers = [trial(n, 200, 0.1) for n in range(3, 6)]
    assert step(fast, middle, slow, *losers) == (2, 3)  # of the front, the most accurate first
    promoted = trial(2, 100, 0.9, 0.9)
    assert step(fast, middle, promoted, *losers) == (0, 3)
    assert step(trial(0, 1, 0.3, 0.3), middle, promoted, *losers) == (None, 1)


def test_a_layer_is_spread_out() -> None:
    near = [RungPoint(n, 0.9 - n / 1000, 4 - n / 1000) for n in range(5)]
    assert list(ranked([*near, RungPoint(5, 0.1, 1.0), RungPoint(6, 0.5, 2.5)]))[:3] == [0, 5, 6]


def test_the_best_epoch_until_the_rung_counts() -> None:
    early = trial(0, 5, 0.8, 0.2, 0.1, epochs=(1, 2, 3))
    late = trial(1, 5, 0.1, 0.2, 0.9, epochs=(1, 2, 4))  # its best comes behind the rung
    assert step(late, early, trial(2, 5, 0.3, 0.3, epochs=(1, 3)), ladder=[3, 9]) == (0, 9)


def test_nan_ranks_last_and_its_latency_does_not_help() -> None:
    assert step(trial(0, 1, math.nan), trial(1, 9, 0.1), trial(2, 9, 0.2)) == (2, 3)
    assert step(trial(0, None, 0.9), trial(1, 9, 0.1), trial(2, 9, 0.2)) == (2, 3)
    points = [RungPoint(0, math.nan, 1.0), RungPoint(1, 0.1, 2.0), RungPoint(2, 0.5, math.nan), RungPoint(3, 0.2, 1.0)]
    assert list(ranked(points)) == [3, 1, 0, 2]


def test_ties_go_to_the_lowest_number_whatever_the_order() -> None:
    same = [trial(n, 5, 0.5) for n in range(6)]
    assert step(*same) == (0, 3)
    assert step(*reversed(same)) == (0, 3)
    assert step(trial(0, 5, 0.5, 0.5), *same[1:]) == (1, 3)


def test_a_ladder_of_one_rung_has_no_promotions() -> None:
    assert step(trial(0, 5, 0.5, phase=Phase.FINISHED), ladder=[1]) == (None, 1)


def test_eta_is_above_one() -> None:
    with pytest.raises(ValueError, match="eta must be above 1"):
        MoAsha(1.0)


coarse = st.tuples(st.integers(0, 4).map(float), st.integers(0, 4).map(float))


def naive_layers(points: list[RungPoint]) -> list[set[int]]:
    def dominates(one: RungPoint, other: RungPoint) -> bool:
        no_worse = one.accuracy >= other.accuracy and one.log_latency <= other.log_latency
        return no_worse and (one.accuracy, one.log_latency) != (other.accuracy, other.log_latency)

    found = []
    while points:
        front = {p.number for p in points if not any(dominates(other, p) for other in points)}
        found.append(front)
        points = [p for p in points if p.number not in front]
    return found


@given(st.lists(coarse, max_size=25))
def test_layers_are_the_naive_ones(pairs: list[tuple[float, float]]) -> None:
    points = [RungPoint(number, *pair) for number, pair in enumerate(pairs)]
    assert [{p.number for p in layer} for layer in layers(points)] == naive_layers(points)
    assert sorted(ranked(points)) == [p.number for p in points]
