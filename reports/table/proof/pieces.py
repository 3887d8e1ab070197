"""Which trial is the training of a piece of a proof: of several, since one had failed, the last."""

from collections.abc import Iterable
from typing import TypeVar

from objectives.records.proof import ProofPiece
from objectives.records.records import Outcome
from objectives.records.trial_record import TrialRecord

OneTraining = TypeVar("OneTraining", bound=TrialRecord)


def by_piece(trials: Iterable[OneTraining]) -> dict[ProofPiece, OneTraining]:
    """Return the training of each piece, whichever proof it was begun for.

    Args:
        trials: by number.
    """
    found: dict[ProofPiece, OneTraining] = {}
    for trial in trials:
        if trial.proves is not None and trial.seed is not None and trial.terms is not None:
            found[ProofPiece(trial.proves, trial.seed, trial.terms)] = trial
    return found


def has_failed(trial: TrialRecord) -> bool:
    """Whether a training has ended and says nothing."""
    return trial.outcome not in (None, Outcome.FINISHED)
