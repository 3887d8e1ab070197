"""Settings of the proof: finalists trained again with other seeds."""

from dataclasses import dataclass

from objectives.records.proof import Length
from spaces.errors import SettingsError


@dataclass(frozen=True)
class ProofSettings:
    """How finalists are trained again.

    Attributes:
        share: of `budget.hours` that a search keeps for the proof at its end; 0 for none.
        seeds: trainings of each finalist and of the baseline, each with a seed of its own.
        finalists: at most so many.
        epochs: of each training; "trial" for as many as in the search; None for the length of `automl train`, or within
            a search for "trial".
        level: of the intervals.
    """

    share: float
    seeds: int
    finalists: int
    epochs: str | None
    level: float

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise SettingsError(f"proof.share: must be a share of budget.hours, 0 to under 1, got {self.share}")
        if self.seeds < 2:
            raise SettingsError(f"proof.seeds: must be 2 or more, or there is no interval, got {self.seeds}")
        if self.finalists < 1:
            raise SettingsError(f"proof.finalists: must be 1 or more, got {self.finalists}")
        if not 0.5 <= self.level < 1:
            raise SettingsError(f"proof.level: must lie in 0.5..1, 1 left out, got {self.level}")
        if self.epochs not in (None, Length.TRIAL.value) and not (self.epochs.isdecimal() and int(self.epochs) > 0):
            raise SettingsError(
                f"proof.epochs: must be a whole number of 1 or more, {Length.TRIAL} or null, got '{self.epochs}'"
            )
