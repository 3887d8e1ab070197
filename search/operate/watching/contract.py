"""What a look has watched: figures of drift and of performance, and the triggers that fire."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class TriggerKind(StrEnum):
    """What begins a round."""

    FIRST = "first"  # there is no champion yet
    TIME = "time"
    LABELLED = "labelled data"
    DRIFT = "drift"
    PERFORMANCE = "performance"
    BY_HAND = "by hand"


@dataclass(frozen=True)
class Trigger:
    """One that fires: its kind, and why in one line."""

    kind: TriggerKind
    why: str


@dataclass(frozen=True)
class Watched:
    """What a look has seen.

    Attributes:
        drift: a record for each figure that is watched, objectives.drift.look.DriftFigure.to_json; beside it `at`, when
            it was computed, and `version`, the champion. Histograms of what has not drifted are left out.
        performance: of the window: metric, value, low, high, images, bound; None where it is not watched or not known.
        triggers: that fire.
        notes: lines about what could not be watched, and why.
        live: of the champion's answers in the window: version, answers, errors, p50_ms, p95_ms; None without a log.
        alerts: lines about what training does not mend: people should look.
    """

    drift: tuple[dict[str, Any], ...]
    performance: dict[str, Any] | None
    triggers: tuple[Trigger, ...]
    notes: tuple[str, ...]
    live: dict[str, Any] | None = None
    alerts: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)
