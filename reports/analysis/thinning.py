"""Fewer of many: an even sample, or the best and an even sample of the others."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def evenly(items: Sequence[Item], count: int) -> list[Item]:
    """Return `count` of the items at even distances; all items if there are no more than `count`."""
    return list(items) if len(items) <= count else [items[index * len(items) // count] for index in range(count)]


def best_and_sample(items: Sequence[Item], most: int, merit: Callable[[Item], float]) -> list[Item]:
    """Return at most `most` items in their order: half of them the best by merit, half an even sample of the rest."""
    if len(items) <= most:
        return list(items)
    ranked = sorted(range(len(items)), key=lambda index: -merit(items[index]))
    half = most // 2
    kept = {*ranked[:half], *evenly(sorted(ranked[half:]), most - half)}
    return [item for index, item in enumerate(items) if index in kept]
