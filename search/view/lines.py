"""A search as plain lines, one for everything that is worth keeping."""

from collections.abc import Sequence

from rich.console import Console

from objectives.records.records import Ending, Rung
from objectives.records.study_parts.requests import RequestRecord
from reports.analysis.asked import asked_words
from reports.table.kin.family_words import kind_words
from reports.table.table import StudyTable
from reports.table.words import architecture, duration, ms
from search.settings.settings import Settings
from search.study.budget import BudgetUsed
from search.view.base import View
from search.view.words import attempt_text, children_text, eta_text, row_result, write_line
from spaces.candidate import Candidate
from spaces.network.family import Family


class LineView(View):
    """Plain lines, one for everything that is worth keeping."""

    def __init__(self, console: Console, settings: Settings) -> None:
        """Prepare to show a search on a console."""
        self.console, self.settings = console, settings
        self._waits = ""

    def begin(self, table: StudyTable, used: BudgetUsed) -> None:
        """Write what was there already."""
        if used.trials:
            self.line(f"goes on after {used.trials} trials and {duration(used.seconds)}")

    def trial_started(
        self, number: int, candidate: Candidate, epochs: int, rungs: Sequence[Rung] | None = None
    ) -> None:
        """Write a trial that goes on; a new trial is written when it ends."""
        if rungs is not None:
            behind = f" from epoch {rungs[-1].epoch}" if rungs else ""
            self.line(f"trial {number:3d}  {architecture(candidate)}  goes on{behind}")

    def attempt(self, number: int, end: Ending) -> None:
        """Write what the trial died of."""
        self.line(f"trial {number:3d}  {attempt_text(end)}")

    def trial_ended(self, number: int, table: StudyTable, used: BudgetUsed) -> None:
        """Write how the trial stands, and how far the search is."""
        row, front = table.row(number), f"front {len(table.front)}"
        kind = f"{kind_words(row, None)}, " if row.is_special or row.is_proof else ""
        on = "".join(f", {ms(found.p50_ms)} on {name}" for name, found in row.known_latencies.items())
        line = f"trial {number:3d}  {kind}{architecture(row.candidate)}  {row_result(row)}{on}"
        left = eta_text(used, self.settings)
        counted = f"{'proof ' if used.proof else ''}{used.trials}/{used.most(self.settings.budget)}"
        self.line(f"{line}  [{counted}, {front}, {left}]")

    def children_started(self, number: int, candidate: Candidate, family: Family) -> None:
        """Write that a trial's children are scored."""
        self.line(
            f"children of trial {number}  {architecture(candidate)}: scored from here on, {family.size - 1:,} in all"
        )

    def children_ended(self, number: int, table: StudyTable, used: BudgetUsed) -> None:
        """Write how many children there are by now."""
        left = f"{used.trials}/{self.settings.budget.trials}, {eta_text(used, self.settings)}"
        self.line(f"children of trial {number}: {children_text(table, number)}  [{left}]")

    def asked(self, request: RequestRecord) -> None:
        """Write who asks what."""
        self.line(asked_words(request))

    def note(self, text: str) -> None:
        """Write the note."""
        self.line(f"note: {text}")

    def warn(self, text: str) -> None:
        """Write the warning."""
        self.line(f"warning: {text}")

    def waiting(self, text: str) -> None:
        """Write why the search pauses, or that it goes on, once each."""
        if text != self._waits:
            self._waits = text
            self.line(f"waiting: {text}" if text else "the search goes on")

    def ended(self, table: StudyTable, used: BudgetUsed, why: str) -> None:
        """Write why the search ends."""
        self.line(why if used.proof else f"the search ends: {why}")

    def line(self, text: str) -> None:
        """Write a line at once."""
        write_line(self.console, text)
