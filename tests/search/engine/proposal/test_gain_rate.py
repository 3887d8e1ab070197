"""Gain per second: what it is without learning, its lower bound, and the index by a fine count of cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import ndtri

from search.engine.proposal.gain_rate import gain_rate
from search.engine.staircase import Staircase

FRONT = Staircase.of(np.array([0.3, 0.5, 0.6]), np.array([0.5, 1.0, 2.0]), 0.0, 3.0)


def rate(
    mean: float, sd: float, sd_after: float, log: float = 0.8, step_s: float = 10.0, rest_s: float = 90.0
) -> float:
    values = (np.array([v]) for v in (mean, sd, sd_after, log, step_s, rest_s))
    return float(gain_rate(FRONT, *values)[0])


def whole(mean: float, sd: float, log: float = 0.8, step_s: float = 10.0, rest_s: float = 90.0) -> float:
    return float(FRONT.expected_gain(np.array([mean]), np.array([sd]), np.array([log]))[0]) / (step_s + rest_s)


beliefs = (st.floats(0.0, 0.9), st.floats(0.005, 0.3), st.floats(0.01, 1.0), st.floats(0.0, 3.2))


@given(st.floats(0.0, 0.9), st.floats(0.005, 0.3), st.floats(0.0, 3.2), st.floats(0.1, 1000.0), st.floats(0.0, 1000.0))
def test_nothing_to_learn_is_plain_gain_per_second(
    mean: float, sd: float, log: float, step_s: float, rest_s: float
) -> None:
    assert rate(mean, sd, sd, log, step_s, rest_s) == pytest.approx(
        whole(mean, sd, log, step_s, rest_s), rel=1e-9, abs=1e-300
    )


@given(*beliefs, st.floats(0.1, 1000.0), st.floats(0.0, 1000.0))
def test_the_right_to_stop_never_costs(
    mean: float, sd: float, left: float, log: float, step_s: float, rest_s: float
) -> None:
    least = whole(mean, sd, log, step_s, rest_s)
    assert rate(mean, sd, left * sd, log, step_s, rest_s) >= least * (1 - 1e-9)


@given(*beliefs, st.floats(0.1, 100.0), st.floats(1.01, 10.0))
def test_cheaper_is_better(mean: float, sd: float, left: float, log: float, step_s: float, ratio: float) -> None:
    one = rate(mean, sd, left * sd, log, step_s, 50.0)
    assert one >= rate(mean, sd, left * sd, log, ratio * step_s, 50.0)
    assert one >= rate(mean, sd, left * sd, log, step_s, 50.0 * ratio)


def test_it_pays_to_learn() -> None:
    little, much = rate(0.3, 0.1, 0.099), rate(0.3, 0.1, 0.01)
    assert much > 2 * little
    assert rate(0.3, 0.1, 0.01, step_s=1.0) > 1.5 * much


@pytest.mark.parametrize("mean", [0.2, 0.3, 0.5, 0.8])
@pytest.mark.parametrize("left", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("step_s", [1.0, 20.0])
def test_it_is_the_rate_at_which_the_step_just_pays(mean: float, left: float, step_s: float) -> None:
    sd, rest_s, count = 0.1, 80.0, 2000
    means = mean + sd * np.sqrt(1 - left**2) * ndtri((np.arange(count) + 0.5) / count)
    gains = FRONT.expected_gain(means, np.full(count, left * sd), np.full(count, 0.8))

    def surplus(g: float) -> float:
        return float(np.maximum(gains - g * rest_s, 0.0).mean() - g * step_s)

    index = brentq(surplus, 0.0, float(gains.max()) / step_s + 1.0, xtol=1e-12)
    assert rate(mean, sd, left * sd, step_s=step_s, rest_s=rest_s) == pytest.approx(index, rel=0.06)


def test_a_long_shot_is_worth_something() -> None:
    """Three standard deviations below the front, and the next rung would tell: more than nothing."""
    assert rate(0.2, 0.1, 0.001, log=1.0) > 0
