"""The pruner: fair to slow detectors, and silent until enough trials that are no slower are well ahead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.engine.schedulers.dominated import Contender, Dominated
from spaces.errors import SettingsError

DOMINATED = Dominated(better_min=3, tolerance=0.6)


def runner(number: int, p50_ms: float, *maps: float) -> Contender:
    """A trial with these mAPs at epochs 3, 6, 12."""
    return Contender(number, p50_ms, dict(zip((3, 6, 12), maps, strict=False)))


def stop(scheduler: Dominated, mine: Contender, others: list[Contender]) -> str:
    return scheduler.reason_to_stop(mine, max(mine.accuracies), others)


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
    alone = Dominated(better_min=1, tolerance=0.6)
    assert stop(alone, runner(9, 5.0, 0.1), two[:1]) != ""


def test_ties_are_not_ahead() -> None:
    strict = Dominated(better_min=1, tolerance=1.0)
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


def test_first_trial_goes_on() -> None:
    assert stop(DOMINATED, runner(0, 5.0, 0.0), []) == ""


@pytest.mark.parametrize(
    ("better_min", "tolerance", "rule"),
    [(0, 0.6, "better_min: must be 1 or more, got 0"), (1, float("nan"), r"tolerance: must lie in \[0, 1\], got nan")],
)
def test_settings_are_checked(better_min: int, tolerance: float, rule: str) -> None:
    with pytest.raises(SettingsError, match=f"pruner.{rule}"):
        Dominated(better_min, tolerance)


shares = st.floats(0, 1)
latencies = st.floats(0.5, 50)
fields = st.lists(st.tuples(latencies, shares), max_size=12).map(
    lambda pairs: [runner(n, p50, m) for n, (p50, m) in enumerate(pairs)]
)
pruners = st.builds(
    Dominated,
    st.integers(1, 5),
    shares,
)


def naive(scheduler: Dominated, mine: Contender, others: list[Contender]) -> bool:
    """Whether it stops, from the definition."""
    maps = sorted(o.accuracies[3] for o in others if o.p50_ms <= mine.p50_ms and o.accuracies[3] > mine.accuracies[3])
    return len(maps) >= scheduler.better_min and mine.accuracies[3] < scheduler.tolerance * maps[-1]


@given(pruners, latencies, shares, fields)
def test_it_is_the_definition(scheduler: Dominated, p50_ms: float, map_: float, others: list[Contender]) -> None:
    mine = runner(99, p50_ms, map_)
    assert bool(stop(scheduler, mine, others)) == naive(scheduler, mine, others)


@given(pruners, latencies, shares, fields)
def test_slower_trials_change_nothing(
    scheduler: Dominated, p50_ms: float, map_: float, others: list[Contender]
) -> None:
    mine = runner(99, p50_ms, map_)
    slower = [runner(100 + n, p50_ms * 1.01 + n, 1.0) for n in range(6)]
    assert stop(scheduler, mine, others) == stop(scheduler, mine, [*others, *slower])


@given(pruners, latencies, shares, shares, fields)
def test_a_better_trial_goes_at_least_as_far(
    scheduler: Dominated, p50_ms: float, one: float, other: float, others: list[Contender]
) -> None:
    low, high = sorted((one, other))
    if stop(scheduler, runner(99, p50_ms, high), others):
        assert stop(scheduler, runner(99, p50_ms, low), others)


@given(pruners, latencies, fields)
def test_the_most_accurate_never_stops(scheduler: Dominated, p50_ms: float, others: list[Contender]) -> None:
    best = max((o.accuracies[3] for o in others), default=0.0)
    assert stop(scheduler, runner(99, p50_ms, best), others) == ""


@given(pruners, shares, fields)
def test_the_fastest_never_stops(scheduler: Dominated, map_: float, others: list[Contender]) -> None:
    fastest = min((o.p50_ms for o in others), default=1.0) * 0.99
    assert stop(scheduler, runner(99, fastest, map_), others) == ""
