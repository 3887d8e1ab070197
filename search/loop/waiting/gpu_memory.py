"""GPU memory that a trial waits for: beside other trainings on its GPU, or on a machine that has more of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from objectives.machine.card import largest_card
from objectives.machine.gpus.visible import wanted_gpus
from objectives.records.failures import Failure
from objectives.records.reading import records
from objectives.records.records import Ending
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import TrialRecord
from search.plan.model import Timed
from search.settings.settings import Settings
from search.study.claims.contract import Claims
from search.study.stored_trial import StoredTrial
from search.workers.places import Place
from spaces.candidate import Candidate
from spaces.vocabulary import train_choices

if TYPE_CHECKING:
    import optuna

CONTEXT_BYTES = 600_000_000  # what a process takes of a GPU beside the memory that torch manages: CUDA and its kernels
LYING_APART = 1.1  # of what like trials needed: blocks that lie apart


class GpuRoom:
    """Decides whether the memory for a trial is there.

    Attributes:
        card: this machine.
        is_short: whether the trial that was to begin last found too little memory free beside other trainings.
    """

    def __init__(self, study: "optuna.Study", claims: Claims, settings: Settings) -> None:
        """Look at this machine."""
        self._study, self._claims, self._settings = study, claims, settings
        self.card = largest_card(wanted_gpus(settings.trial.train_device))
        self.is_short = False

    @property
    def words(self) -> str:
        """What a process that has nothing to do waits for."""
        return f"other trainings have all GPUs{', or their memory' * self.is_short}"

    def admits(self, trial: StoredTrial, place: Place, trials: Sequence[TrialRecord]) -> bool:
        """Whether the GPU of a place has the memory for a claimed trial; it is reserved then.

        Else the trial is given up, as good as cut: whoever has the memory takes it up.
        """
        alone = any(attempt.error_class == Failure.GPU_SHARED for attempt in trial.record.attempts)
        lease, candidate = place.lease, trial.candidate
        self.is_short = lease is not None and not lease.reserve(
            self._needed(candidate, trials, lease.gpu.memory_bytes) if candidate else 0, alone=alone
        )
        if self.is_short:
            self._claims.free(trial.number)
        return not self.is_short

    def may_take(self, trial: TrialRecord) -> bool:
        """Whether this machine may take up a trial: not one that is left for a larger GPU, while there is one."""
        left = [a.death.gpu_memory_mb for a in trial.attempts if a.error_class == Failure.GPU_TOO_SMALL and a.death]
        return not left or self.card.gpu_memory_mb > max(left) or not self._is_larger_here(max(left))

    def explained(self, end: Ending | None, place: Place) -> Ending | None:
        """Return a trial's ending with the machine; of want of GPU memory, whether company or the GPU was at fault."""
        if end is None or end.death is None:
            return end
        card = place.card
        death = replace(end.death, machine=card.kind, gpu_memory_mb=card.gpu_memory_mb)
        end = replace(end, death=death)
        if end.error_class != Failure.OUT_OF_DEVICE_MEMORY or place.lease is None:
            return end
        if place.lease.has_company:
            return replace(end, error_class=Failure.GPU_SHARED)
        is_left = card.gpu_memory_mb and self._is_larger_here(card.gpu_memory_mb)
        return replace(end, error_class=Failure.GPU_TOO_SMALL) if is_left else end

    def _is_larger_here(self, memory_mb: int) -> bool:
        """Whether a machine with a larger GPU searches the study now."""
        here = ((key, seen) for key, seen in StudyRecord.of(self._study).sessions.items() if not seen.ended)
        larger = (key for key, seen in here if seen.machine and seen.machine.gpu_memory_mb > memory_mb)
        return any(self._claims.is_alive(key) for key in larger)

    def _needed(self, candidate: Candidate, trials: Sequence[TrialRecord], memory_bytes: int) -> int:
        gpu = self._settings.gpu
        if gpu.memory_mb is not None:
            return gpu.memory_mb * 1_000_000
        return needed_bytes(candidate, [*trained(trials), *self._rehearsed()]) or memory_bytes // gpu.share

    def _rehearsed(self) -> "list[Shown]":
        """Return what candidates took that were timed before the first trial."""
        timed = records(Timed, StudyRecord.of(self._study).plan.get("timed"))
        return [Shown(Candidate.of(one.candidate), one.gpu_peak_bytes) for one in timed if one.gpu_peak_bytes]


@dataclass(frozen=True)
class Shown:
    """The GPU memory that a candidate took at most, by torch's count; its batch was divided by `divisor`."""

    candidate: Candidate
    peak_bytes: int
    divisor: int = 1

    def scaled_to(self, candidate: Candidate) -> float:
        """Return the peak as it would be with a candidate's batch and size, if these are larger."""
        return self.peak_bytes * max(1.0, _pixels(candidate) * self.divisor / _pixels(self.candidate))


def trained(trials: Iterable[TrialRecord]) -> list[Shown]:
    """Return what trials have shown."""
    known = ((trial, trial.resources.gpu_peak_bytes if trial.resources else 0) for trial in trials)
    return [Shown(Candidate.of(trial.candidate), peak, trial.batch_divisor) for trial, peak in known if peak]


def needed_bytes(candidate: Candidate, shown: Sequence[Shown]) -> int | None:
    """Return the GPU memory that a candidate is expected to need; None while none was shown.

    As much as the most that one of the same backbone took, in proportion to the pixels of a batch where it has more of
    them; without such a one, of any backbone.
    """
    backbone = candidate.get("backbone.name")
    alike = [one for one in shown if one.candidate.get("backbone.name") == backbone] or shown
    peaks = [one.scaled_to(candidate) for one in alike]
    return round(LYING_APART * max(peaks)) + CONTEXT_BYTES if peaks else None


def _pixels(candidate: Candidate) -> float:
    return float(train_choices(candidate)["batch"]) * candidate.number("size.pixels") ** 2
