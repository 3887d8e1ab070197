"""Fewer of many: an even sample, or the best and an even sample of the others."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item")


def even_indices(count: int, most: int) -> NDArray[np.int_]:
    """Return at most so many of the indices below `count`, rising, at even distances; of two or more, both ends."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def evenly(items: Sequence[Item], most: int) -> list[Item]:
    """Return at most so many of the items at even distances; of two or more, the first and the last."""
    return [items[index] for index in even_indices(len(items), most)]


def best_and_sample(items: Sequence[Item], most: int, merit: Callable[[Item], float]) -> list[Item]:
    """Return at most `most` items in their order: half of them the best by merit, half an even sample of the rest."""
    if len(items) <= most:
        return list(items)
    ranked = sorted(range(len(items)), key=lambda index: -merit(items[index]))
    half = most // 2
    kept = {*ranked[:half], *evenly(sorted(ranked[half:]), most - half)}
    return [item for index, item in enumerate(items) if index in kept]
