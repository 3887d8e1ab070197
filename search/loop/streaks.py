"""Failures in a row: when several trials die of one thing, something is wrong that more trials will not mend."""

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from objectives.records.failures import ADVICE, Failure
from objectives.records.paths import StudyPaths
from objectives.records.trial_record import Phase, trial_records
from spaces.errors import AutomlError

if TYPE_CHECKING:
    import optuna

FAILURES_MAX = 3  # failures of one class in a row, over all processes, after which a search stops


class TooManyFailures(AutomlError):
    """Several trials in a row failed alike."""


class Streaks:
    """The failures in a row that one searching process looks at; those before it began do not count."""

    def __init__(self, study: "optuna.Study", folder: Path) -> None:
        self._study, self._folder, self._went_well = study, folder, datetime.now()

    def ended(self, *, failed: bool) -> None:
        """Take note of a trial that ended, or waits, in this process.

        Raises:
            TooManyFailures: the last trials all failed for one reason.
        """
        if failed:
            check_streak(self._study, self._went_well, self._folder)
        else:
            self._went_well = datetime.now()


def check_streak(study: "optuna.Study", since: datetime, folder: Path) -> None:
    """Check the trials that ended last.

    Args:
        study: the study.
        since: when a trial of this process last went well, or it began: what failed before says nothing.
        folder: the study's, for the advice.

    Raises:
        TooManyFailures: the last FAILURES_MAX failed, all of one class.
    """
    trials = trial_records(study)
    ended = [(t.finished_at, t) for t in trials if t.finished_at is not None and t.finished_at >= since]
    last = [t for _, t in sorted(ended, key=lambda pair: (pair[0], pair[1].number))][-FAILURES_MAX:]
    endings = [trial.ending for trial in last if trial.phase is Phase.FAILED and trial.ending]
    if len(endings) == FAILURES_MAX and len({end.error_class for end in endings}) == 1:
        log = StudyPaths(folder).trial(last[-1].number).log
        raise TooManyFailures(
            f"search: {FAILURES_MAX} trials in a row failed ({endings[-1].error_class}: {endings[-1].reason}); "
            f"{ADVICE[Failure(endings[-1].error_class)]}; the last one's log is {os.path.relpath(log)}; "
            "the same line goes on"
        )
