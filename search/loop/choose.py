"""What to work on next, chosen from the store alone; call a chooser while no other process of the study chooses.

`record_candidate` alone may be called while others choose.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from objectives.records.paths import StudyPaths
from objectives.records.records import Decision, Ending, Outcome, Proposal, Rung
from objectives.records.trial_record import Phase, TrialRecord, trial_records
from objectives.trial.job import RungDecision
from reports.table.table import StudyTable, read_study
from search.engine.observed import observe, steer
from search.engine.proposal.polish import PolishProposal
from search.engine.schedulers.scheduler import BudgetLeft, Step
from search.engine.steering import OnDevices
from search.loop.families import SURER, Families
from search.loop.latencies.settle import reserved_s
from search.loop.latencies.untrained import record_untrained, steering_of
from search.loop.polishing import Polishing
from search.loop.proof.proving import Proving
from search.samplers.registry import make_known_latency, make_sampler, suggest
from search.samplers.schedulers import make_scheduler
from search.settings.settings import Settings
from search.study.budget import BudgetUsed
from search.study.claims.contract import Claims
from search.study.experience.frozen import frozen_experience
from search.study.latencies import Measure, StudyLatencies
from search.study.queued.baseline import stock
from search.study.queued.carried import said_of
from search.study.queued.first import first_in_queue, proposal_of
from search.study.stored_trial import StoredTrial, optuna_trial, sampled_trial
from search.workers.jobs import Jobs
from spaces.candidate import Candidate
from spaces.network.family import has_precisions, may_be_elastic

if TYPE_CHECKING:
    import optuna


class Chooser:
    """Sampler and scheduler of a search, over its store.

    Attributes:
        proving: the proof's trainings.
        proves: whether the search's part is done, and the proof's has come.
    """

    def __init__(
        self,
        settings: Settings,
        study: "optuna.Study",
        jobs: Jobs,
        measure: Measure,
        searched_s: Callable[[], float],
    ) -> None:
        """Set up.

        Args:
            settings: of the search.
            study: the store.
            jobs: for the rungs and the candidates.
            measure: measures the latency of a candidate that is no trial yet.
            searched_s: seconds of the budget used so far.
        """
        self.settings, self.study, self._searched_s = settings, study, searched_s
        worst = steering_of(settings)
        steer(study, worst)
        self.latencies = StudyLatencies(study, settings.gate, measure, settings.space.fixed, worst)
        self._jobs, self.ladder = jobs, jobs.ladder
        self._known = make_known_latency(settings, self.latencies, self.ladder, frozen_experience(settings, study))
        self._scheduler = make_scheduler(settings.pruner, self._known)
        self.families = Families(
            study, self._known, self.seconds_left, self._rate_beside, settings.budget.trials, worst
        )
        first = settings.trial.polish_first
        self._polishing = Polishing(study, self._known, jobs.polish_epochs, self.seconds_left, worst, first)
        self.proving, self.proves = Proving(study, settings, jobs), False
        self._keeps_none = False  # hours for a proof, since there was nothing to prove

    def used(self, trials: Sequence[TrialRecord] | None = None) -> BudgetUsed:
        """Return what of the budget is used; `trials` are the study's, if they were read just now.

        In the proof's part, the proof's trainings are counted.
        """
        stored = trial_records(self.study) if trials is None else trials
        if self.proves:
            return self.proving.used(stored, self._searched_s())
        return BudgetUsed.of(stored, self._searched_s())

    def table(self) -> StudyTable:
        """Return the study as it stands."""
        return read_study(self.study)

    def seconds_left(self) -> float:
        """Return the seconds that the budget's hours leave; of families, less what settling figures takes."""
        return math.inf if self.hours is None else 3600 * self.hours - self.reserved_s - self._searched_s()

    @property
    def hours(self) -> float | None:
        """Hours of the budget at which this part of the work ends: the search's before the proof's."""
        hours = self.settings.budget.hours
        kept = 0.0 if self.proves or self._keeps_none else self.settings.proof.share
        return None if hours is None else hours * (1 - kept)

    @property
    def reserved_s(self) -> float:
        """Seconds of the search's hours that are kept for settling figures of families."""
        space = self.settings.space
        is_kept = (may_be_elastic(space) or has_precisions(space)) and not self.proves
        return reserved_s(self.hours, len(self.settings.targets)) if is_kept else 0.0

    def may_work_on(self, trial: TrialRecord) -> bool:
        """Whether a trial belongs to this part of the work: the search's, or the proof's."""
        return self.proving.holds(trial) if self.proves else not trial.is_proof

    def turns_to_proof(self, claims: Claims, note: Callable[[str], None]) -> bool:
        """Turn to the proof, or where there is nothing to prove to the hours kept for it; False if nothing is left."""
        if self.proves or not self.settings.proof.share:
            return False
        hours = self.settings.budget.hours
        left_s = math.inf if hours is None else 3600 * hours - self._searched_s()
        self.proves = self.proving.begins_behind_search(claims, lambda: trial_records(self.study), note, left_s)
        if self.proves or self._keeps_none or self.proving.record is not None or not 0 < left_s < math.inf:
            return self.proves
        note("the search goes on with the hours kept for the proof")
        self._keeps_none = True
        return True

    def next_work(self, trials: Sequence[TrialRecord], busy: Collection[int]) -> Step | None:
        """Return what to do next, whatever is worth most per second: children of a parent, a polish, or a training.

        Args:
            trials: all trials of the study.
            busy: parents whose children are being scored, here or elsewhere.
        """
        if self.seconds_left() <= 0:
            return None
        if self.proves:
            return self.proving.next_step(trials)
        if (first := first_in_queue(trials)) is not None and self._may_start(trials):
            return first
        polish = self._polish(trials)
        if (polish is None or not polish.is_asked) and (children := self.families.best(trials, busy)) is not None:
            number, proposal = children
            return Step(number, 0, f"children of trial {number}: {proposal.why}", children=True)
        step = self.next_step(trials=trials)
        if polish is None or (step is not None and SURER * polish.rate < self._rate_of(step, trials)):
            return step
        stop = {} if step is None else step.stop
        return Step(polish.number, 0, polish.why, stop, polish=polish, rate=polish.rate)

    def _rate_of(self, step: Step, trials: Sequence[TrialRecord]) -> float:
        """Return the gain per second of a step of training, by the engine's measure where its scheduler has none."""
        if step.idle:
            return 0.0
        if step.rate is not None:
            return step.rate
        return math.inf if step.number is not None or _waiting(trials) else self._rate_of_new(trials)

    def _polish(self, trials: Sequence[TrialRecord]) -> PolishProposal | None:
        """Return the polish that is worth most per second, if a trial may start."""
        return self._polishing.best(trials) if self._may_start(trials) else None

    def _rate_beside(self, trials: Sequence[TrialRecord]) -> float:
        """Return the gain per second that children are weighed against: of a new training, or of a polish."""
        if first_in_queue(trials) is not None and self._may_start(trials):
            return math.inf
        polish = self._polish(trials)
        return max(self._rate_of_new(trials), 0.0 if polish is None else SURER * polish.rate)

    def _rate_of_new(self, trials: Sequence[TrialRecord]) -> float:
        """Return the gain per second that a new training promises; 0 where none can start, or nothing is known yet."""
        if _waiting(trials) or not self._may_start(trials):
            return 0.0
        engine = self._known.engine
        assert engine is not None
        rate = engine.rate_of_new(observe(self.study, trials), self.seconds_left())
        return rate if math.isfinite(rate) else 0.0

    def _may_start(self, trials: Sequence[TrialRecord]) -> bool:
        begun = sum(not (trial.phase is Phase.WAITING or trial.is_proof) for trial in trials) + self.families.ordered
        budget = replace(self.settings.budget, hours=self.hours)
        return begun < budget.trials and self.used(trials).left(budget)

    def next_step(self, last: int | None = None, trials: Sequence[TrialRecord] | None = None) -> Step | None:
        """Return what to train next.

        Args:
            last: the trial that stands at a rung now, still in memory.
            trials: all trials of the study, if read just now; None reads them.
        """
        seconds_left = self.seconds_left()
        if seconds_left <= 0:
            return None
        stored = trial_records(self.study) if trials is None else trials
        begun = [replace(t, phase=Phase.PAUSED) if t.number == last else t for t in observe(self.study, stored)]
        budget_left = BudgetLeft(self._may_start(stored), len(_waiting(stored)), seconds_left)
        return self._scheduler.next_step(begun, self.ladder, last, budget_left)

    def at_rung(self, trial: StoredTrial, rung: Rung) -> tuple[RungDecision, str]:
        """Decide how a trial goes on at a rung, and store why."""
        number = trial.number
        step = self.next_step(number)
        if step is not None and number in step.stop:
            word, why = RungDecision.STOP, step.stop[number]
        elif step is not None and step.number == number and not step.idle:
            word, why = RungDecision.GO_ON, step.why
        else:
            word, why = RungDecision.PAUSE, _instead(step)
        mean, sd = (None, None) if step is None else (step.last_mean, step.last_sd)
        trial.record_decision(Decision(rung.epoch, word.value, why, mean, sd))
        return word, why

    def ask(self, trials: Sequence[TrialRecord]) -> "optuna.Trial":
        """Ask for a new trial of a study with these trials; `sampled` goes on from there."""
        self._seed(min(_waiting(trials), default=len(trials)))  # the first that waits from `start`, else a new one
        return self.study.ask()

    def asked_again(self, number: int) -> "optuna.Trial":
        """Return a new trial whose process died before its candidate was stored; the same sampler is asked again."""
        self._seed(number)
        return optuna_trial(self.study, number)

    def taken_up(self, trial: StoredTrial) -> StoredTrial:
        """Return a trial that was cut, with the values that a sampler has chosen, or chooses again."""
        record = trial.record
        of_another = record.is_polish or record.is_proof or record.is_baseline or record.is_carried
        if trial.candidate is not None or of_another:  # whose choices are known
            return trial
        return self.sampled(self.asked_again(trial.number))

    def sampled(self, asked: "optuna.Trial") -> StoredTrial:
        """Let the sampler choose the values of a new trial: with them the choices of other processes may go on."""
        return sampled_trial(self.study, asked, lambda: suggest(asked, self.settings.space))

    def begin_on(self, step: Step, trials: Sequence[TrialRecord], hold: Callable[[int], None]) -> StoredTrial:
        """Store the new trial of a polish or a proof that `next_work` wants for these trials, and claim it."""
        if step.proof is not None:
            trial = self.proving.begin(step.proof, trials)
        else:
            assert step.polish is not None
            trial = self._polishing.begin(step.polish, trials)
        hold(trial.number)
        return trial

    def record_candidate(self, trial: StoredTrial, trials: Sequence[TrialRecord]) -> None:
        """Record a sampled trial's candidate and why it was proposed; the candidate last: with it the trial has begun.

        Others may choose meanwhile.

        Args:
            trial: the new trial, whose values are sampled.
            trials: all trials of the study, as read just before.
        """
        paths = StudyPaths(self.settings.folder)
        folder = paths.relative(paths.trial(trial.number))
        of = trial.record.polishes if trial.record.proves is None else trial.record.proves
        if of is not None:
            before = trials[of]
            if before.latency is not None:
                record_untrained(trial, OnDevices(before.latency, before.latencies))  # it is the same network
            trial.record_candidate(Candidate.of(before.candidate), folder)
            return
        if trial.record.baseline is not None:
            candidate, proposal = stock(trial.record.baseline, self._jobs)
            trial.record_proposal(proposal)
            trial.record_candidate(candidate, folder)
            return
        if trial.record.carried is not None:
            trial.record_proposal(said_of(trial.record.carried))
            trial.record_candidate(Candidate.of(trial.record.carried.candidate), folder)
            return
        sampler = self.settings.sampler.name
        if (asked := proposal_of(trial, sampler)) is not None:
            trial.record_proposal(asked)
        elif trial.record.proposal is None:
            trial.record_proposal(Proposal("peer", sampler, "this sampler gives no reasons"))
        params = trial.record.params
        found = self.latencies.untrained(params, trials)
        if found is not None:
            record_untrained(trial, found)
        trial.record_candidate(self._jobs.candidate(params), folder)

    def out_of_time(self, trial: StoredTrial, epoch: int) -> None:
        """Pause a trial at its last rung, since the hours are used."""
        trial.record_decision(Decision(epoch, RungDecision.PAUSE.value, "the hours of the budget are used"))
        trial.pause()

    def promote(self, trial: StoredTrial, why: str) -> None:
        """Store that a paused trial goes on, and why; the baseline, which waits in the queue, begins."""
        if trial.record.phase is Phase.WAITING:
            trial.begin()
            return
        rungs = trial.record.rungs
        with trial.gathering():
            trial.record_decision(Decision(rungs[-1].epoch if rungs else 0, "promote", why))
            trial.go_on()

    def stop(self, stopped: Mapping[int, str]) -> None:
        """End paused trials that will never go on."""
        for number, why in stopped.items():
            StoredTrial(self.study, number).end(Ending(Outcome.STOPPED, why), None)

    def _seed(self, number: int) -> None:
        self.study.sampler = make_sampler(self.settings.sampler, self.settings.seed, number, self._known)


def _waiting(trials: Sequence[TrialRecord]) -> list[int]:
    return [trial.number for trial in trials if trial.phase is Phase.WAITING]


def _instead(step: Step | None) -> str:
    """Return why a trial pauses."""
    if step is None or step.idle:
        return "the budget leaves nothing for it that is worth its time"
    return f"worth more now: {step.why if step.number is None else f'trial {step.number}, {step.why}'}"
