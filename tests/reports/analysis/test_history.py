"""Hypervolume over trials and over the time that was worked."""

from collections.abc import Callable
from datetime import datetime, timedelta

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from reports.analysis.history import WorkClock, current_hypervolume, hypervolume_history
from reports.table.table import StudyTable, read_study, read_trials

DAY = datetime(2026, 3, 2)


def trial(number: int, start: float, end: float, values: list[float] | None) -> FrozenTrial:
    return FrozenTrial(
        number=number,
        state=TrialState.COMPLETE if values else TrialState.FAIL,
        value=None,
        values=values,
        datetime_start=DAY + timedelta(seconds=start),
        datetime_complete=DAY + timedelta(seconds=end),
        params={},
        distributions={},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
        trial_id=number,
    )


def table_of(*trials: FrozenTrial) -> StudyTable:
    return read_trials("s", trials, {})


def test_the_curve_follows_the_order_in_which_trials_ended() -> None:
    table = table_of(
        trial(0, 0, 100, [0.4, 10.0]),
        trial(1, 0, 50, [0.8, 10.0]),  # ended first: trial 0 adds nothing after it
        trial(2, 100, 160, None),
        trial(3, 100, 190, [0.1, 2.0]),
        trial(4, 1000, 1010, None),
    )
    curve = hypervolume_history(table)
    assert [point.trials for point in curve] == [0, 1, 4, 5]
    assert [point.seconds for point in curve] == [0, 50, 190, 200]  # the pause before 1000 s is not counted
    assert curve[-1].hypervolume == curve[-2].hypervolume == current_hypervolume(table)


def test_overlapping_trials_are_counted_once() -> None:
    rows = table_of(trial(0, 0, 100, None), trial(1, 20, 60, None), trial(2, 90, 130, None), trial(3, 500, 510, None))
    clock = WorkClock(rows.rows)
    moments = {-5: 0, 0: 0, 50: 50, 130: 130, 300: 130, 505: 135, 900: 140}
    for moment, worked in moments.items():
        assert clock.seconds_until(DAY + timedelta(seconds=moment)) == worked


def test_without_a_finished_trial_there_is_no_curve() -> None:
    table = table_of(trial(0, 0, 1, None))
    assert hypervolume_history(table) == ()
    assert current_hypervolume(table) is None


def test_of_a_whole_study(report_study: Callable[..., optuna.Study]) -> None:
    table = read_study(report_study(140))
    curve = hypervolume_history(table)
    assert curve[-1].trials == 140
    assert curve[-1].hypervolume == pytest.approx(current_hypervolume(table))
    assert [point.hypervolume for point in curve] == sorted(point.hypervolume for point in curve)
    assert [point.seconds for point in curve] == sorted(point.seconds for point in curve)


def test_children_count_when_they_ended(report_study: Callable[..., optuna.Study]) -> None:
    table = read_study(report_study(12, families=1, children=10))
    without = read_study(report_study(12))
    history, alone = hypervolume_history(table), hypervolume_history(without)
    assert history[-1].trials == alone[-1].trials + 10
    took_s = sum(row.seconds or 0.0 for row in table.rows if row.is_child)
    assert history[-1].seconds == pytest.approx(alone[-1].seconds + took_s, abs=1.0)
