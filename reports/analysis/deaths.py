"""What trials died of, in words: each death with its resources, and all deaths by class."""

from collections.abc import Iterator
from dataclasses import dataclass

from objectives.records.failures import ADVICE, OF_MEMORY, SEQUELS, Failure
from objectives.records.records import Death, Ending, Outcome
from reports.table.row import TrialRow
from reports.table.table import UNKNOWN, StudyTable
from reports.table.words import duration, plural, size

UNKNOWN_ENDING = Ending(Outcome.FAILED, "")


@dataclass(frozen=True)
class DeathRecord:
    """One death of a trial.

    Attributes:
        title: "failed", or "attempt" and its number.
        cause: class and reason.
        resources: memory, processes and disk at that moment, as text; empty where nothing was recorded.
        sequel: how the trial went on after an attempt, or what to do about a failure.
        log: last lines of its log.
    """

    title: str
    cause: str
    resources: str
    sequel: str
    log: str


@dataclass(frozen=True)
class DeathClass:
    """Deaths of one class.

    Attributes:
        failed: numbers of the trials that ended by a death of this class.
        taken_up: numbers of the trials that were taken up again after such a death, each number once.
        attempts: number of deaths after which a trial was taken up again.
        reason: reason of the last death; an attempt counts as before a failure.
        log: last lines of the last death's log.
        advice: what to do about deaths of this class.
    """

    error_class: str
    failed: tuple[int, ...]
    taken_up: tuple[int, ...]
    attempts: int
    reason: str
    log: str
    advice: str


def deaths(row: TrialRow) -> tuple[DeathRecord, ...]:
    """Return all deaths of a trial: its attempts in their order, then its failure."""
    records = [
        _death_record(f"attempt {count}", attempt, _sequel(attempt, row))
        for count, attempt in enumerate(row.attempts, start=1)
    ]
    if row.outcome is Outcome.FAILED:
        end = row.ending or UNKNOWN_ENDING
        records.append(_death_record("failed", end, advice(end.error_class)))
    return tuple(records)


def has_died(row: TrialRow) -> bool:
    """Whether a trial failed, or was taken up again after a death."""
    return row.outcome is Outcome.FAILED or bool(row.attempts)


def death_classes(table: StudyTable) -> tuple[DeathClass, ...]:
    """Return the deaths by class, what ended most trials first."""
    found: dict[str, list[tuple[TrialRow, Ending, bool]]] = {}
    for row in table.rows:
        for ending, is_end in _endings(row):
            found.setdefault(ending.error_class or UNKNOWN, []).append((row, ending, is_end))
    classes = (_class(name, items) for name, items in found.items())
    return tuple(sorted(classes, key=lambda item: (-len(item.failed), -item.attempts, item.error_class)))


def advice(error_class: str) -> str:
    """Return what to do about a class; empty for one that this version does not know."""
    return ADVICE[Failure(error_class)] if error_class in ADVICE else ""


def _endings(row: TrialRow) -> Iterator[tuple[Ending, bool]]:
    """Yield the deaths of a trial, and whether each was its end."""
    for attempt in row.attempts:
        yield attempt, False
    if row.outcome is Outcome.FAILED:
        yield row.ending or UNKNOWN_ENDING, True


def _class(name: str, items: list[tuple[TrialRow, Ending, bool]]) -> DeathClass:
    taken_up = [row.number for row, _, is_end in items if not is_end]
    endings = [ending for _, ending, _ in sorted(items, key=lambda item: item[2]) if ending.reason]
    last = endings[-1] if endings else None
    return DeathClass(
        error_class=name,
        failed=tuple(row.number for row, _, is_end in items if is_end),
        taken_up=tuple(dict.fromkeys(taken_up)),
        attempts=len(taken_up),
        reason=last.reason if last else "",
        log=last.death.log_tail if last and last.death else "",
        advice=advice(name),
    )


def _death_record(title: str, ending: Ending, sequel: str) -> DeathRecord:
    cause = ": ".join(part for part in (ending.error_class, ending.reason) if part)
    death = ending.death
    return DeathRecord(
        title, cause or UNKNOWN, _resources(death) if death else "", sequel, death.log_tail if death else ""
    )


def _sequel(attempt: Ending, row: TrialRow) -> str:
    """Return how a trial went on after an attempt."""
    if attempt.error_class in OF_MEMORY:
        return f"taken up again with {row.smaller_batch}"
    if attempt.error_class in SEQUELS:
        return f"taken up again {SEQUELS[Failure(attempt.error_class)]}"
    return "taken up again where its checkpoint stood"


def _resources(death: Death) -> str:
    """Return '`after 4 min; 3.9 GB in 3 processes at most; free were 0.2 GB of memory, 12 GB of disk`'."""
    parts = [f"after {duration(death.seconds)}"] if death.seconds else []
    if death.peak_bytes:
        among = f" in {plural(death.processes, 'process', 'processes')}" if death.processes else ""
        parts.append(f"{size(death.peak_bytes)}{among} at most")
    free = ((death.memory_free_bytes, "memory"), (death.disk_free_bytes, "disk"))
    left = ", ".join(f"{size(amount)} of {name}" for amount, name in free if amount)
    return "; ".join([*parts, f"free were {left}"] if left else parts)
