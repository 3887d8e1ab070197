"""The gate: what a detector must reach to ship, as a list of bounds."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from objectives.records.bounds.figures import Figures
from objectives.records.bounds.quantities import (
    OF_ONE,
    QUANTITIES,
    Bound,
    Judged,
    misses_of,
    own_metric,
    recall_of,
    throughput,
)
from spaces.errors import SettingsError

OF_CLASSES = {"recall_of": recall_of, "misses_of": misses_of}
TARGET_KEY, ENDS = "_target_", ("min", "max")


@dataclass(frozen=True)
class Gate:
    """Bounds on a finished detector; `None` leaves a quantity free.

    F1, precision and recall are those at the deployed confidence and IoU 0.5, objects of all classes taken together
    (micro average).

    Attributes:
        map50_min: least mAP at IoU 0.5, in [0, 1].
        map_min: least mAP at IoU 0.5:0.95, in [0, 1].
        p95_ms_max: greatest 95th percentile of the latency, in ms per image.
        p50_ms_max: greatest median latency, in ms per image.
        f1_min: least F1, in [0, 1].
        precision_min: least share of detections that are correct, in [0, 1].
        recall_min: least share of objects that are found, in [0, 1].
        recall_of: class -> least recall, in [0, 1].
        misses_of: class -> greatest false negative rate (1 - recall), in [0, 1].
        map_small_min: least mAP at IoU 0.5:0.95 of objects under 32 x 32 px of the image (COCO's), in [0, 1].
        throughput_min: least images per second of one stream at batch 1, 1000 / p50 in ms.
        images_per_s_min: least images per second at the batch that gives the most, measured.
        memory_mb_max: greatest peak of the resident memory of the process that measures the file, in 10^6 bytes.
        file_mb_max: greatest size of the deployable file, in 10^6 bytes.
        own: metrics of the user's own: `_target_`, `name`, `min` or `max` or both, and settings of the function.
    """

    map50_min: float | None = None
    map_min: float | None = None
    p95_ms_max: float | None = None
    p50_ms_max: float | None = None
    f1_min: float | None = None
    precision_min: float | None = None
    recall_min: float | None = None
    recall_of: dict[str, float] | None = None
    misses_of: dict[str, float] | None = None
    map_small_min: float | None = None
    throughput_min: float | None = None
    images_per_s_min: float | None = None
    memory_mb_max: float | None = None
    file_mb_max: float | None = None
    own: list[dict[str, Any]] | None = None

    def __post_init__(self) -> None:
        for name in (*OF_CLASSES, "own"):
            if getattr(self, name) is not None and not getattr(self, name):  # an empty list bounds nothing
                object.__setattr__(self, name, None)
        if self.own is not None:
            object.__setattr__(self, "own", [_checked_own(one) for one in self.own])
            names = [one["name"] for one in self.own or ()]
            for name in names:
                if names.count(name) > 1:
                    raise SettingsError(f"gate.own: two metrics have the name '{name}'; give each a `name` of its own")
        for bound in self.bounds:
            _check(bound)

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """The bounds that are set, in the order in which people read them."""
        return tuple(self._bounds())

    def _bounds(self) -> Iterator[Bound]:
        for setting, quantity in QUANTITIES.items():
            if (limit := getattr(self, setting)) is not None:
                yield Bound(setting, quantity, limit)
        for setting, make in OF_CLASSES.items():
            for name, limit in (getattr(self, setting) or {}).items():
                yield Bound(f"{setting}.{name}", make(name), limit)
        for one in self.own or ():
            for end in ENDS:
                if one.get(end) is not None:
                    yield Bound(f"own.{one['name']}.{end}", own_metric(one["name"], is_floor=end == "min"), one[end])

    def judge(self, figures: Figures) -> tuple[Judged, ...]:
        """Hold every bound against a detector's figures."""
        return tuple(bound.judge(figures) for bound in self.bounds)

    def missed(self, figures: Figures) -> tuple[Judged, ...]:
        """Return the bounds that a finished detector misses; what was not measured misses its bound."""
        return tuple(judged for judged in self.judge(figures) if not judged.is_kept)

    def broken_untrained(self, figures: Figures) -> tuple[Judged, ...]:
        """Return the bounds that a detector breaks whatever its training brings; what is not known yet breaks none."""
        missed = (judged for judged in self.missed(figures) if not judged.bound.quantity.needs_training)
        return tuple(judged for judged in missed if judged.value is not None)

    def trained_only(self) -> Self:
        """Return the gate without the bounds that stop a detector before its training."""
        free = {name: None for name, quantity in QUANTITIES.items() if not quantity.needs_training}
        return replace(self, **free)

    def p50_ms_most(self) -> float | None:
        """Return the greatest median latency that any bound leaves, in ms; None where none bounds it."""
        return min((x for x in (self.p50_ms_max, throughput(self.throughput_min)) if x is not None), default=None)

    @property
    def is_at_confidence(self) -> bool:
        """Whether a bound is on what is found at the deployed confidence; a metric of the user's own may be."""
        named = (self.f1_min, self.precision_min, self.recall_min, self.recall_of, self.misses_of, self.own)
        return any(bound is not None for bound in named)

    def __str__(self) -> str:
        return " and ".join(map(str, self.bounds)) or "no gate"


def own_function(one: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a metric of the user's own is, without its bounds."""
    return {key: value for key, value in one.items() if key not in ("name", *ENDS)}


def _checked_own(one: dict[str, Any]) -> dict[str, Any]:
    """Return a metric of the user's own with its name.

    Raises:
        SettingsError: it has no function, no bound, or a name that is none.
    """
    path = one.get(TARGET_KEY)
    if not isinstance(path, str) or not path:
        raise SettingsError(f"gate.own: needs the function, got {one}; give _target_: my_module.my_metric")
    name = one.get("name") or path.rpartition(".")[2]
    if not isinstance(name, str):
        raise SettingsError(f"gate.own: name must be a text, got {name!r}")
    numbers = {end: one[end] for end in ENDS if one.get(end) is not None}
    if not numbers:
        raise SettingsError(f"gate.own: '{name}' has no bound; give min, max or both")
    for end, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise SettingsError(f"gate.own: {end} of '{name}' must be a number, got {number!r}")
    return {**one, "name": name, **{end: float(number) for end, number in numbers.items()}}


def _check(bound: Bound) -> None:
    """Check that a bound can be kept by some detector."""
    unit, value = bound.quantity.unit, bound.limit
    if unit == OF_ONE and not 0 <= value <= 1:
        what = "mAP" if bound.setting.startswith("map") else "it"
        raise SettingsError(
            f"gate.{bound.setting}: must lie in [0, 1], got {value}; {what} is a share, not a percentage"
        )
    words = {"ms": "number of milliseconds", "MB": "number of megabytes", "images/s": "number of images per second"}
    if unit in words and not value > 0:
        raise SettingsError(f"gate.{bound.setting}: must be a positive {words[unit]}, got {value}")
