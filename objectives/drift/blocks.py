"""How far two samples of grouped images lie apart, and how uncertain that is: by blocks, never by single images.

Images of one group (a store, a line) and one time are alike: the same lamp, the same planogram. How much a quiet
stream moves is seen from how much blocks of group x time moved within the baseline.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Centre = Callable[[Values], Values]  # (images, d) of one block -> (d,)

ALIKE_MAX = 9.0  # days that count as one, at most: those of a correlation of 0.8 from a day to the next
PART_MIN = 0.25  # of the usual number of images of a group's blocks; blocks with fewer are left out
RECUR_MIN = 0.5  # share of the window's images whose groups the baseline has, from which on only these are compared


@dataclass(frozen=True, eq=False)
class Rows:
    """Images as arrays.

    Attributes:
        values: (n, d).
        days: (n,) time in days.
        groups: (n,) names.
    """

    values: Values
    days: Values
    groups: NDArray[np.str_]

    def of(self, chosen: NDArray[np.bool_]) -> "Rows":
        """Return some of them."""
        return Rows(self.values[chosen], self.days[chosen], self.groups[chosen])


@dataclass(frozen=True, eq=False)
class Apart:
    """Two samples, compared.

    Attributes:
        now: (d,) centre of the window, over its groups by their images.
        baseline: (d,) centre of the baseline over the same groups with the same weights, where groups recur.
        var_now: (d, d) covariance of `now` as an estimate.
        var_baseline: (d, d) likewise.
        df: degrees of freedom of these; 0 where nothing repeats, and nothing can be tested.
        blocks: what repeats, in words.
        by_group: group -> (centre now, centre of its baseline), where groups recur.
        images: of the window that were compared.
        images_baseline: of the baseline.
    """

    now: Values
    baseline: Values
    var_now: Values
    var_baseline: Values
    df: float
    blocks: str
    by_group: dict[str, tuple[Values, Values]]
    images: int
    images_baseline: int


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Blocks of one group's baseline: their centres (k, d), and how many images each usually has."""

    centres: Values
    usual: float


def compare(reference: Rows, window: Rows, window_days: float, centre: Centre) -> Apart:
    """Compare a window with its baseline; both hold at least one image.

    Where at least half of the window's images are of groups that the baseline has, each of these groups is compared
    with its own baseline, so that it does not matter which of them sent images. Else groups as wholes are compared.

    Args:
        reference: images of the baseline.
        window: images of the window.
        window_days: its length.
        centre: of the images of a block.
    """
    recurs = np.isin(window.groups, np.unique(reference.groups))
    if recurs.mean() >= RECUR_MIN:
        kept = window.of(recurs)
        return _by_group(
            reference.of(np.isin(reference.groups, np.unique(kept.groups))), reference, kept, window_days, centre
        )
    return _as_wholes(reference, window, centre)


def _by_group(own: Rows, reference: Rows, window: Rows, window_days: float, centre: Centre) -> Apart:
    names, counts = np.unique(window.groups, return_counts=True)
    weights = counts / counts.sum()
    now = np.array([centre(window.values[window.groups == name]) for name in names])
    periods = {name: _blocks(reference, name, window_days, centre) for name in np.unique(reference.groups).tolist()}
    base = np.array([periods[name].centres.mean(axis=0) for name in names.tolist()])
    spans = _by_periods(periods, names.tolist(), counts, weights)
    days = _by_days(reference, window, names.tolist(), weights, centre)
    var_now, var_base, df, words = _wider(spans, days) or _by_groups(now - base, weights)
    by_group = {name: (now[i], base[i]) for i, name in enumerate(names.tolist())}
    images = len(window.days), len(own.days)
    return Apart(weights @ now, weights @ base, var_now, var_base, df, words, by_group, *images)


_Spread = tuple[Values, Values, float, str]  # covariance of `now`, of `baseline`, degrees of freedom, what repeats


def _wider(*spreads: _Spread) -> _Spread | None:
    """Return the widest of those that repeat; None if none does.

    Each of them is what the other is where no time is like the next. Where days are alike for longer than from one to
    the next, whole spans show it; where there are few spans, days keep their spread from coming out small by chance.
    """
    usable = [spread for spread in spreads if spread[2] >= 1]
    if not usable:
        return None
    widest = max(usable, key=lambda spread: float(np.trace(spread[0] + spread[1])))
    df = math.sqrt(widest[2] * max(spread[2] for spread in usable))  # its own, and more where the other bears it out
    return widest[0], widest[1], df, widest[3]


def _by_periods(periods: dict[str, _Blocks], names: list[str], counts: NDArray[np.int64], weights: Values) -> _Spread:
    """Return the spread as it is seen from spans of the window's length within the baseline of each group."""
    spread, df = _pooled([blocks.centres for blocks in periods.values()])
    short = np.array([max(1.0, periods[name].usual / count) for name, count in zip(names, counts, strict=True)])
    repeats = np.array([len(periods[name].centres) for name in names])
    return spread * (weights**2 * short).sum(), spread * (weights**2 / repeats).sum(), df, "group x window"


def _by_days(reference: Rows, window: Rows, names: list[str], weights: Values, centre: Centre) -> _Spread:
    """Return the spread as it is seen from single days, of which as many count as one as are alike."""
    days = {name: _blocks(reference, name, 1.0, centre) for name in np.unique(reference.groups).tolist()}
    spread, df = _pooled([blocks.centres for blocks in days.values()])
    alike = _alike_days([blocks.centres for blocks in days.values()])
    share_now, share_base = 0.0, 0.0
    for name, weight in zip(names, weights.tolist(), strict=True):
        own = np.floor(window.days[window.groups == name])
        lasting = len(np.unique(own))
        short = max(1.0, days[name].usual * lasting / len(own))
        share_now += weight**2 * short / max(1.0, lasting / alike)
        share_base += weight**2 / max(1.0, len(days[name].centres) / alike)
    return spread * share_now, spread * share_base, df / alike, "group x day"


def _by_groups(changes: Values, weights: Values) -> _Spread:
    """Return the spread of the mean change as it is seen from how much groups differ in theirs; for want of time."""
    none = np.zeros((changes.shape[1],) * 2)
    if len(changes) < 3:
        return none, none, 0.0, "nothing"
    off = (changes - weights @ changes) * weights[:, None]
    return off.T @ off * len(changes) / (len(changes) - 1), none, len(changes) - 1.0, "groups"


def _as_wholes(reference: Rows, window: Rows, centre: Centre) -> Apart:
    """Compare groups as wholes, since those of the window are not those of the baseline (Welch's test)."""
    sides = [
        np.array([centre(rows.values[rows.groups == name]) for name in np.unique(rows.groups)])
        for rows in (window, reference)
    ]
    variances = [_pooled([side])[0] / len(side) for side in sides]
    parts = [float(np.trace(variance)) for variance in variances]
    free = [len(side) - 1 for side in sides]
    df = 0.0
    if min(free) >= 1:
        below = sum(part**2 / own for part, own in zip(parts, free, strict=True))
        df = sum(parts) ** 2 / below if below else float(sum(free))
    blocks = "groups as wholes" if df else "nothing"
    now, base = (side.mean(axis=0) for side in sides)
    return Apart(now, base, variances[0], variances[1], df, blocks, {}, len(window.days), len(reference.days))


def _blocks(rows: Rows, group: str, length_days: float, centre: Centre) -> _Blocks:
    """Return the blocks of a group: spans of a length, counted back from the sample's end; small ones are left out."""
    chosen = rows.groups == group
    days, values = rows.days[chosen], rows.values[chosen]
    number = np.floor(days) if length_days == 1.0 else np.floor((rows.days.max() - days) / length_days)
    order = np.argsort(number, kind="stable")
    _, starts, counts = np.unique(number[order], return_index=True, return_counts=True)
    usual = float(np.median(counts))
    spans = [values[order[a : a + n]] for a, n in zip(starts.tolist(), counts.tolist(), strict=True)]
    return _Blocks(np.array([centre(span) for span in spans if len(span) >= PART_MIN * usual]), usual)


def _alike_days(days: list[Values]) -> float:
    """Return how many days in a row count as one: (1 + r) / (1 - r) of the correlation r of a day with the next.

    It is the variance of the mean of a first-order autoregression over that of independent days. r is estimated from
    the baseline, free of the bias that comes of its groups' own means (Kendall 1954), and taken two standard
    errors higher.

    Args:
        days: centres (days, d) of each group, in time.
    """
    off = [centres - centres.mean(axis=0) for centres in days if len(centres) > 1]
    pairs, total = sum(len(each) - 1 for each in off), sum(float((each**2).sum()) for each in off)
    if not total:
        return 1.0
    bias = len(off) / sum(len(each) for each in off)
    r = sum(float((each[1:] * each[:-1]).sum()) for each in off) / total + bias + 2 * pairs**-0.5
    return float(np.clip((1 + r) / (1 - r), 1.0, ALIKE_MAX)) if r < 1 else ALIKE_MAX


def _pooled(blocks: list[Values]) -> tuple[Values, float]:
    """Return the covariance (d, d) within lists of block centres (k, d), and its degrees of freedom."""
    off = np.concatenate([centres - centres.mean(axis=0) for centres in blocks])
    df = sum(len(centres) - 1 for centres in blocks)
    return off.T @ off / max(1, df), float(df)
