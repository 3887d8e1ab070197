"""What of the queue comes before all else: the baseline, detectors of other studies, what people have asked for."""

import math
from collections.abc import Sequence

from objectives.records.records import Proposal
from objectives.records.trial_record import Phase, TrialRecord
from search.engine.schedulers.scheduler import Step
from search.study.stored_trial import StoredTrial

BASELINE_FIRST = "the baseline comes first"
CARRIED_FIRST = "a detector that is carried along is scored before anything is trained"
ASKED_FIRST = "a candidate that somebody has asked for comes next"


def first_in_queue(trials: Sequence[TrialRecord]) -> Step | None:
    """Return the step that begins the baseline, a carried detector or one that was asked for; None where none waits."""
    waiting = [trial for trial in trials if trial.phase is Phase.WAITING]
    for why, found in (
        (BASELINE_FIRST, (trial for trial in waiting if trial.is_baseline)),
        (CARRIED_FIRST, (trial for trial in waiting if trial.is_carried)),
        (ASKED_FIRST, (trial for trial in waiting if trial.asked is not None)),
    ):
        trial = next(found, None)
        if trial is not None:
            return Step(trial.number, 0, why, rate=math.inf)
    return None


def proposal_of(trial: StoredTrial, sampler: str) -> Proposal | None:
    """Return why a trial is tried whose choices were asked for, by a person or in `start`; None for any other.

    One that an older automl enqueued for `start` may be completed by the sampler.
    """
    asked = trial.record.asked
    if asked is None and not trial.was_asked_for:
        return None
    if asked is None:
        sampled = "was sampled" if trial.was_sampled_in_part else "takes known good values"
        return Proposal("start", sampler, f"asked for in `start`; what it leaves out {sampled}")
    like = "" if asked.like is None else f", like trial {asked.like}"
    rest = "; what that leaves open was sampled" if trial.was_sampled_in_part else ""
    return Proposal("asked", sampler, f"by {asked.who}{like}{rest}")
