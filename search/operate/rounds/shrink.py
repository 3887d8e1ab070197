"""The space of a later round: each domain around what was good in the rounds before, and when it stays whole."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence

from spaces.dimension import Choice, Domain, Grid, Interval, Value
from spaces.space import AFTER_TRAINING, SearchSpace

WIDENED = 0.1  # share of an interval's width by which good values are passed on either side
DIGITS = 3  # of the ends of an interval
WHOLE_GROUPS = ("slim",)  # groups that are a family's widths: one training holds them all


def is_whole(number: int, door: float) -> bool:
    """Whether a round searches the whole space: every `1/door`-th of the later ones, so that the space may move.

    Args:
        number: of the round, from 2 on.
        door: share of later rounds; 0 for none.
    """
    return door > 0 and (number - 1) % max(1, round(1 / door)) == 0


def shrink(space: SearchSpace, good: Sequence[Mapping[str, Value]], least: float) -> dict[str, Domain]:
    """Return the domains that become smaller; pure.

    Numbers: all between the least and the greatest good one, a little more on either side, and at least a share
    `least` of the domain. Words: those that are among the good ones. A dimension of which no good candidate says
    anything, one of a family's widths, and one that is chosen after the training stays whole.

    Args:
        space: the whole space.
        good: candidates of earlier rounds; what of them lies outside the space is left aside.
        least: share of each domain of numbers that is kept at least, in (0, 1]; 1 keeps all of the space.
    """
    found = {}
    for name, domain in space.domains.items():
        kept = [one[name] for one in good if name in one and one[name] in domain]
        if least < 1 and kept and not _stays(name):
            narrowed = _around(domain, kept, least)
            if narrowed.size < domain.size or (isinstance(narrowed, Interval) and narrowed != domain):
                found[name] = narrowed
    return found


def _stays(name: str) -> bool:
    return name in AFTER_TRAINING or name.partition(".")[0] in WHOLE_GROUPS


def _around(domain: Domain, good: Collection[Value], least: float) -> Domain:
    if isinstance(domain, Grid):
        return _of_grid(domain, good, least)
    if isinstance(domain, Interval):
        return _of_interval(domain, good, least)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in domain.values):
        ordered = sorted(domain.values, key=float)
        low, high = _reach([ordered.index(value) for value in good], len(ordered), least)
        return Choice(tuple(value for value in domain.values if value in ordered[low : high + 1]))
    return Choice(tuple(value for value in domain.values if value in good))


def _of_grid(domain: Grid, good: Collection[Value], least: float) -> Grid:
    values = list(domain)
    places = [round((float(value) - domain.low) / domain.step) for value in good]
    low, high = _reach(places, len(values), least)
    return Grid(values[low], values[high], domain.step)


def _reach(places: Sequence[int], count: int, least: float) -> tuple[int, int]:
    """Return first and last place that are kept of `count`: one more on either side, and as many as `least` asks."""
    low, high = max(0, min(places) - 1), min(count - 1, max(places) + 1)
    while high - low + 1 < math.ceil(least * count):
        low, high = max(0, low - 1), min(count - 1, high + 1)
    return low, high


def _of_interval(domain: Interval, good: Collection[Value], least: float) -> Interval:
    scale, back = (math.log, math.exp) if domain.log else (float, float)
    whole = scale(domain.low), scale(domain.high)
    places = [scale(float(value)) for value in good]
    width = whole[1] - whole[0]
    low, high = min(places) - WIDENED * width, max(places) + WIDENED * width
    more = max(0.0, least * width - (high - low)) / 2
    low, high = low - more, high + more
    low, high = low - max(0.0, high - whole[1]), high + max(0.0, whole[0] - low)  # what one end lacks the other gets
    ends = back(max(low, whole[0])), back(min(high, whole[1]))
    if domain.integer:
        return Interval(math.floor(ends[0]), math.ceil(ends[1]), domain.log, integer=True)
    return Interval(
        max(domain.low, _rounded(ends[0], math.floor)), min(domain.high, _rounded(ends[1], math.ceil)), domain.log
    )


def _rounded(value: float, outwards: Callable[[float], int]) -> float:
    """Return a number of DIGITS digits, rounded down or up."""
    if value == 0:
        return 0.0
    places = DIGITS - 1 - math.floor(math.log10(abs(value)))
    return float(f"{outwards(value * 10.0**places)}e{-places}")
