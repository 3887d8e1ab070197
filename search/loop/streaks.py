"""Failures in a row: when several trials die of one thing, something is wrong that more trials will not mend."""

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from objectives.machine.files import trial_folder
from objectives.records import attributes as keys
from objectives.records.failures import ADVICE, Failure
from objectives.records.records import Ending
from search.workers.post_mortem import LOG
from spaces.errors import AutomlError

if TYPE_CHECKING:
    import optuna

FAILURES_MAX = 3  # failures of one class in a row, over all processes, after which a search stops


class TooManyFailures(AutomlError):
    """Several trials in a row failed alike."""


def check_streak(study: "optuna.Study", since: datetime, folder: Path) -> None:
    """Check the trials that ended last.

    Args:
        study: the study.
        since: when a trial of this process last went well, or when the process began; earlier failures do not count.
        folder: the study's, for the advice.

    Raises:
        TooManyFailures: the last FAILURES_MAX failed, all of one class.
    """
    trials = study.get_trials(deepcopy=False)
    ended = [t for t in trials if t.datetime_complete is not None and t.datetime_complete >= since]
    last = sorted(ended, key=lambda t: (t.datetime_complete, t.number))[-FAILURES_MAX:]
    if len(last) < FAILURES_MAX or any(trial.state.name != "FAIL" for trial in last):
        return
    endings = [Ending.from_json(trial.user_attrs[keys.ENDING]) for trial in last]
    if len({end.error_class for end in endings}) == 1:
        log = folder / trial_folder(last[-1].number) / LOG
        raise TooManyFailures(
            f"search: {FAILURES_MAX} trials in a row failed ({endings[-1].error_class}: {endings[-1].reason}); "
            f"{ADVICE[Failure(endings[-1].error_class)]}; the last one's log is {os.path.relpath(log)}; "
            "the same line goes on"
        )
