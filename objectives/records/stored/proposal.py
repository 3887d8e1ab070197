"""Why a trial is proposed, stored while its sampler is asked: there is no record of it yet."""

from typing import TYPE_CHECKING

from objectives.records import attributes as keys
from objectives.records.records import Proposal

if TYPE_CHECKING:
    import optuna


def write_proposal(study: "optuna.Study", trial_id: int, proposal: Proposal) -> None:
    """Store why a trial, by Optuna's id over all studies of the storage, is proposed, while its sampler is asked."""
    study._storage.set_trial_user_attr(trial_id, keys.PROPOSAL, proposal.to_json())
