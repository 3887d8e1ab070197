"""What the trials of a search cost: a plan, and the candidates that were timed for the plan."""

from dataclasses import dataclass

from objectives.records.records import Record
from spaces.candidate import Candidate
from spaces.dimension import Value


@dataclass(frozen=True)
class Timed(Record):
    """What a candidate costs.

    Attributes:
        candidate: dimension name to value.
        epoch_s: seconds of an epoch, its share of the validations included.
        overhead_s: seconds of a whole trial beside its epochs: build, latency, export, score.
        parameters: of the network.
        peak_bytes: memory that its process needs.
        gpu_peak_bytes: memory of the GPU that it needs; 0 on a processor, and where that is not known.
    """

    candidate: dict[str, Value]
    epoch_s: float
    overhead_s: float
    parameters: int
    peak_bytes: int
    gpu_peak_bytes: int = 0


@dataclass(frozen=True)
class SearchPlan(Record):
    """What the trials of a search cost, as far as known.

    Attributes:
        timed: candidates that stand for the space, by seconds of an epoch.
        measured: whether `timed` holds trials of the study with their own figures, not rehearsals.
        refused: candidates that could not be timed, and why; one line each.
        notes: what to doubt about the figures; one line each.
        artifact_bytes: size of a usual deployable file.
        seconds: what the timing cost.
        baseline: what the stock detector costs that comes first; None where there is none, or it could not be timed.
    """

    timed: tuple[Timed, ...] = ()
    measured: bool = False
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    artifact_bytes: int = 0
    seconds: float = 0.0
    baseline: Timed | None = None

    @property
    def places(self) -> tuple[Timed, ...]:
        """The small, the middle and the large one; fewer where fewer were timed."""
        middle = len(self.timed) // 2
        return tuple(self.timed[i] for i in sorted({0, middle, len(self.timed) - 1})) if self.timed else ()

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The timed candidates."""
        return tuple(Candidate.of(one.candidate) for one in self.timed)
