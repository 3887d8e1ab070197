"""The pruner: fair to slow detectors, and silent until enough trials that are no slower are well ahead."""

from dataclasses import replace

import pytest
from defaults import pruner_of
from hypothesis import given
from hypothesis import strategies as st

from objectives.records.records import Rung
from search.samplers.schedulers import PRUNERS, Runner, check_pruner, reason_to_stop
from search.settings.settings import PrunerSettings
from spaces.errors import SettingsError

DOMINATED = pruner_of("dominated", better_min=3, tolerance=0.6)


def rung(map_: float, epoch: int = 3, decides: bool = True) -> Rung:
    return Rung(epoch, map_, min(1.0, 1.3 * map_), 10.0, 1.0, decides)


def runner(number: int, p50_ms: float, *maps: float) -> Runner:
    """A trial with these mAPs at epochs 3, 6, 12."""
    return Runner(number, p50_ms, tuple(rung(m, epoch) for m, epoch in zip(maps, (3, 6, 12), strict=False)))


def stop(settings: PrunerSettings, mine: Runner, others: list[Runner]) -> str:
    return reason_to_stop(settings, mine, mine.rungs[-1], others)


def test_a_trial_far_behind_faster_ones_stops_and_the_reason_says_why() -> None:
    others = [runner(1, 2.0, 0.5), runner(2, 3.0, 0.6), runner(3, 4.0, 0.55)]
    assert stop(DOMINATED, runner(9, 5.0, 0.3), others) == (
        "epoch 3: mAP 0.300 at 5.0 ms; 3 trials no slower are ahead, trial 2 had 0.600 at 3.0 ms"
    )


def test_slower_trials_never_stop_one() -> None:
    others = [runner(n, 5.1 + n, 0.9) for n in range(20)]
    assert stop(DOMINATED, runner(99, 5.0, 0.01), others) == ""
    assert stop(DOMINATED, runner(99, 26.0, 0.01), others) != ""


def test_equally_fast_trials_count() -> None:
    assert stop(DOMINATED, runner(9, 5.0, 0.1), [runner(n, 5.0, 0.5) for n in range(3)]) != ""


def test_enough_must_be_ahead() -> None:
    two = [runner(1, 2.0, 0.9), runner(2, 2.0, 0.9)]
    behind = [runner(n, 2.0, 0.05) for n in range(3, 9)]
    assert stop(DOMINATED, runner(9, 5.0, 0.1), [*two, *behind]) == ""
    assert stop(DOMINATED, runner(9, 5.0, 0.1), [*two, *behind, runner(10, 2.0, 0.11)]) != ""
    alone = pruner_of("dominated", better_min=1, tolerance=0.6)
    assert stop(alone, runner(9, 5.0, 0.1), two[:1]) != ""


def test_ties_are_not_ahead() -> None:
    strict = pruner_of("dominated", better_min=1, tolerance=1.0)
    assert stop(strict, runner(9, 5.0, 0.5), [runner(n, 2.0, 0.5) for n in range(5)]) == ""
    assert stop(strict, runner(9, 5.0, 0.0), [runner(n, 2.0, 0.0) for n in range(5)]) == ""
    assert stop(strict, runner(9, 5.0, 0.499), [runner(1, 2.0, 0.5)]) != ""


def test_tolerance_is_a_share_of_the_best() -> None:
    others = [runner(n, 2.0, 0.5) for n in range(3)]
    assert stop(DOMINATED, runner(9, 5.0, 0.30), others) == ""  # exactly 0.6 of the best
    assert stop(DOMINATED, runner(9, 5.0, 0.299), others) != ""


def test_only_the_same_epoch_is_compared() -> None:
    others = [runner(n, 2.0, 0.5, 0.6) for n in range(3)]
    assert stop(DOMINATED, runner(9, 5.0, 0.5, 0.2), others) != ""
    assert stop(DOMINATED, runner(9, 5.0, 0.5, 0.2, 0.2), others) == ""  # nobody has got to epoch 12


def test_evaluated_epochs_that_do_not_decide_stop_nothing() -> None:
    others = [runner(n, 2.0, 0.9) for n in range(5)]
    look = rung(0.01, decides=False)
    assert reason_to_stop(DOMINATED, Runner(9, 5.0, (look,)), look, others) == ""


def test_none_stops_nothing() -> None:
    others = [runner(n, 1.0, 0.9) for n in range(9)]
    assert stop(pruner_of("none"), runner(9, 5.0, 0.0), others) == ""


def test_first_trial_goes_on() -> None:
    assert stop(DOMINATED, runner(0, 5.0, 0.0), []) == ""


def test_names_are_checked() -> None:
    for name in PRUNERS:
        check_pruner(pruner_of(name))
    with pytest.raises(SettingsError, match=r"pruner.name: 'dominatd' is no pruner; nearest: dominated"):
        check_pruner(pruner_of("dominatd"))


shares = st.floats(0, 1)
latencies = st.floats(0.5, 50)
fields = st.lists(st.tuples(latencies, shares), max_size=12).map(
    lambda pairs: [runner(n, p50, m) for n, (p50, m) in enumerate(pairs)]
)
pruners = st.builds(
    lambda least, tolerance: replace(DOMINATED, better_min=least, tolerance=tolerance),
    st.integers(1, 5),
    shares,
)


def naive(settings: PrunerSettings, mine: Runner, others: list[Runner]) -> bool:
    """Whether it stops, from the definition."""
    maps = sorted(o.rungs[0].map for o in others if o.p50_ms <= mine.p50_ms and o.rungs[0].map > mine.rungs[0].map)
    return len(maps) >= settings.better_min and mine.rungs[0].map < settings.tolerance * maps[-1]


@given(pruners, latencies, shares, fields)
def test_it_is_the_definition(settings: PrunerSettings, p50_ms: float, map_: float, others: list[Runner]) -> None:
    mine = runner(99, p50_ms, map_)
    assert bool(stop(settings, mine, others)) == naive(settings, mine, others)


@given(pruners, latencies, shares, fields)
def test_slower_trials_change_nothing(
    settings: PrunerSettings, p50_ms: float, map_: float, others: list[Runner]
) -> None:
    mine = runner(99, p50_ms, map_)
    slower = [runner(100 + n, p50_ms * 1.01 + n, 1.0) for n in range(6)]
    assert stop(settings, mine, others) == stop(settings, mine, [*others, *slower])


@given(pruners, latencies, shares, shares, fields)
def test_a_better_trial_goes_at_least_as_far(
    settings: PrunerSettings, p50_ms: float, one: float, other: float, others: list[Runner]
) -> None:
    low, high = sorted((one, other))
    if stop(settings, runner(99, p50_ms, high), others):
        assert stop(settings, runner(99, p50_ms, low), others)


@given(pruners, latencies, fields)
def test_the_most_accurate_never_stops(settings: PrunerSettings, p50_ms: float, others: list[Runner]) -> None:
    best = max((o.rungs[0].map for o in others), default=0.0)
    assert stop(settings, runner(99, p50_ms, best), others) == ""


@given(pruners, shares, fields)
def test_the_fastest_never_stops(settings: PrunerSettings, map_: float, others: list[Runner]) -> None:
    fastest = min((o.p50_ms for o in others), default=1.0) * 0.99
    assert stop(settings, runner(99, fastest, map_), others) == ""
