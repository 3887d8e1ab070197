"""What the live view keeps of a trial that this process works on, or whose children it scores."""

from dataclasses import dataclass

from objectives.records.children import ChildrenReport
from objectives.records.records import Latency, Rung


@dataclass(frozen=True)
class Counted:
    """What a scorer has found since it was begun: children that were looked at, and that were scored."""

    looked_at: int = 0
    scored: int = 0

    def with_(self, report: ChildrenReport) -> "Counted":
        """Return the numbers with what a report has found."""
        return Counted(self.looked_at + len(report.looks), self.scored + len(report.scored))


@dataclass(frozen=True)
class Running:
    """A trial that this process works on, or whose children it scores.

    Attributes:
        number: number of the trial.
        detector: architecture that the trial trains, in words.
        epochs: epochs in all.
        since_s: when the trial was taken up, seconds on the monotonic clock.
        stage: name of the trial's stage.
        epoch: epoch under way, from 1; 0 before the training.
        share: share of that epoch that is done, in [0, 1].
        rungs: rungs reached so far, also in earlier processes.
        latency: the latency measured last.
        died: number of deaths of the trial's processes.
        children: what was found of its children; None for a trial that trains.
    """

    number: int
    detector: str
    epochs: int
    since_s: float
    stage: str
    epoch: int = 0
    share: float = 0.0
    rungs: tuple[Rung, ...] = ()
    latency: Latency | None = None
    died: int = 0
    children: Counted | None = None
