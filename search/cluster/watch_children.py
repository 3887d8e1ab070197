"""Children of elastic trainings, watched: what other processes have looked at and scored since the last look."""

from collections import Counter
from collections.abc import Container, Iterator, Sequence

from objectives.records.children import ChildrenReport, ScoredChild
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import TrialRecord
from reports.table.table import StudyTable
from search.study.budget import BudgetUsed
from search.view.base import View
from spaces.candidate import Candidate
from spaces.network.family import Family


class ChildrenWatch:
    """Shows a view what has become of children."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._scored: Counter[int] = Counter()  # parent -> children that were shown
        self._reports: Counter[int] = Counter()  # parent -> reports of looks that were shown
        self._open: set[int] = set()  # parents whose children are scored just now

    def pass_over(self, trials: Sequence[TrialRecord], record: StudyRecord) -> None:
        """Take note of what there is already."""
        self._scored = Counter(trial.parent for trial in trials if trial.parent is not None)
        self._reports = Counter({parent.number: len(list(record.looks(parent.number))) for parent in _parents(trials)})

    def has_news(self, trials: Sequence[TrialRecord], record: StudyRecord, working: Container[int]) -> bool:
        """Whether there is anything to show; `working` are the trials that a process works on."""
        return any(True for _ in self._news(trials, record, working))

    def show(
        self,
        trials: Sequence[TrialRecord],
        record: StudyRecord,
        working: Container[int],
        table: StudyTable,
        used: BudgetUsed,
    ) -> None:
        """Show what is new of the children of each parent that has ended."""
        for parent, report in list(self._news(trials, record, working)):
            number = parent.number
            if number not in self._open:
                self._open.add(number)
                self.view.children_started(number, Candidate.of(parent.candidate), Family.from_json(parent.family))
            if report != ChildrenReport():
                self._scored[number] += len(report.scored)
                self._reports[number] = len(list(record.looks(number)))
                self.view.children_scored(number, report, table, used)
            if number not in working:
                self._open.remove(number)
                self.view.children_ended(number, table, used)

    def _news(
        self, trials: Sequence[TrialRecord], record: StudyRecord, working: Container[int]
    ) -> Iterator[tuple[TrialRecord, ChildrenReport]]:
        """Yield each parent of which there is something to show, and what was found since the last look."""
        counts = Counter(trial.parent for trial in trials if trial.parent is not None)
        for parent in _parents(trials):
            number, is_open = parent.number, parent.number in self._open
            if counts[number] != self._scored[number] or number in working or is_open:
                report = self._report(parent, trials, record)
                if report != ChildrenReport() or (number in working) != is_open:
                    yield parent, report

    def _report(self, parent: TrialRecord, trials: Sequence[TrialRecord], record: StudyRecord) -> ChildrenReport:
        """Return what is new of a parent's children."""
        number = parent.number
        new = list(record.looks(number))[self._reports[number] :]
        children = [trial for trial in trials if trial.parent == number][self._scored[number] :]
        return ChildrenReport(
            looks=tuple(look for report in new for look in report.looks),
            scored=tuple(_scored_child(parent, child) for child in children),
            failed=tuple(failed for report in new for failed in report.failed),
        )


def _parents(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the trials that have ended and may have children."""
    return [trial for trial in trials if trial.family and trial.phase.has_ended and not trial.is_child]


def _scored_child(parent: TrialRecord, child: TrialRecord) -> ScoredChild:
    """Return a child as its scorer reported it."""
    assert child.latency is not None
    assert child.accuracy is not None
    assert child.resources is not None
    choices = {name: child.candidate[name] for name in parent.family if name in child.candidate}
    folder = (child.folder or "").removeprefix(f"{parent.folder}/")
    return ScoredChild(choices, folder, child.latency, child.accuracy, child.resources, dict(child.latencies))
