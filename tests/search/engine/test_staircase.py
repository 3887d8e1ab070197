"""The front as a staircase: area against a naive count, expected gain against an average over drawn outcomes."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from search.engine.staircase import Staircase, expected_improvement

REFERENCE, SLOWEST = 0.25, 3.0
coarse = st.tuples(st.integers(0, 8).map(lambda n: n / 8), st.integers(0, 9).map(lambda n: n / 2))  # some lie beyond
points_ = st.lists(st.one_of(coarse, st.just((math.nan, 1.0)), st.just((0.9, math.nan))), max_size=12)

Points = list[tuple[float, float]]


def staircase(points: Points) -> Staircase:
    accuracies, logs = np.array(points, dtype=float).reshape(-1, 2).T
    return Staircase.of(accuracies, logs, REFERENCE, SLOWEST)


def naive_volume(points: Points) -> float:
    """Strip by strip, the best of the points that are no slower; NaN is in no strip."""
    counted = [(gain, log) for gain, log in points if gain > REFERENCE and log < SLOWEST]
    edges = sorted({log for _, log in counted} | {SLOWEST})
    heights = (max(gain for gain, log in counted if log <= left) for left in edges[:-1])
    return sum((height - REFERENCE) * (b - a) for height, (a, b) in zip(heights, pairwise(edges), strict=True))


@given(points_)
def test_the_area_is_the_naive_one(points: Points) -> None:
    assert staircase(points).hypervolume == pytest.approx(naive_volume(points), abs=1e-12)


@given(points_)
def test_the_steps_are_the_points_that_none_dominates(points: Points) -> None:
    counted = {(gain, log) for gain, log in points if gain > REFERENCE and log < SLOWEST}
    front = {p for p in counted if not any(q[0] >= p[0] and q[1] <= p[1] and q != p for q in counted)}
    found = staircase(points)
    assert set(zip(found.heights, found.edges, strict=True)) == front
    assert np.all(np.diff(found.edges) > 0)
    assert np.all(np.diff(found.heights) > 0)


@given(points_, st.floats(0.0, 1.2), st.floats(0.01, 0.5), st.floats(-1.0, 3.5))
def test_expected_gain_is_the_average_over_outcomes(points: Points, mean: float, sd: float, log: float) -> None:
    front, before = staircase(points), naive_volume(points)
    count = 400
    outcomes = mean + sd * ndtri((np.arange(count) + 0.5) / count)
    average = np.mean([naive_volume([*points, (y, log)]) - before for y in outcomes])
    found = front.expected_gain(np.array([mean]), np.array([sd]), np.array([log]))
    assert found[0] == pytest.approx(average, rel=0.02, abs=0.004 * sd * max(SLOWEST - log, 0.0) + 1e-12)


@given(points_, st.floats(0.0, 1.2), st.floats(-1.0, 3.5))
def test_a_certain_outcome_gains_what_it_adds(points: Points, mean: float, log: float) -> None:
    gain = staircase(points).expected_gain(np.array([mean]), np.array([1e-9]), np.array([log]))[0]
    added = naive_volume([*points, (mean, log)]) - naive_volume(points)
    assert gain == pytest.approx(added, abs=1e-7)


def test_several_beliefs_about_each_candidate() -> None:
    front = staircase([(0.5, 1.0), (0.7, 2.0)])
    mean, sd = np.array([[0.4, 0.6], [0.8, 0.9], [0.1, 0.7]]), np.full((3, 2), 0.1)
    logs = np.array([0.5, 1.5, 2.5])
    both = front.expected_gain(mean, sd, logs)
    assert both.shape == (3, 2)
    for k in range(2):
        assert both[:, k] == pytest.approx(front.expected_gain(mean[:, k], sd[:, k], logs))


def test_an_empty_front_gains_all_above_the_reference() -> None:
    front = staircase([])
    assert front.hypervolume == 0.0
    gain = front.expected_gain(np.array([0.75, 0.75]), np.full(2, 1e-9), np.array([1.0, 4.0]))
    assert gain == pytest.approx([0.5 * 2.0, 0.0])
    assert front.share(gain) == pytest.approx([1.0, 0.0])


@given(points_, st.lists(st.floats(0.0, 100.0), max_size=5))
def test_shares_lie_between_nothing_and_the_whole(points: Points, gains: list[float]) -> None:
    shares = staircase(points).share(np.array(gains))
    assert np.all((shares >= 0) & (shares <= 1))
    assert np.all(np.diff(shares[np.argsort(gains)]) >= 0)


def test_improvement_far_below_the_step_is_never_negative() -> None:
    far = expected_improvement(np.array([0.0]), np.array([0.01]), np.linspace(0.0, 5.0, 200))
    assert np.all(far >= 0)
    assert far[0] == pytest.approx(0.01 / math.sqrt(2 * math.pi))
