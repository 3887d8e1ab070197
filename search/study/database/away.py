"""A database that is away for a while: operations wait and are tried again, and the search says so once."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from spaces.errors import StoreError

AWAY_MOST_S = 600.0  # as `conf/` has it
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0  # between two tries
SAID_AFTER_S = 1.0  # what passes sooner (a deadlock, a line that had idled) is nobody's concern
PASSING_STATES = (
    "08",
    "25",
    "40",
    "53",
    "57",
)  # classes of SQLSTATE: lines, ended transactions, deadlocks, room, shutdowns
PASSING_CODES = (1040, 1053, 1205, 1213, 2002, 2003, 2006, 2013, 2055)

Found = TypeVar("Found")


class Away:
    """What waits for one database, in one process.

    Attributes:
        what: the store, as people know it.
        wait_s: seconds that an operation waits.
        say: is given a line when the database is away, and when it is back, by the thread that made this object.
        on_return: is called when the database was away, however shortly, and is back.
        patient: whether operations wait at all; a process that is ending does not.
    """

    def __init__(self, what: str, wait_s: float = AWAY_MOST_S) -> None:
        self.what, self.wait_s, self.patient = what, wait_s, True
        self.say: Callable[[str], None] = lambda _: None
        self.on_return: Callable[[], None] = lambda: None
        self._thread = threading.get_ident()

    def tried(self, operation: Callable[[bool], Found]) -> Found:
        """Do an operation, again and again while the database is away.

        Args:
            operation: is given whether it was tried before: what it did then may be stored, and only the answer lost.

        Raises:
            StoreError: the database was away for longer than `wait_s`.
        """
        from optuna.exceptions import StorageInternalError
        from sqlalchemy.exc import SQLAlchemyError

        began, said, pause_s = 0.0, False, 0.0
        while True:
            try:
                found = operation(began > 0)
            except KeyboardInterrupt:
                self.patient = False  # what is still written on the way out does not wait
                raise
            except (SQLAlchemyError, StorageInternalError) as error:
                began = began or time.monotonic()
                away_s = time.monotonic() - began
                if not is_passing(error):
                    raise
                if not self.patient or away_s > self.wait_s:
                    raise StoreError(self._gave_up(error)) from error
                if not said and away_s > SAID_AFTER_S:
                    said = True
                    self._say(f"store: '{self.what}' is away ({reason_of(error)}); trials go on, and the search waits")
                self._pause(pause_s)
                pause_s = min(max(2 * pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
            else:
                if began:
                    self.on_return()
                if said:
                    self._say(f"store: '{self.what}' is back after {time.monotonic() - began:.0f} s")
                return found

    def _say(self, line: str) -> None:
        if threading.get_ident() == self._thread:
            self.say(line)

    def _pause(self, seconds: float) -> None:
        try:
            time.sleep(seconds)
        except KeyboardInterrupt:
            self.patient = False
            raise

    def _gave_up(self, error: BaseException) -> str:
        waited = f" for {self.wait_s:g} s" if self.patient else ""
        return (
            f"store: '{self.what}' has been away{waited} ({reason_of(error)}); what was stored is whole: bring the "
            "database back, and the same line goes on"
        )


def is_passing(error: BaseException) -> bool:
    """Whether an error of the database's, or one that came of it, may be gone at the next try."""
    return any(_is_passing(found) for found in _chain(error))


def _is_passing(error: BaseException) -> bool:
    from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    if state:
        return str(state)[:2] in PASSING_STATES
    code = error.orig.args[0] if error.orig is not None and error.orig.args else None
    if isinstance(code, int):
        return code in PASSING_CODES
    return isinstance(error, OperationalError | InterfaceError)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that it came of."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def reason_of(error: BaseException) -> str:
    """Return the driver's reason in one line."""
    reasons = (getattr(found, "orig", None) for found in _chain(error))
    return " ".join(str(next(filter(None, reasons), error)).split())[:160]
