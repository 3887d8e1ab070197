"""Renews what a process holds by leases, from a thread of its own, and learns what it has lost and what time it is."""

import threading
import time
from typing import TYPE_CHECKING

from search.study.claims.held import HeldLeases
from search.study.claims.lease_table import CHOICE, LeaseTable
from search.study.database.connect import make_engine

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

RENEWED = 4  # times within a lease
SOON_S = 1.0  # until the next try at a database that is away, at most


class Renewal:
    """Renews until it is ended. The choice is renewed whenever it is held for long, all the rest when it is due.

    Attributes:
        offset_s: what the database's clock shows more than the monotonic one of this machine.
    """

    def __init__(self, url: str, study: str, holder: str, held: HeldLeases, lease_s: float, choice_s: float) -> None:
        """Renew once, and begin.

        Raises:
            SQLAlchemyError: the database cannot be used.
        """
        self._engine = _engine(url, lease_s)
        self._table, self._holder, self._held = LeaseTable(self._engine, study), holder, held
        self._lease_s, self._choice_s = lease_s, choice_s
        self._renewed_at, self._trusts_at, self.offset_s = time.monotonic(), 0.0, 0.0
        self._renew(is_due=True)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew_always, name="leases", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Renew no more."""
        self._ended.set()
        self._thread.join()

    @property
    def trusts_clock(self) -> bool:
        """Whether a lease that ran out speaks against its holder.

        Who was cut off from the database lately cannot know whether the others were, too: they get the time to renew
        theirs.
        """
        if time.monotonic() - self._renewed_at > self._lease_s:
            self.distrust()
        return time.monotonic() >= self._trusts_at

    def distrust(self) -> None:
        """Give all others the time to renew: the database was away just now."""
        self._trusts_at = time.monotonic() + 2 * self._lease_s / RENEWED

    def _renew_always(self) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        usual_s = pause_s = self._choice_s / RENEWED
        while not self._ended.wait(pause_s):
            due_s = (self._lease_s - self._choice_s / 2) / RENEWED  # half a pause early rather than one late
            is_due = time.monotonic() - self._renewed_at > due_s
            try:
                self._renew(is_due=is_due)
            except SQLAlchemyError:
                pause_s = min(usual_s, SOON_S)
            else:
                pause_s = usual_s

    def _renew(self, *, is_due: bool) -> None:
        began = time.monotonic()
        fences = {what: fence for what, fence in self._held.fences().items() if is_due or what == CHOICE}
        if not fences and not is_due:
            return
        lengths_s = {what: self._choice_s if what == CHOICE else self._lease_s for what in fences}
        with self._engine.begin() as connection:
            found, now_s = self._table.renew(connection, self._holder, lengths_s)
        self.offset_s = now_s - time.monotonic()
        self._held.lose({what: fence for what, fence in fences.items() if found.get(what) != fence})
        if is_due:
            if began - self._renewed_at > self._lease_s:
                self.distrust()
            self._renewed_at = began


def _engine(url: str, lease_s: float) -> "Engine":
    """Return an engine with a line of its own each time: a renewal never waits behind the search."""
    from sqlalchemy.pool import NullPool

    return make_engine(url, lease_s, poolclass=NullPool)
