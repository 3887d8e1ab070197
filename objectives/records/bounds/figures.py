"""Figures of one detector as a gate judges them: of the finished one, or of its file before training."""

from dataclasses import dataclass
from typing import Self

from objectives.records.records import Accuracy, ClassAccuracy, Latency


@dataclass(frozen=True)
class Figures:
    """What was measured of a detector; None, or 0 for bytes, where it was not.

    Attributes:
        map: mAP at IoU 0.5:0.95, in [0, 1].
        map50: mAP at IoU 0.5, in [0, 1].
        p50_ms: median latency, ms per image.
        p95_ms: 95th percentile of the latency, ms per image.
        memory_bytes: peak resident memory of the process that measured the file alone.
        file_bytes: size of the deployable file.
        accuracy: all that was scored of the file.
        images_per_s: images per second at the batch that gives the most.
    """

    map: float | None = None
    map50: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    memory_bytes: int = 0
    file_bytes: int = 0
    accuracy: Accuracy | None = None
    images_per_s: float | None = None

    @classmethod
    def of(cls, latency: Latency | None, accuracy: Accuracy | None = None) -> Self:
        """Return the figures of a file that was measured; without an accuracy, of one before training."""
        return cls(
            accuracy.map if accuracy else None,
            accuracy.map50 if accuracy else None,
            latency.p50_ms if latency else None,
            latency.p95_ms if latency else None,
            latency.peak_bytes if latency else 0,
            latency.file_bytes if latency else 0,
            accuracy,
            latency.images_per_s if latency else None,
        )

    def of_class(self, name: str) -> ClassAccuracy | None:
        """Return what was scored of a class; None where nothing was."""
        return self.accuracy.per_class.get(name) if self.accuracy else None

    def own(self, name: str) -> float | None:
        """Return the value of a metric of the user's own; None where it gave no number."""
        return (self.accuracy.own or {}).get(name) if self.accuracy else None
