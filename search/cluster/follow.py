"""A launch, followed to its end: a view is shown what its workers do, and Ctrl-C asks all of them to end."""

import time
from types import FrameType

from objectives.machine.interrupts import interruptible
from objectives.records.study_record import SessionRecord, StudyWriter
from reports.table.table import StudyTable
from reports.table.words import plural
from search.cluster.engines.contract import ClusterEngine, ClusterError
from search.cluster.launch import Launch, WorkerLost
from search.cluster.task import WorkerEnd, code_here
from search.cluster.watch import StudyWatch
from search.settings.settings import Settings
from search.study.budget import BudgetUsed
from search.study.claims.contract import Claims
from search.study.store import store_errors
from search.view.base import View
from spaces.errors import StoreError

STORE_EVERY_S = 1.0  # between two looks at the store
ENGINE_EVERY_S = 5.0  # between two looks whether the engine is there
LEFT_S = 15.0  # for workers that are asked to end and have not entered the study


class FollowedLaunch:
    """Shows a launch until all its workers have ended, or the engine has."""

    def __init__(self, settings: Settings, view: View, engine: ClusterEngine, launch: Launch) -> None:
        self.settings, self.view, self.engine, self.launch = settings, view, engine, launch
        self.watch = StudyWatch(settings, view)
        self.is_interrupted = False
        self.gone = ""  # why the engine is
        self._is_asked = False
        self._left_at = 0.0  # when a worker of ours was last seen
        self._said: set[str] = set()
        self._engine_at = time.monotonic() + ENGINE_EVERY_S

    def run(self, claims: Claims) -> None:
        """Start the workers and follow them; the view is shown the end, too.

        Raises:
            ClusterError: the engine refuses them.
            KeyboardInterrupt: at the second Ctrl-C.
        """
        with self.view, interruptible(self._interrupted):
            self.watch.find()
            self.launch.start()
            while self.launch.is_running and not self.gone and not self._has_left(claims):
                self._look(claims)
                time.sleep(STORE_EVERY_S)
            self.gone = self.gone or self.engine.trouble()
            self._look(claims)
            self._end()

    @property
    def is_cut(self) -> bool:
        """Whether the search could go on: Ctrl-C, or the loss of the engine, has cut it short."""
        return self.is_interrupted or bool(self.gone)

    def result(self) -> tuple[StudyTable, BudgetUsed]:
        """Return the study and its budget as they stand.

        Raises:
            StoreError: there is no study, or it cannot be read.
        """
        if self.watch.study is None:
            raise StoreError(self.watch.why_missing or f"study: no worker has made '{self.settings.name}'")
        with store_errors(self.settings.name):
            return self.watch.table(), self.watch.used()

    def check(self) -> None:
        """Check that the engine is there, and that not all workers ended badly.

        Raises:
            ClusterError: the one or the other.
        """
        if self.gone:
            raise ClusterError(
                f"cluster: {self.gone}; its workers end, and nothing that they stored is lost: begin the cluster "
                "again, and give the same line"
            )
        ends = list(self.launch.ends.values())
        if ends and not self.is_interrupted and all(end.has_failed or end.is_lost for end in ends):
            of_all = "the worker" if len(ends) == 1 else f"all {len(ends)} workers"
            raise ClusterError(f"cluster: {of_all} ended with an error; {_words(ends[-1])}")

    def _end(self) -> None:
        """Show the end; where the database is away then, whoever asks for the result is given why."""
        if self.watch.study is not None:
            try:
                self.view.ended(*self.result(), self._why())
            except StoreError as error:
                self.view.waiting(str(error))

    def _why(self) -> str:
        if self.is_cut:
            return self.gone or "interrupted"
        is_left = self.watch.used().left(self.settings.budget)
        return "the workers have ended" if is_left else "the budget is used"

    def _look(self, claims: Claims) -> None:
        """Show what is new of the workers, the study and the engine."""
        while not self.launch.news.empty():
            self._show_end(self.launch.news.get())
        try:
            if self.watch.study is not None or self.watch.find():
                self.watch.look(claims)
                self._say_codes()
                self._ask()
        except StoreError as error:  # a database that is away comes back; workers wait for it, too
            self.view.waiting(str(error))
        if time.monotonic() >= self._engine_at:
            self._engine_at = time.monotonic() + ENGINE_EVERY_S
            self.gone = self.gone or self.engine.trouble()

    def _show_end(self, news: WorkerEnd | WorkerLost) -> None:
        """Show a worker that was lost, or that ended with an error; once where several say the same."""
        end = news.end if isinstance(news, WorkerLost) else news
        if isinstance(news, WorkerLost) and not self.is_interrupted:
            self.view.warn(f"{_words(end)}; {'it is begun anew' if news.again else 'the others go on without it'}")
        elif end.has_failed:
            self._say_once(f"{end.host}: {end.message}", _words(end))

    def _say_codes(self) -> None:
        """Show machines that run another automl than this one."""
        for session in self.watch.sessions.values():
            if session.launch == self.launch.name and session.code not in ("", here := code_here()):
                self._say_once(
                    session.host, f"{session.host} runs automl {session.code}, this machine {here}: install one"
                )

    def _say_once(self, key: str, text: str) -> None:
        if key not in self._said:
            self._said.add(key)
            self.view.warn(text)

    def _ask(self) -> None:
        """Ask the workers to end, after Ctrl-C or where the engine is gone, once there is a study to ask them by."""
        if self.is_cut and not self._is_asked and self.watch.study is not None:
            with store_errors(self.settings.name):
                StudyWriter(self.watch.study).ask_to_end(self.launch.name)
            self._is_asked = True

    def _has_left(self, claims: Claims) -> bool:
        """Whether Ctrl-C was given, and all workers have left the study, or have not entered it in time."""
        if not self.is_interrupted or self._is_one_here(claims):
            self._left_at = time.monotonic()
        return time.monotonic() - self._left_at > LEFT_S

    def _is_one_here(self, claims: Claims) -> bool:
        """Whether a worker of ours lives in the study; not where the database is away: it cannot be asked to end."""
        ours = [key for key, session in self.watch.sessions.items() if self._is_ours(session)]
        try:
            with store_errors(self.settings.name):
                return self._is_asked and bool(claims.living_sessions(ours))
        except StoreError:
            return False

    def _is_ours(self, session: SessionRecord) -> bool:
        return session.launch == self.launch.name and not session.ended

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self.is_interrupted:
            raise KeyboardInterrupt
        self.is_interrupted = True
        self.launch.stop()
        asked = plural(len(self.launch.tasks) - len(self.launch.ends), "worker")
        self.view.note(f"{asked} asked to end after the last checkpoint; Ctrl-C again kills them")


def _words(end: WorkerEnd) -> str:
    """Return how a worker ended, in one line."""
    on = f" on {end.host}" if end.host else ""
    return f"worker {end.index}{on}: {end.message or 'lost'}"
