"""How a prior fades: its weight against the least squares of an oracle, and in the beliefs about a whole study."""

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution

from objectives.records.trial_record import Phase
from search.engine.digest import Digest
from search.engine.encoding import Encoder
from search.engine.models.beliefs import Beliefs
from search.engine.models.experience.fading import HALVED, RESIDUAL, faded
from search.engine.models.experience.prior import Prior, prior_of
from search.engine.models.experience.recorded import Training
from search.engine.observed import Observed

SPACE: dict[str, BaseDistribution] = {"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)}
RANGE = (0.0, math.log(100.0))


def prior(sign: float = 1.0) -> Prior:
    """Earlier studies in which accuracy rose with x, or fell."""
    rng = random.Random(0)
    points = [(study, rng.random(), rng.random()) for study in "abc" for _ in range(30)]
    some = [Training(study, {"x": x, "y": y}, 9, 0.5 + sign * 0.4 * (x - 0.5)) for study, x, y in points]
    found = prior_of(some, Encoder(SPACE), {})
    assert found is not None
    return found


def study(count: int, seed: int = 0) -> list[Observed]:
    """Finished trials whose accuracy rises with x."""
    rng = np.random.default_rng(seed)
    found = []
    for number, (x, y) in enumerate(rng.random((count, 2))):
        final = 0.3 + 0.4 * x + 0.02 * float(rng.normal())
        ms = 2.0 + 90.0 * float(rng.random())
        found.append(Observed(number, {"x": x, "y": y}, ms, (9,), (final,), (9.0,), final, Phase.FINISHED))
    return found


def beliefs(trials: Sequence[Observed], of: Prior | None) -> Beliefs:
    return Beliefs(Digest(trials), (9,), Encoder(SPACE), RANGE, prior=of)


def error(of: Prior | None, count: int, seeds: int = 5) -> float:
    """Return the root mean square error of the beliefs about new candidates."""
    grid = [{"x": x, "y": 0.5} for x in np.linspace(0.0, 1.0, 9)]
    truth = np.array([0.3 + 0.4 * params["x"] for params in grid])
    rows, logs = Encoder(SPACE).encode(grid), np.full(len(grid), math.log(20.0))
    found = [beliefs(study(count, seed), of).of_candidates(rows, logs).mean - truth for seed in range(seeds)]
    return float(np.sqrt(np.mean(np.square(found))))


def test_the_weight_is_that_of_bayesian_regression() -> None:
    """The oracle solves the regression as least squares, the weight's own prior as one more observation."""
    known = prior()
    rows = np.random.default_rng(1).random((12, 2))
    accuracies = 0.5 + 0.1 * rows[:, 0]
    errors = np.full(12, 0.05)
    trend = faded(known, rows, accuracies, errors, spread=0.1)
    scores = known.foretell(rows)[0]
    noise = math.hypot(RESIDUAL, 0.5)
    design = np.append((scores - scores.mean()) / noise, 1.0 / known.slope_sd)
    wanted = np.append((accuracies - accuracies.mean()) / 0.1 / noise, known.slope / known.slope_sd)
    slope = np.linalg.lstsq(design[:, None], wanted, rcond=None)[0][0]
    assert trend.weight == pytest.approx(slope * HALVED / (HALVED + 12))
    assert trend.weight_sd < known.slope_sd
    assert np.mean(trend.at(rows)) == pytest.approx(0.0, abs=1e-9)


def test_the_weight_stays_where_results_agree_and_goes_where_they_do_not() -> None:
    known, rows = prior(), np.random.default_rng(1).random((40, 2))
    errors = np.zeros(40)

    def weight(count: int, sign: float) -> float:
        return faded(known, rows[:count], 0.5 + sign * 0.1 * rows[:count, 0], errors[:count], spread=0.03).weight

    assert weight(40, 1.0) * (HALVED + 40) / HALVED > 0.7
    assert 0.7 > weight(5, 1.0) > weight(40, 1.0)
    falling = [weight(count, -1.0) for count in (2, 5, 10, 40)]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] == 0.0


def test_a_right_prior_helps_while_results_are_few() -> None:
    assert error(prior(), 4) < 0.7 * error(None, 4)


def test_a_wrong_prior_does_no_lasting_harm() -> None:
    assert error(prior(-1.0), 4) > error(None, 4)
    assert error(prior(-1.0), 40) < error(None, 40) + 0.005


def test_what_is_kept_of_a_prior_is_said_with_a_proposal() -> None:
    high, low = Encoder(SPACE).encode([{"x": 0.95, "y": 0.5}, {"x": 0.05, "y": 0.5}])
    known = beliefs(study(10), prior())
    assert known.experienced(high) == "; its like learnt well in 3 earlier studies"
    assert known.experienced(low) == ""
    assert beliefs([], prior()).experienced(high) != ""
    assert beliefs(study(10), None).experienced(high) == ""
    assert beliefs(study(60), prior(-1.0)).experienced(low) == ""  # faded away


def test_failed_and_unfinished_trials_go_with_a_prior() -> None:
    failed = Observed(90, {"x": 0.9, "y": 0.1}, 20.0, (), (), (), None, Phase.FAILED)
    begun = Observed(91, {"x": 0.8, "y": 0.1}, 20.0, (), (), (), None, Phase.RUNNING)
    known = beliefs([*study(70), failed, begun], prior())
    of = known.of_trials(np.arange(70))
    finals = np.array([t.final for t in study(70)])
    assert np.abs(of.mean - finals).mean() < 0.03
