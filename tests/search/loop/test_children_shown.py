"""What a view is shown of the children of elastic trainings, over trials and scorers of milliseconds."""

from pathlib import Path
from typing import Any

import pytest
from quick_search import elastic_settings, run
from rich.console import Console

from objectives.data.dataset import Dataset
from objectives.records.children import ChildrenReport
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import trial_records
from reports.table.table import StudyTable
from search.settings.settings import Settings
from search.study.budget import BudgetUsed
from search.view.lines import LineView
from spaces.candidate import Candidate
from spaces.network.family import Family

pytestmark = pytest.mark.seconds

Event = tuple[str, int, Any]


class Keeping(LineView):
    """Keeps what it is shown of trials and children, in order, and writes lines too."""

    def __init__(self, console: Console, settings: Settings) -> None:
        super().__init__(console, settings)
        self.events: list[Event] = []

    def trial_started(self, number: int, *more: Any) -> None:
        self.events.append(("trial_started", number, None))
        super().trial_started(number, *more)

    def trial_ended(self, number: int, table: StudyTable, used: BudgetUsed) -> None:
        self.events.append(("trial_ended", number, None))
        super().trial_ended(number, table, used)

    def children_started(self, number: int, candidate: Candidate, family: Family) -> None:
        self.events.append(("children_started", number, family))
        super().children_started(number, candidate, family)

    def children_stage(self, number: int, name: str) -> None:
        self.events.append(("children_stage", number, name))

    def children_scored(self, number: int, report: ChildrenReport, table: StudyTable, used: BudgetUsed) -> None:
        family = table.family(number)
        self.events.append(("children_scored", number, (report, len(family.children) if family else 0)))

    def children_ended(self, number: int, table: StudyTable, used: BudgetUsed) -> None:
        self.events.append(("children_ended", number, None))
        super().children_ended(number, table, used)


@pytest.mark.slow
def test_children_are_shown_beside_the_trials(tmp_path: Path, few_blocks: Dataset) -> None:
    search = run(elastic_settings(tmp_path, "budget.trials=14"), few_blocks, make_view=Keeping)
    view = search.view
    assert isinstance(view, Keeping)
    trials = trial_records(search.study)
    parents = [trial.number for trial in trials if trial.family]
    assert parents
    assert sum(trial.is_child for trial in trials) > 5
    for kind in ("trial_started", "trial_ended"):  # once each; children and scorers are not shown as trials
        shown = [number for name, number, _ in view.events if name == kind]
        assert sorted(shown) == [trial.number for trial in trials if not trial.is_child]
    for parent in parents:
        events = [(name, what) for name, number, what in view.events if number == parent]
        names = [name for name, _ in events]
        assert names[:2] == ["trial_started", "trial_ended"]
        assert names.count("children_started") == names.count("children_ended")
        if "children_started" not in names:
            continue
        assert (names[2], names[-1]) == ("children_started", "children_ended")
        assert events[2][1] == Family.from_json(trials[parent].family)
        assert [what for name, what in events if name == "children_stage"] == ["build"] * names.count(
            "children_started"
        )
        reports = [what for name, what in events if name == "children_scored"]
        looks = [look for report, _ in reports for look in report.looks]
        assert looks == [look for report in StudyRecord.of(search.study).looks(parent) for look in report.looks]
        assert all(report.looks or report.scored or report.failed for report, _ in reports)  # never of nothing
        scored = 0
        for report, in_table in reports:
            scored += len(report.scored)
            assert in_table == scored  # the table holds them when they are shown
        assert scored == sum(trial.parent == parent for trial in trials)
    lines = [line for line in search.out.getvalue().splitlines() if line.startswith("children of trial ")]
    begun = [number for name, number, _ in view.events if name == "children_started"]
    assert len(lines) == 2 * len(begun)
    assert "looked at, " in lines[1]
