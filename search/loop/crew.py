"""The trials that a searching process works on: a process each, at a place of its own, within its limits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import wait

from objectives.records.paths import StudyPaths
from objectives.records.records import Ending, Latency
from search.loop.follow import Decide, Ended, Following, measure
from search.settings.settings import Settings
from search.study.stored_trial import StoredTrial
from search.view.base import View
from search.workers.jobs import Jobs
from search.workers.places import Place
from search.workers.process import LOOK_EVERY_S, Limits, TrialProcess, machine_memory_bytes
from spaces.candidate import Candidate

MEMORY_SHARE = 0.9  # of the machine's memory, for all workers


@dataclass(frozen=True)
class Active:
    """A trial that this process works on, and where."""

    following: Following
    place: Place

    @property
    def trial(self) -> StoredTrial:
        """The trial."""
        return self.following.trial

    @property
    def process(self) -> TrialProcess:
        """Its process."""
        return self.following.process


class Crew:
    """Starts, hears and ends the processes of trials."""

    def __init__(self, settings: Settings, jobs: Jobs, view: View, tick: Callable[[], None]) -> None:
        """Set up; `tick` is called again and again while a candidate is measured."""
        self.settings, self.jobs, self.view, self._tick = settings, jobs, view, tick
        self.active: dict[int, Active] = {}
        self._quiet_folder = StudyPaths(settings.folder).ultralytics

    def begin(self, trial: StoredTrial, place: Place) -> None:
        """Start a process for a claimed trial; it goes on from its last checkpoint."""
        candidate = trial.candidate
        assert candidate is not None
        record = trial.record
        rungs = record.rungs
        job = replace(
            self.jobs.job(trial.number, candidate),
            latency=record.latency_untrained,
            trained_s=rungs[-1].seconds if rungs else 0.0,
            told_epoch=rungs[-1].epoch if rungs else 0,
            batch_divisor=record.batch_divisor,
            train_device=place.train_device,
            cores=place.cores,
        )
        goes_on = job.folder.exists()
        self.view.trial_started(trial.number, candidate, job.epochs, rungs if goes_on else None)
        process = TrialProcess(job, self._quiet_folder, self._limits())
        self.active[trial.number] = Active(Following(trial, job, process, self.view, self._warn), place)

    def hear(self, decide: Decide) -> Iterator[tuple[Active, Ending | None]]:
        """Take the messages that are there, look at each trial's limits, and yield the trials whose process has ended.

        With each comes how it ended, or None if it is paused; it is no longer among the active ones then.
        """
        heard = list(self.active.values())
        signs = [sign for active in heard for sign in active.process.signs]
        ready = wait(signs, LOOK_EVERY_S)  # with none it waits all the same
        for active in heard:
            ended = active.following.receive(decide) if any(sign in ready for sign in active.process.signs) else None
            if ended is None and (end := active.process.over_limit()) is not None:
                ended = Ended(end)
            if ended is not None:
                self.leave(active)
                yield active, ended.end

    def leave(self, active: Active) -> None:
        """End the process of a trial, with all that it has started, and give its place back."""
        active.process.end()
        active.place.give_back()
        del self.active[active.trial.number]

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """End all processes whatever happens here: their trials count as cut."""
        try:
            yield
        finally:
            for active in list(self.active.values()):
                self.leave(active)

    def measured(self, candidate: Candidate, prefix: str) -> Latency | Ending:
        """Measure the latency of a candidate that is no trial yet.

        Args:
            candidate: what to build.
            prefix: of the folder's name, which is removed again.
        """
        stage = f"measuring a candidate's latency, {candidate.text('backbone.name')}"
        with self.view.meanwhile(stage), self.jobs.passing_folder(prefix) as folder:
            job = replace(self.jobs.job(-1, candidate), folder=folder)
            return measure(job, self._quiet_folder, self._limits(), self._tick)

    def _limits(self) -> Limits:
        trial = self.settings.trial
        shared = MEMORY_SHARE * machine_memory_bytes() / self.settings.workers
        memory = shared if trial.memory_mb is None else trial.memory_mb * 1e6
        return Limits(trial.timeout_s, trial.silence_s, int(memory), trial.processes_max)

    def _warn(self, text: str) -> None:
        if text.startswith("pretrained:"):
            if not self.jobs.hub:
                return  # one warning for the whole search
            self.jobs.hub = False
        self.view.note(text)
