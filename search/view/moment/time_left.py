"""How long a search will go on: a middle, and a range that holds the truth in about nine of ten moments.

The rule. n trials are left, those under way included; k trials have ended or wait, and took m seconds of work each on
average, with a standard deviation of s. A trial that is left takes as long as those, so that all of them take n m,
give or take t s sqrt(n + n²/k): what n trials scatter and how well k trials say the mean (t: Student's, k - 1 degrees
of freedom, 95 % on either side). Searches get slower as they come to better and larger detectors, so the upper end
counts with the mean of the last third where that is longer, and with a tenth more for what no earlier trial shows;
the lower end with the last third's where that is shorter. The scheduler may go on with trials that wait: three
quarters of what lacks each of them to the longest trial so far is added to the upper end, and the same for as large a
share of the n as has waited so far. What trials under way have taken is taken off the lower end and the middle,
workers share the rest (at the upper end one finishes alone), and the budget's hours cap all. What it does not
foresee: a search that ends since nothing is worth its time, and pauses.

Replayed searches (`tests/benchmarks/time_left.py`) say how often the truth lies within; `docs/live.md` has the figures.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import stdtrit

from reports.table.words import duration
from search.settings.settings import BudgetSettings
from search.study.budget import BudgetUsed
from search.view.words import middle_s

TRIALS_LEAST = 3  # trials below which there is no range: two say nothing of how they scatter
CERTAINTY = 0.95  # on either side
UNFORESEEN = 0.1  # share of what is left
MAY_GO_ON_SHARE = 0.75  # of what waiting trials lack to the longest one


@dataclass(frozen=True)
class TimeLeft:
    """Seconds until a search ends.

    Attributes:
        middle_s: by the mean of the last trials; None where nothing shows.
        low_s: the lower end of the range; None where too few trials have ended for a range.
        high_s: its upper end.
        ended: trials that it stands on.
        paused: trials that wait, where all have begun and only these may go on; else 0.
        by_hours: whether the budget's hours will end the search, by the middle.
    """

    middle_s: float | None
    low_s: float | None = None
    high_s: float | None = None
    ended: int = 0
    paused: int = 0
    by_hours: bool = False

    @property
    def wordings(self) -> tuple[str, ...]:
        """What is said of it, the longest wording first."""
        if self.paused:
            more = f"{self.paused:,} paused may go on"
            return (f"at most {duration(self.high_s)} left, {more}", more) if self.high_s else (more,)
        if self.middle_s is None:
            return ("no estimate yet",)
        about = f"about {duration(self.middle_s)} left"
        if self.low_s is None or self.high_s is None:
            if not self.ended:
                return (f"at most {duration(self.middle_s)} left",)
            return f"{about}, a guess from {self.ended} so far", about
        between = span(self.low_s, self.high_s)
        if between == duration(self.middle_s):
            return (f"{about}, then the hours are used", about) if self.by_hours else (about,)
        return f"{about} ({between})", f"{between} left"


def span(low_s: float, high_s: float) -> str:
    """Return a range of two spans of time, the unit once where both have the same: '9 to 20 min', '50 s to 3 min'."""
    low, high = duration(low_s), duration(high_s)
    if low == high:
        return low
    low_unit, high_unit = low.split()[1:], high.split()[1:]
    return f"{low.split()[0]} to {high}" if low_unit == high_unit and len(low_unit) == 1 else f"{low} to {high}"


def time_left_of(used: BudgetUsed, budget: BudgetSettings, workers: int, running_s: Sequence[float] = ()) -> TimeLeft:
    """Return how long a search will go on, by the rule that this module begins with.

    Args:
        used: what of the budget is used by now.
        budget: of the search.
        workers: trials that it works on at once.
        running_s: seconds that each trial under way has taken.
    """
    ended, taken_s = len(used.durations_s) + len(used.children_s), sum(running_s)
    likely_s = middle_s(used, budget, workers, taken_s)
    hours_s = math.inf if budget.hours is None else max(0.0, 3600 * budget.hours - used.seconds)
    left = max(0, used.most(budget) - used.trials)
    if not left and used.paused:
        high_s = min(hours_s, used.paused * _lack_s(used))
        return TimeLeft(None, None, high_s if math.isfinite(high_s) else None, ended, used.paused)
    if likely_s is None or len(used.durations_s) < TRIALS_LEAST:
        return TimeLeft(likely_s, ended=ended)
    low_s, high_s = _range_s(used, left, taken_s, min(workers, max(1, left)))
    low_s, high_s = min(low_s, likely_s, hours_s), min(max(high_s, likely_s), hours_s)
    return TimeLeft(likely_s, low_s, high_s, ended, by_hours=likely_s >= hours_s)


def _range_s(used: BudgetUsed, left: int, running_s: float, workers: int) -> tuple[float, float]:
    """Return both ends of the range for so many trials that are left, before the hours cap them."""
    mean_s, sd_s, ended = _each(used)
    recent = used.durations_s[-max(2, math.ceil(len(used.durations_s) / 3)) :]
    drift_s = (1 - _children(used)) * (statistics.fmean(recent) - statistics.fmean(used.durations_s))
    t = float(stdtrit(ended - 1, CERTAINTY))
    around_s = t * sd_s * math.sqrt(left + left**2 / ended)
    go_on = used.paused + left * used.paused / max(1, used.trials)
    low_s = left * (mean_s + min(0.0, drift_s)) - around_s - running_s
    high_s = left * ((1 + UNFORESEEN) * mean_s + max(0.0, drift_s)) + around_s + MAY_GO_ON_SHARE * go_on * _lack_s(used)
    alone_s = (mean_s + max(0.0, drift_s)) * (1 - 1 / workers)  # of the worker that ends last
    return max(0.0, low_s) / workers, high_s / workers + alone_s


def _each(used: BudgetUsed) -> tuple[float, float, int]:
    """Return mean and standard deviation of a trial's seconds, children in their share, and of how many these are."""
    share, trained = _children(used), used.durations_s
    mean_s, variance = statistics.fmean(trained), statistics.variance(trained)
    if not share:
        return mean_s, math.sqrt(variance), len(trained)
    of_child_s = statistics.fmean(used.children_s)
    both_s = (1 - share) * mean_s + share * of_child_s
    spread = statistics.pvariance(used.children_s) + (of_child_s - both_s) ** 2
    variance = (1 - share) * (variance + (mean_s - both_s) ** 2) + share * spread
    return both_s, math.sqrt(variance), len(trained) + len(used.children_s)


def _children(used: BudgetUsed) -> float:
    """Return the share of children among the trials so far."""
    return used.children / used.trials if used.children_s and used.trials else 0.0


def _lack_s(used: BudgetUsed) -> float:
    """Return the seconds that a usual trial lacks to the longest one."""
    return max(used.durations_s, default=0.0) - (statistics.fmean(used.durations_s) if used.durations_s else 0.0)
