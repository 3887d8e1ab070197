"""What a study has found so far, worked out once for all frames: its headline and the drawing of its front."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from rich.text import Text

from objectives.records.records import Latency
from reports.glance.front_plot import draw_front
from reports.glance.headline import GlanceHeadline, headline
from reports.glance.points import FrontPoint, FrontPoints, Seen, front_points, in_gate_terms
from reports.table.table import StudyTable
from reports.table.verdict import Verdict, judge
from search.view.running import Running

Drawn = tuple[int, int, tuple[FrontPoint, ...]]  # columns, lines, what runs


class FoundSoFar:
    """A table, and what is said and drawn of it; both are made when they are first shown.

    Attributes:
        table: the study when a trial last ended.
    """

    def __init__(self, table: StudyTable, seen: Seen | None = None) -> None:
        """Take the table, and places of trials that an earlier table's drawing has found."""
        self.table, self._seen = table, {} if seen is None else seen
        self._drawing: tuple[Drawn, list[Text]] | None = None

    @cached_property
    def headline(self) -> GlanceHeadline:
        """What is said first."""
        return headline(self.table, self._verdict)

    @cached_property
    def points(self) -> FrontPoints:
        """The front as points; running trials are not among them."""
        row = self._verdict.row
        return front_points(self.table, None if row is None else row.number, self._seen)

    @cached_property
    def _verdict(self) -> Verdict:
        return judge(self.table)

    @cached_property
    def newest(self) -> int | None:
        """Number of the member that came to the front last."""
        return max((row.number for row in self.table.front), default=None)

    def drawing(self, width: int, height: int, running: Sequence[Running]) -> list[Text]:
        """Return the front drawn in so many columns and lines; drawn anew only when something of it has changed."""
        key = width, height, self._under_way(running)
        if self._drawing is None or self._drawing[0] != key:
            self._drawing = key, draw_front(replace(self.points, running=key[2]), width, height)
        return self._drawing[1]

    def _under_way(self, running: Sequence[Running]) -> tuple[FrontPoint, ...]:
        """Return the running trials that have a latency and a rung, in the drawing's terms."""
        in_gate, found = in_gate_terms(self.table.gate), []
        for trial in running:
            if trial.latency is None or not trial.rungs or trial.children is not None:
                continue
            rung = trial.rungs[-1]
            accuracy = rung.map50 if in_gate else rung.map
            latency_ms = _shown_ms(trial.latency, in_gate)
            if latency_ms > 0 and 0 <= accuracy <= 1:  # neither unknown
                found.append(FrontPoint(trial.number, latency_ms, accuracy))
        return tuple(found)


def _shown_ms(latency: Latency, in_gate: bool) -> float:
    return latency.p95_ms if in_gate else latency.p50_ms
