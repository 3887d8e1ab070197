"""Scorers of children as a searching process has them: their orders, their ends, and the figures settled in the end."""

import math
from collections.abc import Callable, Sequence

from objectives.data.dataset import Dataset
from objectives.machine.device_locks import Patience
from objectives.records.children import ChildrenOrder, ChildrenReport
from objectives.records.paths import StudyPaths
from objectives.records.records import Ending, Outcome
from objectives.records.study_record import StudyWriter
from objectives.records.trial_record import TrialRecord
from reports.table.table import StudyTable
from search.loop.choose import Chooser
from search.loop.families import is_parent
from search.loop.latencies.settle import reserved_s, settle, unsettled
from search.study.claims.contract import Claims
from search.study.files.contract import StudyFiles
from search.study.sessions import Session
from search.view.base import View
from spaces.errors import DeviceAway


class Scorers:
    """What a searching process does about the children of its elastic trainings, beside starting their scorers."""

    def __init__(
        self,
        chooser: Chooser,
        claims: Claims,
        session: Session,
        view: View,
        keep: Callable[[StudyTable], None],
        files: StudyFiles,
    ) -> None:
        """Set up.

        Args:
            chooser: holds the families.
            claims: of this process.
            session: likewise.
            view: is shown what is scored.
            keep: keeps the study's folder small.
            files: of the study.
        """
        self._files = files
        self._chooser, self._claims, self._session, self._view, self._keep = chooser, claims, session, view, keep

    def at_work(self, trials: Sequence[TrialRecord]) -> set[int]:
        """Return the parents whose children are being scored, here or by another process."""
        return self._claims.living(trial.number for trial in trials if is_parent(trial))

    def next_order(self, number: int, report: ChildrenReport) -> ChildrenOrder | None:
        """Store what a scorer of a parent's children has found, and return what the scorer does next."""
        families, above = self._chooser.families, StudyPaths(self._chooser.settings.folder).trial(number)
        kept = {child.folder: self._files.keep(above.folder / child.folder) for child in report.scored}
        left_out, order = self._claims.in_turn(
            lambda: (families.record(number, report, kept), families.next_order(number))
        )
        for folder in left_out:
            self._files.forget(kept[folder])
        if left_out:
            self._view.note(f"{len(left_out)} children of trial {number} are left out: budget.trials is used")
        if report != ChildrenReport():
            table = self._chooser.table()
            self._view.children_scored(number, report, table, self._chooser.used())
            self._keep(table)
        return order

    def ended(self, number: int, end: Ending | None) -> None:
        """Give a parent back; what its scorer had found is stored."""
        self._claims.free(number)
        failed = end is not None and end.outcome == Outcome.FAILED
        self._chooser.families.scorer_ended(number, failed=failed)
        if end is not None and failed:
            self._view.warn(f"scoring the children of trial {number} failed ({end.error_class}): {end.reason}")
        table = self._chooser.table()
        self._view.children_ended(number, table, self._chooser.used())
        self._keep(table)

    def settle(self, writer: StudyWriter, dataset: Dataset) -> None:
        """Measure fully, in the time that was kept for it, what stands on the front with a quick figure.

        In the proof's part nothing: its own figures are full ones.
        """
        settings, hours = self._chooser.settings, self._chooser.hours
        with self._claims.alone():
            is_alone = self._session.is_alone()
        if self._chooser.proves or not is_alone or not unsettled(self._chooser.table()):
            return
        kept = reserved_s(hours, len(settings.targets))
        left = math.inf if hours is None else max(kept, 3600 * hours - self._session.searched_s())
        patience = Patience(alive=self._session.beat)
        with self._view.meanwhile("measuring the front's latencies by the full protocol"):
            try:
                for _ in settle(writer, self._chooser.table, settings, dataset, left, patience, self._files):
                    self._session.beat()
            except DeviceAway as away:
                self._view.warn(f"{away}; the front's other figures stay quick ones")
