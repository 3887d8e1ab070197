"""The Gaussian process: gradient against differences, noiseless data met, noise of each observation, absent values."""

import warnings

import numpy as np
import pytest

from search.engine.models.distances import ABSENT_DISTANCE, KnownRows
from search.engine.models.gaussian_process import GaussianProcess
from search.engine.staircase import Floats

NUMBERS = np.zeros(2, dtype=bool)


def made(n: int, seed: int = 0, noise: float = 0.0) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    rows = rng.random((n, 2))
    return rows, np.sin(4 * rows[:, 0]) + rows[:, 1] + noise * rng.normal(size=n)


def mixed(n: int, seed: int = 0) -> tuple[Floats, Floats]:
    """A category, a number that exists for one category alone, and a number."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(3, size=n).astype(float)
    only = np.where(kind == 2, rng.random(n), np.nan)
    rows = np.column_stack([kind, only, rng.random(n)])
    return rows, kind + np.nan_to_num(only) + 0.5 * rows[:, 2]


@pytest.mark.parametrize("linear", [None, 2])
def test_the_gradient_is_the_slope(linear: int | None) -> None:
    rows, targets = mixed(25)
    process = GaussianProcess(np.array([True, False, False]), linear)
    process.fit(rows, targets, np.linspace(0.0, 0.3, 25), steps=1)
    rng = np.random.default_rng(1)
    for _ in range(5):
        at = np.concatenate([rng.normal(0.0, 1.0, 4), [rng.uniform(-6.0, 0.0)]])
        _, gradient = process._loss(at)
        step = 1e-5 * np.eye(5)
        slopes = [(process._loss(at + s)[0] - process._loss(at - s)[0]) / 2e-5 for s in step]
        assert gradient == pytest.approx(slopes, rel=1e-4, abs=1e-4)


def test_the_optimum_is_no_worse_than_the_start_and_flat() -> None:
    process = GaussianProcess(NUMBERS)
    process.fit(*made(30, noise=0.1), steps=200)
    assert process.log_scales is not None
    best, gradient = process._loss(process.log_scales)
    assert best <= process._loss(np.array([0.0, 0.0, 0.0, -4.0]))[0]
    assert np.abs(gradient).max() < 0.1


def test_noiseless_data_are_met_and_foretell_their_neighbours() -> None:
    rows, targets = made(40)
    process = GaussianProcess(NUMBERS)
    process.fit(rows, targets, steps=100)
    mean, sd = process.predict(rows)
    assert mean == pytest.approx(targets, abs=0.02)
    new_rows, truth = made(30, seed=9)
    mean, sd = process.predict(new_rows)
    assert np.abs(mean - truth).max() < 0.15
    assert np.all(np.abs(mean - truth) < 4 * sd)


def test_a_noisy_observation_counts_less_than_a_sure_one() -> None:
    rows = np.array([[0.5, 0.5], [0.5, 0.5], [0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    targets = np.array([1.0, -1.0, 0.0, 0.1, -0.1, 0.0])
    sure, unsure = 0.01, 1.0
    for noise, expected in (([sure, unsure], 1.0), ([unsure, sure], -1.0)):
        process = GaussianProcess(NUMBERS)
        process.fit(rows, targets, np.array([*noise, 0.01, 0.01, 0.01, 0.01]))
        mean, _ = process.predict(rows[:1])
        assert expected * mean[0] > 0.4


def test_categories_are_told_apart_and_an_unseen_one_is_doubtful() -> None:
    rng = np.random.default_rng(0)
    kind = np.repeat([0.0, 1.0, 2.0], 12)
    rows = np.column_stack([kind, rng.random(36)])
    targets = np.array([0.0, 5.0, 1.0])[kind.astype(int)]  # code 1 lies above both neighbours: no order in it
    process = GaussianProcess(np.array([True, False]))
    process.fit(rows, targets)
    mean, sd = process.predict(np.array([[0.0, 0.5], [1.0, 0.5], [2.0, 0.5], [3.0, 0.5]]))
    assert mean[:3] == pytest.approx([0.0, 5.0, 1.0], abs=0.3)
    assert sd[3] > 3 * sd[:3].max()


def test_absent_dimensions() -> None:
    rows, targets = mixed(60)
    process = GaussianProcess(np.array([True, False, False]))
    process.fit(rows, targets, steps=100)
    new_rows, truth = mixed(30, seed=5)
    mean, _ = process.predict(new_rows)
    assert np.isfinite(mean).all()
    assert np.corrcoef(mean, truth)[0, 1] > 0.95


def test_distances_by_dimension() -> None:
    left = np.array([[0.2, np.nan, 0.0], [np.nan, np.nan, 1.0], [0.7, 1.0, np.nan], [0.5, 3.0, 7.0]])
    right = np.array([[np.nan, np.nan, 0.0], [0.5, 1.0, 2.0], [0.1, 2.0, np.nan]])
    known = KnownRows.of(right, np.array([False, True, True]))
    absent, factors = ABSENT_DISTANCE, known.left(left)
    expected = [
        [[absent, 0.09, 0.01], [0.0, absent, absent], [absent, 0.04, 0.36], [absent, 0.0, 0.16]],
        [[0.0, absent, absent], [0.0, absent, absent], [absent, 0.0, 1.0], [absent, 1.0, 1.0]],
        [[0.0, 1.0, absent], [1.0, 1.0, absent], [absent, absent, 0.0], [1.0, 1.0, absent]],
    ]
    for dimension, gaps in enumerate(expected):
        assert known.scaled(factors, np.eye(3)[dimension]) == pytest.approx(np.array(gaps), abs=1e-12)
    weights = np.array([2.0, 0.5, 3.0])
    assert known.scaled(factors, weights) == pytest.approx(np.tensordot(weights, np.array(expected), 1))
    factor = np.arange(12.0).reshape(4, 3)
    assert known.by_dimension(factors, factor) == pytest.approx(np.sum(factor * np.array(expected), axis=(1, 2)))


def test_no_dimensions_are_no_distance() -> None:
    known = KnownRows.of(np.empty((3, 0)), np.empty(0, dtype=bool))
    assert known.scaled(known.left(np.empty((2, 0))), np.empty(0)).tolist() == [[0.0] * 3] * 2


def test_hyperparameters_keep_their_meaning_in_another_unit() -> None:
    """Tuned on targets of one spread, conditioned with those of another: what is foretold stays the same."""
    rows, targets = made(40, noise=0.1)
    found = []
    for scale in (None, (1.0, 5.0)):
        process = GaussianProcess(NUMBERS)
        process.tune(rows, targets)
        process.fit(rows, targets, steps=0, scale=scale)
        found.append(process.predict(made(10, seed=3)[0]))
    assert found[0][0] == pytest.approx(found[1][0], abs=0.02)
    assert found[0][1] == pytest.approx(found[1][1], rel=0.1)


def test_distances_are_a_symmetric_covariance() -> None:
    rows, targets = mixed(40, seed=3)
    process = GaussianProcess(np.array([True, False, False]))
    process.fit(rows, targets)
    covariance = process._kernel(process._left)
    assert covariance == pytest.approx(covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > -1e-8


@pytest.mark.parametrize("n", [1, 2, 10])
def test_constant_targets(n: int) -> None:
    rows, _ = made(n)
    process = GaussianProcess(NUMBERS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        process.fit(rows, np.full(n, 0.3))
        mean, sd = process.predict(rows)
        refined, refined_sd = process.refined()
    assert mean == pytest.approx(0.3)
    assert refined == pytest.approx(0.3)
    assert np.isfinite([sd, refined_sd]).all()


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_duplicates_are_averaged(noise: float) -> None:
    rows = np.repeat(np.array([[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]]), 10, axis=0)
    rng = np.random.default_rng(0)
    targets = rows[:, 0] + noise * rng.normal(size=30)
    process = GaussianProcess(NUMBERS)
    process.fit(rows, targets)
    mean, sd = process.predict(rows[::10])
    assert mean == pytest.approx([0.1, 0.5, 0.9], abs=0.02 + noise / 2)
    assert np.isfinite(sd).all()


def test_one_observation() -> None:
    process = GaussianProcess(NUMBERS)
    process.fit(np.array([[0.5, 0.5]]), np.array([0.7]), np.array([0.1]))
    mean, sd = process.predict(np.array([[0.5, 0.5], [0.0, 1.0]]))
    assert mean == pytest.approx(0.7)
    assert np.isfinite(sd).all()


def test_refined_lies_between_the_neighbours_and_the_own_observation() -> None:
    rows = np.column_stack([np.linspace(0, 1, 21), np.zeros(21)])
    targets = np.linspace(0.0, 1.0, 21)
    targets[10] = 1.5  # the neighbours say 0.5
    noise = np.full(21, 0.01)
    found = []
    for own in (0.02, 0.3, 3.0):
        noise[10] = own
        process = GaussianProcess(NUMBERS)
        process.fit(rows, targets, noise)
        mean, sd = process.refined()
        found.append(mean[10])
        assert 0.45 < mean[10] < 1.5
        assert sd[10] > sd[0] * 0.5
    assert found[0] > found[1] > found[2]
    assert found[0] > 1.0
    assert found[2] == pytest.approx(0.5, abs=0.15)


def test_refined_meets_observations_without_error() -> None:
    rows, targets = made(20, noise=0.3)
    process = GaussianProcess(NUMBERS)
    process.fit(rows, targets)
    mean, sd = process.refined()
    assert mean == pytest.approx(targets, abs=1e-3)
    assert np.all(sd < 0.05)


def test_doubt_is_wider_for_few_and_far() -> None:
    few, many = GaussianProcess(NUMBERS), GaussianProcess(NUMBERS)
    rows, targets = made(60, noise=0.2)
    few.fit(rows[:5], targets[:5])
    many.fit(rows, targets)
    assert few._widened > many._widened >= 1.0
    beyond = np.array([[0.5, 0.5], [3.0, 3.0]])
    _, sd = many.predict(beyond)
    assert sd[1] > 1.5 * sd[0]


def test_doubt_covers_what_comes() -> None:
    inside = []
    for seed in range(8):
        process = GaussianProcess(NUMBERS)
        process.fit(*made(25, seed=seed, noise=0.3))
        rows, truth = made(50, seed=seed + 100, noise=0.3)
        mean, sd = process.predict(rows)
        inside.append(np.mean(np.abs(truth - mean) < 1.645 * sd))
    assert 0.88 <= np.mean(inside) <= 1.0


def test_the_same_observations_give_the_same_process() -> None:
    rows, targets = made(30, noise=0.2)
    one, other = GaussianProcess(NUMBERS), GaussianProcess(NUMBERS)
    one.fit(rows, targets)
    other.fit(rows, targets)
    assert np.array_equal(one.predict(rows), other.predict(rows))
