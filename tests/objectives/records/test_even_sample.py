"""Fewer of many keep their order, their ends and their best."""

from hypothesis import given
from hypothesis import strategies as st

from objectives.records.even_sample import best_and_sample, even_indices, evenly


@given(st.lists(st.integers()), st.integers(1, 20))
def test_an_even_sample_is_in_order_and_of_the_right_size(items: list[int], count: int) -> None:
    kept = evenly(list(enumerate(items)), count)
    assert len(kept) == min(count, len(items))
    assert kept == sorted(set(kept))


def test_an_even_sample_reaches_over_all() -> None:
    assert evenly(range(9), 3) == [0, 4, 8]
    assert evenly(range(2), 5) == [0, 1]
    assert evenly(range(9), 0) == evenly([], 5) == []
    assert even_indices(1000, 100)[[0, -1]].tolist() == [0, 999]


@given(st.integers(1, 1000), st.integers(1, 50))
def test_even_indices_keep_both_ends(count: int, most: int) -> None:
    found = even_indices(count, most).tolist()
    assert found == sorted(set(found))
    assert len(found) == min(count, most)
    assert found[0] == 0
    assert found[-1] == (count - 1 if most > 1 else 0)


@given(st.lists(st.floats(allow_nan=False)), st.integers(2, 20))
def test_the_better_half_is_kept(merits: list[float], most: int) -> None:
    items = list(enumerate(merits))
    kept = best_and_sample(items, most, lambda item: item[1])
    assert len(kept) == min(most, len(items))
    assert kept == sorted(kept, key=lambda item: item[0])
    best = sorted(merits, reverse=True)[: min(most // 2, len(items))]
    assert sorted((merit for _, merit in kept), reverse=True)[: len(best)] == best
