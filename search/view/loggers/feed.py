"""What a search does, as calls to its loggers."""

import math
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from objectives.records.children import ChildrenReport
from objectives.records.gate import Gate
from objectives.records.records import Latency, Rung
from reports.notebook.values import FIGURES_OF_A_TRIAL, trial_values
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.words import architecture
from search.settings.settings import Settings
from search.study.budget import BudgetUsed
from search.view.base import View
from search.view.loggers.contract import STOPPED, LoggedEnd, LoggedTrial, StudyLogger
from search.view.loggers.line import Call, LoggerLine
from search.view.loggers.study_words import logged_result, logged_study, study_values
from spaces.candidate import Candidate


class LoggerFeed(View):
    """Hands each event on to lines of loggers, which carry it out in threads of their own: no event waits for one."""

    def __init__(self, settings: Settings, loggers: Mapping[str, StudyLogger], note: Callable[[str], None]) -> None:
        """Prepare.

        Args:
            settings: of the search.
            loggers: by their names; nothing was called on them yet.
            note: takes a line for people; called by the thread that searches.
        """
        self._settings, self._note = settings, note
        self._notes = deque[str]()  # of the lines' threads
        self._lines = [LoggerLine(name, logger, self._notes.append) for name, logger in loggers.items()]
        self._trials: dict[int, LoggedTrial] = {}  # under way
        self._has_begun = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._lines:
            line.close()
        self._pass_notes()

    def begin(self, table: StudyTable, used: BudgetUsed) -> None:
        """Open the loggers."""
        if self._has_begun.is_set():  # a line goes on where it is
            return
        self._has_begun.set()
        study = logged_study(self._settings, table)
        for line in self._lines:
            line.open(study)

    def trial_started(
        self, number: int, candidate: Candidate, epochs: int, rungs: Sequence[Rung] | None = None
    ) -> None:
        """Log a trial's choices."""
        trial = LoggedTrial(number, architecture(candidate), _choices(candidate.to_json()))
        self._trials[number] = trial
        self._put(lambda logger: logger.trial_started(trial))

    def latency(self, number: int, latency: Latency, *, trained: bool) -> None:
        """Log the latency that is known before training."""
        if not trained:
            self._scalars(number, 0, {"p50_ms": latency.p50_ms, "p95_ms": latency.p95_ms})

    def latency_on(self, number: int, device: str, latency: Latency, *, trained: bool) -> None:
        """Log likewise of a further device."""
        if not trained:
            self._scalars(number, 0, {f"p50_ms/{device}": latency.p50_ms, f"p95_ms/{device}": latency.p95_ms})

    def rung(self, number: int, rung: Rung) -> None:
        """Log what the validator saw after an epoch."""
        seen = {"map": rung.map, "map50": rung.map50, "loss": rung.loss, "training_s": rung.seconds}
        self._scalars(number, rung.epoch, {f"val/{name}": value for name, value in seen.items()})

    def trial_ended(self, number: int, table: StudyTable, used: BudgetUsed) -> None:
        """Log a trial's figures, and how the study stands."""
        self._ended(table.row(number), table.gate)
        self._progress(table, used)

    def children_scored(self, number: int, report: ChildrenReport, table: StudyTable, used: BudgetUsed) -> None:
        """Log each child that became a trial, and how the study stands."""
        scored = [child.choices.items() for child in report.scored]
        family = table.family(number) if scored else None
        for row in family.children if family else ():
            if any(choices <= row.candidate.items() for choices in scored):
                self._ended(row, table.gate)
        self._progress(table, used)

    def budget(self, used: BudgetUsed) -> None:
        """Pass on what the loggers had to say."""
        self._pass_notes()

    def ended(self, table: StudyTable, used: BudgetUsed, why: str) -> None:
        """Log what was found."""
        folder = self._settings.folder
        self._put(lambda logger: logger.result(logged_result(table, used, folder, why)))

    def _scalars(self, number: int, epoch: int, values: Mapping[str, float]) -> None:
        trial, finite = self._trials.get(number), _finite(values)
        if trial is not None and finite:
            self._put(lambda logger: logger.scalars(trial, epoch, finite), is_spare=True)

    def _ended(self, row: TrialRow, gate: Gate) -> None:
        known = self._trials.pop(row.number, None)
        trial = known or LoggedTrial(row.number, architecture(row.candidate), _choices(row.candidate))
        if known is None:  # a child, which was made at once
            self._put(lambda logger: logger.trial_started(trial))
        end = _end(row, gate)
        self._put(lambda logger: logger.trial_ended(trial, end))

    def _progress(self, table: StudyTable, used: BudgetUsed) -> None:
        values = study_values(table, used)  # here: the line may wait long, and a table takes memory
        self._put(lambda logger: logger.progress(used.trials, values), is_spare=True)
        self._pass_notes()

    def _put(self, call: Call, *, is_spare: bool = False) -> None:
        for line in self._lines:
            line.put(call, is_spare=is_spare)

    def _pass_notes(self) -> None:
        while self._notes:
            self._note(self._notes.popleft())


def _end(row: TrialRow, gate: Gate) -> LoggedEnd:
    """Return how a trial stands."""
    values = trial_values(row, gate)
    figures = {name: float(values[name]) for name in FIGURES_OF_A_TRIAL if values[name] is not None}
    for device, latency in row.known_latencies.items():
        figures |= {f"p50_ms/{device}": latency.p50_ms, f"p95_ms/{device}": latency.p95_ms}
    words = {name: values[name] for name in ("standing", "kind", "detector", "on_front", "passes_gate", "reason")}
    from_trial = {"weights_of": row.parent if row.parent is not None else row.polishes, "baseline": row.baseline}
    from_trial |= {"carried": row.carried.source if row.carried else None}
    proof = {"proves": row.proves, "seed": row.seed, "forked_from": row.forked_from, "folder": row.folder}
    standing = STOPPED if row.is_stopped_by_somebody else row.standing  # wherever it stood
    given = {**words, "standing": standing, **from_trial, **proof}
    tags = {name: str(value) for name, value in given.items() if value is not None}
    return LoggedEnd(standing, row.phase.has_ended, _finite(figures), tags)


def _choices(candidate: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    """Return choices as plain values; others as text."""
    plain = (str, int, float, bool)
    return {name: value if isinstance(value, plain) else str(value) for name, value in candidate.items()}


def _finite(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)}
