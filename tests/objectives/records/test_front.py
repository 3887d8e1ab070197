"""Pareto front and hypervolume against naive oracles, ties included."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from timing import cpu_s

from objectives.records.front import Reference, front_mask, hypervolume, hypervolume_over_trials, reference_for

# A coarse grid makes ties and duplicates likely.
coarse = st.tuples(st.integers(0, 6).map(lambda n: n / 8), st.integers(1, 6).map(float))
fine = st.tuples(st.floats(0, 1), st.floats(0.1, 500))
points = st.lists(st.one_of(coarse, fine), max_size=40)


def naive_mask(found: list[tuple[float, float]]) -> list[bool]:
    def dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
        return one[0] >= other[0] and one[1] <= other[1] and one != other

    return [not any(dominates(other, point) for other in found) for point in found]


def naive_hypervolume(found: list[tuple[float, float]], box: Reference) -> float:
    """Integrate the best accuracy over log latency, cell by cell."""
    inside = [(gain, min(max(ms, box.least_ms), box.most_ms)) for gain, ms in found]
    edges = sorted({box.least_ms, box.most_ms, *(ms for _, ms in inside)})
    area = 0.0
    for left, right in pairwise(edges):
        area += max((gain for gain, ms in inside if ms <= left), default=0.0) * math.log(right / left)
    return area / math.log(box.most_ms / box.least_ms)


@given(points)
def test_the_front_is_the_naive_one(found: list[tuple[float, float]]) -> None:
    mask = front_mask([gain for gain, _ in found], [ms for _, ms in found])
    assert mask.tolist() == naive_mask(found)


def test_duplicates_of_a_member_are_members_and_ties_in_one_objective_are_not() -> None:
    mask = front_mask([0.5, 0.5, 0.5, 0.4, 0.6], [2.0, 2.0, 3.0, 2.0, 5.0])
    assert mask.tolist() == [True, True, False, False, True]


def test_nan_stands_on_no_front_and_hides_no_one() -> None:
    assert front_mask([math.nan, 0.2, 0.9], [1.0, 1.0, math.nan]).tolist() == [False, True, False]
    assert front_mask([], []).tolist() == []


def test_the_time_of_a_front_grows_like_that_of_sorting() -> None:
    rng = np.random.default_rng(0)
    gain, ms = rng.random(100_000).tolist(), (rng.random(100_000) + 0.1).tolist()
    assert 1 <= front_mask(gain, ms).sum() < 100
    tenth_s = cpu_s(lambda: front_mask(gain[:10_000], ms[:10_000]))
    assert cpu_s(lambda: front_mask(gain, ms)) < 40 * tenth_s  # the naive rule, of all pairs: 100


@given(points)
def test_hypervolume_is_the_naive_one(found: list[tuple[float, float]]) -> None:
    box = Reference(0.5, 100)
    value = hypervolume([gain for gain, _ in found], [ms for _, ms in found], box)
    assert value == pytest.approx(naive_hypervolume(found, box), abs=1e-12)
    assert 0 <= value <= 1


@given(points)
def test_the_curve_is_the_hypervolume_of_every_prefix(found: list[tuple[float, float]]) -> None:
    box = Reference(1, 50)
    curve = hypervolume_over_trials([gain for gain, _ in found], [ms for _, ms in found], box)
    prefixes = [found[: count + 1] for count in range(len(found))]
    wanted = [hypervolume([gain for gain, _ in part], [ms for _, ms in part], box) for part in prefixes]
    assert curve == pytest.approx(wanted, abs=1e-12)
    assert curve == sorted(curve)


def test_nan_adds_nothing_to_the_curve() -> None:
    curve = hypervolume_over_trials([0.5, math.nan, 0.1], [2.0, 1.0, math.nan], Reference(1, 10))
    assert curve[0] > 0
    assert curve == [curve[0]] * 3


def test_hypervolume_by_hand() -> None:
    # 0.4 from 1 ms, 0.8 from 10 ms, box to 100 ms: one decade each.
    assert hypervolume([0.4, 0.8], [1.0, 10.0], Reference(1, 100)) == pytest.approx(0.6)


@given(st.lists(st.floats(0.01, 5000), min_size=1, max_size=20))
def test_the_reference_is_round_and_encloses_all(latencies_ms: list[float]) -> None:
    box = reference_for(latencies_ms)
    assert box is not None
    assert box.least_ms <= min(latencies_ms)
    assert box.most_ms > max(latencies_ms)
    for end in (box.least_ms, box.most_ms):
        assert f"{end:.15e}"[0] in "125"


def test_the_reference_stays_while_latencies_stay_in_their_decade() -> None:
    assert reference_for([2.1, 9.0]) == reference_for([2.1, 3.3, 7.0, 9.9]) == Reference(2, 10)
    assert reference_for([2.0]) == Reference(2, 5)
    assert reference_for([]) is None


def test_a_reference_needs_a_width() -> None:
    with pytest.raises(ValueError, match="least_ms < most_ms"):
        Reference(3, 3)
