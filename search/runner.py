"""The search: choose the next piece of training, run it in a process of its own, until the budget ends."""

import math
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from objectives import attributes as keys
from objectives.dataset import Dataset
from objectives.job import TrialJob, Word
from objectives.layout import lay_out
from objectives.records import Decision, Ending, Latency, Outcome, Proposal, Rung
from reports.table import StudyTable, read_study
from search.budget import BudgetUsed
from search.engine.observed import Observed, Phase, observe
from search.engine.scheduler import Room, Step
from search.following import Following, measure
from search.measured import StudyLatencies
from search.pruner import make_scheduler
from search.sampler import make_known_latency, make_sampler, suggest
from search.settings import Settings
from search.view import View
from spaces.candidate import Candidate
from spaces.dimension import Value
from spaces.errors import AutomlError

if TYPE_CHECKING:
    import optuna

FAILURES_MAX = 3  # failures in a row after which the search stops
MEASURING = ".measure-"  # how the folders of measurements ahead of trials begin
TRAININGS = "training-*"  # folders of checkpoints in a trial's folder


class TooManyFailures(AutomlError):
    """Several trials in a row failed alike: something is wrong that more trials will not mend."""


class Search:
    """One process's work on a study."""

    def __init__(self, settings: Settings, dataset: Dataset, study: "optuna.Study", view: View) -> None:
        """Prepare to search; nothing runs yet."""
        self.settings, self.dataset, self.study, self.view = settings, dataset, study, view
        self.folder = settings.folder
        self.hub = True  # until a hub turns out to be out of reach
        self.failures: list[tuple[int, str]] = []  # in a row: trial and class
        self.data_yaml = self.folder / "data" / "data.yaml"
        self.ladder = self._job(0, Candidate.of(dict.fromkeys(("size.pixels",), 32))).deciding
        self.latencies = StudyLatencies(study, settings.gate, self._measured_now)
        self.known = make_known_latency(settings, self.latencies, self.ladder)
        self.scheduler = make_scheduler(settings.pruner, self.known)
        self._began, self._before_s = time.monotonic(), 0.0
        self._before_s = self.used().seconds

    def run(self) -> None:
        """Search until the budget is used; Ctrl-C leaves the running trial to be taken up again.

        Raises:
            TooManyFailures: the last trials all failed for one reason.
        """
        self._tidy()
        self.data_yaml = lay_out(self.dataset, self.folder / "data")
        for trial in self._left_running():
            self._work_on(trial, None)
        step = self._next_step(None)
        while step is not None:
            step = self._take(step)

    def table(self) -> StudyTable:
        """Return the study as it stands."""
        return read_study(self.study)

    def used(self) -> BudgetUsed:
        """Return what of the budget is used: by the clock since this process began, and what was told before."""
        told = BudgetUsed.of(self.study.get_trials(deepcopy=False), self.latencies.spent_s())
        return replace(told, seconds=max(told.seconds, self._before_s + time.monotonic() - self._began))

    # Steps

    def _left_running(self) -> "list[optuna.Trial]":
        """Return the trials that a dead process left running; those that were paused wait for the scheduler."""
        import optuna

        running = self.study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
        left = []
        for trial in running:
            if not trial.user_attrs.get(keys.PAUSED):
                self._seed(trial.number)  # it may have died between two choices
                left.append(optuna.Trial(self.study, trial._trial_id))
        return left

    def _next_step(self, last: int | None, trials: list[Observed] | None = None) -> Step | None:
        """Return what to train next; `trials` shows the trial that stands at a rung as paused."""
        budget = self.settings.budget
        seconds_left = math.inf if budget.hours is None else 3600 * budget.hours - self.used().seconds
        if seconds_left <= 0:
            return None
        begun = observe(self.study) if trials is None else trials
        room = Room(self._may_start(len(begun)), len(self._waiting()), seconds_left)
        return self.scheduler.next_step(begun, self.ladder, last, room)

    def _may_start(self, begun: int) -> bool:
        """Whether the budget allows another trial beside those that have begun."""
        return begun < self.settings.budget.trials and self.used().left(self.settings.budget)

    def _take(self, step: Step) -> Step | None:
        """Take a step and return the next one."""
        import optuna

        self._stop(step.stop)
        if step.number is None:
            if not self._may_start(len(observe(self.study))):
                return self._next_step(None)  # the step was told for what it stops
            self._seed(self._next_number())
            return self._work_on(self.study.ask(), None)
        trial = self.study.get_trials(deepcopy=False)[step.number]
        self._seed(step.number)
        return self._work_on(optuna.Trial(self.study, trial._trial_id), step)

    def _work_on(self, trial: "optuna.Trial", step: Step | None) -> Step | None:
        """Train a trial until it ends or another step is worth more; return the next step."""
        candidate = suggest(trial, self.settings.space)
        job = self._job(trial.number, candidate, self._known_latency(trial), _trained_s(trial))
        following = Following(trial, job, self.view, self._warn)
        goes_on = keys.CANDIDATE in trial.user_attrs
        if goes_on:
            self._promote(trial, step)
        else:
            self._introduce(trial, candidate, job)
        self.view.trial_started(trial.number, candidate, job.epochs, following.rungs if goes_on else None)
        chosen: list[Step] = []
        end = following.run(self.folder / ".ultralytics", lambda rung: self._decide(trial, rung, chosen))
        self._keep(trial, end, following)
        self.view.trial_ended(self.table(), self.used())
        self._check_failures()
        return chosen[0] if chosen else self._next_step(None)

    def _decide(self, trial: "optuna.Trial", rung: Rung, chosen: list[Step]) -> tuple[Word, str]:
        """Decide at a rung; the step to take instead, if there is one, goes to `chosen`."""
        word, why, step = self._decided(trial, rung)
        if word is not Word.GO_ON and step is not None:
            chosen.append(step)
        return word, why

    def _decided(self, trial: "optuna.Trial", rung: Rung) -> tuple[Word, str, Step | None]:
        """Ask the scheduler at a rung; return how the trial goes on, why, and the step to take if it does not."""
        number = trial.number
        seen = [replace(t, phase=Phase.PAUSED) if t.number == number else t for t in observe(self.study)]
        step = self._next_step(number, seen)
        if step is not None and step.number == number:
            word, why = Word.GO_ON, step.why
        elif step is not None and number in step.stop:
            word, why = Word.STOP, step.stop[number]
            step = replace(step, stop={n: text for n, text in step.stop.items() if n != number})
        else:
            word, why = Word.PAUSE, _instead(step)
        mean, sd = (None, None) if step is None else (step.last_mean, step.last_sd)
        self._note_decision(trial, Decision(rung.epoch, word.value, why, mean, sd))
        return word, why, step

    def _note_decision(self, trial: "optuna.Trial", decision: Decision) -> None:
        noted = [*trial.user_attrs.get(keys.DECISIONS, []), decision.to_json()]
        trial.set_user_attr(keys.DECISIONS, noted)

    def _promote(self, trial: "optuna.Trial", step: Step | None) -> None:
        """Store that a paused trial goes on, and why."""
        if not trial.user_attrs.get(keys.PAUSED):
            return  # it was cut
        rungs = trial.user_attrs.get(keys.RUNGS)
        why = step.why if step else "taken up again"
        self._note_decision(trial, Decision(rungs[-1]["epoch"] if rungs else 0, "promote", why))
        trial.set_user_attr(keys.PAUSED, False)

    def _introduce(self, trial: "optuna.Trial", candidate: Candidate, job: TrialJob) -> None:
        """Store what a new trial is, and why it was proposed; the candidate last: with it the trial has begun."""
        stored = self.study.get_trials(deepcopy=False)[trial.number]  # what the sampler has stored, too
        sampler = self.settings.sampler.name
        if "fixed_params" in stored.system_attrs:
            asked = Proposal("start", sampler, "asked for in `start`; what it leaves out was sampled")
            trial.set_user_attr(keys.PROPOSAL, asked.to_json())
        elif keys.PROPOSAL not in stored.user_attrs:
            told = Proposal("peer", sampler, "this sampler gives no reasons")
            trial.set_user_attr(keys.PROPOSAL, told.to_json())
        if job.latency is not None:
            trial.set_user_attr(keys.LATENCY_UNTRAINED, job.latency.to_json())
        trial.set_user_attr(keys.FOLDER, str(job.folder.relative_to(self.folder)))
        trial.set_user_attr(keys.CANDIDATE, candidate.to_json())

    def _stop(self, stopped: Mapping[int, str]) -> None:
        """End paused trials that will never go on, and remove their checkpoints."""
        from optuna.trial import TrialState

        for number, why in stopped.items():
            trial = self.study.get_trials(deepcopy=False)[number]
            end = Ending(Outcome.STOPPED, why)
            self.study._storage.set_trial_user_attr(trial._trial_id, keys.ENDING, end.to_json())
            self.study.tell(number, state=TrialState.PRUNED)
            self._remove_checkpoints(number)

    def _remove_checkpoints(self, number: int) -> None:
        for folder in (self.folder / "trials" / f"{number:05d}").glob(TRAININGS):
            shutil.rmtree(folder, ignore_errors=True)

    def _tidy(self) -> None:
        """Remove what a killed process left: measurements half done, checkpoints of trials that ended."""
        for folder in self.folder.glob(f"{MEASURING}*"):
            shutil.rmtree(folder, ignore_errors=True)
        for trial in self.study.get_trials(deepcopy=False):
            if trial.state.is_finished():
                self._remove_checkpoints(trial.number)

    def _keep(self, trial: "optuna.Trial", end: Ending | None, following: Following) -> None:
        """Store how a piece of training ended; None if the trial is paused."""
        failed = end is not None and end.outcome == Outcome.FAILED
        self.failures = [*self.failures, (trial.number, end.error_class)] if end and failed else []
        if end is None:
            trial.set_user_attr(keys.PAUSED, True)
        else:
            self._tell(trial, end, following)

    def _tell(self, trial: "optuna.Trial", end: Ending, following: Following) -> None:
        from optuna.trial import TrialState

        trial.set_user_attr(keys.ENDING, end.to_json())
        if end.outcome == Outcome.FINISHED and following.latency and following.accuracy:
            self.study.tell(trial, [following.accuracy.map, following.latency.p50_ms])
        elif end.outcome == Outcome.FAILED:
            self.study.tell(trial, state=TrialState.FAIL)
        else:
            self.study.tell(trial, state=TrialState.PRUNED)

    # Sampling

    def _seed(self, number: int) -> None:
        self.study.sampler = make_sampler(self.settings.sampler, self.settings.seed, number, self.known)

    def _waiting(self) -> list[int]:
        from optuna.trial import TrialState

        return [t.number for t in self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))]

    def _next_number(self) -> int:
        """Return the number that `ask` will give: of the first candidate waiting from `start`, else a new one."""
        return min(self._waiting(), default=len(self.study.get_trials(deepcopy=False)))

    # Jobs

    def _known_latency(self, trial: "optuna.Trial") -> Latency | None:
        """Return the latency of the trial's network before training, if it or one like it was measured."""
        own = trial.user_attrs.get(keys.LATENCY_UNTRAINED)
        return Latency.from_json(own) if own else self.latencies.untrained(trial.params)

    def _measured_now(self, params: Mapping[str, Value]) -> Latency | None:
        """Measure a candidate that is no trial yet."""
        candidate = Candidate.of({**self.settings.space.fixed_for(params), **params})
        stage = f"measuring a candidate's latency, {candidate.text('backbone.name')}"
        with self.view.meanwhile(stage), tempfile.TemporaryDirectory(dir=self.folder, prefix=MEASURING) as folder:
            return measure(replace(self._job(-1, candidate), folder=Path(folder)), self.folder / ".ultralytics")

    def _job(
        self, number: int, candidate: Candidate, latency: Latency | None = None, trained_s: float = 0.0
    ) -> TrialJob:
        settings = self.settings
        train = self.dataset.splits["train"]
        pixels = int(candidate.number("size.pixels"))
        cached_mb = 2 * len(train) * 3 * pixels * pixels / 1e6  # Ultralytics wants as much again as a margin
        return TrialJob(
            number=number,
            candidate=candidate,
            folder=self.folder / "trials" / f"{number:05d}",
            classes=self.dataset.classes,
            data_yaml=self.data_yaml,
            images=self.dataset.splits[settings.data.split],
            split=settings.data.split,
            epochs=settings.trial.epochs_for(len(train)),
            rungs=settings.pruner.rungs,
            eta=settings.pruner.eta,
            evaluate_every=settings.trial.evaluate_every,
            seed=settings.seed,
            gate=settings.gate,
            device=settings.device,
            protocol=settings.latency,
            train_device=settings.trial.train_device,
            workers=settings.trial.workers,
            cache=cached_mb <= settings.trial.cache_mb,
            hub=self.hub,
            grace=settings.pruner.grace,
            latency=latency,
            trained_s=trained_s,
        )

    def _warn(self, text: str) -> None:
        if text.startswith("pretrained:"):
            if not self.hub:
                return  # one warning for the whole search
            self.hub = False
        self.view.note(text)

    def _check_failures(self) -> None:
        last = self.failures[-FAILURES_MAX:]
        if len(last) == FAILURES_MAX and len({error_class for _, error_class in last}) == 1:
            number, error_class = last[-1]
            log = self.folder / "trials" / f"{number:05d}" / "log.txt"
            raise TooManyFailures(
                f"search: {FAILURES_MAX} trials in a row failed ({error_class}); read {os.path.relpath(log)}, mend it, "
                "and give the same line again"
            )


def _instead(step: Step | None) -> str:
    """Return why a trial pauses."""
    if step is None:
        return "the budget leaves nothing for it that is worth its time"
    return f"worth more now: {step.why if step.number is None else f'trial {step.number}, {step.why}'}"


def _trained_s(trial: "optuna.Trial") -> float:
    """Return the seconds that a trial has trained in earlier processes, as far as it has told."""
    rungs = trial.user_attrs.get(keys.RUNGS)
    return float(rungs[-1]["seconds"]) if rungs else 0.0
