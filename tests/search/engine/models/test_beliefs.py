"""Beliefs about trials at any rung and about candidates, the table of curves, the front of more than are modelled."""

import math
import warnings

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution

from objectives.records.trial_record import Phase
from search.engine.digest import MODELLED_MAX, Digest
from search.engine.encoding import Encoder
from search.engine.models.beliefs import Beliefs, accuracy_table
from search.engine.observed import Observed
from search.engine.staircase import Floats

LADDER = (1, 3, 9)
SPACE: dict[str, BaseDistribution] = {"x": FloatDistribution(0.0, 1.0)}
RANGE = (0.0, math.log(100.0))


def trial(
    number: int,
    *accuracies: float,
    x: float = 0.5,
    latency_ms: float | None = 10.0,
    phase: Phase = Phase.PAUSED,
    epochs: tuple[int, ...] = (),
) -> Observed:
    at = epochs or LADDER[: len(accuracies)]
    final = accuracies[-1] if phase is Phase.FINISHED else None
    return Observed(number, {"x": x}, latency_ms, at, accuracies, tuple(map(float, at)), final, phase)


def finished(count: int, seed: int = 0) -> list[Observed]:
    """Accuracy rises with x; latency with the number."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        x, ms = float(rng.random()), 2.0 + 90.0 * number / count
        top = 0.3 + 0.4 * x + float(rng.normal(0, 0.01))
        found.append(trial(number, 0.4 * top, 0.7 * top, top, x=x, latency_ms=ms, phase=Phase.FINISHED))
    return found


def rows(params: list[dict[str, float]]) -> Floats:
    return Encoder(SPACE).encode(params)


def beliefs(trials: list[Observed]) -> Beliefs:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return Beliefs(Digest(trials), LADDER, Encoder(SPACE), RANGE)


def test_candidates_like_good_trials_are_expected_to_be_good() -> None:
    known = beliefs(finished(20))
    belief = known.of_candidates(rows([{"x": 0.1}, {"x": 0.5}, {"x": 0.9}]), np.log([20.0, 20.0, 20.0]))
    assert belief.mean == pytest.approx([0.34, 0.5, 0.66], abs=0.05)
    assert np.all(belief.sd > 0)
    assert np.all(belief.sd_after < belief.sd)


def test_a_trial_at_a_rung_is_seen_between_its_curve_and_its_parameters() -> None:
    good = trial(50, 0.4 * 0.66, 0.7 * 0.66, x=0.9)
    odd = trial(51, 0.4 * 0.3, 0.7 * 0.3, x=0.9)  # a bad curve where all others are good
    known = beliefs([*finished(20), good, odd])
    belief = known.of_trials(np.array([20, 21]))
    assert belief.mean[0] == pytest.approx(0.66, abs=0.05)
    assert belief.mean[1] < belief.mean[0] - 0.15
    assert np.all(belief.sd_after < belief.sd)
    assert np.all(belief.sd < 0.1)


def test_later_rungs_leave_less_doubt() -> None:
    early, late = trial(50, 0.2, x=0.5), trial(51, 0.2, 0.35, x=0.5)
    known = beliefs([*finished(20), early, late])
    belief = known.of_trials(np.array([20, 21]))
    assert belief.sd[1] < belief.sd[0]


def test_failures_make_their_region_look_bad() -> None:
    new, logs = rows([{"x": 0.9}]), np.log([50.0])
    without = beliefs(finished(20)).of_candidates(new, logs)
    failures = [trial(30 + n, x=0.88 + 0.01 * n, latency_ms=50.0, phase=Phase.FAILED) for n in range(4)]
    assert beliefs([*finished(20), *failures]).of_candidates(new, logs).mean[0] < without.mean[0]


@pytest.mark.parametrize("accuracy", [0.0, 0.3])
@pytest.mark.parametrize("count", [1, 2, 8])
def test_all_alike_is_still_doubtful(accuracy: float, count: int) -> None:
    """Equal accuracies at the first rung do not mean that the ends are known."""
    known = beliefs([trial(n, accuracy, x=n / 8) for n in range(count)])
    belief = known.of_trials(np.arange(count))
    assert np.isfinite([belief.mean, belief.sd, belief.sd_after]).all()
    assert np.all(belief.sd > 0.02)
    assert np.all(known.of_candidates(rows([{"x": 0.5}]), np.log([5.0])).sd > 0.02)


def test_nothing_known() -> None:
    known = beliefs([])
    assert known.trials == []
    assert known.front.hypervolume == 0.0
    nan = [trial(0, math.nan), trial(1, latency_ms=None), trial(2, 0.5, latency_ms=None), trial(3)]
    assert beliefs(nan).trials == []


def test_the_front_counts_finished_trials_and_running_ones_as_imagined() -> None:
    done = finished(10)
    top = max(t.final or 0.0 for t in done)
    running = trial(20, 0.4, 0.7, x=1.0, latency_ms=1.5, phase=Phase.RUNNING)
    paused = trial(21, 0.4, 0.7, x=1.0, latency_ms=1.5)
    stopped = trial(22, 0.4, 0.7, x=1.0, latency_ms=1.5, phase=Phase.STOPPED)
    assert beliefs([*done, paused, stopped]).front.heights.max() == pytest.approx(top)
    assert beliefs([*done, running]).front.heights.max() > top + 0.05


def test_the_front_knows_every_finished_trial() -> None:
    """The surrogate is conditioned on the latest; the first of all may hold the front."""
    first = trial(0, 0.3, 0.6, 0.95, x=1.0, latency_ms=1.0, phase=Phase.FINISHED)
    rest = [trial(n, 0.1, 0.2, 0.3, x=n / 1000, phase=Phase.FINISHED) for n in range(1, MODELLED_MAX + 20)]
    known = beliefs([first, *rest])
    assert len(known.trials) == MODELLED_MAX
    assert known.front.heights.tolist() == [0.95]


def test_the_table_of_curves() -> None:
    nan = math.nan
    seen: list[tuple[Observed, list[float]]] = [
        (trial(0, 0.2), [0.2, nan, nan]),
        (trial(1, 0.2, 0.1), [0.2, 0.2, nan]),  # the best so far
        (trial(2, 0.2, 0.3, 0.4, phase=Phase.FINISHED), [0.2, 0.3, 0.4]),
        (trial(3, 0.3, epochs=(2,)), [nan, nan, nan]),
        (trial(4, nan, 0.3), [nan, 0.3, nan]),
        (trial(5, 0.5, phase=Phase.FINISHED, epochs=(9,)), [0.5, 0.5, 0.5]),  # seen at its end alone
        (trial(6, nan), [nan, nan, nan]),
    ]
    expected: Floats = np.array([row for _, row in seen])
    expected[3, 0] = 0.3  # before the next rung, behind the first: as if it were there
    assert np.array_equal(accuracy_table([t for t, _ in seen], LADDER), expected, equal_nan=True)


def test_the_same_trials_give_the_same_beliefs() -> None:
    trials = [*finished(15), trial(20, 0.2)]
    one, other = (beliefs(trials).of_candidates(rows([{"x": 0.4}]), np.log([7.0])) for _ in range(2))
    assert (one.mean, one.sd) == (other.mean, other.sd)
