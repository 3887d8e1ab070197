"""The axes of a drawing in letters: log latency and accuracy, with round marks that leave each other room."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports.analysis.views import latency_ticks
from reports.glance.points import FrontPoints
from reports.table.words import number

FAR_BOUND = 2.5  # a bound is drawn while it is at most so many times beyond the slowest mark, or as far below the least
DEPTH_SHOWN = 0.8  # of the marks' height: how far below them other trials are still drawn
ACCURACY_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class Axes:
    """What a drawing spans: latencies in ms, accuracies; both ends included, and never equal."""

    low_ms: float
    high_ms: float
    low: float
    high: float

    def x(self, latency_ms: float) -> float:
        """Return the place of a latency, 0 at the left end and 1 at the right."""
        return math.log(latency_ms / self.low_ms) / math.log(self.high_ms / self.low_ms)

    def y(self, accuracy: float) -> float:
        """Return the place of an accuracy, 0 at the top and 1 at the bottom."""
        return (self.high - accuracy) / (self.high - self.low)

    def holds(self, latency_ms: float, accuracy: float) -> bool:
        """Whether a place is inside."""
        return self.low_ms <= latency_ms <= self.high_ms and self.low <= accuracy <= self.high


def axes_of(points: FrontPoints) -> Axes:
    """Return axes that hold the front, the baseline and what runs, and of the rest what lies near.

    The gate's bounds are held too where they are not so far off that the marks would be squeezed together.
    """
    marks = points.places + [(point.latency_ms, point.accuracy) for point in points.running]
    marks = marks or list(points.others) or [(1.0, 0.0), (10.0, 1.0)]
    xs, ys = [x for x, _ in marks], [y for _, y in marks]
    low_ms, high_ms = min(xs), max(xs)
    if points.most_ms is not None and low_ms / FAR_BOUND <= points.most_ms <= high_ms * FAR_BOUND:
        low_ms, high_ms = min(low_ms, points.most_ms), max(high_ms, points.most_ms)
    low, high = min(ys), max(ys)
    height = max(high - low, 0.02)
    if points.least is not None and low - FAR_BOUND * height <= points.least <= high + FAR_BOUND * height:
        low, high = min(low, points.least), max(high, points.least)
    near = [y for x, y in points.others if y >= low - DEPTH_SHOWN * height]
    far = [x for x, y in points.others if y >= low - DEPTH_SHOWN * height and x <= high_ms * FAR_BOUND]
    low, low_ms, high_ms = min([low, *near]), min([low_ms, *far]), max([high_ms, *far])
    pad_ms, pad = max((high_ms / low_ms) ** 0.04, 1.02), max(0.06 * (high - low), 0.002)
    return Axes(
        low_ms / pad_ms, high_ms * pad_ms, max(0.0, low - pad), min(1.0, high + pad) if high < 1 else high + pad
    )


def accuracy_ticks(axes: Axes, rows: int) -> list[float]:
    """Return round accuracies within the axes, at most one for each three rows."""
    span, most = axes.high - axes.low, max(2, rows // 3)
    step = next((step for step in ACCURACY_STEPS if span / step <= most), 1.0)
    first = math.ceil(axes.low / step)
    return [round(i * step, 3) for i in range(first, math.floor(axes.high / step) + 1)]


def bound_text(value: float) -> str:
    """Return a bound as short as it is exact: 0.55, 25, 12.5."""
    return f"{value:g}"


def latency_names(axes: Axes, width: int, first: Sequence[float] = ()) -> list[tuple[int, str]]:
    """Return columns and names of latencies that leave a column between each other; those of `first` come first."""
    taken: set[int] = set()
    found = []
    ticks = latency_ticks(axes.low_ms, axes.high_ms)
    for i, tick in enumerate([*first, *ticks]):
        if not axes.low_ms <= tick <= axes.high_ms:
            continue
        name = bound_text(tick) if i < len(first) else f"{tick:g}"
        start = round(axes.x(tick) * (width - 1)) - (len(name) - 1) // 2
        start = min(max(start, 1), width - len(name))  # the first column parts it from the title
        if not taken & set(range(start - 1, start + len(name) + 1)):
            taken |= set(range(start, start + len(name)))
            found.append((start, name))
    return sorted(found)


def latency_words(latency_ms: float) -> str:
    """Return a latency beside a mark: '4.44 ms'."""
    return f"{number(latency_ms)} ms"
