"""Claims by leases in the study's database, for processes on several machines; the database's clock alone decides.

A process renews what it holds from a thread of its own. What it has not renewed in time, because it died, was frozen or
was cut off, another process may take; a process that wakes up learns that it lost it, and whatever it writes for it is
refused (see `search.study.storage.fenced`). One that ran out and that nobody took is renewed as if nothing happened.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from objectives.records.paths import StudyPaths
from search.study.claims.contract import SESSIONS, Claims, LeaseLost
from search.study.claims.held import HeldLeases
from search.study.claims.lease_table import CHOICE, NOBODY, LeaseTable
from search.study.claims.renewal import Renewal
from search.study.database.away import Away
from search.study.database.connect import IDLE_TRANSACTION_S, make_engine

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

CHOICE_S = 15.0  # of the choice, at most: all others wait for a process that dies while it chooses
NEXT_LOOK_S, NEXT_LOOK_MOST_S = 0.001, 0.02  # pauses of the one process that is next to choose

Found = TypeVar("Found")


class LeaseClaims(Claims):
    """Claims of a process on a study in a database server.

    Who waits for the choice stands in a line that the server keeps (a row that each locks in turn), and only the first
    of the line asks again and again for the lease itself. So the choice goes round in order, and a process that is
    frozen while it chooses, or at the head of the line, holds the others up for a lease of the choice at most (the
    server ends its idle transaction): a lock alone would hold them up for as long as it is frozen.

    Attributes:
        away: waits while the database is away.
        holder: names this process in the table.
        idle_s: seconds after which the server ends a transaction of a process that is frozen.
    """

    reach_other_machines = True

    def __init__(self, folder: Path, url: str, *, what: str, lease_s: float, wait_s: float) -> None:
        """Open the claims.

        Args:
            folder: of the study; its name is the study's.
            url: of the database.
            what: the store, as people know it, without passwords.
            lease_s: seconds after which what a process has not renewed may be taken.
            wait_s: seconds that an operation waits while the database is away.
        """
        super().__init__(folder)
        self.lease_s, self.choice_s = lease_s, min(lease_s, CHOICE_S)
        self.away, self.holder = Away(what, wait_s), uuid.uuid4().hex
        self.idle_s = min(lease_s, IDLE_TRANSACTION_S)
        self._engine = make_engine(url, self.idle_s, pool_size=1)
        self._table = LeaseTable(self._engine, folder.name)
        self._table.make()
        self._held = HeldLeases()
        self._chooses: int | None = None  # the thread that does
        self._keys: set[int] = set()
        with StudyPaths(folder).claims.open("a") as file:
            file.write(f"{self.holder}\n")  # who finds it has the same disk: see `shares_folder`
        self._renewal = Renewal(url, folder.name, self.holder, self._held, self.lease_s, self.choice_s)
        self.away.say, self.away.on_return = lambda line: self.say(line), self._renewal.distrust

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep all other processes from choosing their next work; wait for the turn of this one."""
        if self._chooses == threading.get_ident():
            yield
            return
        self.away.tried(lambda _: self._wait_for_choice())
        self._chooses = threading.get_ident()
        try:
            yield
        finally:
            self._chooses = None
            self._give_back(CHOICE)

    def take(self, number: int) -> bool:
        """Claim a trial; False if another living process works on it.

        Raises:
            LeaseLost: this process works on it, and another one has had it since: what is under way here ends first.
        """
        if number in self.trials:
            self._asked(lambda connection: self.check(connection, self._held.fences([number])))
            return True
        taken = self._asked(lambda connection: self._take(connection, number, self.lease_s))
        if taken:
            self.trials.add(number)
        return taken

    def hold(self, number: int) -> None:
        """Claim a trial that no other process works on, as is known.

        Raises:
            LeaseLost: another process has it, since it chooses in this one's place.
        """
        pause_s = NEXT_LOOK_S
        while not self.take(number):
            if self._chooses is not None and not self._asked(self._has_choice):
                raise LeaseLost(None)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, NEXT_LOOK_MOST_S)

    def free(self, number: int) -> None:
        """Give a trial back, or up if it was lost meanwhile. Without the database, its lease runs out."""
        self.trials.discard(number)
        self._give_back(number)

    def is_elsewhere(self, number: int) -> bool:
        """Whether another living process works on a trial."""
        return self._asked(self._table.living).get(number, self.holder) != self.holder

    def living(self, numbers: Iterable[int]) -> set[int]:
        """Return the numbers, among these, of trials that a living process works on."""
        asked = set(numbers)
        return (asked & self._asked(self._table.living).keys()) | (asked & self.trials)

    def enter(self, key: int) -> None:
        """Claim a searching process's number, for life.

        Raises:
            LeaseLost: another process has it, since it chooses in this one's place.
        """
        if not self._asked(lambda connection: self._take(connection, SESSIONS + key, self.lease_s)):
            raise LeaseLost(None)
        self._keys.add(key)

    def is_alive(self, key: int) -> bool:
        """Whether a searching process lives."""
        return key in self.living_sessions([key])

    def living_sessions(self, keys: Iterable[int]) -> set[int]:
        """Return the numbers, among these, of searching processes that live."""
        asked = set(keys)
        others = self._asked(self._table.living) if asked - self._keys else {}
        return {key for key in asked if key in self._keys or SESSIONS + key in others}

    def shares_folder(self, key: int) -> bool:
        """Whether a living process that names this folder has it on the same disk."""
        holder = self._asked(self._table.living).get(SESSIONS + key)
        return holder is not None and holder in StudyPaths(self.folder).claims.read_text().split()

    def lost(self) -> set[int]:
        """Return the trials that another process has taken over since they were claimed, until they are given up."""
        lost = self._held.lost()
        self.trials -= lost
        return lost

    def time_s(self) -> float:
        """Return the time by the database's clock, in seconds since 1970; set anew whenever leases are renewed."""
        return time.monotonic() + self._renewal.offset_s

    def hurry(self) -> None:
        """Wait no more for a database that is away; what could not be stored is as if this process had died."""
        self.away.patient = False

    def close(self) -> None:
        """Give everything back."""
        self.hurry()
        self._renewal.end()
        self.trials.clear()
        self._try_to(lambda connection: self._table.free(connection, self.holder))
        self._engine.dispose()

    # For writes that stand on leases

    def share(self, engine: "Engine") -> None:
        """Go by another engine's line to the same database from now on: a process needs one line at a time."""
        self._engine.dispose()
        self._engine = engine

    @property
    def chooses(self) -> bool:
        """Whether the calling thread is alone."""
        return self._chooses == threading.get_ident()

    def fences(self, number: int | None) -> dict[int, int]:
        """Return the leases that a write stands on: what -> fence.

        Args:
            number: of the trial that is written for; None: for the study.

        Raises:
            LeaseLost: it is known that one of them was lost.
        """
        held = self._held.fences()
        found = {CHOICE: held.get(CHOICE, 0)} if self.chooses else {}
        if number is not None and number in held:
            found[number] = held[number]
        elif number is not None and (number in self._held.lost() or not self.chooses):
            raise LeaseLost(number)
        if not found:
            found = {SESSIONS + key: held.get(SESSIONS + key, 0) for key in self._keys}
        return found

    def check(self, connection: "Connection", fences: dict[int, int]) -> None:
        """Check within a transaction that this process holds what it writes for, and go on holding it until its end.

        Raises:
            LeaseLost: it does not.
        """
        lost = fences.keys() - self._table.stands(connection, self.holder, fences)
        if lost:
            self._held.lose({what: fences[what] for what in lost})
            raise LeaseLost(None if CHOICE in lost else min(lost))

    # Own

    def _wait_for_choice(self) -> None:
        with self._engine.connect() as connection:
            self._table.wait_in_line(connection)
            pause_s = NEXT_LOOK_S
            while not self._take(connection, CHOICE, self.choice_s):
                time.sleep(pause_s)
                pause_s = min(1.5 * pause_s, NEXT_LOOK_MOST_S)
            connection.commit()

    def _take(self, connection: "Connection", what: int, lease_s: float) -> bool:
        """Take a lease that is free, ran out, or is this process's by an earlier try whose answer was lost."""
        before = self._table.look(connection, what)
        if before is None:
            taken, fence = self._table.add(connection, what, self.holder, lease_s), 1
        elif before.holder not in (NOBODY, self.holder) and (before.left_s > 0 or not self._renewal.trusts_clock):
            return False
        else:
            taken = self._table.pass_on(connection, what, before, self.holder, lease_s)
            fence = before.fence + (before.holder != self.holder)
        if taken:
            self._held.add(what, fence)
        return taken

    def _has_choice(self, connection: "Connection") -> bool:
        return bool(self._table.stands(connection, self.holder, self._held.fences([CHOICE])))

    def _give_back(self, what: int) -> None:
        if self._held.give_up(what):
            self._try_to(lambda connection: self._table.free(connection, self.holder, [what]))

    def _asked(self, work: "Callable[[Connection], Found]") -> Found:
        """Do some statements, one at a time, and wait for the database."""
        return self.away.tried(lambda _: self._once(work))

    def _try_to(self, work: "Callable[[Connection], None]") -> None:
        """Do what is good to do and may be left to time."""
        from sqlalchemy.exc import SQLAlchemyError

        for _ in range(2):  # a line that had idled may be broken
            try:
                self._once(work)
            except SQLAlchemyError:
                continue
            return

    def _once(self, work: "Callable[[Connection], Found]") -> Found:
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            return work(connection)
