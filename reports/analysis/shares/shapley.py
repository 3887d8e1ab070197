"""Shapley's value: what each of several parts adds to a fit, over all orders in which parts may be added.

The shares add up to the fit of all parts (Shapley 1953; of explained variance: Lindeman, Merenda and Gold 1980;
Groemping 2007, The American Statistician 61).
"""

import math
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Fit = TypeVar("Fit", float, NDArray[np.float64])


def subsets(names: Iterable[str]) -> list[frozenset[str]]:
    """Return all subsets of some names, the empty one first."""
    listed = list(names)
    return [frozenset(some) for size in range(len(listed) + 1) for some in combinations(listed, size)]


def shapley(fits: Mapping[frozenset[str], Fit]) -> dict[str, Fit]:
    """Return part to its share of the fit of all parts.

    Args:
        fits: each subset of the parts to how well it fits.
    """
    names = sorted(frozenset().union(*fits))
    total = math.factorial(len(names))
    found: dict[str, Fit] = {}
    for name in names:
        for some, fit in fits.items():
            if name not in some:
                weight = math.factorial(len(some)) * math.factorial(len(names) - len(some) - 1) / total
                gain = weight * (fits[some | {name}] - fit)
                found[name] = found[name] + gain if name in found else gain
    return found
