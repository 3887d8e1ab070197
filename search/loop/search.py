"""The search: trials, several at once, until the budget ends; its memory is the store."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out, remove_other_layouts
from objectives.records.paths import StudyPaths
from objectives.records.records import Ending, Outcome, Rung
from objectives.records.study_record import StudyWriter
from objectives.records.trial_record import Phase, TrialRecord, trial_records
from objectives.trial.job import RungDecision
from reports.table.table import StudyTable, read_study
from search.loop.asked.obey import Obeyed
from search.loop.choose import Chooser
from search.loop.crew import Active, Crew
from search.loop.housekeeping import Housekeeping
from search.loop.retry import batch_of, may_retry, objectives_of
from search.loop.scorers import Scorers
from search.loop.streaks import Streaks
from search.loop.waiting.board import BoardWait
from search.loop.waiting.disk import died_of_full_disk, wait_for_disk
from search.loop.waiting.gpu_memory import GpuRoom
from search.loop.waiting.hours import Hours
from search.loop.waiting.taken_over import taken_over_left
from search.settings.settings import Settings
from search.study.budget import BudgetUsed
from search.study.claims.contract import Claims, LeaseLost
from search.study.files.open import artifacts_url, follow_artifacts
from search.study.folder.disk_space import check_disk_space
from search.study.sessions import Clock, Session
from search.study.store import store_errors
from search.study.stored_trial import StoredTrial
from search.study.terms.start_weights import starts_of
from search.view.base import View
from search.workers.jobs import Jobs
from search.workers.places import Place, take_place
from spaces.errors import DiskFull, StoreError

if TYPE_CHECKING:
    import optuna

SHOWN_EVERY_S = 5.0  # between two looks of the view at the budget and the other processes
IDLE_S = 2.0  # between two looks whether something can be begun, where nothing could


class Search:
    """One process's work on a study that other processes may work on too. Use a search as a context."""

    def __init__(
        self,
        settings: Settings,
        dataset: Dataset,
        study: "optuna.Study",
        claims: Claims,
        view: View,
        clock: Clock | None = None,
        proves: bool = False,
    ) -> None:
        """Enter the study, to search it, or to do its proof alone; nothing runs yet."""
        self.settings, self.dataset, self.study, self.view = settings, dataset, study, view
        self.folder, self.paths, self.board = settings.folder, StudyPaths(settings.folder), BoardWait(view)
        self.jobs, self.claims = Jobs(settings, dataset, starts_of(settings, study)), claims
        self.memory = GpuRoom(study, claims, settings)
        artifacts, card = artifacts_url(study, settings.store.artifacts), self.memory.card
        self.session = claims.in_turn(
            lambda: Session(study, claims, clock, proves=proves, artifacts=artifacts, machine=card)
        )
        self.notes = claims.in_turn(lambda: follow_artifacts(study, settings.store.artifacts, moves=not proves))
        self.keeping = Housekeeping(settings, study, claims, self.session, view)
        self.chooser = Chooser(
            settings,
            study,
            self.jobs,
            lambda params: self.board.measured(lambda: self.crew.measured(params, self.session.key, self._meanwhile)),
            self.session.searched_s,
        )
        self.chooser.proves = proves
        files = self.keeping.files
        self.scorers = Scorers(self.chooser, claims, self.session, view, self._keep_small, files)
        orders = self.scorers.next_order
        self.crew = Crew(settings, self.jobs, view, self._decide, orders, self.session.beat, files)
        self._streaks = Streaks(study, self.folder)
        self._hours = Hours(self.session, self.chooser, self.crew, self.scorers, claims, view)
        self.asked = Obeyed(study, self.session, claims, self.crew, self.scorers, view, self._finish, self._show_ended)
        self._begin_at = self._show_at = 0.0  # when to look again, by the monotonic clock
        self._waits_for_place = False  # with nothing begun: no time that is searched

    def __enter__(self) -> "Search":
        return self

    def __exit__(self, *_: object) -> None:
        self.keeping.files.close()
        with suppress(StoreError), store_errors(self.settings.name):
            self.session.end()

    def run(self) -> None:
        """Search until the budget is used; Ctrl-C leaves the running trials to be taken up again.

        Raises:
            TooManyFailures: the last trials all failed for one reason.
            StoreError: the store cannot be used any more.
        """
        self.claims.say = self.view.note
        while True:
            try:
                with (
                    self.claims.freeing(),
                    self.crew.leaving(),
                    store_errors(self.settings.name),
                    self.claims.hurrying(),
                ):
                    self.asked.through(self._work_to_the_end)
                    return
            except LeaseLost:  # between two parts of the work
                continue
            except DiskFull as full:
                wait_for_disk(full, self.session, self.view, self.folder, self.settings.store.free_mb_min)

    def table(self) -> StudyTable:
        """Return the study as it stands."""
        return self.chooser.table()

    def used(self) -> BudgetUsed:
        """Return what of the budget is used."""
        return self.chooser.used()

    def _work_to_the_end(self) -> None:
        """Do all parts of the work that are left."""
        is_left = True
        while is_left:
            self._work()
            self.scorers.settle(StudyWriter(self.study), self.dataset)
            is_left = self.chooser.turns_to_proof(self.claims, self.view.note)

    def _work(self) -> None:
        """Begin trials and listen to them until there is nothing left to do."""
        self.session.beat(now=True)
        with self.claims.alone():
            self.keeping.tidy()
            self.jobs.data_yaml = lay_out(self.dataset, self.paths.data)
            if self.session.is_alone():
                remove_other_layouts(self.jobs.data_yaml)
        while True:
            if self._waits_for_place or self.board.stops(self.crew.active):
                self.session.wait()
            else:
                self.session.beat(work=self.crew.work)
            check_disk_space(self.folder, self.settings.store.free_mb_min)
            with taken_over_left(self.crew, self.claims, self.view, self.chooser):
                self._show_progress()
                if self.asked.obey() | self._hours.keep():  # both
                    self._begin_at = 0.0
                if time.monotonic() >= self._begin_at and not self._find_work():
                    return
                for active, end in self.crew.receive():
                    self._ended(active, end)

    def _find_work(self) -> bool:
        """Begin what there is to do; False once nothing is left, and no other process may leave anything."""
        looks = (self._begin_trials() or self.crew.active or self._others_work() for _ in range(2))
        return any(looks)  # the second look finds what others have left since the first

    def _begin_trials(self) -> bool:
        """Begin what there is to do until all workers are busy; return False if there is nothing more to do now."""
        while len(self.crew.active) < self.settings.workers:
            place = take_place(self.settings.trial.train_device, self.settings.workers, self.settings.gpu.share)
            has_work = self._begin_trial(place) if place else bool(self.crew.active) or self._has_work()
            waits = has_work and (place is None or self.memory.is_short)
            self._waits_for_place = waits and not self.crew.active
            self.view.waiting(self.memory.words if self._waits_for_place else "")
            if waits or not has_work:
                self._begin_at = time.monotonic() + IDLE_S
                return has_work
        return True

    def _has_work(self) -> bool:
        """Whether a trial could be begun if there were a place for one; nothing is claimed."""
        if self.chooser.seconds_left() <= 0:
            return False
        with self.claims.alone():
            trials = trial_records(self.study)
            others = set(self._running(trials)) - self.crew.active.keys()
            if others - self.claims.living(others):
                return True
            step = self.chooser.next_work(trials, self.scorers.at_work(trials))
        return step is not None and not step.idle

    def _begin_trial(self, place: Place) -> bool:
        """Begin what there is to do next; False if there is nothing."""
        with ExitStack() as unless_begun:
            unless_begun.callback(place.give_back)
            with self.claims.alone():
                trials = trial_records(self.study)  # once: each reading costs as much as three writes
                trial = self._next_trial(trials)
            if trial is None:
                return False
            if trial.candidate is None:  # what others need of it for their own choices is stored already
                with trial.gathering():
                    self.chooser.record_candidate(trial, trials)
            if self.memory.admits(trial, place, trials):
                self.crew.begin(trial, place, trials)
                unless_begun.pop_all()
        return True

    def _others_work(self) -> bool:
        """Whether other processes work on trials of the study: trials that these leave may have to be taken up."""
        return bool(self.claims.living(set(self._running()) - self.claims.trials))

    def _show_progress(self) -> None:
        """Show the view what goes on beside the trials, now and then."""
        if time.monotonic() >= self._show_at:
            self._show_at = time.monotonic() + SHOWN_EVERY_S
            self.view.sessions(self.session.seen(tuple(self.crew.active)))
            self.view.budget(self.used())

    def _running(self, trials: Sequence[TrialRecord] | None = None) -> list[int]:
        """Return the trials that a process works on, or did when it died; of `trials` if they were read just now."""
        trials = trial_records(self.study) if trials is None else trials
        return [t.number for t in trials if t.phase is Phase.RUNNING and self.chooser.may_work_on(t)]

    def _next_trial(self, trials: Sequence[TrialRecord]) -> StoredTrial | None:
        """Claim what is to be worked on next: a trial that was cut, a paused one, or a new one."""
        running = [number for number in self._running(trials) if self.memory.may_take(trials[number])]
        for number in sorted(set(running) - self.claims.living(running)):
            if self.claims.take(number):
                trial = StoredTrial(self.study, number)
                if trial.is_cut and trial.record.ending:
                    self._finish(trial, trial.record.ending)  # its process died before Optuna had its end
                elif trial.is_cut and self.chooser.seconds_left() > 0:
                    return self.chooser.taken_up(trial)
                else:
                    self.claims.free(number)
        step = self.chooser.next_work(trials, self.scorers.at_work(trials))
        if step is None:
            return None
        self._stop(step.stop)
        if step.idle:
            return None
        if step.polish is not None or step.proof is not None:
            return self.chooser.begin_on(step, trials, self.claims.hold)
        if step.number is None:
            self.claims.hold((asked := self.chooser.ask(trials)).number)
            return self.chooser.sampled(asked)
        self.claims.hold(step.number)
        trial = StoredTrial(self.study, step.number)
        if not step.children:
            self.chooser.promote(trial, step.why)
        return self.chooser.taken_up(trial)  # one of the queue that somebody has asked for is sampled in part

    def _ended(self, active: Active, end: Ending | None) -> None:
        """Record how a trial's process ended; take the trial up again where that may help."""
        trial, end = active.trial, self.memory.explained(end, active.place)
        is_away, self._begin_at = self.board.has_taken(end), self.board.until
        if active.scores_children:
            self.scorers.ended(trial.number, None if is_away else end)
            return
        if (full := died_of_full_disk(end, self.folder, self.settings.store.free_mb_min)) or is_away:
            self.claims.free(trial.number)  # as good as cut
            if full:
                raise full
            return
        if end is not None and may_retry(end, trial.record.attempts, batch_of(trial.candidate)):
            trial.record_attempt(end)
            self.claims.free(trial.number)  # whoever is free takes it up, this process first
            self.view.attempt(trial.number, end)
            return
        if end is None:
            trial.pause()
            self.claims.free(trial.number)
        else:
            self._finish(trial, end)
        self._after(trial.number, failed=end is not None and end.outcome == Outcome.FAILED)

    def _finish(self, trial: StoredTrial, end: Ending) -> None:
        trial.end(end, objectives_of(trial))
        self.keeping.ended(trial.number)
        self.claims.free(trial.number)

    def _after(self, number: int, *, failed: bool) -> None:
        """Show a trial that ended or waits, keep the folder small, and look whether things go wrong."""
        trials = trial_records(self.study)
        table = read_study(self.study, trials)
        self.view.trial_ended(number, table, self.chooser.used(trials))
        self._keep_small(table)
        self._streaks.ended(failed=failed)

    def _show_ended(self, number: int) -> None:
        self.view.trial_ended(number, self.table(), self.used())

    def _meanwhile(self) -> None:
        """Go on listening while a candidate is measured ahead."""
        self.session.beat()
        self.asked.stop_own()

    def _keep_small(self, table: StudyTable) -> None:
        self.keeping.keep_small(table, self._stop)

    def _stop(self, stopped: Mapping[int, str]) -> None:
        """End paused trials that will never go on, and remove their checkpoints."""
        self.chooser.stop(stopped)
        for number in stopped:
            self.keeping.ended(number)

    def _decide(self, trial: StoredTrial, rung: Rung) -> tuple[RungDecision, str]:
        decision, why = self.claims.in_turn(lambda: self.chooser.at_rung(trial, rung))
        self.view.decision(trial.number, decision.value, why)
        return decision, why
