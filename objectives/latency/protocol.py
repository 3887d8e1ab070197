"""The latency protocol: when a figure is good enough, and what many samples come to. Pure arithmetic."""

import math
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.confidence import UNCHOSEN_CONFIDENCE, Rule, confidence_of, read_confidence
from objectives.records.records import Latency

FIGURE = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True)
class LatencyProtocol:
    """When a measurement is good enough, and when its figure is called unstable.

    Attributes:
        confidence: score below which boxes are dropped before NMS, as deployed; or the rule by which it is chosen
            after training: "best_f1", "recall_0.9". A file for which one was chosen is measured at that one.
        processes: processes that measure, one after another; their medians must agree. Where memory comes to lie
            differs from process to process, and moves the median of a small network by several per cent.
        processes_max: processes until then, at most.
        agreement: relative spread of the medians of `processes` of them at which they agree.
        interval: relative width of the 95 % interval of the median at which a process ends.
        images_min: least number of timed images of a process.
        cap_s: seconds of a process, for each file, after which it ends in any case; up to thrice as many may pass where
            it has to wait for the processor.
        warmup_s: seconds of untimed runs first.
        reference_tolerance: share by which the reference network may run off its calm time without a word; a figure
            that is a ratio to the reference notes it, another one is unstable.
        others_cores_max: processor cores that other processes may use meanwhile, likewise.
        throughput: whether images per second are measured at growing batches too, after the latency.
    """

    confidence: float | int | str
    processes: int
    processes_max: int
    agreement: float
    interval: float
    images_min: int
    cap_s: float
    warmup_s: float
    reference_tolerance: float
    others_cores_max: float
    throughput: bool

    def __post_init__(self) -> None:
        read = read_confidence(self.confidence, "latency.confidence")
        object.__setattr__(self, "confidence", str(read) if isinstance(read, Rule) else read)

    @property
    def rule(self) -> Rule | None:
        """How the confidence is chosen; None where it is given."""
        read = read_confidence(self.confidence, "latency.confidence")
        return read if isinstance(read, Rule) else None

    @property
    def fixed_confidence(self) -> float:
        """The confidence that is given; where it is chosen, that of a file before the choice."""
        return float(self.confidence) if self.rule is None else UNCHOSEN_CONFIDENCE

    def confidence_of(self, meta: ArtifactMeta) -> float:
        """Return the confidence of a file: the one that was chosen for it, else `fixed_confidence`."""
        return confidence_of(meta, self.fixed_confidence)

    def quick(self) -> "LatencyProtocol":
        """Return the shorter protocol for an untrained detector: enough to hold it against a bound."""
        changes = {"processes": 1, "processes_max": 1, "interval": 0.05, "images_min": 30, "cap_s": self.cap_s / 3}
        return replace(self, **changes)  # type: ignore[arg-type]  # the fields' own types


@dataclass(frozen=True)
class Samples:
    """Times of one session, in ms, in the order they were taken.

    Attributes:
        total: (n,) end to end, by the clock of the session.
        network: (n,) the network alone, by that clock.
        reference: (n,) the reference network, run just before each image, by that clock.
        wall: (n,) end to end, as the time passed.
        others_cores: mean cores that other processes used meanwhile.
        relative: whether figures are ratios to the reference times its calm time, else the milliseconds themselves.
    """

    total: NDArray[np.float64]
    network: NDArray[np.float64]
    reference: NDArray[np.float64]
    wall: NDArray[np.float64]
    others_cores: float
    relative: bool = True

    def scale(self, calm_ms: float) -> NDArray[np.float64]:
        """Return what each image's times are multiplied by: (n,), or (1,) of ones."""
        return calm_ms / self.reference if self.relative else np.ones(1)


def median_interval(sorted_ms: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of the median by order statistics (Hahn & Meeker 1991, section 5.2)."""
    n = len(sorted_ms)
    half = 0.98 * math.sqrt(n)  # 1.96 / 2
    low, high = max(0, math.floor(n / 2 - half)), min(n - 1, math.ceil(n / 2 + half))
    return float(sorted_ms[low]), float(sorted_ms[high])


def summarise(
    samples: Samples,
    protocol: LatencyProtocol,
    calm_ms: float,
    device: str,
    peak_bytes: int,
) -> Latency:
    """Turn the samples of a session into a figure, and say whether the figure can be trusted.

    Args:
        samples: of one session.
        protocol: tolerances.
        calm_ms: calm time of the reference network on this device.
        device: fingerprint.
        peak_bytes: peak resident memory of the measuring process.
    """
    scale = samples.scale(calm_ms)
    ordered = np.sort(samples.total * scale)
    low, high = median_interval(ordered)
    p50 = float(np.median(ordered))
    load = "; ".join(_load(samples, protocol, calm_ms))
    notes = [f"the median is known to {(high - low) / p50:.1%} only"] if high - low > protocol.interval * p50 else []
    if load and not samples.relative:
        notes.append(load)
    return Latency(
        p50_ms=p50,
        p95_ms=float(np.quantile(ordered, 0.95)),
        p50_low_ms=low,
        p50_high_ms=high,
        network_ms=float(np.median(samples.network * scale)),
        samples=len(ordered),
        reference_ms=float(np.median(samples.reference)),
        stable=not notes,
        note="; ".join(notes),
        device=device,
        peak_bytes=peak_bytes,
        raw_p50_ms=float(np.median(samples.wall)),
        raw_p95_ms=float(np.quantile(samples.wall, 0.95)),
        calm_ms=calm_ms if samples.relative else 0.0,
        load=load,
    )


def _load(samples: Samples, protocol: LatencyProtocol, calm_ms: float) -> list[str]:
    """Return what there is to say of the machine's load during a session."""
    off = float(np.median(samples.reference)) / calm_ms - 1
    lines = []
    if abs(off) > protocol.reference_tolerance:
        lines.append(f"the reference network ran {abs(off):.0%} {'slower' if off > 0 else 'faster'} than when calm")
    if samples.others_cores > protocol.others_cores_max:
        lines.append(f"other processes used {samples.others_cores:.1f} cores")
    return lines


def spread_of_closest(figures: Sequence[Latency], count: int) -> float:
    """Return the relative spread of the `count` medians that lie closest together."""
    medians = sorted(figure.p50_ms for figure in figures)
    return min(medians[i + count - 1] / medians[i] - 1 for i in range(len(medians) - count + 1))


def agree(figures: Sequence[Latency], protocol: LatencyProtocol) -> bool:
    """Return whether no further process need measure: enough of them agree, or there were as many as there may be."""
    if len(figures) < protocol.processes:
        return False
    return len(figures) >= protocol.processes_max or (
        spread_of_closest(figures, protocol.processes) <= protocol.agreement
    )


def combine(figures: Sequence[Latency], protocol: LatencyProtocol) -> Latency:
    """Put the figures of several processes together: the median of each quantity, and whether they agree.

    The figure is unstable if the processes disagree, if most of them are, or if the board throttled during one.
    """
    p50 = [figure.p50_ms for figure in figures]
    spread = spread_of_closest(figures, protocol.processes)
    disturbed = [figure.note for figure in figures if not figure.stable]
    batches = _median_batches(figures)
    loaded = sorted(figure.load for figure in figures if figure.load)
    notes = [f"{len(figures)} processes differ by {spread:.1%}"] if spread > protocol.agreement else []
    if 2 * len(disturbed) > len(figures):
        notes += _once_each(part for note in disturbed for part in note.split("; "))
    throttled = sorted({figure.throttled for figure in figures if figure.throttled})
    notes += [why for why in throttled if why not in notes]  # of one process even: the others ran on a hot board
    return Latency(
        p50_ms=statistics.median(p50),
        p95_ms=statistics.median(figure.p95_ms for figure in figures),
        p50_low_ms=min(figure.p50_low_ms for figure in figures),
        p50_high_ms=max(figure.p50_high_ms for figure in figures),
        network_ms=statistics.median(figure.network_ms for figure in figures),
        samples=sum(figure.samples for figure in figures),
        reference_ms=statistics.median(figure.reference_ms for figure in figures),
        stable=not notes,
        note="; ".join(notes),
        device=figures[0].device,
        peak_bytes=max(figure.peak_bytes for figure in figures),
        raw_p50_ms=statistics.median(figure.raw_p50_ms for figure in figures),
        raw_p95_ms=statistics.median(figure.raw_p95_ms for figure in figures),
        calm_ms=figures[0].calm_ms,
        load=loaded[(len(loaded) - 1) // 2] if 2 * len(loaded) > len(figures) else "",
        health=figures[-1].health,
        throttled="; ".join(throttled),
        ran_on=figures[0].ran_on,
    ).with_batches(*batches)


def _once_each(notes: Iterable[str]) -> list[str]:
    """Return notes of several processes in order; of those that differ in their figures alone the worst."""
    worst: dict[str, tuple[float, str]] = {}
    for note in notes:
        figure = FIGURE.search(note)
        kind, size = FIGURE.sub("", note), float(figure.group()) if figure else 0.0
        worst[kind] = max(worst.get(kind, (size, note)), (size, note))
    return sorted(note for _, note in worst.values())


def _median_batches(figures: Sequence[Latency]) -> tuple[float | None, int, str]:
    """Return images per second, batch and note of the process in the middle, the lower one of two."""
    timed = sorted((f.images_per_s, f.best_batch, f.batch_note) for f in figures if f.images_per_s is not None)
    return timed[(len(timed) - 1) // 2] if timed else (None, 0, "")
