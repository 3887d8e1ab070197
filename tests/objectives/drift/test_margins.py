"""Probabilities under "within the margin": against SciPy's tests, against simulation, and at the margin itself."""

import numpy as np
import pytest
from scipy import stats

from objectives.drift.margins import p_of_length, p_of_ratio


def test_without_a_margin_it_is_students_test() -> None:
    rng = np.random.default_rng(1)
    now, base = rng.normal(1.1, 0.1, 8), rng.normal(1, 0.1, 8)
    pooled = (now.var(ddof=1) + base.var(ddof=1)) / 2 / 8
    found = p_of_ratio(now.mean(), base.mean(), pooled, pooled, 14, 0)
    assert found == pytest.approx(stats.ttest_ind(now, base).pvalue)


@pytest.mark.parametrize("truth", [1.15, 0.85])
def test_at_the_margin_the_rate_is_alpha(truth: float) -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(4000):
        now, base = rng.normal(truth, 0.05, 6), rng.normal(1, 0.05, 6)
        pooled = (now.var(ddof=1) + base.var(ddof=1)) / 2 / 6
        found.append(p_of_ratio(now.mean(), base.mean(), pooled, pooled, 10, 0.15) <= 0.05)
    assert np.mean(found) == pytest.approx(0.05, abs=0.011)  # three standard deviations


def test_within_the_margin_nothing_is_said_and_certainty_is_certain() -> None:
    assert p_of_ratio(1.1, 1, 1e-8, 1e-8, 9, 0.15) == pytest.approx(1, abs=1e-6)
    assert p_of_ratio(1.2, 1, 0, 0, 9, 0.15) == 0
    assert p_of_ratio(0, 0, 0, 0, 9, 0.15) == 1


@pytest.mark.parametrize("df", [3, 24])
def test_a_length_along_one_direction_is_students_tail(df: float) -> None:
    assert p_of_length(3.5, 0, 1, df, 0.5) == pytest.approx(stats.t.sf(3, df), rel=0.01)
    assert p_of_length(0.4, 0, 1, df, 0.5) == 1


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("dimensions", [1, 3, 20, 64])
def test_p_of_a_length_is_never_smaller_than_what_noise_does_at_the_margin(dimensions: int, power: int) -> None:
    rng = np.random.default_rng(3)
    sds = np.linspace(0.2, 1, dimensions) if dimensions > 1 else np.ones(1)
    true = np.full(dimensions, 0.5 / np.sqrt(dimensions))  # of length 0.5, which is the margin
    lengths = np.linalg.norm(true + rng.normal(0, 1, (50_000, dimensions)) * sds, axis=1)
    noise = float(np.sqrt((sds**2).sum()))
    for share in (0.05, 0.01, 0.001):
        p = p_of_length(float(np.quantile(lengths, 1 - share)), noise, 1.0, 1e6, 0.5, power)
        assert share * 0.9 <= p < 1


def test_in_many_directions_the_euclidean_bound_finds_more() -> None:
    assert p_of_length(1.4, 1, 0.1, 100, 0.5, power=2) < 0.05 < p_of_length(1.4, 1, 0.1, 100, 0.5, power=1)
