"""The trials that a searching process works on, each at a place of its own, within its limits."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from objectives.latency.hosts.queue import Ask
from objectives.records.paths import StudyPaths
from objectives.records.records import Ending, Latency
from objectives.records.study_parts.parts import WorkRecord
from objectives.records.trial_record import TrialRecord
from search.engine.steering import OnDevices
from search.loop.follow import Decide, TrialFollower
from search.loop.follow_children import ChildrenFollower, Next
from search.settings.settings import Settings
from search.study.files.contract import StudyFiles
from search.study.files.place import FileLost
from search.study.measuring.asking import Asker
from search.study.stored_trial import StoredTrial
from search.view.base import View
from search.workers.backend import LOOK_EVERY_S, RunningTrial
from search.workers.jobs import Jobs
from search.workers.limits import Limits
from search.workers.measure import measure
from search.workers.places import Place
from search.workers.registry import make_backend
from spaces.dimension import Value
from spaces.network.family import Family

NOTED_ONCE = ("pretrained:", "trial.workers:")  # warnings that are alike in all trials
LEAVE_S = 10.0  # for the last checkpoint of a trial that is cut here
LAST_STAGES = ("export", "latency", "score")  # of a trial that is all but finished


@dataclass(frozen=True)
class Active:
    """A trial that this process works on, and where."""

    follower: TrialFollower | ChildrenFollower
    running: RunningTrial
    place: Place

    @property
    def trial(self) -> StoredTrial:
        """The trial."""
        return self.follower.trial

    @property
    def is_all_but_finished(self) -> bool:
        """Whether the trial's training has ended, and only its figures are missing."""
        return self.follower.current_stage in LAST_STAGES and bool(self.follower.rungs)

    @property
    def scores_children(self) -> bool:
        """Whether the trial has ended, and its children are scored."""
        return isinstance(self.follower, ChildrenFollower)


class Crew:
    """Starts, hears and ends the trials of a searching process.

    Attributes:
        asker: passes on orders for devices that another machine has; None where this one has all.
        late_notes: for people, by other threads of this process.
    """

    def __init__(
        self,
        settings: Settings,
        jobs: Jobs,
        view: View,
        decide: Decide,
        next_order: Next,
        tick: Callable[[], None],
        files: StudyFiles,
    ) -> None:
        """Set up.

        Args:
            settings: the search's; they name the backend.
            jobs: make the jobs.
            view: shows the trials.
            decide: is asked at rungs.
            next_order: is asked what a scorer of children does next.
            tick: called again and again while a candidate is measured, and at the trials' signs of life.
            files: of the study; what a trial leaves is kept before its end is known to anybody.
        """
        self.settings, self.jobs, self.view, self._decide, self._tick = settings, jobs, view, decide, tick
        self._next_order, self._files = next_order, files
        self._noted: set[str] = set()
        self.active: dict[int, Active] = {}
        self.asker: Asker | None = None
        self.late_notes = deque[str]()
        self.backend = make_backend(settings.trial.backend, StudyPaths(settings.folder).ultralytics)

    def begin(self, trial: StoredTrial, place: Place, trials: Sequence[TrialRecord]) -> None:
        """Start a claimed trial; it goes on from its last checkpoint, and a polish from another trial's weights.

        Of one that has ended, the scorer of its children starts.

        Args:
            trial: the trial; its candidate is recorded.
            place: where it runs.
            trials: of the study.
        """
        candidate, record = trial.candidate, trial.record
        assert candidate is not None
        if record.phase.has_ended:
            self._begin_children(trial, place)
            return
        rungs = record.rungs
        job = replace(
            self.jobs.job_of(trial.number, candidate, record, trials),
            latency=record.latency_untrained,
            latencies=record.latencies_untrained,
            trained_s=rungs[-1].seconds if rungs else 0.0,
            reported_epoch=rungs[-1].epoch if rungs else 0,
            batch_divisor=record.batch_divisor,
            train_device=place.train_device,
            gpu=place.gpu,
            cores=place.cores,
        )
        self._bring(record, job.weights, trials)
        goes_on = job.folder.exists() and not record.is_carried
        self.view.trial_started(trial.number, candidate, job.epochs, rungs if goes_on else None)
        running = self.backend.start(job, self._limits().for_length(job.epochs / self.jobs.epochs))
        kind, tick, ask = place.card.kind, self._tick_of(trial.number), self._ask(trial.number)
        follower = TrialFollower(trial, job, self.view, self._decide, self._warn, tick, ask, kind)
        self.active[trial.number] = Active(follower, running, place)

    def _begin_children(self, parent: StoredTrial, place: Place) -> None:
        """Start a scorer of the children of a claimed parent, which has ended."""
        candidate = parent.candidate
        assert candidate is not None
        family = Family.from_json(parent.record.family)
        job = self.jobs.scorer(parent.number, candidate, family)
        job = replace(job, train_device=place.train_device, gpu=place.gpu, cores=place.cores)
        self._files.bring(parent.record)
        self.view.children_started(parent.number, candidate, family)
        limits = replace(self._limits(), timeout_s=None)  # of a training; a list of children has no usual length
        running = self.backend.start(job, limits)
        follower = ChildrenFollower(
            parent, job, self.view, self._next_order, self._warn, self._tick, self._ask(parent.number)
        )
        self.active[parent.number] = Active(follower, running, place)

    def work(self) -> list[WorkRecord]:
        """Return what is done with each trial just now."""
        return [
            WorkRecord(number, active.follower.current_stage, active.follower.epoch)
            for number, active in sorted(self.active.items())
        ]

    def receive(self) -> Iterator[tuple[Active, Ending | None]]:
        """Take the messages that are there, look at each trial's limits, and yield the trials that have ended.

        With each comes how it ended, or None if it is paused; it is no longer among the active ones then.
        """
        while self.late_notes:
            self.view.note(self.late_notes.popleft())
        heard = list(self.active.values())
        ready = self.backend.wait([active.running for active in heard], LOOK_EVERY_S)
        for active in heard:
            active.place.look()
            ended = active.running.advance(active.follower, ready=active.running in ready)
            if ended is not None:
                self.leave(active)
                yield active, active.follower.explained(ended.ending)

    def leave(self, active: Active, seconds: float | None = None, *, keeps: bool = True) -> None:
        """End a trial, with all that it has started, give its place back, and keep what it has left.

        Args:
            active: the trial.
            seconds: to wait at most for what is kept elsewhere; None as `StudyFiles.flush`.
            keeps: whether anything is kept; not of a trial that another process has taken over.
        """
        active.running.end()
        active.place.give_back()
        if self.asker is not None:
            self.asker.forget(active.trial.number)
        del self.active[active.trial.number]
        if not keeps:
            self._files.drop(active.trial.number)
        elif not active.scores_children:
            self._files.flush(active.trial.number, seconds)

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """End all trials whatever happens here: they count as cut."""
        try:
            yield
        finally:
            for active in list(self.active.values()):
                active.running.end()  # all of them before anything is waited for
            with ExitStack() as leaves:  # one whose files cannot be kept costs no other one
                for active in list(self.active.values()):
                    leaves.callback(self.leave, active, LEAVE_S)

    def measured(
        self, params: Mapping[str, Value], session: int, meanwhile: Callable[[], None]
    ) -> Latency | OnDevices | Ending:
        """Measure the latency of a candidate that is no trial yet, on the devices that the engine steers by.

        Args:
            params: what a sampler would choose.
            session: key of this process, for the name of the folder, which is removed again.
            meanwhile: called again and again; it may end trials of this process.
        """
        candidate, prefix = self.jobs.candidate(params), StudyPaths(self.jobs.folder).measuring(session).name
        stage = f"measuring a candidate's latency, {candidate.text('backbone.name')}"
        with self.view.meanwhile(stage), self.jobs.passing_folder(prefix) as folder:
            job = replace(self.jobs.job(-1, candidate), folder=folder)
            if not self.settings.is_for_all:
                job = replace(job, more_devices=())
            try:
                return measure(self.backend, job, self._limits(), meanwhile, self._ask(job.number))
            finally:
                if self.asker is not None:
                    self.asker.forget(job.number)

    def _ask(self, number: int) -> Ask | None:
        """Return what passes the orders of a trial on, -1 for one ahead of trials."""
        return None if self.asker is None else self.asker.asking(number)

    def _bring(self, record: TrialRecord, weights: Path | None, trials: Sequence[TrialRecord]) -> None:
        """Let the files lie here that a trial goes on from; its own that are lost cost epochs, and no trial."""
        try:
            self._files.bring(record)
        except FileLost as lost:
            self.view.warn(f"trial {record.number} goes on from what there is here: {lost}")
        for one in trials:
            if weights is not None and one.folder and weights.parent == self.jobs.folder / one.folder:
                self._files.bring(one, (weights.name,))

    def _tick_of(self, number: int) -> Callable[[], None]:
        """Return what is called at a trial's signs of life."""

        def tick() -> None:
            self._tick()
            self._files.changed(number)

        return tick

    def _limits(self) -> Limits:
        return Limits.of(self.settings.trial, self.settings.workers)

    def _warn(self, text: str) -> None:
        if text.startswith(NOTED_ONCE):
            key = text.partition("(")[0]  # one warning for the whole search, and one for each file of a whole detector
            if key in self._noted:
                return
            self._noted.add(key)
        self.view.warn(text)
