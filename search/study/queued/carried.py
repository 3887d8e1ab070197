"""Carried detectors of a study: those it began with, held against a line, and what they are said to be."""

from typing import TYPE_CHECKING

from objectives.records.records import Proposal
from objectives.records.study_parts.carried import CarriedRecord
from objectives.records.trial_record import TrialRecord, trial_records
from search.settings.settings import Settings
from spaces.errors import StoreError

if TYPE_CHECKING:
    import optuna

CARRIED_ROLE = "carried"


def carried_in(study: "optuna.Study") -> list[TrialRecord]:
    """Return the carried detectors of a study, however they stand."""
    return [trial for trial in trial_records(study) if trial.is_carried]


def check_list(study: "optuna.Study", settings: Settings) -> None:
    """Check that a line which goes on with a study names the detectors that the study began with, or none.

    Raises:
        StoreError: it names others.
    """
    began = [trial.carried.given for trial in carried_in(study) if trial.carried is not None]
    if settings.carry and sorted(settings.carry) != sorted(began):
        then = f"[{', '.join(began)}]" if began else "none"
        raise StoreError(
            f"carry: study '{study.study_name}' began with {then}, got [{', '.join(settings.carry)}]; only a new study "
            "takes detectors along: leave carry as it was, or out, or take name=NEW"
        )


def said_of(record: CarriedRecord) -> Proposal:
    """Return what is to be known of a carried detector before it is scored."""
    there = f", mAP {record.map:.3f} there" if record.map is not None else ""
    why = f"asked for in `carry`: {record.source} ({record.origin or 'an export'}{there}), scored here and not trained"
    return Proposal(CARRIED_ROLE, "", why)
