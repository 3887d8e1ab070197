"""Back-off: how long to wait between two tries of something that may pass, jittered and capped."""

import random
from collections.abc import Callable
from dataclasses import dataclass

SPREAD_BY = (0.5, 1.5)  # of a delay, by chance: many that wait for one board do not all come back at once


@dataclass(frozen=True)
class BackOff:
    """Delays that double.

    Attributes:
        first_s: the first delay, in seconds.
        most_s: the longest one.
        total_s: since the first failure, after which nothing is tried any more.
    """

    first_s: float
    most_s: float
    total_s: float

    def delay_s(self, tries: int, passed_s: float, chance: Callable[[], float] = random.random) -> float | None:
        """Return the seconds to wait, or None once it has been long enough.

        Args:
            tries: that failed, from 1.
            passed_s: since the first of them failed.
            chance: gives a share in [0, 1).
        """
        if passed_s >= self.total_s:
            return None
        low, high = SPREAD_BY
        doubled = self.first_s * 2.0 ** min(tries - 1, 30)
        return min(self.most_s, doubled * (low + (high - low) * chance()))
