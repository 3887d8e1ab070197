"""Polishes of a study: how well those of a family foretold what they come to when they are trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from reports.table.row import TrialRow
from reports.table.words import plural, share


@dataclass(frozen=True)
class Foretold:
    """What was known before polishes, and what came of them.

    Attributes:
        gains: mAP after less mAP before, of each polish.
        pairs: pairs of polishes whose mAP differs before and after,
        in_order: and those of them in which the better one before is the better one after.
    """

    gains: tuple[float, ...]
    pairs: int
    in_order: int


def foretold(rows: Sequence[TrialRow]) -> Foretold | None:
    """Return how well mAP before foretold mAP after, over all finished polishes; None without any."""
    of = {row.number: row for row in rows}
    found = [(before.map, row.map) for row in rows if (before := of.get(_before(row))) is not None]
    known = [(before, after) for before, after in found if before is not None and after is not None]
    if not known:
        return None
    orders = [(a[0] - b[0]) * (a[1] - b[1]) for a, b in combinations(known, 2)]
    apart = [order for order in orders if order]
    return Foretold(tuple(after - before for before, after in known), len(apart), sum(order > 0 for order in apart))


def polish_words(rows: Sequence[TrialRow]) -> str:
    """Return '`3 detectors were trained on from weights of a family: mAP +0.031 on average (…).`'; empty for none."""
    known = foretold(rows)
    if known is None:
        return ""
    count = len(known.gains)
    verb = "was" if count == 1 else "were"
    said = f"{plural(count, 'detector')} {verb} trained on from the weights of one of a family: mAP "
    if count == 1:
        return f"{said}{_signed(known.gains[0])}."
    span = f"{_signed(min(known.gains))} to {_signed(max(known.gains))}"
    order = f", in the order of before in {known.in_order} of {plural(known.pairs, 'pair')}" if known.pairs else ""
    return f"{said}{_signed(fmean(known.gains))} on average ({span}){order}."


def _before(row: TrialRow) -> int:
    return -1 if row.polishes is None else row.polishes


def _signed(gain: float) -> str:
    return f"{'-' if gain < 0 else '+'}{share(abs(gain))}"
