"""A line to one logger: a thread and a bounded queue, so that nothing that the logger does holds up the search."""

import threading
import time
from collections import deque
from collections.abc import Callable

from reports.table.words import plural
from search.study.study_file import shown_url
from search.view.loggers.contract import LoggedStudy, StudyLogger
from spaces.errors import first_line

Call = Callable[[StudyLogger], None]
CALLS_MOST = 4000  # that wait at most
SPARE_MOST = 3000  # that wait at most, before figures of single epochs are left out, for ends of trials to have room
FIRST_REPEAT_S, LONGEST_REPEAT_S = 1.0, 60.0  # before a call is made again
SENDS_MOST_S = 120.0  # for what waits at the end, while the tool takes call after call
STALLED_MOST_S = 15.0  # for a single call, at the end
TOOL_AWAY_MOST_S = 3.0  # at the end, while the tool does not answer
NOT_REPEATED = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ImportError,
)  # a call that raises these is not repeated


class LoggerLine:
    """Carries calls to a logger, in order, in a thread of its own; `put` returns at once, whatever the logger does."""

    def __init__(self, name: str, logger: StudyLogger, say: Callable[[str], None]) -> None:
        """Prepare.

        Args:
            name: of the logger, as the settings have it.
            logger: is called by the line's thread alone.
            say: takes a line for people; called by that thread, and by the one that closes.
        """
        self.name = name
        self._logger, self._say = logger, say
        self._calls = deque[Call]()
        self._changed = threading.Condition()
        self._is_open = self._is_closing = self._is_away = self._is_left = self._has_warned = False
        self._lost, self._moved_s = 0, 0.0  # when a call was carried out last, by the monotonic clock
        self._thread = threading.Thread(target=self._run, name=f"logger {name}", daemon=True)

    def open(self, study: LoggedStudy) -> None:
        """Begin with a study."""
        self._calls.append(lambda logger: logger.open(study))
        self._thread.start()

    def put(self, call: Call, *, is_spare: bool = False) -> None:
        """Let a call be made; where too many wait it is left out, and counted.

        Args:
            call: is given the logger.
            is_spare: whether it may be left out sooner than others.
        """
        with self._changed:
            if self._is_left or len(self._calls) >= (SPARE_MOST if is_spare else CALLS_MOST):
                self._lost += 1
                return
            self._calls.append(call)
            self._changed.notify()

    def close(self) -> None:
        """Wait for what is left, not for long where the tool is away, and say what was lost."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        began_s = self._moved_s = time.monotonic()
        while self._thread.is_alive() and time.monotonic() < min(
            began_s + SENDS_MOST_S, self._moved_s + (TOOL_AWAY_MOST_S if self._is_away else STALLED_MOST_S)
        ):
            self._thread.join(0.05)
        lost = self._lost + len(self._calls)
        if lost:
            self._say(f"logger.{self.name}: {plural(lost, 'record')} not logged; the study itself has them all")

    def _run(self) -> None:
        while (call := self._next()) is not None:
            if not self._is_carried_out(call):
                return
            with self._changed:
                self._calls.popleft()  # only now: what is under way counts as waiting
        self._is_carried_out(lambda logger: logger.close())

    def _next(self) -> Call | None:
        """Wait for a call; None once none comes any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._calls or self._is_closing)
            return self._calls[0] if self._calls else None

    def _is_carried_out(self, call: Call) -> bool:
        """Make a call, again and again while the tool is away; False if the line is at its end."""
        pause_s = FIRST_REPEAT_S
        while True:
            try:
                call(self._logger)
            except Exception as error:  # of whatever client, or of the user's own class: none may end a search
                if isinstance(error, NOT_REPEATED) and not isinstance(error, OSError):
                    return self._is_left_out(error)
                self._is_away = True
                self._warn(error, "it is tried again")
                if not self._may_repeat(pause_s):
                    return False
                pause_s = min(2 * pause_s, LONGEST_REPEAT_S)
            else:
                self._is_away, self._is_open, self._moved_s = False, True, time.monotonic()
                return True

    def _is_left_out(self, error: Exception) -> bool:
        """Leave a call out; False of a logger that refuses to begin: it is left."""
        self._warn(error, "this record is left out" if self._is_open else "nothing is logged there")
        with self._changed:
            self._lost += 1
            self._is_left = not self._is_open
            if self._is_left:
                self._lost += len(self._calls) - 2  # the one that began is no record
                self._calls.clear()
        return self._is_open

    def _may_repeat(self, pause_s: float) -> bool:
        """Wait before a call is repeated, at most until the line closes; False if it was made since then."""
        with self._changed:
            if self._is_closing:
                return False
            self._changed.wait_for(lambda: self._is_closing, pause_s)
            return True

    def _warn(self, error: Exception, then: str) -> None:
        """Say what is wrong, once in the line's life."""
        if not self._has_warned:
            self._has_warned = True
            self._say(f"logger.{self.name}: {shown_url(first_line(error))}; {then}, and the search goes on")
