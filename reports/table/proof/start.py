"""What a detector that is trained again starts from: its own weights, or what it started from in the search."""

from collections.abc import Sequence
from typing import TypeVar

from objectives.records.trial_record import TrialRecord
from spaces.network.family import is_of_many

Trial = TypeVar("Trial", bound=TrialRecord)


def training_of(trial: Trial, trials: Sequence[Trial]) -> Trial:
    """Return the trial whose training a detector is of, when it is trained again.

    That is the trial itself; of a file in another precision, which was converted and not chosen from a family, the
    parent whose file it was: it is trained as the parent was, and converted then.

    Args:
        trial: whose detector is trained again.
        trials: of its study.
    """
    parent = next((one for one in trials if one.number == trial.parent), None)
    return trial if parent is None or is_of_many(parent.family) else parent


def goes_on(trial: Trial, trials: Sequence[Trial]) -> bool:
    """Whether a detector that is trained again goes on from its own weights.

    So does one of an elastic training, a polish, and what was carried along, unless it is pruned: its training begins
    with the whole network.
    """
    trained = training_of(trial, trials)
    if trained.is_carried and trained.candidate.get("prune.importance", "none") == "none":
        return True
    return trained.is_child or trained.is_polish or is_of_many(trained.family)


def went_on_from(trial: Trial, trials: Sequence[Trial]) -> int | None:
    """Return the number of the trial that a polish went on from; of its file in another precision, the same one's."""
    return training_of(trial, trials).polishes
