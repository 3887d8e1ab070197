"""What is made of a growing list: once of what lasts, anew of what changes, in order."""

from hypothesis import given
from hypothesis import strategies as st

from objectives.records.made_once import MadeOnce


class Item:
    """Something that ends, and is another object each time until then."""

    def __init__(self, number: int, *, has_ended: bool) -> None:
        self.number, self.has_ended = number, has_ended


def test_what_lasts_is_made_once() -> None:
    made: list[int] = []

    def make(item: Item) -> tuple[int, bool]:
        made.append(item.number)
        return item.number, item.has_ended

    once = MadeOnce(make, lambda pair: pair[1])
    ended, running = Item(0, has_ended=True), Item(1, has_ended=False)
    first = once.of([ended, running])
    assert once.of([ended, running, Item(2, has_ended=True)]) == [(0, True), (1, False), (2, True)]
    assert once.of([ended])[0] is first[0]
    assert made == [0, 1, 1, 2]


@given(st.lists(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=6), max_size=6))
def test_it_is_what_making_all_anew_gives(states: list[list[tuple[int, bool]]]) -> None:
    pool = {(n, ended): Item(n, has_ended=ended) for n in range(6) for ended in (False, True)}
    once: MadeOnce[Item, int | None] = MadeOnce(lambda item: item.number or None, lambda number: number is not None)
    for state in states:
        items = [pool[key] for key in state]
        assert once.of(items) == [item.number or None for item in items]
