"""False alarms of a year: what a look may spend, Holm's procedure against an oracle, and years that are simulated."""

from itertools import pairwise

import numpy as np
import pytest
from drifting_stream import Quiet, span, stream

from objectives.drift.look import look
from objectives.drift.spending import ALPHA_MAX, YEAR_DAYS, alpha_of_look, holm
from spaces.errors import SettingsError


@pytest.mark.parametrize("seed", range(5))
def test_a_year_spends_its_false_alarms_however_often_one_looks(seed: int) -> None:
    times = np.sort(np.random.default_rng(seed).uniform(0, YEAR_DAYS, 200))
    spent = sum(alpha_of_look(0.5, b - a, 7) for a, b in pairwise([0, *times, YEAR_DAYS]))
    assert spent == pytest.approx(0.5)


def test_the_first_look_spends_a_window_and_a_long_absence_is_bounded() -> None:
    assert alpha_of_look(0.5, None, 7) == alpha_of_look(0.5, 7, 7)
    assert alpha_of_look(0.5, 4000, 7) == ALPHA_MAX
    assert alpha_of_look(0.5, 0, 7) == 0


def test_bad_rates_and_clocks_are_refused() -> None:
    with pytest.raises(SettingsError, match="false_alarms"):
        alpha_of_look(0, 1, 7)
    with pytest.raises(SettingsError, match="later --now"):
        alpha_of_look(0.5, -1, 7)


@pytest.mark.parametrize("seed", range(20))
def test_holm_against_its_definition(seed: int) -> None:
    """By closed testing: a hypothesis falls if Bonferroni rejects every set of hypotheses that it belongs to."""
    p = np.random.default_rng(seed).choice([0.001, 0.01, 0.012, 0.02, 0.04, 0.5], 4)
    sets = [[i for i in range(4) if mask >> i & 1] for mask in range(1, 16)]
    wanted = [all(min(p[j] for j in s) <= 0.05 / len(s) for s in sets if i in s) for i in range(4)]
    assert [drifted for drifted, _ in holm(p.tolist(), 0.05)] == wanted


HARD = [
    Quiet(stores=8, week_sd=0.05, correlation=0.0),
    Quiet(stores=3, week_sd=0.03, away=0.3),
    Quiet(stores=1),
    Quiet(stores=1, correlation=0.8),
]


@pytest.mark.slow
@pytest.mark.parametrize("step_days", [1, 7])
@pytest.mark.parametrize("quiet", HARD, ids=str)
def test_simulated_years_have_no_more_false_alarms_than_stated(quiet: Quiet, step_days: int) -> None:
    """With a margin of 0, so that chance alone keeps quiet, and a rate of 4 a year, so that there is one to see.

    Windows of looks overlap, so alarms come in rows: streams are what repeats, and the rate is known to two standard
    errors of theirs. `tests/benchmarks/drift_years.py` has more of them.
    """
    stated, days, counts = 4.0, 120, []
    for seed in range(60 if quiet.stores == 1 else 12):
        images, end = stream(quiet, 28 + days, np.random.default_rng(seed)), 28 + days
        reference = span(images, 0, 28)
        alarms = 0
        for now in range(35, end + 1, step_days):
            alpha = alpha_of_look(stated, step_days, 7)
            seen = look(reference, span(images, now - 7, now), ["brightness"], {"brightness": 0}, alpha, images_min=10)
            assert seen[0].blocks
            alarms += seen[0].drifted
        counts.append(alarms)
    error = float(np.std(counts, ddof=1)) / len(counts) ** 0.5
    assert np.mean(counts) - 2 * error <= stated * days / YEAR_DAYS
