"""What mattered for accuracy: choices that explain more of it than chance would, each with an interval.

A choice is found where it explains more of what those before it leave open than any choice explains of shuffled
accuracies in 19 of 20 shuffles (permutation tests, Westfall and Young 1993: the least of all p-values, so that looking
at many choices raises no false alarm; residuals are shuffled, Freedman and Lane 1983). One that only goes along with
another, as samplers make them, is not found beside it. What the found ones explain together (adjusted R squared) is
divided among them by Shapley's value, with bootstrap intervals over trials.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.analysis.shares.choices import TINY, Columns
from reports.analysis.shares.shapley import shapley, subsets

LEVEL = 0.95  # of the tests and of the intervals
SHUFFLES = 400
RESAMPLES = 200
FOUND_MAX = 6  # all subsets of them are fitted in each resample


@dataclass(frozen=True)
class ChoiceShare:
    """One choice and the share of the variance that it explains, in [0, 1], with its interval.

    Attributes:
        low: lower end; None where no interval is stated.
    """

    name: str
    share: float
    low: float | None = None
    high: float | None = None


def find_parts(
    bases: Mapping[str, Columns], values: Sequence[float], groups: Sequence[int] | None = None, seed: int = 0
) -> tuple[tuple[ChoiceShare, ...], float]:
    """Return the choices that matter, the greatest first, and the share of the variance that they explain together.

    Args:
        bases: choice to its columns (trials, columns).
        values: of each trial.
        groups: family of each trial; differences within families alone count then, and are shuffled and drawn there.
        seed: of the shuffles and draws.
    """
    rng = np.random.default_rng(seed)
    group = np.zeros(len(values), int) if groups is None else np.unique(groups, return_inverse=True)[1]
    target = _within(np.array(values, float)[:, None], group)[:, 0]
    inside = {name: _within(columns, group) for name, columns in bases.items()}
    inside = {name: columns for name, columns in inside.items() if np.abs(columns).max() > TINY}
    names = _found(inside, target, group, rng)
    if not names:
        return (), 0.0
    return _shares({name: inside[name] for name in names}, target, group, rng)


def _found(
    bases: Mapping[str, Columns], target: Columns, group: NDArray[np.intp], rng: np.random.Generator
) -> list[str]:
    """Return the choices that explain more than chance would, one after the other, each beside those before it."""
    found: list[str] = []
    while len(found) < min(FOUND_MAX, len(bases)):
        before = _orthonormal(np.concatenate([bases[name] for name in found], axis=1)) if found else None
        names = [name for name in bases if name not in found]
        spans = [_orthonormal(_beside(bases[name], before)) for name in names]
        rest = _beside(target[:, None], before)
        if float((rest**2).sum()) < TINY:
            break
        shuffled = _beside(rest[_shuffles(group, rng), 0].T, before)
        chance = np.stack([_explains(span, shuffled) for span in spans])  # (choices, shuffles)
        seen = np.array([float(_explains(span, rest)[0]) for span in spans])
        # A p-value for each choice, of what was seen and of each shuffle: ranks among all shuffles.
        ordered = np.sort(chance, axis=1)
        p_seen = np.array([_p_value(line, np.array([value]))[0] for line, value in zip(ordered, seen, strict=True)])
        p_chance = np.stack([_p_value(line, values) for line, values in zip(ordered, chance, strict=True)])
        best = min(range(len(names)), key=lambda index: (p_seen[index], -seen[index]))
        if float((p_chance.min(axis=0) <= p_seen[best]).mean()) > 1 - LEVEL:
            break
        found.append(names[best])
    return found


def _p_value(ordered: Columns, values: Columns) -> Columns:
    """Return the share of the shuffles that explain as much as each value or more, the value itself counted."""
    above = len(ordered) - np.searchsorted(ordered, values - TINY, side="left")
    return (above + 1.0) / (len(ordered) + 1)


def _shuffles(group: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return orders of the trials (shuffles, trials), each shuffled within its groups."""
    keys = rng.random((SHUFFLES, len(group))) + group  # groups are whole numbers: sorting keeps them apart
    places = np.argsort(group, kind="stable")
    orders = np.empty((SHUFFLES, len(group)), np.intp)
    orders[:, places] = np.argsort(keys, axis=1)
    return orders


def _explains(span: Columns, values: Columns) -> Columns:
    """Return the share of the squares of each column of values that an orthonormal span explains."""
    whole = (values**2).sum(axis=0)
    explained: Columns = ((span.T @ values) ** 2).sum(axis=0) / np.maximum(whole, TINY)
    return explained


def _orthonormal(columns: Columns) -> Columns:
    """Return an orthonormal basis of what the columns span."""
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, sizes > 1e-6 * np.sqrt(len(columns))]


def _beside(columns: Columns, before: Columns | None) -> Columns:
    """Return what of the columns an orthonormal span does not explain."""
    return columns if before is None else columns - before @ (before.T @ columns)


def _within(columns: Columns, group: NDArray[np.intp]) -> Columns:
    """Return the columns less the means of their groups."""
    counts = np.bincount(group)
    means = np.stack([np.bincount(group, weights=column) / counts for column in columns.T], axis=1)
    return columns - means[group]


def _shares(
    bases: Mapping[str, Columns], target: Columns, group: NDArray[np.intp], rng: np.random.Generator
) -> tuple[tuple[ChoiceShare, ...], float]:
    """Return each choice's share of what they explain together, with its interval, and what that is.

    An interval is that of the resamples, shifted by what resampling adds to a share (repeated trials fit too well).
    """
    draws = np.concatenate([np.ones((1, len(target))), _draws(group, rng)])
    moments = _moments(np.concatenate([*bases.values(), target[:, None]], axis=1), draws, group)
    freedom = len(target) - int(group.max()) - 1
    ends = np.cumsum([columns.shape[1] for columns in bases.values()])
    places = {name: range(end - bases[name].shape[1], end) for name, end in zip(bases, ends.tolist(), strict=True)}
    fits = {
        some: _adjusted(moments, [i for n in bases if n in some for i in places[n]], freedom) for some in subsets(bases)
    }
    parts = []
    for name, share in shapley(fits).items():
        low, high = np.quantile(share[1:] - share[1:].mean(), [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) + share[0]
        if low > 0:  # else what the shuffles found is too uncertain to be drawn
            parts.append(ChoiceShare(name, float(share[0]), float(low), float(min(high, 1.0))))
    return tuple(sorted(parts, key=lambda part: (-part.share, part.name))), sum(part.share for part in parts)


def _draws(group: NDArray[np.intp], rng: np.random.Generator) -> Columns:
    """Return how often each trial is drawn in each resample (resamples, trials), as many of each group as it has."""
    drawn = np.zeros((RESAMPLES, len(group)))
    for number in range(int(group.max()) + 1):
        members = np.flatnonzero(group == number)
        drawn[:, members] = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), size=RESAMPLES)
    return drawn


def _moments(columns: Columns, draws: Columns, group: NDArray[np.intp]) -> Columns:
    """Return the sums of products of all columns within groups, for each draw: (draws, columns, columns)."""
    count, width = columns.shape
    products = (columns[:, :, None] * columns[:, None, :]).reshape(count, width * width)
    moments = draws @ products
    for number in range(int(group.max()) + 1):  # less what the means of the drawn are
        drawn = draws[:, group == number]
        sums = drawn @ columns[group == number]
        size = np.maximum(drawn.sum(axis=1), 1.0)[:, None, None]
        moments -= (sums[:, :, None] * sums[:, None, :] / size).reshape(len(draws), width * width)
    return moments.reshape(len(draws), width, width)


def _adjusted(moments: Columns, chosen: Sequence[int] | range, freedom: int) -> Columns:
    """Return the adjusted R squared of the last column by the chosen ones, for each draw."""
    index = np.array(list(chosen), int)
    whole = np.maximum(moments[:, -1, -1], TINY)
    if not len(index) or freedom - len(index) < 1:
        return np.zeros(len(moments))
    gram = moments[:, index[:, None], index] + 1e-6 * freedom * np.eye(len(index))
    to = moments[:, index, -1]
    fitted = (to * np.linalg.solve(gram, to[:, :, None])[:, :, 0]).sum(axis=1)
    adjusted: Columns = 1 - (1 - np.clip(fitted / whole, 0, 1)) * freedom / (freedom - len(index))
    return adjusted
