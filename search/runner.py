"""The search: ask a candidate, run its trial in a process of its own, tell the store, until the budget is used."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import attributes as keys
from objectives.dataset import Dataset
from objectives.job import TrialJob
from objectives.layout import lay_out
from objectives.records import Accuracy, Ending, Latency, Outcome, Rung
from reports.table import StudyTable, read_study
from search.budget import BudgetUsed
from search.process import TrialProcess
from search.pruner import Runner, reason_to_stop
from search.sampler import make_sampler, suggest
from search.settings import Settings
from search.view import View
from spaces.candidate import Candidate
from spaces.errors import AutomlError

if TYPE_CHECKING:
    import optuna

FAILURES_MAX = 3  # failures in a row after which the search stops


class TooManyFailures(AutomlError):
    """Several trials in a row failed alike: something is wrong that more trials will not mend."""


class Search:
    """One process's work on a study."""

    def __init__(self, settings: Settings, dataset: Dataset, study: "optuna.Study", view: View) -> None:
        """Prepare to search; nothing runs yet."""
        self.settings, self.dataset, self.study, self.view = settings, dataset, study, view
        self.folder = settings.folder
        self.hub = True  # until a hub turns out to be out of reach
        self.failures: list[str] = []

    def run(self) -> None:
        """Search until the budget is used; Ctrl-C leaves the running trial to be taken up again.

        Raises:
            TooManyFailures: the last trials all failed for one reason.
        """
        data_yaml = lay_out(self.dataset, self.folder / "data")
        for trial in self._trials():
            self._run_trial(trial, data_yaml)
            self.view.trial_ended(self.table(), self.used())
            self._check_failures()

    def table(self) -> StudyTable:
        """Return the study as it stands."""
        return read_study(self.study)

    def used(self) -> BudgetUsed:
        """Return what of the budget is used."""
        return BudgetUsed.of(self.study.get_trials(deepcopy=False))

    # Trials

    def _trials(self) -> "Iterator[optuna.Trial]":
        """Yield the trials to run: first those that a dead process left running, then new ones."""
        import optuna

        running = (optuna.trial.TrialState.RUNNING,)
        for left in self.study.get_trials(deepcopy=False, states=running):
            self._seed(left.number)  # it may have died between two choices
            yield optuna.Trial(self.study, left._trial_id)
        while self.used().left(self.settings.budget):
            self._seed(self._next_number())
            yield self.study.ask()

    def _seed(self, number: int) -> None:
        self.study.sampler = make_sampler(self.settings.sampler, self.settings.seed, number)

    def _next_number(self) -> int:
        """Return the number that `ask` will give: of the first candidate waiting from `start`, else a new one."""
        from optuna.trial import TrialState

        trials = self.study.get_trials(deepcopy=False)
        return min((t.number for t in trials if t.state is TrialState.WAITING), default=len(trials))

    def _run_trial(self, trial: "optuna.Trial", data_yaml: Path) -> None:
        candidate = suggest(trial, self.settings.space)
        job = self._job(trial.number, candidate, data_yaml)
        trial.set_user_attr(keys.CANDIDATE, candidate.to_json())
        trial.set_user_attr(keys.FOLDER, str(job.folder.relative_to(self.folder)))
        self.view.trial_started(trial.number, candidate, job.epochs)
        ending, values = self._follow(trial, job)
        trial.set_user_attr(keys.ENDING, ending.to_json())
        self._tell(trial, ending, values)
        self.failures = [*self.failures, ending.error_class] if ending.outcome == Outcome.FAILED else []

    def _follow(self, trial: "optuna.Trial", job: TrialJob) -> tuple[Ending, "_Values"]:
        """Run the trial's process; store what it tells as it comes."""
        values = _Values()
        # A trial that is taken up again keeps the rungs of its first process; its training goes on behind them.
        rungs = [Rung.from_json(value) for value in trial.user_attrs.get(keys.RUNGS, [])]
        stopped = ""
        with _ending(TrialProcess(job, self.folder / ".ultralytics")) as process:
            for message in process.messages():
                match message:
                    case "stage", name:
                        self.view.stage(str(name))
                    case "latency", Latency() as latency, trained:
                        values.latency = latency
                        trial.set_user_attr(keys.LATENCY if trained else keys.LATENCY_UNTRAINED, latency.to_json())
                        self.view.latency(latency, trained=bool(trained))
                    case "rung", Rung() as rung:
                        rungs = [*(r for r in rungs if r.epoch < rung.epoch), rung]
                        trial.set_user_attr(keys.RUNGS, [r.to_json() for r in rungs])
                        stopped = self._reason_to_stop(trial, rungs, values.latency)
                        process.answer(bool(stopped))
                        self.view.rung(rung)
                    case "accuracy", Accuracy() as accuracy:
                        values.accuracy = accuracy
                        trial.set_user_attr(keys.ACCURACY, accuracy.to_json())
                    case "resources", resources:
                        trial.set_user_attr(keys.RESOURCES, resources.to_json())
                    case "warning", text:
                        self._warn(str(text))
                    case "ended", Ending() as ending:
                        if ending.outcome == Outcome.STOPPED and stopped:
                            ending = Ending(Outcome.STOPPED, stopped)
                        return ending, values
        raise AssertionError("messages() ends with an ending")

    def _tell(self, trial: "optuna.Trial", ending: Ending, values: "_Values") -> None:
        from optuna.trial import TrialState

        if ending.outcome == Outcome.FINISHED and values.latency and values.accuracy:
            self.study.tell(trial, [values.accuracy.map, values.latency.p50_ms])
        elif ending.outcome == Outcome.FAILED:
            self.study.tell(trial, state=TrialState.FAIL)
        else:
            self.study.tell(trial, state=TrialState.PRUNED)

    def _reason_to_stop(self, trial: "optuna.Trial", rungs: list[Rung], latency: Latency | None) -> str:
        if latency is None:
            return ""
        others = [
            Runner(row.number, row.p50_ms, row.rungs)
            for row in self.table().rows
            if row.number != trial.number and row.p50_ms is not None and row.rungs
        ]
        runner = Runner(trial.number, latency.p50_ms, tuple(rungs))
        return reason_to_stop(self.settings.pruner, runner, rungs[-1], others)

    def _job(self, number: int, candidate: Candidate, data_yaml: Path) -> TrialJob:
        settings = self.settings
        train = self.dataset.splits["train"]
        pixels = int(candidate.number("size.pixels"))
        cached_mb = 2 * len(train) * 3 * pixels * pixels / 1e6  # Ultralytics wants as much again as a margin
        return TrialJob(
            number=number,
            candidate=candidate,
            folder=self.folder / "trials" / f"{number:05d}",
            classes=self.dataset.classes,
            data_yaml=data_yaml,
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
        )

    def _warn(self, text: str) -> None:
        if text.startswith("pretrained:"):
            if not self.hub:
                return  # one warning for the whole search
            self.hub = False
        self.view.note(text)

    def _check_failures(self) -> None:
        last = self.failures[-FAILURES_MAX:]
        if len(last) == FAILURES_MAX and len(set(last)) == 1:
            log = self.folder / "trials" / f"{len(self.study.get_trials(deepcopy=False)) - 1:05d}" / "log.txt"
            raise TooManyFailures(
                f"search: {FAILURES_MAX} trials in a row failed ({last[0]}); read {os.path.relpath(log)}, mend it, "
                "and give the same line again"
            )


class _Values:
    """The two objectives, as far as they are known."""

    latency: Latency | None = None
    accuracy: Accuracy | None = None


@contextmanager
def _ending(process: TrialProcess) -> "Iterator[Any]":
    """End the trial's processes whatever happens here (Ctrl-C, an error)."""
    try:
        yield process
    finally:
        process.end()
