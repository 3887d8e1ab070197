"""The table of bounds: for each setting of the gate its quantity, direction, unit and words, and what it needs.

Text, check, verdict, page, pick, export, contract and engine read this table; a bound of another kind is a row of it.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from objectives.records.bounds.figures import Figures

OLDER = "scored by an older automl"  # why quantities are unknown that older versions did not measure
AS_DEPLOYED = f"{OLDER} or before a fork"  # there at another confidence
NONE_THERE = f"no such object, or {OLDER}"
SMALL_OBJECT_PX = 32  # COCO: a small object covers less than 32 x 32 px of its image
MB = 1e6  # bytes
OF_ONE, MS, PER_SECOND, MEGABYTES, OF_USERS = (
    "share",
    "ms",
    "images/s",
    "MB",
    "",
)  # units; of an own metric none is known


@dataclass(frozen=True)
class Quantity:
    """What a bound is about.

    Attributes:
        name: for people: "mAP50", "recall of cola".
        of: its value in a detector's figures; None where it was not measured.
        is_floor: whether the bound is the least value that passes, else the greatest.
        unit: OF_ONE, MS, PER_SECOND, MEGABYTES or OF_USERS.
        needs_training: whether it is known of trained detectors alone.
        unknown: why it may be unknown of a detector that was measured; empty for no reason of its own.
        is_of_latency: whether the percentiles of the latency say it, so that it can be foretold as they can.
    """

    name: str
    of: Callable[[Figures], float | None]
    is_floor: bool = True
    unit: str = OF_ONE
    needs_training: bool = True
    unknown: str = ""
    is_of_latency: bool = False


@dataclass(frozen=True)
class Judged:
    """A bound, held against a figure.

    Attributes:
        bound: as set.
        value: of the detector, in the bound's unit; None where it was not measured, which misses the bound.
    """

    bound: "Bound"
    value: float | None

    @property
    def is_kept(self) -> bool:
        """Whether the figure keeps the bound; up to the bound is within it."""
        if self.value is None:
            return False
        return self.value >= self.bound.limit if self.bound.quantity.is_floor else self.value <= self.bound.limit

    @property
    def apart(self) -> float:
        """How far the figure lies beyond the bound, in its unit; 0 where it keeps it, NaN where it is unknown."""
        return math.nan if self.value is None else 0.0 if self.is_kept else abs(self.value - self.bound.limit)

    @property
    def relative(self) -> float:
        """How far that is as a share of the bound, to add misses of several bounds up; 1 for an unknown figure.

        Times and sizes count by their ratio. A ceiling on a share counts as the floor on what is left of 1: a false
        negative rate like the recall.
        """
        if self.value is None:
            return 1.0
        if self.is_kept:
            return 0.0
        limit, is_floor = self.bound.limit, self.bound.quantity.is_floor
        if self.bound.quantity.unit in (MS, MEGABYTES):
            return math.log(self.value / limit)
        scale = 1 - limit if self.bound.quantity.unit == OF_ONE and not is_floor else abs(limit)
        return self.apart / (scale or 1.0)


@dataclass(frozen=True)
class Bound:
    """One bound of a gate.

    Attributes:
        setting: its name in the settings, below `gate`: "map50_min", "recall_of.cola".
        quantity: what it is about.
        limit: least or greatest value that passes, in the quantity's unit.
    """

    setting: str
    quantity: Quantity
    limit: float

    def judge(self, figures: Figures) -> Judged:
        """Hold the bound against a detector's figures; NaN is not measured."""
        value = self.quantity.of(figures)
        return Judged(self, None if value is None or math.isnan(value) else value)

    def __str__(self) -> str:
        unit = "" if self.quantity.unit in (OF_ONE, OF_USERS) else f" {self.quantity.unit}"
        return f"{self.quantity.name} {'>=' if self.quantity.is_floor else '<='} {self.limit:g}{unit}"


QUANTITIES = {  # setting: quantity, in the order in which people read them
    "map50_min": Quantity("mAP50", lambda f: f.map50),
    "map_min": Quantity("mAP", lambda f: f.map),
    "p95_ms_max": Quantity("p95", lambda f: f.p95_ms, False, MS, False, is_of_latency=True),
    "p50_ms_max": Quantity("p50", lambda f: f.p50_ms, False, MS, False, is_of_latency=True),
    "f1_min": Quantity("F1", lambda f: f.accuracy.f1 if f.accuracy else None, unknown=AS_DEPLOYED),
    "precision_min": Quantity("precision", lambda f: f.accuracy.precision if f.accuracy else None, unknown=AS_DEPLOYED),
    "recall_min": Quantity("recall", lambda f: f.accuracy.recall if f.accuracy else None, unknown=AS_DEPLOYED),
    "map_small_min": Quantity("mAP of small objects", lambda f: _small(f), unknown=NONE_THERE),
    "throughput_min": Quantity(
        "throughput", lambda f: throughput(f.p50_ms), True, PER_SECOND, False, is_of_latency=True
    ),
    "images_per_s_min": Quantity(
        "rate at the best batch",
        lambda f: f.images_per_s,
        True,
        PER_SECOND,
        False,
        "timed without latency.throughput",
    ),
    "memory_mb_max": Quantity(
        "memory", lambda f: f.memory_bytes / MB or None, False, MEGABYTES, False, "timed beside others, in one process"
    ),
    "file_mb_max": Quantity("file", lambda f: f.file_bytes / MB or None, False, MEGABYTES, False),
}


def said(broken: Iterable[Judged]) -> str:
    """Return broken bounds in words: "p95 <= 10 ms and file <= 20 MB (21.5 MB)"; latencies are shown by the caller."""
    parts = []
    for judged in broken:
        value = "" if judged.bound.quantity.unit == MS else f" ({judged.value:.4g} {judged.bound.quantity.unit})"
        parts.append(f"{judged.bound}{value}")
    return " and ".join(parts)


def throughput(p50_ms: float | None) -> float | None:
    """Return the images per second of one stream at batch 1: what the median latency leaves, nothing overlapped."""
    return None if p50_ms is None else 1e3 / p50_ms


def recall_of(name: str) -> Quantity:
    """Return the recall of a class at the deployed confidence, IoU 0.5."""
    return Quantity(f"recall of {name}", lambda f: _recall(f, name), unknown=f"no such object, or {AS_DEPLOYED}")


def misses_of(name: str) -> Quantity:
    """Return the false negative rate of a class: the share of its objects that are not found."""

    def rate(figures: Figures) -> float | None:
        recall = _recall(figures, name)
        return None if recall is None else 1 - recall

    return Quantity(f"misses of {name}", rate, is_floor=False, unknown=f"no such object, or {AS_DEPLOYED}")


def own_metric(name: str, *, is_floor: bool) -> Quantity:
    """Return a metric of the user's own."""
    return Quantity(
        name, lambda f: f.own(name), is_floor, OF_USERS, unknown="it gave no number, or was scored before a fork"
    )


def _small(figures: Figures) -> float | None:
    found = figures.accuracy.map_small if figures.accuracy else None
    return None if found is None or found < 0 else found


def _recall(figures: Figures, name: str) -> float | None:
    found = figures.of_class(name)
    return None if found is None else found.recall
