"""The range of the time left: what it stands on, what it says of little, and how often the truth lies within."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from search.settings.settings import BudgetSettings
from search.study.budget import BudgetUsed
from search.view.moment.time_left import TimeLeft, span, time_left_of

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))  # the scripts import each other by plain name
time_left: ModuleType = importlib.import_module("time_left")
replay_table: ModuleType = importlib.import_module("replay_table")
sys.path.remove(str(BENCHMARKS))

FORTY = BudgetSettings(trials=40)


def used(*seconds: float, spent_s: float = 1000.0, paused: int = 0) -> BudgetUsed:
    return BudgetUsed(len(seconds), spent_s, seconds, paused)


def test_too_few_trials_give_a_guess_and_no_range() -> None:
    assert time_left_of(used(), FORTY, 1).wordings == ("no estimate yet",)
    assert time_left_of(used(), BudgetSettings(40, 2.0), 1).wordings == ("at most 1 h 43 min left",)
    two = time_left_of(used(60.0, 60.0), FORTY, 1)
    assert two.low_s is None
    assert two.wordings == ("about 38 min left, a guess from 2 so far", "about 38 min left")


def test_trials_that_scatter_have_a_wide_range_and_more_trials_a_narrow_one() -> None:
    alike, scattered = time_left_of(used(*[100.0] * 6), FORTY, 1), time_left_of(used(*[50.0, 150.0] * 3), FORTY, 1)
    known = time_left_of(used(*[50.0, 150.0] * 10), FORTY, 1)
    for found in (alike, scattered, known):
        assert found.low_s is not None
        assert found.low_s <= found.middle_s < found.high_s
    assert alike.high_s - alike.low_s < 0.2 * alike.middle_s
    assert scattered.high_s - scattered.low_s > 0.6 * scattered.middle_s
    assert (known.high_s - known.low_s) / known.middle_s < (scattered.high_s - scattered.low_s) / scattered.middle_s


def test_what_waits_may_go_on_and_searches_get_slower() -> None:
    seconds = (20.0, 20.0, 100.0, 20.0, 20.0, 100.0)
    none, some = (time_left_of(used(*seconds, paused=paused), FORTY, 1) for paused in (0, 4))
    assert some.high_s > none.high_s + 4 * 0.7 * 50
    assert some.low_s == none.low_s
    rising, falling = (
        time_left_of(used(*range(50, 150, 10)), FORTY, 1),
        time_left_of(used(*range(140, 40, -10)), FORTY, 1),
    )
    assert rising.high_s > falling.high_s
    assert rising.low_s > falling.low_s


def test_hours_cap_it_and_workers_share_it() -> None:
    seconds = (50.0, 150.0) * 4
    short = time_left_of(used(*seconds, spent_s=3000.0), BudgetSettings(40, 1.0), 1)
    assert short.low_s <= short.high_s == short.middle_s == 600
    assert short.by_hours
    sure = time_left_of(used(*seconds, spent_s=3550.0), BudgetSettings(40, 1.0), 1)
    assert sure.wordings[0] == "about 50 s left, then the hours are used"
    one, two = (time_left_of(used(*seconds), FORTY, workers) for workers in (1, 2))
    assert two.middle_s == pytest.approx(one.middle_s / 2)
    assert two.high_s > one.high_s / 2  # the last one ends alone


def test_once_all_have_begun_only_those_that_wait_are_left() -> None:
    found = time_left_of(used(20.0, 20.0, 80.0, paused=2), BudgetSettings(trials=3), 1)
    assert found.wordings[0] == "at most 80 s left, 2 paused may go on"
    assert time_left_of(used(20.0, 20.0, paused=2), BudgetSettings(trials=2), 1).wordings == ("2 paused may go on",)


def test_a_range_is_said_in_few_words() -> None:
    assert [span(*ends) for ends in ((540, 1200), (20, 130), (600, 610), (3900, 9000), (12, 48))] == [
        "9 to 20 min",
        "20 s to 2 min",
        "10 min",
        "65 min to 2 h 30 min",
        "12 to 48 s",
    ]
    assert TimeLeft(780.0, 540.0, 1200.0, 9).wordings == ("about 13 min left (9 to 20 min)", "9 to 20 min left")


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize(("engine", "searches"), [("tpe", 12), ("mo_asha", 12), ("automl", 2)])
def test_the_truth_of_replayed_searches_lies_within(engine: str, searches: int) -> None:
    """With seeds that the rule was not made with; `tests/benchmarks/time_left.py` has more of them.

    Moments of one search are right or wrong together: of two searches by TPE, 0.84 lay within; of twelve, 0.91.
    """
    table = replay_table.read_table(BENCHMARKS / "recorded_embedded.csv", time_left.COLUMNS)
    found = [moment for seed in range(11, 11 + searches) for _, moment in time_left.judged(table, engine, seed, 24, 1)]
    assert len(found) > 30
    assert time_left.summary(found)["within"] >= 0.85
