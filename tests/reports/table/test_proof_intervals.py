"""Intervals over seeds: Student's where nothing is picked, at their level where the best is picked."""

import numpy as np
import pytest
from scipy import stats

from reports.table.proof.intervals import critical, picked_differences, picked_intervals, t_interval


def test_of_one_mean_it_is_students_interval() -> None:
    values = [0.41, 0.44, 0.45]
    found = t_interval(values, 0.9)
    assert found is not None
    low, high = stats.t.interval(0.9, 2, loc=np.mean(values), scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert (found.n, found.level) == (3, 0.9)
    assert picked_intervals({7: values}, 0.9)[7] == found
    assert t_interval(values[:1], 0.9) is None
    assert picked_intervals({7: values[:1]}, 0.9) == {}


def test_the_difference_of_one_is_the_paired_interval() -> None:
    one, base = {1: 0.50, 2: 0.47, 3: 0.56}, {1: 0.41, 2: 0.42, 3: 0.45, 4: 0.9}
    found = picked_differences({5: one}, base, 0.95)[5]
    apart = [one[seed] - base[seed] for seed in one]
    low, high = stats.t.interval(0.95, 2, loc=np.mean(apart), scale=stats.sem(apart))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.n == 3  # of the fourth seed there is no pair
    assert picked_differences({5: {1: 0.5}}, base, 0.95) == {}


def test_what_a_seed_does_to_all_alike_cancels_out_of_differences() -> None:
    rng = np.random.default_rng(0)
    own, common = rng.normal(0, 0.01, (3, 4)), rng.normal(0, 1.0, 4)

    def width(shift: np.ndarray) -> float:
        first, second, base = ({seed: float(row[seed] + shift[seed]) for seed in range(4)} for row in own)
        return picked_differences({0: first, 1: second}, base, 0.95)[0].half

    assert width(common) == pytest.approx(width(np.zeros(4)))


@pytest.mark.parametrize("apart", [0.0, 0.5, 1.0, 5.0])
@pytest.mark.parametrize("finalists", [2, 3, 5])
def test_the_best_that_is_picked_lies_in_its_interval_as_often_as_stated(apart: float, finalists: int) -> None:
    """Truths from equal to far apart, in standard deviations of a seed; 4000 draws: ± 0.7 points of chance."""
    rng = np.random.default_rng(1)
    truth = np.arange(finalists) * apart
    held = 0
    for _ in range(4000):
        seeds = truth[:, None] + rng.normal(0, 1, (finalists, 3))
        found = picked_intervals(dict(enumerate(seeds.tolist())), 0.9, rng.normal(0, 1, 3).tolist())
        best = max(found, key=lambda number: found[number].low)
        held += found[best].low <= truth[best] <= found[best].high
    most = 0.92 if finalists == 2 else 0.90 + 0.06  # far apart, picking costs nothing, and it holds more often
    assert 0.885 <= held / 4000 <= most


def test_picking_costs_more_of_more() -> None:
    student = stats.t.ppf(0.975, 8)
    assert critical(0.95, 8) == pytest.approx(student)
    assert critical(0.95, 8, 2) == pytest.approx(student, rel=0.01)
    assert student < critical(0.95, 8, 3) < critical(0.95, 8, 5) < stats.t.ppf(1 - 0.05 / 5, 8)
