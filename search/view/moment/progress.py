"""How far a search is: used of the budget, and the time that is left, for whoever looks from outside."""

from collections.abc import Sequence
from dataclasses import dataclass

from objectives.records.trial_record import Phase, TrialRecord
from reports.table.table import StudyTable
from reports.table.words import duration, plural
from search.settings.settings import BudgetSettings
from search.study.budget import BudgetUsed
from search.study.sessions import covered_s
from search.view.moment.time_left import time_left_of


@dataclass(frozen=True)
class SearchProgress:
    """In words: what of the budget is used ('3 of 8 trials, 2 min'), how long the rest takes, and who paused it."""

    used: str
    left: str
    paused: str = ""


def progress_of(table: StudyTable, records: Sequence[TrialRecord], workers: int = 0) -> SearchProgress | None:
    """Return how far a search is; None where the store has no budget.

    Args:
        table: the study.
        records: its trials, as they were read for the table.
        workers: trials that are worked on at once; 0: as many as run by the store.
    """
    stored = table.settings.get("budget")
    if not stored:
        return None
    budget = BudgetSettings(trials=stored["trials"], hours=stored.get("hours"))
    sessions = table.record.sessions.values()
    used = BudgetUsed.of(records, covered_s(span for session in sessions for span in session.spans))
    at_once = workers or max(1, sum(record.phase is Phase.RUNNING for record in records))
    hours = "" if budget.hours is None else f" of {duration(3600 * budget.hours)}"
    return SearchProgress(
        f"{used.trials:,} of {plural(budget.trials, 'trial')}, {duration(used.seconds)}{hours}",
        time_left_of(used, budget, at_once).wordings[0],
        _paused(table),
    )


def _paused(table: StudyTable) -> str:
    request = table.record.requests.pause
    return f"paused by {request.who}" if request else ""
