"""How much of the false alarms of a year one look may spend."""

import numpy as np

from spaces.errors import SettingsError

YEAR_DAYS = 365.25
ALPHA_MAX = 0.05  # of one look, however long the last one was ago


def alpha_of_look(false_alarms: float, since_days: float | None, window_days: float) -> float:
    """Return the probability with which a look may raise an alarm where nothing has changed, over all its figures.

    A year's false alarms are spent by the time that passes: with looks after t1, t2, ... days their expected number is
    at most the sum of what each may spend, false_alarms * (t1 + t2 + ...) / 365.25, whether there are few looks or
    many. Expectations add up however much the windows of two looks overlap, so nothing is gained by looking
    often and nothing is spent twice. An alarm that goes on over several looks counts each time.

    Args:
        false_alarms: expected in a year without drift, above 0.
        since_days: since the look before; None of the first one, which spends a window's worth.
        window_days: of the window.

    Raises:
        SettingsError: false_alarms is not above 0, or the time runs backwards.
    """
    if not false_alarms > 0:
        raise SettingsError(f"false_alarms: must be above 0, got {false_alarms}; 0.5 is one in two years")
    if since_days is not None and since_days < 0:
        raise SettingsError(f"looks: the last one lies {-since_days:.3g} days ahead; look with a later --now")
    spent_days = window_days if since_days is None else since_days
    return min(ALPHA_MAX, false_alarms * spent_days / YEAR_DAYS)


def holm(p: list[float], alpha: float) -> list[tuple[bool, float]]:
    """Return for each hypothesis whether it is rejected, and the level that its p was held against.

    Holm's procedure (Holm 1979, Scandinavian Journal of Statistics 6): the probability of any false rejection is at
    most alpha, however the hypotheses depend on each other.

    Args:
        p: of each hypothesis.
        alpha: of all together.
    """
    found = [(False, alpha)] * len(p)
    holding = True
    for rank, index in enumerate(np.argsort(np.array(p), kind="stable").tolist()):
        level = alpha / (len(p) - rank)
        holding = holding and p[index] <= level
        found[index] = (holding, level)
    return found
