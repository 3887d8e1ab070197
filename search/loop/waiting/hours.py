"""The hours of the budget: once they are used, running trials wait at their last rung for a larger budget."""

from search.loop.choose import Chooser
from search.loop.crew import Active, Crew
from search.loop.scorers import Scorers
from search.study.claims.contract import Claims
from search.study.sessions import Session
from search.view.base import View

GRACE, LAST_GRACE = 1.02, 1.04  # shares of budget.hours at which trials are paused: those in training, and the last


class Hours:
    """Keeps a searching process within the hours."""

    def __init__(
        self, session: Session, chooser: Chooser, crew: Crew, scorers: Scorers, claims: Claims, view: View
    ) -> None:
        self._session, self._chooser, self._crew = session, chooser, crew
        self._scorers, self._claims, self._view = scorers, claims, view

    def keep(self) -> bool:
        """Pause the running trials once the hours are used; return whether a place is free by that."""
        hours = self._chooser.hours
        if hours is None or not self._crew.active:
            return False
        share = self._session.searched_s() / max(3600 * hours - self._chooser.reserved_s, 1.0)
        out = [a for a in self._crew.active.values() if share > (LAST_GRACE if a.is_all_but_finished else GRACE)]
        for active in out:
            self._pause(active)
        return bool(out)

    def _pause(self, active: Active) -> None:
        """Pause a trial where its last checkpoint stands.

        A trial without a rung, and one that only lacks its end, count as cut: a larger budget takes such trials
        up first.
        """
        trial, rungs = active.trial, active.follower.rungs
        self._crew.leave(active)
        if active.scores_children:
            self._scorers.ended(trial.number, None)
            return
        if rungs and rungs[-1].epoch < active.follower.job.epochs:
            self._chooser.out_of_time(trial, rungs[-1].epoch)
        self._claims.free(trial.number)
        self._view.trial_ended(trial.number, self._chooser.table(), self._chooser.used())
