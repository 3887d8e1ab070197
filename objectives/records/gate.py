"""The gate: what a detector must reach to ship."""

from dataclasses import dataclass

from spaces.errors import SettingsError


@dataclass(frozen=True)
class Gate:
    """Bounds on a finished detector; `None` leaves a quantity free.

    Attributes:
        map50_min: least mAP at IoU 0.5, in [0, 1].
        map_min: least mAP at IoU 0.5:0.95, in [0, 1].
        p95_ms_max: greatest 95th percentile of the latency, in ms per image.
        p50_ms_max: greatest median latency, in ms per image.
    """

    map50_min: float | None = None
    map_min: float | None = None
    p95_ms_max: float | None = None
    p50_ms_max: float | None = None

    def __post_init__(self) -> None:
        for name in ("map50_min", "map_min"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise SettingsError(f"gate.{name}: must lie in [0, 1], got {value}; mAP is a share, not a percentage")
        for name in ("p95_ms_max", "p50_ms_max"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise SettingsError(f"gate.{name}: must be a positive number of milliseconds, got {value}")

    def admits_latency(self, p50_ms: float, p95_ms: float) -> bool:
        """Whether a detector of this latency may ship, whatever its accuracy."""
        return (self.p95_ms_max is None or p95_ms <= self.p95_ms_max) and (
            self.p50_ms_max is None or p50_ms <= self.p50_ms_max
        )

    def admits_accuracy(self, map_: float, map50: float) -> bool:
        """Whether a detector of this accuracy may ship, whatever its latency."""
        return (self.map50_min is None or map50 >= self.map50_min) and (self.map_min is None or map_ >= self.map_min)

    def __str__(self) -> str:
        rules = (
            ("mAP50 >= {:g}", self.map50_min),
            ("mAP >= {:g}", self.map_min),
            ("p95 <= {:g} ms", self.p95_ms_max),
            ("p50 <= {:g} ms", self.p50_ms_max),
        )
        return " and ".join(rule.format(value) for rule, value in rules if value is not None) or "no gate"
