"""The Pareto front of accuracy (up) against latency (down), and its hypervolume."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def front_mask(accuracy: Sequence[float], latency_ms: Sequence[float]) -> NDArray[np.bool_]:
    """Mark the points that no other point dominates, in O(n log n).

    A point dominates another if it is at least as accurate and at least as fast, and better in one of both.
    Equal points do not dominate each other: duplicates of a member are members. Points with a NaN are none.

    Args:
        accuracy: shape (n,), greater is better.
        latency_ms: shape (n,), smaller is better.

    Returns:
        Shape (n,): True for members of the front.
    """
    gain, cost = np.asarray(accuracy, float), np.asarray(latency_ms, float)
    steps = front_indices(gain, cost)
    if not len(steps):
        return np.zeros(len(gain), bool)
    step = steps[np.maximum(np.searchsorted(cost[steps], cost, side="right") - 1, 0)]  # the slowest not slower
    mask: NDArray[np.bool_] = (gain == gain[step]) & (cost == cost[step])  # NaN equals nothing
    return mask


def front_indices(accuracy: Floats, latency: Floats) -> NDArray[np.int_]:
    """Return which points are on the front, the fastest first; of equal points the first. Points with a NaN are none.

    Args:
        accuracy: shape (n,), greater is better.
        latency: shape (n,), smaller is better, on any scale.
    """
    known = np.flatnonzero(~(np.isnan(accuracy) | np.isnan(latency)))
    order = known[np.lexsort((-accuracy[known], latency[known]))]
    there = accuracy[order]
    leads = there > np.concatenate([[-np.inf], np.maximum.accumulate(there)[:-1]])
    leads[:1] = True  # also where its accuracy is -inf: nothing is faster
    steps: NDArray[np.int_] = order[leads]
    return steps


def area_under(edges: Floats, heights: Floats, until: float) -> float:
    """Return the area under a staircase.

    Args:
        edges: where each step begins, rising, shape (k,).
        heights: of the steps, shape (k,).
        until: where the last step ends.
    """
    return float(np.diff(np.append(edges, until)) @ heights)


@dataclass(frozen=True)
class Reference:
    """The box in which hypervolume is counted: accuracy from 0, latency from `least_ms` to `most_ms`.

    Both ends are taken from a whole table at once and rounded outwards to 1, 2 or 5 times a power of ten.
    So one curve over time has one reference, and a later report of the same study mostly keeps it.
    """

    least_ms: float
    most_ms: float

    def __post_init__(self) -> None:
        if not 0 < self.least_ms < self.most_ms:
            raise ValueError(f"Reference: 0 < least_ms < most_ms must hold, got {self.least_ms} and {self.most_ms}")


def reference_for(latencies_ms: Sequence[float]) -> Reference | None:
    """Return the box around these latencies (all > 0), or None if there are none.

    The slower end lies strictly beyond the slowest latency: every accurate point counts for something.
    """
    if not len(latencies_ms):
        return None
    low, high = min(latencies_ms), max(latencies_ms)
    return Reference(
        least_ms=max(step for step in _round_steps(low) if step <= low),
        most_ms=min(step for step in _round_steps(high) if step > high),
    )


def _round_steps(near: float) -> Iterator[float]:
    """Yield 1, 2 and 5 times the powers of ten around `near`, in rising order."""
    decade = math.floor(math.log10(near))
    for exponent in range(decade - 1, decade + 2):
        yield from (float(f"{factor}e{exponent}") for factor in (1, 2, 5))


def hypervolume(accuracy: Sequence[float], latency_ms: Sequence[float], reference: Reference) -> float:
    """Return the area under the front in the reference's box, as a share of the box, in [0, 1] for mAP.

    Latency counts on a log axis: being twice as fast is worth as much at 2 ms as at 200 ms. The figure is
    thus the mean, over log latency, of the best accuracy to be had within that latency.
    """
    gain, cost = np.asarray(accuracy, float), np.asarray(latency_ms, float)
    steps = front_indices(gain, cost)
    return _area(cost[steps].tolist(), gain[steps].tolist(), reference)


def hypervolume_over_trials(
    accuracy: Sequence[float], latency_ms: Sequence[float], reference: Reference
) -> list[float]:
    """Return the hypervolume after each point, in the order given: shape (n,), never falling."""
    front_ms: list[float] = []  # rising, as is front_gain
    front_gain: list[float] = []
    area, areas = 0.0, []
    for gain, ms in zip(accuracy, latency_ms, strict=True):
        if _insert(front_ms, front_gain, ms, gain):
            area = _area(front_ms, front_gain, reference)
        areas.append(area)
    return areas


def _insert(front_ms: list[float], front_gain: list[float], ms: float, gain: float) -> bool:
    """Put a point on a front kept in rising order, drop what it dominates; False if it adds nothing."""
    faster = bisect_right(front_ms, ms)
    if math.isnan(ms) or math.isnan(gain) or (faster and front_gain[faster - 1] >= gain):
        return False
    start, stop = bisect_left(front_ms, ms), bisect_right(front_gain, gain)
    front_ms[start:stop] = [ms]
    front_gain[start:stop] = [gain]
    return True


def _area(front_ms: Sequence[float], front_gain: Sequence[float], reference: Reference) -> float:
    """Return the area under a rising staircase, over log latency, as a share of the reference's box."""
    low, high = math.log(reference.least_ms), math.log(reference.most_ms)
    edges = np.clip(np.log(front_ms), low, high) if front_ms else np.empty(0)
    return area_under(edges, np.maximum(front_gain, 0.0), high) / (high - low)
