"""Failures in a row, of whatever process: those of one class alone end a search."""

import time
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from objectives.records import attributes as keys
from objectives.records.failures import ADVICE, Failure
from objectives.records.records import Ending, Outcome
from search.loop.streaks import TooManyFailures, check_streak

BEGAN = datetime(2026, 3, 2, 9, 0)


def failed(failure: Failure | None, minute: float) -> FrozenTrial:
    """Return a trial that ended so many minutes after BEGAN; None: it finished."""
    end = Ending(Outcome.FAILED, "so it was", failure) if failure else Ending(Outcome.FINISHED, "")
    values = None if failure else [0.5, 2.0]
    state = TrialState.FAIL if failure else TrialState.COMPLETE
    trial = create_trial(state=state, values=values, user_attrs={keys.ENDING: end.to_json()})
    trial.datetime_start, trial.datetime_complete = BEGAN - timedelta(days=1), BEGAN + timedelta(minutes=minute)
    return trial


def check(*trials: FrozenTrial) -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    for trial in trials:
        study.add_trial(trial)
    check_streak(study, BEGAN, Path("runs/retail"))


def test_three_of_one_class_end_a_search_with_advice() -> None:
    for failure in Failure:
        with pytest.raises(TooManyFailures) as raised:
            check(*(failed(failure, minute) for minute in (1, 2, 3)))
        (line,) = str(raised.value).splitlines()
        assert line.startswith(f"search: 3 trials in a row failed ({failure}: so it was); {ADVICE[failure]}; ")
        assert line.endswith("the last one's log is runs/retail/trials/00002/log.txt; the same line goes on")


@pytest.mark.parametrize(
    "row",
    [
        [Failure.CRASHED, Failure.CRASHED],
        [Failure.CRASHED, Failure.CRASHED, Failure.DIVERGED],
        [Failure.CRASHED, None, Failure.CRASHED, Failure.CRASHED],
        [Failure.CRASHED, Failure.CRASHED, Failure.CRASHED, None],
    ],
)
def test_less_than_that_does_not(row: list[Failure | None]) -> None:
    check(*(failed(failure, minute) for minute, failure in enumerate(row)))


def test_what_failed_before_does_not_count() -> None:
    check(failed(Failure.CRASHED, -1), failed(Failure.CRASHED, 1), failed(Failure.CRASHED, 2))


def test_the_order_is_that_of_their_ends() -> None:
    """Trial 1 finished between failures, although it began after the first."""
    check(failed(Failure.CRASHED, 1), failed(None, 3), failed(Failure.CRASHED, 2), failed(Failure.CRASHED, 4))
    with pytest.raises(TooManyFailures):
        check(failed(Failure.CRASHED, 2), failed(None, 1), failed(Failure.CRASHED, 3), failed(Failure.CRASHED, 4))


def test_waiting_and_running_trials_are_passed_over() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    since = datetime.now()
    time.sleep(0.001)
    study.ask()
    for _ in range(3):
        trial = study.ask()
        trial.set_user_attr(keys.ENDING, Ending(Outcome.FAILED, "x", Failure.DIVERGED).to_json())
        study.tell(trial, state=TrialState.FAIL)
    study.enqueue_trial({})
    with pytest.raises(TooManyFailures, match="00003"):
        check_streak(study, since, Path("runs/retail"))
