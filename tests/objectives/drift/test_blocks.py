"""Blocks of group and time: against a naive oracle that walks over them, and what must not matter."""

from collections import defaultdict
from itertools import pairwise
from statistics import fmean, median

import numpy as np
import pytest
from drifting_stream import Quiet, stream
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from objectives.drift.blocks import Rows, compare


def rows_of(triples: list[tuple[float, float, str]]) -> Rows:
    values, days, groups = zip(*triples, strict=True)
    return Rows(np.array(values, float)[:, None], np.array(days, float), np.array(groups))


def centre(values: np.ndarray) -> np.ndarray:
    return np.median(values, axis=0)


def quiet_rows(quiet: Quiet, days: int, seed: int) -> Rows:
    images = stream(quiet, days, np.random.default_rng(seed))
    first = images[0].at.timestamp() // 86_400
    return rows_of([(i.figures["brightness"], i.at.timestamp() / 86_400 - first, i.group) for i in images])


def spans(rows: Rows, group: str, length: float) -> list[float]:
    """Return the medians of a group's spans, by hand."""
    found: dict[int, list[float]] = defaultdict(list)
    end = max(rows.days)
    for value, day, name in zip(rows.values[:, 0].tolist(), rows.days.tolist(), rows.groups.tolist(), strict=True):
        if name == group:
            found[int(day // 1) if length == 1 else int((end - day) // length)].append(value)
    usual = median(len(values) for values in found.values())
    return [median(values) for _, values in sorted(found.items()) if len(values) >= usual / 4]


def alike_days(series: list[list[float]]) -> float:
    """Return how many days count as one, by hand."""
    series = [each for each in series if len(each) > 1]
    if not series:
        return 1
    products, squares, pairs = 0.0, 0.0, 0
    for each in series:
        off = [value - fmean(each) for value in each]
        squares += sum(value * value for value in off)
        products += sum(a * b for a, b in pairwise(off))
        pairs += len(each) - 1
    r = products / squares + len(series) / sum(map(len, series)) + 2 / pairs**0.5
    return min(9, max(1, (1 + r) / (1 - r))) if r < 1 else 9


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 5), st.floats(0, 0.5), st.floats(0, 0.1))
def test_against_a_naive_oracle(seed: int, stores: int, images: int, away: float, week_sd: float) -> None:
    rows = quiet_rows(Quiet(stores, images, away=away, week_sd=week_sd), 35, seed)
    base, now = rows.of(rows.days < 28), rows.of(rows.days >= 28)
    names = sorted(set(now.groups.tolist()))
    assume(names and set(names) <= set(base.groups.tolist()))
    found = compare(base, now, 7, centre)
    weight = {g: (now.groups == g).mean() for g in names}
    own = {g: float(np.median(now.values[now.groups == g])) for g in names}
    was = {g: fmean(spans(base, g, 7)) for g in names}
    assert found.now[0] == pytest.approx(sum(weight[g] * own[g] for g in names))
    assert found.baseline[0] == pytest.approx(sum(weight[g] * was[g] for g in names))
    variances = []
    for length in (7, 1):
        blocks = {g: spans(base, g, length) for g in sorted(set(base.groups.tolist()))}
        df = sum(len(b) - 1 for b in blocks.values())
        pooled = sum((x - fmean(b)) ** 2 for b in blocks.values() for x in b) / max(df, 1)
        alike = 1.0 if length == 7 else alike_days(list(blocks.values()))
        if df / alike < 1:
            continue
        total = 0.0
        for g in names:
            usual = median(
                np.unique(np.floor((base.days.max() - base.days[base.groups == g]) / 7), return_counts=True)[1]
            )
            lasting = 1.0
            if length == 1:
                usual = median(np.unique(np.floor(base.days[base.groups == g]), return_counts=True)[1])
                lasting = len(set(np.floor(now.days[now.groups == g]).tolist()))
            short = max(1, usual * lasting / (now.groups == g).sum())
            total += weight[g] ** 2 * pooled * short / max(1, lasting / alike)
            total += weight[g] ** 2 * pooled / max(1, len(blocks[g]) / alike)
        variances.append(total)
    assert found.var_now[0, 0] + found.var_baseline[0, 0] == pytest.approx(max(variances))


@pytest.mark.parametrize("seed", range(5))
def test_which_stores_sent_images_is_no_change(seed: int) -> None:
    """Eight stores that differ by half of their brightness, of which the window has three."""
    rows = quiet_rows(Quiet(8, store_sd=0.5, day_sd=0.01, image_sd=0.02), 35, seed)
    base, now = rows.of(rows.days < 28), rows.of(rows.days >= 28)
    bright = sorted(set(now.groups.tolist()), key=lambda g: float(np.median(now.values[now.groups == g])))[-3:]
    few = compare(base, now.of(np.isin(now.groups, bright)), 7, centre)
    assert few.now[0] / float(np.median(base.values)) > 1.2
    assert few.now[0] / few.baseline[0] == pytest.approx(1, abs=0.02)
    assert set(few.by_group) == set(bright)


def test_more_images_of_the_same_days_bring_no_certainty() -> None:
    """Each image ten times over: a test of images would think that it knows more."""
    rows = quiet_rows(Quiet(4), 35, 0)
    many = Rows(np.repeat(rows.values, 10, axis=0), np.repeat(rows.days, 10), np.repeat(rows.groups, 10))
    once, ten = (compare(r.of(r.days < 28), r.of(r.days >= 28), 7, centre) for r in (rows, many))
    assert ten.var_now == pytest.approx(once.var_now)
    assert ten.df == once.df


def test_groups_that_do_not_recur_are_compared_as_wholes_by_welch() -> None:
    rng = np.random.default_rng(0)
    base = rows_of([(float(v), i, f"trip-{i}") for i, v in enumerate(rng.normal(1, 0.1, 12))])
    now = rows_of([(float(v), 30 + i, f"trip-{30 + i}") for i, v in enumerate(rng.normal(1.2, 0.3, 5))])
    found = compare(base, now, 7, centre)
    wanted = stats.ttest_ind(now.values[:, 0], base.values[:, 0], equal_var=False)
    error = float(np.sqrt(found.var_now[0, 0] + found.var_baseline[0, 0]))
    assert (found.now[0] - found.baseline[0]) / error == pytest.approx(wanted.statistic)
    assert found.df == pytest.approx(wanted.df)
    assert found.blocks == "groups as wholes"


def test_groups_seen_once_each_show_the_spread_by_their_changes() -> None:
    """A baseline of one day: no time repeats, but stores do."""
    rng = np.random.default_rng(0)
    mean, moved = rng.normal(1, 0.5, 6), rng.normal(0.1, 0.05, 6)
    base = rows_of([(mean[g], 0.5, f"store-{g}") for g in range(6)])
    now = rows_of([(mean[g] + moved[g], 9.5, f"store-{g}") for g in range(6)])
    found = compare(base, now, 7, centre)
    assert (found.blocks, found.df) == ("groups", 5)
    assert found.now[0] - found.baseline[0] == pytest.approx(moved.mean())
    assert found.var_now[0, 0] == pytest.approx(moved.var(ddof=1) / 6)


def test_one_group_on_one_day_cannot_be_tested() -> None:
    base, now = (rows_of([(float(i), day, "line") for i in range(40)]) for day in (0.0, 9.0))
    assert compare(base, now, 7, centre).df == 0


def test_days_that_are_alike_within_a_week_are_no_seven_days() -> None:
    """Whole weeks that differ show a spread that single days, taken for independent, would deny."""
    rows = quiet_rows(Quiet(8, day_sd=0.0, week_sd=0.1, image_sd=0.02), 35, 1)
    found = compare(rows.of(rows.days < 28), rows.of(rows.days >= 28), 7, centre)
    assert found.blocks == "group x window"
    assert float(np.sqrt(found.var_now[0, 0])) == pytest.approx(0.5 * 0.1 / np.sqrt(8), rel=0.5)
