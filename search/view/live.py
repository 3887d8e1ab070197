"""The live view of a search: the whole terminal, drawn over itself, given back at the end."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from rich.console import Console, RenderableType
from rich.live import Live

from objectives.records.children import ChildrenReport
from objectives.records.records import Ending, Latency, Rung
from reports.glance.detector import detector
from reports.glance.points import Seen
from reports.table.table import StudyTable
from search.settings.settings import Settings
from search.study.budget import BudgetUsed
from search.study.sessions import SessionSeen
from search.view.found import FoundSoFar
from search.view.frame import frame
from search.view.lines import LineView
from search.view.running import Counted, Running
from search.view.state import FrameState
from spaces.candidate import Candidate
from spaces.network.family import Family

FRAMES_PER_S = 2  # more would take time from what is measured on this machine
KEPT_MAX = 200  # lines that are kept for the end


class LiveView(LineView):
    """A view on the terminal's second screen, so that nothing scrolls and a change of its size does no harm.

    What is worth keeping is written to the first screen at the end.
    """

    def __init__(self, console: Console, settings: Settings) -> None:
        """Prepare to show a search in a terminal."""
        super().__init__(console, settings)
        self._table = StudyTable(settings.name, ())
        self._used = (BudgetUsed(0, 0.0, ()), time.monotonic())  # and when it was so
        self._running: dict[int, Running] = {}
        self._sessions: tuple[SessionSeen, ...] = ()
        self._meanwhile: list[str] = []
        self._kept: deque[str] = deque(maxlen=KEPT_MAX)
        self._places: Seen = {}  # of trials in the drawing of the front, found once
        self._found = FoundSoFar(self._table, self._places)
        self._live = Live(console=console, get_renderable=self.draw, refresh_per_second=FRAMES_PER_S, screen=True)

    def __enter__(self) -> "LiveView":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # the terminal is gone
            self._live.stop()
        for text in self._kept:
            super().line(text)

    def line(self, text: str) -> None:
        """Keep a line; the newest ones are shown."""
        self._kept.append(text)

    def begin(self, table: StudyTable, used: BudgetUsed) -> None:
        """Show what is there already."""
        self._table = table
        self.budget(used)

    def trial_started(
        self, number: int, candidate: Candidate, epochs: int, rungs: Sequence[Rung] | None = None
    ) -> None:
        """Show the trial among the running ones."""
        before = self._running.get(number)
        self._running[number] = Running(
            number,
            detector(candidate),
            epochs,
            time.monotonic(),
            "starting" if rungs is None else "goes on",
            rungs=tuple(rungs or ()),
            died=before.died if before else 0,
        )

    def stage(self, number: int, name: str) -> None:
        """Show what the trial does."""
        self._change(number, lambda trial: replace(trial, stage=name))

    def progress(self, number: int, epoch: int, share: float) -> None:
        """Show how far the trial is."""
        self._change(number, lambda trial: replace(trial, epoch=epoch, share=share))

    def latency(self, number: int, latency: Latency, *, trained: bool) -> None:
        """Show the trial's latency."""
        self._change(number, lambda trial: replace(trial, latency=latency))

    def rung(self, number: int, rung: Rung) -> None:
        """Show the trial's rung."""
        self._change(number, lambda trial: replace(trial, rungs=(*trial.rungs, rung), epoch=rung.epoch, share=1.0))

    def attempt(self, number: int, end: Ending) -> None:
        """Mark the trial, and keep the cause of death."""
        self._change(number, lambda trial: replace(trial, stage="again", epoch=0, share=0.0, died=trial.died + 1))
        super().attempt(number, end)

    def trial_ended(self, number: int, table: StudyTable, used: BudgetUsed) -> None:
        """Show the trial among the last ones."""
        self._running.pop(number, None)
        self._table = table
        self.budget(used)

    def children_started(self, number: int, candidate: Candidate, family: Family) -> None:
        """Show the scorer among the running trials."""
        now_s = time.monotonic()
        self._running[number] = Running(number, detector(candidate), 0, now_s, "build", children=Counted())

    def children_stage(self, number: int, name: str) -> None:
        """Show what the scorer does."""
        self.stage(number, name)

    def children_scored(self, number: int, report: ChildrenReport, table: StudyTable, used: BudgetUsed) -> None:
        """Show what was found."""
        self._change(number, lambda trial: replace(trial, children=(trial.children or Counted()).with_(report)))
        self._table = table
        self.budget(used)

    def children_ended(self, number: int, table: StudyTable, used: BudgetUsed) -> None:
        """Show the children among the last trials."""
        self.trial_ended(number, table, used)

    def left(self, number: int) -> None:
        """Show the trial no more."""
        self._running.pop(number, None)

    def waiting(self, text: str) -> None:
        """Show why the search pauses."""
        self._waits = text

    def sessions(self, sessions: Sequence[SessionSeen]) -> None:
        """Show the other searching processes."""
        self._sessions = tuple(sessions)

    def budget(self, used: BudgetUsed) -> None:
        """Show what is used; its clock goes on by itself until the next call."""
        self._used = (used, time.monotonic())

    @contextmanager
    def meanwhile(self, name: str) -> Iterator[None]:
        """Show the stage until it is over."""
        self._meanwhile.append(name)
        try:
            yield
        finally:
            self._meanwhile.remove(name)

    def draw(self) -> RenderableType:
        """Return the frame of this moment."""
        size = self.console.size
        return frame(self._frame_state(), size.width, size.height)

    def _frame_state(self) -> FrameState:
        now_s, table = time.monotonic(), self._table
        if self._found.table is not table:
            self._found = FoundSoFar(table, self._places)
        used, measured_at_s = self._used
        if not self._waits:
            used = replace(used, seconds=used.seconds + now_s - measured_at_s)
        return FrameState(
            self.settings,
            table,
            used,
            tuple(self._running.values()),
            self._sessions,
            self._waits,
            ", ".join(self._meanwhile),
            tuple(reversed(self._kept)),
            now_s,
            self._found,
        )

    def _change(self, number: int, change: Callable[[Running], Running]) -> None:
        """Change what is shown of a trial; one that ended meanwhile stays away."""
        if number in self._running:
            self._running[number] = change(self._running[number])
