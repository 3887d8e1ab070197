"""The budget: ended and waiting trials are counted whichever way they ended, and the estimate is honest."""

from datetime import datetime, timedelta

import pytest
from optuna.trial import FrozenTrial, TrialState

from objectives.records import attributes as keys
from objectives.records.records import Resources
from objectives.records.trial_record import read_trial
from search.settings.settings import BudgetSettings
from search.study.budget import OVERHEAD_S, RECENT, BudgetUsed

BEGAN = datetime(2026, 3, 2, 9, 0)


def trial(number: int, state: TrialState, seconds: float | None) -> FrozenTrial:
    ended = None if seconds is None else BEGAN + timedelta(seconds=seconds)
    values = [0.5, 2.0] if state is TrialState.COMPLETE else None
    began = None if state is TrialState.WAITING else BEGAN
    return FrozenTrial(number, state, None, began, ended, {}, {}, {}, {}, {}, number, values=values)


def used_by(trials: list[FrozenTrial], seconds: float) -> BudgetUsed:
    return BudgetUsed.of([read_trial(trial) for trial in trials], seconds)


def used(*seconds: float) -> BudgetUsed:
    """Return what finished trials have used that ran one after the other."""
    return used_by([trial(n, TrialState.COMPLETE, s) for n, s in enumerate(seconds)], sum(seconds))


def test_every_ended_trial_counts_and_no_other() -> None:
    trials = [
        trial(0, TrialState.COMPLETE, 100),
        trial(1, TrialState.PRUNED, 20),
        trial(2, TrialState.FAIL, 5),
        trial(3, TrialState.RUNNING, None),
        trial(4, TrialState.WAITING, None),
    ]
    assert used_by(trials, 300.0) == BudgetUsed(3, 300.0, (100.0, 20.0, 5.0))


def test_trials_bound_the_search() -> None:
    assert used(1).left(BudgetSettings(trials=2))
    assert not used(1, 1).left(BudgetSettings(trials=2))
    assert not used(1, 1, 1).left(BudgetSettings(trials=2))


@pytest.mark.parametrize(
    ("seconds", "left"),
    [((), True), ((1700.0,), True), ((2000.0,), False), ((1100.0, 1100.0), True), ((3600.0,), False)],
)
def test_hours_bound_the_search(seconds: tuple[float, ...], left: bool) -> None:
    assert used(*seconds).left(BudgetSettings(trials=100, hours=1)) == left


def test_a_trial_starts_only_if_a_usual_one_fits() -> None:
    hour = BudgetSettings(trials=100, hours=1)
    assert used(890, 890, 890).left(hour)  # 930 s are left
    assert not used(910, 910, 910).left(hour)  # 870 s are left


def test_the_last_trials_tell_how_long_one_takes() -> None:
    hour = BudgetSettings(trials=1000, hours=1)
    trials = [trial(n, TrialState.COMPLETE, 2000.0 if n < RECENT else 10.0) for n in range(2 * RECENT)]
    assert used_by(trials, 3500.0).left(hour)
    assert not used_by(trials[:RECENT], 3500.0).left(hour)


def child(number: int, seconds: float) -> FrozenTrial:
    made = trial(number, TrialState.COMPLETE, seconds)
    made.user_attrs[keys.PARENT] = 0
    return made


def test_children_count_as_trials_but_say_nothing_of_how_long_a_training_takes() -> None:
    trials = [trial(0, TrialState.COMPLETE, 900), *(child(number, 5) for number in range(1, 20))]
    found = used_by(trials, 1000.0)
    assert (found.trials, found.children, found.durations_s) == (20, 19, (900.0,))
    assert found.children_s == (5.0,) * 19
    assert found.left(BudgetSettings(trials=100, hours=0.6))  # 1160 s are left
    assert not found.left(BudgetSettings(trials=100, hours=0.5))  # 800 s are: another training does not fit
    assert not found.left(BudgetSettings(trials=20))


def test_of_the_trials_that_are_left_as_many_are_children_as_before() -> None:
    trials = [trial(0, TrialState.COMPLETE, 900), *(child(number, 5) for number in range(1, 20))]
    assert used_by(trials, 1000.0).remaining_s(BudgetSettings(trials=40)) == pytest.approx(900 + 19 * 5)
    assert used_by(trials[:1], 900.0).remaining_s(BudgetSettings(trials=40)) == 39 * 900


def test_remaining_time_is_unknown_before_the_first_trial() -> None:
    assert used().remaining_s(BudgetSettings(trials=10)) is None
    assert used().remaining_s(BudgetSettings(trials=10, hours=2)) == 7200


def test_remaining_time_goes_by_the_mean() -> None:
    assert used(100, 200).remaining_s(BudgetSettings(trials=10)) == 8 * 150
    assert used(100, 200).remaining_s(BudgetSettings(trials=2)) == 0
    assert used(100, 200).remaining_s(BudgetSettings(trials=1)) == 0


def test_hours_cap_the_remaining_time() -> None:
    assert used(100, 200).remaining_s(BudgetSettings(trials=1000, hours=1)) == 3300
    assert used(100, 200).remaining_s(BudgetSettings(trials=3, hours=1)) == 150
    assert used(4000).remaining_s(BudgetSettings(trials=3, hours=1)) == 0


def worked(trial: FrozenTrial, *, paused: bool | None = None, **seconds: float) -> FrozenTrial:
    trial.set_user_attr(keys.RESOURCES, Resources(seconds=seconds).to_json())
    if paused is not None:
        trial.set_user_attr(keys.PAUSED, paused)
    return trial


def test_the_night_between_a_crash_and_the_next_run_is_no_work() -> None:
    ended = worked(trial(0, TrialState.COMPLETE, 36_000), train=40.0, latency=5.0)
    assert used_by([ended], 50.0).durations_s == (45.0 + OVERHEAD_S,)


def test_a_paused_trial_counts_once_wherever_it_goes() -> None:
    waits = worked(trial(0, TrialState.RUNNING, None), paused=True, train=40.0, build=5.0)
    assert used_by([waits], 50.0) == BudgetUsed(1, 50.0, (47.0,), 1)
    goes_on = worked(trial(0, TrialState.RUNNING, None), paused=False, train=40.0, build=5.0)
    assert used_by([goes_on], 60.0) == BudgetUsed(0, 60.0, (), 0)
    stopped = worked(trial(0, TrialState.PRUNED, 9000), paused=True, train=40.0, build=5.0)
    assert used_by([stopped], 50.0) == BudgetUsed(1, 50.0, (47.0,), 0)
    finished = worked(trial(0, TrialState.COMPLETE, 9000), paused=False, train=90.0, build=10.0)
    assert used_by([finished], 110.0) == BudgetUsed(1, 110.0, (102.0,), 0)


def test_what_paused_trials_will_still_take_is_unknown() -> None:
    begun = BudgetUsed(10, 1000.0, (100.0,) * 10, 4)
    assert begun.remaining_s(BudgetSettings(trials=10)) is None
    assert begun.remaining_s(BudgetSettings(trials=12)) == 200
