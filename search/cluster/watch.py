"""A search of others, watched: what its store holds, turned into the events that a view shows."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from objectives.records.study_parts.parts import WorkRecord
from objectives.records.study_parts.requests import Requests
from objectives.records.study_record import SessionRecord, StudyRecord
from objectives.records.trial_record import Phase, TrialRecord, trial_records
from reports.analysis.asked import paused_words
from reports.table.table import StudyTable, read_study
from search.cluster.watch_children import ChildrenWatch
from search.settings.settings import Settings
from search.study.budget import BudgetUsed
from search.study.claims.contract import Claims
from search.study.sessions import covered_s, seen_of
from search.study.store import load_study, store_errors
from search.view.asked import RequestsShown
from search.view.base import View
from spaces.candidate import Candidate
from spaces.errors import StoreError

if TYPE_CHECKING:
    import optuna


class StudyWatch:
    """Looks at a study now and then, and shows a view what has changed. It writes nothing and claims nothing.

    Between two rungs the store says of a trial what its process's last sign of life did: its stage and epoch.
    """

    def __init__(self, settings: Settings, view: View) -> None:
        self.settings, self.view = settings, view
        self.study: optuna.Study | None = None
        self.why_missing = ""  # while there is no study
        self.sessions: Mapping[int, SessionRecord] = {}
        self._seen: dict[int, TrialRecord] = {}
        self._work: dict[int, WorkRecord] = {}
        self._ended: list[int] = []  # trials whose end is to be shown: the database may go away before it is
        self._begun_before: set[int] = set()  # trials of a study that was there before the first look
        self._children = ChildrenWatch(view)
        self._asked: RequestsShown | None = None

    def find(self) -> bool:
        """Look whether the study is made by now; the view is shown how it stands then."""
        settings = self.settings
        try:
            self.study = load_study(settings.folder.parent, settings.name, settings.store.url)
        except StoreError as error:
            self.why_missing = str(error)
            return False
        try:
            self._begin()
        except StoreError:  # the database is away since then: the view has seen no study yet
            self.study = None
            raise
        return True

    def _begin(self) -> None:
        """Show how the study stands, and take note of what is there."""
        assert self.study is not None
        with store_errors(self.settings.name):
            trials = trial_records(self.study)
            self._seen = {trial.number: trial for trial in trials if trial.phase.has_ended or trial.paused}
            is_new = bool(self.why_missing)  # an earlier look found none
            self._begun_before = set() if is_new else {trial.number for trial in trials if trial.has_begun}
            record = self._record()
            self._children.pass_over(trials, record)
            self._asked = RequestsShown(self.view, record.requests)
            self.view.begin(read_study(self.study, trials), self.used(trials))

    def look(self, claims: Claims) -> None:
        """Show what has changed since the last look.

        Raises:
            StoreError: the store cannot be read just now.
        """
        with store_errors(self.settings.name):
            self._look(claims)

    def _look(self, claims: Claims) -> None:
        assert self.study is not None
        trials = trial_records(self.study)
        record = self._record()
        self._show_asked(record.requests)
        processes = seen_of(self.sessions, claims, claims.time_s())
        work = {of.trial: of for process in processes if process.alive for of in process.work}
        self._ended += [trial.number for trial in trials if not trial.is_child and self._show(trial)]
        used = self.used(trials)
        has_news = self._ended or self._children.has_news(trials, record, work)
        table = read_study(self.study, trials) if has_news else None
        if table is not None:
            for number in self._ended:
                self.view.trial_ended(number, table, used)
            self._ended.clear()
            self._children.show(trials, record, work, table, used)
        for number, of in work.items():
            if number < len(trials) and trials[number].phase is Phase.RUNNING:
                self._show_work(of)
        self.view.sessions(processes)
        self.view.budget(used)

    def _show_asked(self, requests: Requests) -> None:
        """Show what people ask of the workers, and whether these wait."""
        assert self._asked is not None
        assert self.study is not None
        self._asked.show(requests)
        pause = requests.pause
        self.view.waiting("" if pause is None else paused_words(pause, self.study.study_name))

    def table(self) -> StudyTable:
        """Return the study as it stands."""
        assert self.study is not None
        with store_errors(self.settings.name):
            return read_study(self.study)

    def used(self, trials: Sequence[TrialRecord] | None = None) -> BudgetUsed:
        """Return what of the budget is used, with the trials as they were read just now or as they are."""
        assert self.study is not None
        if trials is None:
            self._record()
        searches = (session for session in self.sessions.values() if not session.proves)
        seconds = covered_s(span for session in searches for span in session.spans)
        return BudgetUsed.of(trial_records(self.study) if trials is None else trials, seconds)

    def _record(self) -> StudyRecord:
        """Read the study's attributes, and the processes of it."""
        assert self.study is not None
        record = StudyRecord.of(self.study)
        self.sessions = record.sessions
        return record

    def _show(self, trial: TrialRecord) -> bool:
        """Show what a trial has done since the last look; return whether it has ended or paused since."""
        before = self._seen.get(trial.number)
        if trial is before or trial.phase is Phase.WAITING or not trial.has_begun:
            return False
        stands = trial.phase is not Phase.RUNNING
        if before is not None and before.phase == trial.phase and before.rungs == trial.rungs and stands:
            return False
        self._seen[trial.number] = trial
        if before is None or before.phase is not Phase.RUNNING:
            goes_on = before is not None or trial.number in self._begun_before
            rungs = (before or trial).rungs if goes_on else None
            self.view.trial_started(trial.number, Candidate.of(trial.candidate), self._epochs(trial), rungs)
        self._show_figures(trial, before or TrialRecord(trial.number, Phase.WAITING))
        if stands:
            self._work.pop(trial.number, None)
        return stands

    def _show_figures(self, trial: TrialRecord, before: TrialRecord) -> None:
        """Show latencies, rungs, decisions and deaths that are new."""
        number, view = trial.number, self.view
        for trained in (False, True):
            latency, known = (r.latency if trained else r.latency_untrained for r in (trial, before))
            if latency is not None and latency != known:
                view.latency(number, latency, trained=trained)
            latencies, earlier = (r.latencies if trained else r.latencies_untrained for r in (trial, before))
            for device in latencies.keys() - earlier.keys():
                view.latency_on(number, device, latencies[device], trained=trained)
        for rung in trial.rungs[len(before.rungs) :]:
            view.rung(number, rung)
        for decision in trial.decisions[len(before.decisions) :]:
            view.decision(number, decision.decision, decision.why)
        for attempt in trial.attempts[len(before.attempts) :]:
            view.attempt(number, attempt)

    def _show_work(self, work: WorkRecord) -> None:
        """Show what a process does with a trial, as of its last sign of life."""
        before = self._work.get(work.trial, WorkRecord(work.trial))
        if work == before:
            return
        self._work[work.trial] = work
        if work.stage != before.stage:
            self.view.stage(work.trial, work.stage)
        if work.epoch:
            self.view.progress(work.trial, work.epoch, 0.0)

    def _epochs(self, trial: TrialRecord) -> int:
        """Return the epochs of a trial's training."""
        assert self.study is not None
        images = StudyRecord.of(self.study).data.get("splits", {}).get("train", {}).get("images", 0)
        whole = self.settings.trial.epochs_for(images)
        if trial.terms is not None:
            return trial.terms.epochs
        return max(1, round(self.settings.trial.polish * whole)) if trial.is_polish else whole
