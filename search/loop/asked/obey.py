"""What people ask of a search, obeyed by one searching process: it pauses, and it stops trials."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

from objectives.records.records import Ending, Outcome
from objectives.records.study_parts.requests import RequestRecord
from objectives.records.trial_record import Phase, trial_records
from reports.analysis.asked import paused_words, stopped_words
from search.loop.crew import LEAVE_S, Active, Crew
from search.loop.scorers import Scorers
from search.study.claims.contract import Claims
from search.study.sessions import AskedToPause, Session
from search.study.stored_trial import StoredTrial
from search.view.asked import RequestsShown
from search.view.base import View

if TYPE_CHECKING:
    import optuna

PAUSED_LOOK_S = 0.2  # of a process that waits; it reads the store as often as one that works
OTHERS_EVERY_S = 2.0  # between two tries to stop a trial that was another process's when it was asked for

Done = TypeVar("Done")
Finish = Callable[[StoredTrial, Ending], None]  # stores how a claimed trial has ended, and gives the claim back


class Obeyed:
    """Does what people ask, where it concerns this process or nobody.

    Who works on a trial stops it. One that waits, in the queue or at a rung, or whose process has died, is stopped by
    whichever process is first to claim it.
    """

    def __init__(
        self,
        study: "optuna.Study",
        session: Session,
        claims: Claims,
        crew: Crew,
        scorers: Scorers,
        view: View,
        finish: Finish,
        show: Callable[[int], None],
    ) -> None:
        """Set up; what was asked before is known.

        Args:
            study: the store.
            session: of this process; it reads what is asked.
            claims: of this process.
            crew: its trials.
            scorers: of children, among these.
            view: is shown what is asked and done.
            finish: ends a trial.
            show: shows the view a trial that has ended.
        """
        self._study, self._session, self._claims = study, session, claims
        self._crew, self._scorers, self._view, self._finish, self._show = crew, scorers, view, finish, show
        self._shown = RequestsShown(view, session.requests)
        self._over: set[int] = set()  # trials that have ended, whatever is asked
        self._others_at = 0.0  # when to look again at trials that this process does not work on

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Wait while the search is paused; then work goes on inside, left where it is if the search is paused again.

        Whoever works so does its work anew, until it comes to its end.
        """
        self._wait()
        try:
            with self._session.pausable():
                yield
        except AskedToPause:
            self._leave_all()

    def through(self, work: Callable[[], Done]) -> Done:
        """Do work that begins anew after each pause, and return what it returns."""
        while True:
            with self.heeded():
                return work()

    def obey(self) -> bool:
        """Show what is new, and stop what is to be stopped; return whether a place is free by that."""
        self._shown.show(self._session.requests)
        is_free = self.stop_own()
        left = self._session.requests.stops.keys() - self._over
        if left and time.monotonic() >= self._others_at:
            self._others_at = time.monotonic() + OTHERS_EVERY_S
            for number in sorted(left - self._claims.trials):
                self._stop_unclaimed(number, self._session.requests.stops[number])
        return is_free

    def stop_own(self) -> bool:
        """Stop trials that this process works on; this alone may be done while it chooses."""
        stops = self._session.requests.stops
        found = [active for number, active in self._crew.active.items() if number in stops and _is_training(active)]
        for active in found:
            self._crew.leave(active)
            self._end(active.trial, stops[active.trial.number])
        return bool(found)

    def _stop_unclaimed(self, number: int, request: RequestRecord) -> None:
        """Stop a trial that waits or was cut, unless another process works on it, which stops it itself."""
        with self._claims.alone():
            trials = trial_records(self._study)
            if number >= len(trials) or trials[number].phase.has_ended:
                self._over.add(number)
            elif self._claims.take(number):
                trial = StoredTrial(self._study, number)
                if trial.record.phase is Phase.WAITING:
                    trial.begin()
                self._end(trial, request)

    def _end(self, trial: StoredTrial, request: RequestRecord) -> None:
        self._over.add(trial.number)
        self._finish(trial, trial.record.ending or Ending(Outcome.STOPPED, stopped_words(request)))
        self._show(trial.number)

    def _leave_all(self) -> None:
        """Leave all trials at their last checkpoint, as by Ctrl-C."""
        actives = list(self._crew.active.values())
        for active in actives:
            active.running.end()  # all of them before anything is waited for
        with ExitStack() as leaves:
            for active in actives:
                leaves.callback(self._leave, active)
        for number in list(self._claims.trials):  # one that was being chosen: else nobody would take it up
            self._claims.free(number)

    def _leave(self, active: Active) -> None:
        self._crew.leave(active, LEAVE_S)
        if active.scores_children:
            self._scorers.ended(active.trial.number, None)
            return
        self._claims.free(active.trial.number)
        self._view.left(active.trial.number)

    def _wait(self) -> None:
        """Wait until the search is not paused; that time is not searched."""
        self._session.look_now()
        while (pause := self._session.requests.pause) is not None:
            self._view.waiting(paused_words(pause, self._study.study_name))
            self.obey()
            time.sleep(PAUSED_LOOK_S)
            self._session.wait()
            if self._session.requests.pause is None:
                self._shown.show(self._session.requests)
                self._view.waiting("")


def _is_training(active: Active) -> bool:
    return not active.scores_children
