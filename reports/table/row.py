"""A trial as a row: its record, and the places that it takes among the others."""

from dataclasses import dataclass, replace
from enum import StrEnum

from objectives.records.stored.packed import extended
from objectives.records.study_parts.requests import STOPPED_BY
from objectives.records.trial_record import TrialRecord
from reports.table.words import smaller_batch

PAUSED = "paused"


class Origin(StrEnum):
    """Where a detector's weights come from, and so what its figures are figures of."""

    TRAINED = "trained"  # by the trial itself
    CHILD = "child"  # cut from an elastic training, and not trained itself
    POLISHED = "polished"  # trained on from the weights of one of a family
    CARRIED = "carried"  # trained in another study, and only scored in this one


@dataclass(frozen=True)
class TrialRow(TrialRecord):
    """One trial of a table.

    Attributes:
        other_device: its latency is of another device than the study's: it stands on no front.
        removed: names of files that were removed from its folder to make room.
        on_front: whether it is a member of the front of the search's objectives.
        passes_gate: whether it may ship.
        note: somebody's on it; empty for none.
    """

    other_device: bool = False
    removed: tuple[str, ...] = ()
    on_front: bool = False
    passes_gate: bool = False
    note: str = ""

    @property
    def standing(self) -> str:
        """How the trial ended, or that it is still 'running', 'paused' or 'waiting'."""
        return self.phase.value

    @property
    def status(self) -> str:
        """The standing for people: of a paused trial, with the epoch at which it waits."""
        if self.is_stopped_by_somebody:
            return "stopped"  # wherever it stood
        epochs = [*(rung.epoch for rung in self.rungs), *(decision.epoch for decision in self.decisions)]
        return f"{PAUSED} at epoch {max(epochs)}" if self.paused and epochs else self.standing

    @property
    def is_stopped_by_somebody(self) -> bool:
        """Whether a person has stopped the trial, and not the search."""
        return self.ending is not None and self.ending.reason.startswith(STOPPED_BY)

    @property
    def origin(self) -> Origin:
        """Where the detector's weights come from."""
        made = Origin.CHILD if self.is_child else Origin.POLISHED if self.is_polish else Origin.TRAINED
        return Origin.CARRIED if self.is_carried else made

    @property
    def is_special(self) -> bool:
        """Whether it is other than a training of its own choices from the start: it is shown with its kind."""
        return self.is_child or self.is_polish or self.is_baseline or self.is_carried

    @property
    def smaller_batch(self) -> str:
        """'`batch 4 × 2`' where the trial had a smaller batch than asked, gradients added up; else empty."""
        return smaller_batch(self.candidate.get("train.batch"), self.batch_divisor)

    @property
    def p50_ends_ms(self) -> tuple[float, float] | None:
        """The 95 % interval of the median latency, in ms; None where it is not known."""
        known = self.known_latency
        ends = (known.p50_low_ms, known.p50_high_ms) if known else (0.0, 0.0)
        return ends if 0 < ends[0] <= ends[1] else None

    @property
    def is_measured(self) -> bool:
        """Whether both objectives are known: only then can it stand on a front."""
        return self.map is not None and self.p50_ms is not None


def without_expected_latency(row: TrialRow) -> TrialRow:
    """Return a row without what was expected of its latency: that was another device's, or the worst one's."""
    if row.proposal is None:
        return row
    said = replace(row.proposal, latency_ms=None, latency_sd_ms=0.0, latency_measured=False)
    return replace(row, proposal=said)


def make_row(trial: TrialRecord, device: str, removed: tuple[str, ...], note: str = "") -> TrialRow:
    """Return the row of one trial, not yet judged against the others.

    Args:
        trial: as it is stored.
        device: fingerprint of the study's device; empty if it is not known.
        removed: names of files that were removed from its folder.
        note: somebody's on it.
    """
    known = trial.known_latency
    elsewhere = bool(known and device and known.device and known.device != device)
    # All fields, also those of defaults: rows that have them in one order share their dictionaries' keys.
    places = {"on_front": False, "passes_gate": False}
    return extended(trial, TrialRow, other_device=elsewhere, removed=removed, **places, note=note)
