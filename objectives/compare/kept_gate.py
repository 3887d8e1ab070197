"""The gate as rules of a verdict: its bounds, held against what was measured of the challenger just now."""

from dataclasses import replace
from pathlib import Path

from objectives.compare.frozen import FrozenSet
from objectives.compare.verdict import Ruled, Ruling
from objectives.deploy.accuracy import score
from objectives.deploy.detector import Detections
from objectives.deploy.device import Device
from objectives.deploy.own_metrics import Measured, measure_own
from objectives.latency.measure import measure_latency
from objectives.latency.protocol import LatencyProtocol
from objectives.records.bounds.figures import Figures
from objectives.records.bounds.quantities import Judged
from objectives.records.gate import Gate
from objectives.records.records import Latency
from objectives.trial.job import timed_images


def judge_gate(gate: Gate, figures: Figures) -> tuple[Ruled, ...]:
    """Return a ruling for each bound; what was not measured misses its bound, as everywhere."""
    return tuple(_ruled(judged) for judged in gate.of_first.judge(figures))


def measured_figures(
    gate: Gate,
    path: Path,
    found: list[Detections],
    frozen: FrozenSet,
    latency: Latency,
    confidence: float,
    device: Device,
    protocol: LatencyProtocol,
) -> tuple[Figures, tuple[str, ...]]:
    """Return figures of a file as a gate judges them, and a line for each metric of the user's that gave no number.

    Args:
        gate: what is asked.
        path: the file.
        found: what it finds in each image, by the classes of the set.
        frozen: the set.
        latency: of the file, timed beside another's; where memory is bounded, it is measured alone once more.
        confidence: as deployed.
        device: what it ran on.
        protocol: of the latency.
    """
    said: list[str] = []
    accuracy = score(found, frozen.images, frozen.classes, frozen.split, confidence)
    if gate.own:
        measured = Measured(found, frozen.images, frozen.classes, confidence, latency, path)
        accuracy = replace(accuracy, own=measure_own(gate.own, measured, said.append))
    if gate.memory_mb_max is not None and not latency.peak_bytes:
        alone = measure_latency(path, device, timed_images(frozen.images), protocol)
        latency = replace(latency, peak_bytes=alone.peak_bytes)
    file_bytes = latency.file_bytes or path.stat().st_size
    return Figures.of(replace(latency, file_bytes=file_bytes), accuracy), tuple(said)


def _ruled(judged: Judged) -> Ruled:
    name, unit = f"gate, {judged.bound.quantity.name}", judged.bound.quantity.unit
    if judged.value is None:
        return Ruled(name, Ruling.KEEP, f"the gate's {judged.bound} is missed: not measured")
    value = f"{judged.value:.3f}" if unit in ("share", "") else f"{judged.value:.4g} {unit}"
    if judged.is_kept:
        return Ruled(name, Ruling.PROMOTE, f"the gate's {judged.bound} is kept: {value}")
    return Ruled(name, Ruling.KEEP, f"the gate's {judged.bound} is missed: {value}")
