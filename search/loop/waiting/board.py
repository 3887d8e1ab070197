"""A board that is away: its trials count as cut and are taken up again, with back-off; what trains goes on."""

import time
from collections.abc import Callable, Collection

from objectives.machine.remote.back_off import BackOff
from objectives.records.failures import Failure
from objectives.records.records import Ending, Latency, Outcome
from search.engine.steering import OnDevices
from search.view.base import View

BACK_OFF = BackOff(first_s=5.0, most_s=300.0, total_s=float("inf"))


class BoardWait:
    """Whether the study's board is away, and when it is tried next."""

    def __init__(self, view: View) -> None:
        """Begin with a board that is there.

        Args:
            view: is shown once that the board is away, and once that it is back.
        """
        self._view = view
        self._tries = 0
        self.until = 0.0  # when it is tried next, by the monotonic clock

    def has_taken(self, end: Ending | None) -> bool:
        """Take how a trial ended; whether that was for a board that is away: then the trial is as good as cut."""
        if end is None or end.error_class != Failure.DEVICE_AWAY:
            if end is not None and end.outcome == Outcome.FINISHED:  # its latency was measured just now
                self.is_back()
            return False
        self._tries += 1
        self.until = time.monotonic() + (BACK_OFF.delay_s(self._tries, 0.0) or 0.0)
        if self._tries == 1:
            self._view.warn(f"{end.reason}; its trials wait and are taken up again, nothing is lost")
        self._view.waiting(end.reason)
        return True

    def is_back(self) -> None:
        """Take that a latency was measured."""
        if self._tries:
            self._view.note("the board is back")
            self._view.waiting("")
        self._tries, self.until = 0, 0.0

    def stops(self, active: Collection[int]) -> bool:
        """Whether nothing goes on but waiting: such time is not searched."""
        return not active and time.monotonic() < self.until

    def measured(self, measure: Callable[[], Latency | OnDevices | Ending]) -> Latency | OnDevices | Ending:
        """Measure a candidate ahead of trials, unless the board is away."""
        if time.monotonic() < self.until:
            return Ending(Outcome.FAILED, "the board is away", Failure.DEVICE_AWAY)
        found = measure()
        if isinstance(found, Ending):
            self.has_taken(found)
        else:
            self.is_back()
        return found
