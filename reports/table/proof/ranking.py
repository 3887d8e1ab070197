"""Who leads a search, and what has ended, and leads, since its proof began."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from objectives.records.proof import ProofRecord
from objectives.records.trial_record import TrialRecord
from reports.table.pick import bends
from reports.table.row import TrialRow

OneTrial = TypeVar("OneTrial", bound=TrialRecord)


@dataclass(frozen=True)
class Since:
    """What a search has come to since its proof began.

    Attributes:
        ended: number of its trials that have ended since.
        leader: that of them which stands before all finalists now, by the search's figures; None where none does.
    """

    ended: int = 0
    leader: TrialRow | None = None


def ranked(rows: Iterable[TrialRow]) -> list[TrialRow]:
    """Return those that meet the gate, the most accurate first, or where none does, those that bend their front.

    Args:
        rows: measured ones; the front is that of these rows alone.
    """
    fit = list(rows)
    passing = [row for row in fit if row.passes_gate]
    return sorted(passing, key=lambda row: (-(row.map or 0.0), row.p50_ms or 0.0, row.number)) or bends(fit)


def ended_since(trials: Iterable[OneTrial], proof: ProofRecord) -> list[OneTrial]:
    """Return the trials of the search that have ended since a proof began."""
    if not proof.begun:
        return []
    begun = datetime.fromisoformat(proof.begun).timestamp()
    if "." not in proof.begun:
        begun += 1.0  # an older automl kept whole seconds: what ended within that one was there
    ended = ((trial, trial.finished_at) for trial in trials if trial.phase.has_ended and not trial.is_proof)
    return [trial for trial, at in ended if at is not None and at.timestamp() > begun]  # Optuna's times are local


def since(rows: Sequence[TrialRow], finished: Sequence[TrialRow], proof: ProofRecord) -> Since:
    """Return what a search has come to since a proof began.

    Args:
        rows: all trials.
        finished: those that may stand on a front.
        proof: that was begun last.
    """
    ended = ended_since(rows, proof)
    if not ended:
        return Since()
    later = {row.number for row in ended} - set(proof.finalists)
    first = next(iter(ranked(_searched(finished, later | set(proof.finalists)))), None)
    return Since(len(ended), first if first is not None and first.number in later else None)


def _searched(finished: Iterable[TrialRow], numbers: Collection[int]) -> list[TrialRow]:
    return [row for row in finished if row.number in numbers and row.baseline is None]
