"""The gate: what a detector must reach to ship, as a list of bounds."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
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
from spaces.errors import SettingsError, nearest

OF_DEVICE = tuple(name for name, quantity in QUANTITIES.items() if not quantity.needs_training)
OF_FILE = "file_mb_max"  # the one of these that is the same on every device, unless one has its own
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
        devices: of a study of several devices: name of each but the first -> its bounds of latency, throughput, memory
            and size, by setting. Those above are the first device's; bounds of accuracy, and of the file where a
            device has none, are every device's.
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
    devices: dict[str, dict[str, float]] | None = None

    def __post_init__(self) -> None:
        for name in (*OF_CLASSES, "own", "devices"):
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
        for device, bounds in (self.devices or {}).items():
            _check_of_device(device, bounds)

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """The bounds that are set, in the order in which people read them; of several devices, the first one's."""
        return tuple(self._bounds())

    @property
    def bounds_of_devices(self) -> Mapping[str, tuple[Bound, ...]]:
        """Name of a further device -> the bounds of its own, in the order in which people read them."""
        return {
            device: tuple(Bound(name, QUANTITIES[name], bounds[name]) for name in OF_DEVICE if name in bounds)
            for device, bounds in (self.devices or {}).items()
        }

    def on(self, device: str) -> Self:
        """Return the gate of a further device: bounds of accuracy as they are, and those of its own."""
        free: dict[str, Any] = dict.fromkeys(name for name in OF_DEVICE if name != OF_FILE)
        return replace(self, **{**free, **(self.devices or {}).get(device, {}), "devices": None})

    @property
    def of_first(self) -> Self:
        """The gate of the device that is named first."""
        return replace(self, devices=None)

    def to_json(self) -> dict[str, Any]:
        """Return a mapping of JSON values; without `devices` where there is none."""
        values = asdict(self)
        return {name: value for name, value in values.items() if name != "devices" or value is not None}

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

    def stopped_by(
        self, first: Figures, others: Mapping[str, Figures], *, on_all: bool
    ) -> dict[str, tuple[Judged, ...]]:
        """Return what keeps a detector from being trained: device -> the bounds that it breaks there for good.

        Args:
            first: figures on the device that is named first, whose key in the answer is "".
            others: further device -> figures there.
            on_all: whether one detector is wanted for all devices, so that a bound of any device stops it; else it is
                trained unless it breaks one on every device: it may still be the best of one.

        Returns:
            Empty where nothing does.
        """
        broken = {"": self.of_first.broken_untrained(first)}
        broken |= {device: self.on(device).broken_untrained(found) for device, found in others.items()}
        stops = any(broken.values()) if on_all else all(broken.values())
        return {device: judged for device, judged in broken.items() if judged and stops}

    def trained_only(self) -> Self:
        """Return the gate without the bounds that stop a detector before its training."""
        free: dict[str, Any] = dict.fromkeys((*OF_DEVICE, "devices"))
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
        plain = " and ".join(map(str, self.bounds)) or "no gate"
        of_devices = (f"on {name}: {' and '.join(map(str, own))}" for name, own in self.bounds_of_devices.items())
        return "; ".join([plain, *of_devices])


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


def _check_of_device(device: str, bounds: Mapping[str, float]) -> None:
    """Check the bounds of one further device.

    Raises:
        SettingsError: a bound is none of latency, throughput, memory or size, or no detector can keep it.
    """
    for name, limit in bounds.items():
        if name not in OF_DEVICE:
            why = "; accuracy is the same on every device: give it without a device" if name in QUANTITIES else ""
            hint = why or f"{nearest(name, OF_DEVICE)}; known: {', '.join(OF_DEVICE)}"
            raise SettingsError(f"gate.devices.{device}: no bound of a device is called '{name}'{hint}")
        _check(Bound(f"devices.{device}.{name}", QUANTITIES[name], limit))


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
