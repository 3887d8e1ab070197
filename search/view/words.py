"""Words that every view shares: how a trial stands, what a death led to, how long the rest will take."""

from contextlib import suppress
from dataclasses import replace

from rich.console import Console

from objectives.records.failures import OF_MEMORY, SEQUELS, Failure
from objectives.records.records import Ending, Outcome
from objectives.records.study_parts.parts import WorkRecord
from reports.table.console import writable
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.words import duration, ms, share
from search.settings.settings import BudgetSettings, Settings
from search.study.budget import BudgetUsed


def one_line(text: str) -> str:
    """Return a text without line breaks and control characters, which logs and libraries may contain."""
    return "".join(c if c.isprintable() else " " for c in text)


def write_line(console: Console, text: str) -> None:
    """Write a line to a console at once; one that cannot be written (a full disk, a reader gone) is lost."""
    with suppress(OSError):
        console.file.write(f"{writable(one_line(text), console.encoding)}\n")
        console.file.flush()


def row_result(row: TrialRow) -> str:
    """Return how a trial ended or where it waits, in a few words."""
    if row.outcome is Outcome.FINISHED:
        mark = "*" if row.on_front else " "
        return f"mAP {share(row.map)}{mark} mAP50 {share(row.map50)}  {ms(row.p50_ms)}"
    if row.outcome is Outcome.FAILED and row.ending:
        return f"failed ({row.ending.error_class}): {row.ending.reason}"
    if row.is_stopped_by_somebody and row.ending:
        return row.ending.reason
    if row.outcome is Outcome.STOPPED and row.rungs:
        return f"stopped at epoch {row.rungs[-1].epoch}, mAP {row.rungs[-1].map:.3f}  {ms(row.p50_ms)}"
    if row.paused and row.rungs:
        return f"{row.status}, mAP {row.rungs[-1].map:.3f}  {ms(row.p50_ms)}"
    if row.outcome is Outcome.OVER_BOUND and row.ending:
        return f"{row.standing}: {row.ending.reason}"
    return f"{row.status}  {ms(row.p50_ms)}"


def children_text(table: StudyTable, number: int) -> str:
    """Return '`8 looked at, 6 scored, front 9`' of a parent's children."""
    family = table.family(number)
    looked, scored = (family.looked_at, len(family.children)) if family else (0, 0)
    return f"{looked:,} looked at, {scored:,} scored, front {len(table.front)}"


def attempt_text(end: Ending) -> str:
    """Return what an attempt died of and how the trial goes on."""
    again = "with a smaller batch" if end.error_class in OF_MEMORY else "from its checkpoint"
    if end.error_class in SEQUELS:
        again = SEQUELS[Failure(end.error_class)]
    return f"died ({end.error_class}): {end.reason}; taken up again {again}"


def work_text(work: WorkRecord) -> str:
    """Return '`12 (train, epoch 4)`' of what a process does with a trial."""
    stage = ", ".join(part for part in (work.stage, f"epoch {work.epoch}" if work.epoch else "") if part)
    return f"{work.trial} ({stage})" if stage else str(work.trial)


def eta_text(used: BudgetUsed, settings: Settings, running_s: float = 0.0) -> str:
    """Return how long the rest will take, as far as ended trials show."""
    seconds = remaining_s(used, settings, running_s)
    if seconds is None:
        return f"{used.paused} paused" if used.paused else "no estimate yet"  # whether they go on is open
    return f"about {duration(seconds)} left"


def remaining_s(used: BudgetUsed, settings: Settings, running_s: float = 0.0) -> float | None:
    """Return the seconds until the trials or the hours are used up, or None where nothing shows.

    Args:
        used: what is used by now.
        settings: of the search; its workers share the trials that are left.
        running_s: seconds that the running trials have taken already, added up.
    """
    return middle_s(used, settings.budget, settings.workers, running_s)


def middle_s(used: BudgetUsed, budget: BudgetSettings, workers: int, running_s: float = 0.0) -> float | None:
    """Return the same for a budget and a number of workers."""
    whole = used.remaining_s(budget)
    of_trials = used.remaining_s(replace(budget, hours=None))
    if whole is None or of_trials is None:
        return whole
    of_trials = max(0.0, of_trials - running_s) / workers
    return of_trials if budget.hours is None else min(of_trials, max(0.0, 3600 * budget.hours - used.seconds))
