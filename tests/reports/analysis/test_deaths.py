"""Deaths in words: one by one, and by class."""

from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from objectives.records import attributes
from objectives.records.failures import ADVICE, Failure
from objectives.records.records import Death, Ending, Outcome
from reports.analysis.deaths import advice, death_classes, deaths, has_died
from reports.table.row import TrialRow
from reports.table.table import read_study, read_trials

DEATH = Death("first\nlast", 250.0, 3_900_000_000, 3, 210_000_000, 12_000_000_000)


def died(error_class: str, reason: str = "why", death: Death | None = None) -> dict[str, Any]:
    return Ending(Outcome.FAILED, reason, error_class, death).to_json()


def trial(number: int, *attempts: dict[str, Any], end: dict[str, Any] | None = None) -> FrozenTrial:
    attrs = {attributes.ATTEMPTS: list(attempts), attributes.CANDIDATE: {"train.batch": 8}}
    attrs |= {attributes.ENDING: end} if end else {}
    made = create_trial(
        state=TrialState.FAIL if end else TrialState.COMPLETE, values=None if end else [0.5, 3.0], user_attrs=attrs
    )
    made.number = number
    return made


def row_of(made: FrozenTrial) -> TrialRow:
    return read_trials("s", [made], {}).rows[0]


def test_each_death_is_told_with_what_was_there() -> None:
    row = row_of(trial(0, died("out of memory", death=DEATH), died("killed"), end=died("diverged", "NaN", DEATH)))
    first, second, last = deaths(row)
    assert (first.title, first.cause) == ("attempt 1", "out of memory: why")
    assert first.resources == ("after 4 min; 3.9 GB in 3 processes at most; free were 210 MB of memory, 12 GB of disk")
    assert first.sequel == "taken up again with batch 4 × 2"
    assert first.log == "first\nlast"
    assert (second.title, second.resources, second.log) == ("attempt 2", "", "")
    assert second.sequel == "taken up again where its checkpoint stood"
    assert (last.title, last.cause, last.sequel) == ("failed", "diverged: NaN", ADVICE[Failure.DIVERGED])


def test_a_trial_that_lives_has_no_deaths() -> None:
    row = row_of(trial(0))
    assert not has_died(row)
    assert deaths(row) == ()


def test_a_failure_that_says_nothing_is_unknown() -> None:
    table = read_trials("s", [create_trial(state=TrialState.FAIL)], {})
    assert [(death.title, death.cause, death.sequel) for death in deaths(table.rows[0])] == [("failed", "unknown", "")]
    (only,) = death_classes(table)
    assert (only.error_class, len(only.failed), only.reason, only.advice) == ("unknown", 1, "", "")


def test_classes_count_failures_and_attempts_apart() -> None:
    trials = [
        trial(0, died("killed", "early")),
        trial(1, died("killed", "late", DEATH), died("killed", "later")),
        trial(2, end=died("diverged", "NaN in epoch 2")),
        trial(3, died("out of memory"), end=died("out of memory", "again", DEATH)),
        trial(4, end=died("diverged", "NaN in epoch 3")),
    ]
    diverged, memory, killed = death_classes(read_trials("s", trials, {}))
    assert (diverged.error_class, diverged.failed, diverged.attempts) == ("diverged", (2, 4), 0)
    assert (diverged.reason, diverged.advice) == ("NaN in epoch 3", ADVICE[Failure.DIVERGED])
    assert (memory.failed, memory.taken_up, memory.attempts) == ((3,), (3,), 1)
    assert (memory.reason, memory.log) == ("again", "first\nlast")  # the failure, not the attempt before it
    assert (killed.failed, killed.taken_up, killed.attempts, killed.reason) == ((), (0, 1), 3, "later")


def test_a_whole_study_tells_every_death(report_study: Callable[..., optuna.Study]) -> None:
    table = read_study(report_study(140, deaths=True))
    classes = death_classes(table)
    assert sum(len(item.failed) for item in classes) == table.counts["failed"]
    assert sum(item.attempts for item in classes) == sum(len(row.attempts) for row in table.rows) > 5
    assert {item.error_class: len(item.failed) for item in classes if item.failed} == table.failures


@pytest.mark.parametrize("error_class", list(Failure))
def test_every_class_has_advice(error_class: Failure) -> None:
    assert advice(error_class.value)
    assert not advice("of a newer version")


@pytest.mark.parametrize(
    ("failure", "sequel"),
    [
        (Failure.GPU_SHARED, "taken up again alone on a GPU"),
        (Failure.GPU_TOO_SMALL, "taken up again on a machine with a larger GPU"),
    ],
)
def test_want_of_gpu_memory_that_costs_no_batch_says_how_the_trial_went_on(failure: Failure, sequel: str) -> None:
    row = row_of(trial(0, died(failure)))
    assert [death.sequel for death in deaths(row)] == [sequel]
    assert row.smaller_batch == ""
    assert advice(failure)
