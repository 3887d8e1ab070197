"""The baseline of a study: queued once, before all candidates, and what it is said to be."""

from typing import TYPE_CHECKING

from objectives.records.records import Ending, Outcome, Proposal
from objectives.records.trial_record import Phase, TrialRecord, trial_records
from search.settings.settings import Settings
from search.study.claims.contract import Claims
from search.study.stored_trial import StoredTrial, baseline_of
from search.workers.jobs import Jobs
from spaces.candidate import Candidate
from spaces.network.baseline import LEFT_OUT, STOCK_PX, Baseline
from spaces.network.family import SIZE

if TYPE_CHECKING:
    import optuna

ROLE = "stock"
NOT_WANTED = "the line says baseline=none"
FOR_NOTHING = (Phase.FAILED, Phase.STOPPED)  # stopped: by a line that wanted none


def baseline_in(study: "optuna.Study") -> TrialRecord | None:
    """Return the baseline of a study, however it stands; of several, since one had failed, the last; None for none."""
    return next((trial for trial in reversed(trial_records(study)) if trial.is_baseline), None)


def enqueue_baseline(study: "optuna.Study", settings: Settings) -> None:
    """Have a study begin with the baseline that its settings name, unless it has one."""
    if settings.baseline.detector is not None and baseline_in(study) is None:
        study.add_trial(baseline_of(str(settings.baseline.detector)))


def follow_line(study: "optuna.Study", settings: Settings, claims: Claims) -> list[str]:
    """Do as a line says that names a baseline, in a study that goes on; return notes for people.

    Call it while no other process chooses. A preset's word changes no study that is there.
    """
    wanted, there = settings.baseline.detector, baseline_in(study)
    if not settings.baseline.is_named:
        return []
    if there is None:
        enqueue_baseline(study, settings)
        return []
    if wanted is None:
        if not there.phase.has_ended and claims.take(there.number):
            _give_up(StoredTrial(study, there.number))
            claims.free(there.number)
        return []
    if there.phase in FOR_NOTHING:
        study.add_trial(baseline_of(str(wanted)))
        return [f"baseline: {there.baseline} (trial {there.number}) came to nothing; {wanted} is queued anew"]
    if there.baseline == str(wanted):
        return []
    return [f"baseline: the study has {there.baseline}, and a study has one; name=NEW compares with {wanted}"]


def stock(name: str, jobs: Jobs) -> tuple[Candidate, Proposal]:
    """Return the stock detector of a name as a candidate, and what is to be known of it."""
    baseline = Baseline.parse(name)
    assert baseline is not None  # "none" is never stored
    candidate = jobs.baseline_candidate(baseline)
    weights = (
        f"from its published weights ({baseline.published.name})"
        if jobs.has_start(candidate)
        else "from random weights, since its published ones are not here"
    )
    optimizer, lr0 = candidate["train.optimizer"], candidate["train.lr0"]
    why = (
        f"{baseline.name} as published, at {_size(baseline, jobs, int(candidate.number(SIZE)))}, {weights}, at "
        f"Ultralytics' stock settings, of which `auto` makes {optimizer} at {lr0:g} here; other than with "
        f"`yolo detect train`: {LEFT_OUT}"
    )
    return candidate, Proposal(ROLE, "", why)


def _size(baseline: Baseline, jobs: Jobs, pixels: int) -> str:
    """Return '`256 px, the largest input of the space up to 640`'."""
    if baseline.pixels is not None:
        return f"{pixels} px, as asked for"
    if pixels > STOCK_PX:
        return f"{pixels} px, the smallest input of the space"
    if SIZE in jobs.space.fixed:
        return f"{pixels} px, the only input of the space"
    return f"{pixels} px, the largest input of the space up to {STOCK_PX}"


def _give_up(trial: StoredTrial) -> None:
    if trial.record.phase is Phase.WAITING:
        trial.begin()
    trial.end(Ending(Outcome.STOPPED, NOT_WANTED), None)
