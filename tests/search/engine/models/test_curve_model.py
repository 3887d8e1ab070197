"""Curves across trials: finals within their doubt, and wide doubt from rungs that say nothing."""

import warnings

import numpy as np
import pytest

from search.engine.models.curve_model import CurveModel, latest_rung
from search.engine.staircase import Floats

SHARES = np.array([0.4, 0.7, 0.9, 1.0])  # of the final accuracy, at each rung


def table_of(finals: Floats, noise: float = 0.01, seed: int = 0) -> Floats:
    table = finals[:, None] * SHARES + noise * np.random.default_rng(seed).normal(size=(len(finals), 4))
    table[:, -1] = finals
    return table


def cut(table: Floats, rung: int) -> Floats:
    left = table.copy()
    left[:, rung + 1 :] = np.nan
    return left


def made(count: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).uniform(0.2, 0.8, count)


@pytest.mark.parametrize("rung", [0, 1, 2])
def test_finals_lie_within_their_doubt(rung: int) -> None:
    model = CurveModel(table_of(made(40)))
    finals = made(60, seed=7)
    mean, sd = model.final(cut(table_of(finals, seed=8), rung))
    z = (finals - mean) / sd
    assert np.abs(z).max() < 4
    assert 0.3 < np.sqrt(np.mean(z**2)) < 1.3
    assert np.sqrt(np.mean((mean - finals) ** 2)) < 0.06


def test_doubt_shrinks_from_rung_to_rung() -> None:
    table = table_of(made(40))
    model = CurveModel(table)
    doubts = [model.sd_from(rung, table) for rung in range(4)]
    assert doubts[0] > doubts[1] > doubts[2] > doubts[3] == 0.0


def test_doubt_is_wide_where_early_rungs_say_nothing() -> None:
    finals = made(60)
    informative = table_of(finals)
    shuffled = informative.copy()
    shuffled[:, :2] = shuffled[np.random.default_rng(3).permutation(60), :2]
    early = CurveModel(informative).sd_from(0, informative)
    assert CurveModel(shuffled).sd_from(0, shuffled) > 2 * early
    assert CurveModel(shuffled).sd_from(0, shuffled) > 0.7 * finals.std()
    assert CurveModel(shuffled).sd_from(2, shuffled) < 0.2 * finals.std()  # what the last but one rung shows holds


def test_the_choice_of_the_promoted_does_not_bend_the_growth() -> None:
    finals = made(80)
    whole = table_of(finals, noise=0.03)
    promoted = whole.copy()
    promoted[whole[:, 0] < np.quantile(whole[:, 0], 0.7), 1:] = np.nan
    low = cut(whole, 0)[whole[:, 0] < np.quantile(whole[:, 0], 0.3)]
    mean, sd = CurveModel(promoted).final(low)
    truth = finals[whole[:, 0] < np.quantile(whole[:, 0], 0.3)]
    assert np.all(np.abs(truth - mean) < 3.5 * sd)


def test_finished_trials_have_their_own_accuracy_and_no_doubt() -> None:
    table = table_of(made(10))
    table[::2, 2:] = np.nan
    mean, sd = CurveModel(table).final(table)
    assert mean[1::2] == pytest.approx(table[1::2, -1])
    assert np.all(sd[1::2] == 0)
    assert np.all(sd[::2] > 0)


def test_before_anything_is_finished() -> None:
    table = cut(table_of(made(5)), 0)
    model = CurveModel(table)
    mean, sd = model.final(table)
    assert np.all(mean > table[:, 0])
    assert np.all(sd > 0.1 * table[:, 0].max())
    assert np.array_equal(np.argsort(mean), np.argsort(table[:, 0]))
    assert model.sd_from(1, table) > 0  # nobody stands there


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_rows_of_nan(rows: int) -> None:
    table = np.full((rows, 4), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = CurveModel(table)
        mean, sd = model.final(table)
        assert np.isfinite([model.sd_from(rung, table) for rung in range(4)]).all()
    assert mean.shape == sd.shape == (rows,)
    assert np.isnan(mean).all()


def test_holes_and_all_alike() -> None:
    table = table_of(made(12))
    table[0, 1] = np.nan
    table[1, 0] = np.nan
    table[2] = np.nan
    mean, sd = CurveModel(table).final(table)
    assert np.isnan(mean[2])
    assert np.isfinite(np.delete(mean, 2)).all()
    for value in (0.0, 0.5):
        flat = np.full((6, 4), value)
        mean, sd = CurveModel(flat).final(cut(flat, 1))
        assert np.isfinite([mean, sd]).all()
        assert mean == pytest.approx(value, abs=0.35 * (value or 1.0))


def test_one_rung() -> None:
    table = np.array([[0.3], [0.5], [np.nan]])
    model = CurveModel(table)
    mean, sd = model.final(table)
    assert np.array_equal(mean, table[:, 0], equal_nan=True)
    assert np.all(sd == 0)
    assert model.sd_from(0, table) == 0.0


def test_latest_rung() -> None:
    nan = np.nan
    table = np.array([[nan, nan, nan], [0.1, nan, nan], [0.1, 0.2, nan], [0.1, 0.2, 0.3], [nan, 0.2, nan]])
    assert latest_rung(table).tolist() == [-1, 0, 1, 2, 1]
