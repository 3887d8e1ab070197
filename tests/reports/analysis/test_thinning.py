"""Fewer of many keep their order, their ends and their best."""

from hypothesis import given
from hypothesis import strategies as st

from reports.analysis.thinning import best_and_sample, evenly


@given(st.lists(st.integers()), st.integers(1, 20))
def test_an_even_sample_is_in_order_and_of_the_right_size(items: list[int], count: int) -> None:
    kept = evenly(list(enumerate(items)), count)
    assert len(kept) == min(count, len(items))
    assert kept == sorted(set(kept))


def test_an_even_sample_reaches_over_all() -> None:
    assert evenly(range(10), 5) == [0, 2, 4, 6, 8]


@given(st.lists(st.floats(allow_nan=False)), st.integers(2, 20))
def test_the_better_half_is_kept(merits: list[float], most: int) -> None:
    items = list(enumerate(merits))
    kept = best_and_sample(items, most, lambda item: item[1])
    assert len(kept) == min(most, len(items))
    assert kept == sorted(kept, key=lambda item: item[0])
    best = sorted(merits, reverse=True)[: min(most // 2, len(items))]
    assert sorted((merit for _, merit in kept), reverse=True)[: len(best)] == best
