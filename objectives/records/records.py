"""What a trial measures, as plain data: frozen records with a JSON round trip."""

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from enum import StrEnum
    from typing import Self
else:
    try:
        from enum import StrEnum
    except ImportError:  # Python 3.10, on a board: there `Latency` alone is used

        class StrEnum(str, Enum):  # noqa: D101, UP042  # it is enum.StrEnum, named so
            __str__ = str.__str__


class Record:
    """JSON round trip for the frozen dataclasses below; nested records are mappings in between."""

    def to_json(self) -> dict[str, Any]:
        """Return a mapping of JSON values."""
        import msgspec  # boards lack it, and write no records

        values: dict[str, Any] = msgspec.to_builtins(self, enc_hook=_built_in)
        return values

    @classmethod
    def from_json(cls, values: Any) -> "Self":
        """Rebuild the record; keys that this version does not know are left aside (a newer writer's).

        Raises:
            ValueError: a value is missing or of another kind; a whole number may stand for a float, as JSON writes it.
        """
        import msgspec

        return msgspec.convert(values, cls)


def _built_in(value: object) -> float:
    """Return NumPy's float as Python's."""
    if isinstance(value, float):
        return float(value)
    raise NotImplementedError  # as msgspec asks of a hook that does not know a kind; it names the kind itself


@dataclass(frozen=True)
class Latency(Record):
    """Latency of one artifact on one device, end to end (letterbox, network, NMS), batch 1.

    On one processor thread, the figures are ratios to the reference network, which is run just before each image, times
    the reference's calm time on that device: what slows both alike cancels out, and what other processes take of the
    processor is not counted.

    Attributes:
        p50_ms: median, ms per image.
        p95_ms: 95th percentile, ms per image.
        p50_low_ms: lower end of the 95 % interval of the median.
        p50_high_ms: upper end of the 95 % interval of the median.
        network_ms: median of the network alone, without letterbox and NMS.
        samples: images timed.
        reference_ms: median of the fixed reference network timed in between, as it ran.
        stable: False if the interval stayed wider than asked or processes disagreed.
        note: why the figure is unstable, else empty.
        device: fingerprint of the device it was measured on.
        peak_bytes: peak resident memory of the measuring process (runtime and network); 0 where files shared one.
        raw_p50_ms: median of the milliseconds as they passed; 0 where an older version did not record them.
        raw_p95_ms: 95th percentile of these.
        calm_ms: calm time of the reference that the figures stand on; 0 where they are the raw milliseconds.
        load: what else the machine did, where that was much; it does not make a ratio unstable.
        file_bytes: size of the artifact; 0 where an older version did not record it.
        health: what a board showed while it measured, as "48 -> 62 °C, 2400 of 2400 MHz, load 0.2"; empty elsewhere.
        throttled: why a board's figure cannot be trusted; empty where it did not throttle.
        ran_on: share of the network's time by provider, where that was not the processor alone and is known.
        measured_at: when, in UTC, as "2026-11-26T05:27:10Z"; empty where an older version did not record it.
        kept: whether the figure was measured for another purpose and taken from the user's database of figures.
        images_per_s: images per second at the batch that gives the most; None where that was not asked for.
        best_batch: images of that batch; 0 likewise.
        batch_note: why larger batches were not tried, where that was not because they bring less; else empty.
        measured_by: name of the machine that measured for the one that asked; empty where that is one machine.
    """

    p50_ms: float
    p95_ms: float
    p50_low_ms: float
    p50_high_ms: float
    network_ms: float
    samples: int
    reference_ms: float
    stable: bool
    note: str
    device: str
    peak_bytes: int
    raw_p50_ms: float = 0.0
    raw_p95_ms: float = 0.0
    calm_ms: float = 0.0
    load: str = ""
    file_bytes: int = 0
    health: str = ""
    throttled: str = ""
    ran_on: str = ""
    measured_at: str = ""
    kept: bool = False
    images_per_s: float | None = None
    best_batch: int = 0
    batch_note: str = ""
    measured_by: str = ""

    def with_batches(self, images_per_s: float | None, best_batch: int, batch_note: str) -> "Latency":
        """Return the record with what batches gave."""
        return replace(self, images_per_s=images_per_s, best_batch=best_batch, batch_note=batch_note)


@dataclass(frozen=True)
class ClassAccuracy(Record):
    """Accuracy of one class.

    Attributes:
        map: average precision at IoU 0.5:0.95; -1 where the split holds no box of the class.
        map50: at IoU 0.5, likewise.
        boxes: boxes of the class in the split.
        precision: share of its detections at the deployed confidence that are correct, IoU 0.5; 0 where there are none.
        recall: share of its boxes that are found there; None where there are none.
            Both are None where an older version did not measure them.
    """

    map: float
    map50: float
    boxes: int
    precision: float | None = None
    recall: float | None = None


@dataclass(frozen=True)
class Accuracy(Record):
    """mAP of one artifact on one split, by pycocotools, and what it finds as deployed.

    What an older version did not measure is None.

    Attributes:
        map: mAP at IoU 0.5:0.95, in [0, 1].
        map50: mAP at IoU 0.5, in [0, 1].
        per_class: class name to its average precision.
        split: name of the split.
        images: images in the split.
        map_small: mAP at IoU 0.5:0.95 of objects under 32 x 32 px of the image; -1 where there are none.
        map_medium: of those from there to 96 x 96 px, likewise.
        map_large: of larger ones, likewise.
        confidence: score that detections must exceed as deployed; of it the figures below.
        precision: share of detections of all classes that are correct at IoU 0.5; 0 where there are none.
        recall: share of boxes of all classes that are found at IoU 0.5.
        f1: harmonic mean of these two.
        own: metrics of the user's own by their names; None for one that gave no number.
    """

    map: float
    map50: float
    per_class: dict[str, ClassAccuracy]
    split: str
    images: int
    map_small: float | None = None
    map_medium: float | None = None
    map_large: float | None = None
    confidence: float | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    own: dict[str, float | None] | None = None

    def with_own(self, own: dict[str, float | None]) -> "Accuracy":
        """Return the record with metrics of the user's own."""
        return replace(self, own=own)


@dataclass(frozen=True)
class Rung(Record):
    """What was seen at the end of one evaluated epoch of training.

    Attributes:
        epoch: epochs trained so far, from 1.
        map: validator's mAP at IoU 0.5:0.95.
        map50: validator's mAP at IoU 0.5.
        seconds: seconds of training so far.
        loss: mean training loss of the epoch.
        decides: whether the pruner was asked here.
    """

    epoch: int
    map: float
    map50: float
    seconds: float
    loss: float
    decides: bool


@dataclass(frozen=True)
class Resources(Record):
    """What a detector and its trial cost.

    Attributes:
        parameters: parameters of the deployed network.
        multiply_adds: multiply-adds of the network for one image.
        artifact_bytes: size of the deployable file.
        training_peak_bytes: peak resident memory of the trial's process.
        seconds: stage ("build", "export", "latency", "train", "prune", "score") to seconds.
        gpu_peak_bytes: most memory of the GPU that torch held for it; 0 on a processor, and where that is not known.
        machine: kind of the machine that it ran on last; empty where an older version did not record it.
    """

    parameters: int = 0
    multiply_adds: int = 0
    artifact_bytes: int = 0
    training_peak_bytes: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    gpu_peak_bytes: int = 0
    machine: str = ""


@dataclass(frozen=True)
class Proposal(Record):
    """Why a trial was proposed, and what was expected of it before it was trained.

    Attributes:
        role: "start" (asked for by the user), "stock" (the published detector to compare with), "baseline"
            (the sampler's first candidate, where nothing was measured yet), "spread" (over the latency range),
            "explore" (the floor of exploration), "gain" (expected to move the front), or "peer" (a sampler that gives
            no reasons).
        sampler: its name in the settings.
        why: one line for people.
        expected_gain: expected gain of hypervolume as a share of the front's, or None.
        predicted_map: expected final mAP, or None where nothing was known.
        predicted_map_sd: standard deviation of that belief.
        latency_ms: latency that was counted with, p50 in ms, or None.
        latency_sd_ms: standard deviation of that figure where a model gave it; 0 for a measured one.
        latency_measured: whether it came from a measurement.
    """

    role: str
    sampler: str
    why: str
    expected_gain: float | None = None
    predicted_map: float | None = None
    predicted_map_sd: float | None = None
    latency_ms: float | None = None
    latency_sd_ms: float = 0.0
    latency_measured: bool = False


@dataclass(frozen=True)
class Decision(Record):
    """What the pruner decided at a rung.

    Attributes:
        epoch: epochs trained when it decided.
        decision: "go on", "pause", "promote" (a paused trial goes on) or "stop".
        why: one line for people.
        predicted_map: expected final mAP as seen from this rung, or None.
        predicted_map_sd: standard deviation of that belief.
    """

    epoch: int
    decision: str
    why: str
    predicted_map: float | None = None
    predicted_map_sd: float | None = None


class Outcome(StrEnum):
    """How a trial ended."""

    FINISHED = "finished"
    OVER_BOUND = "over a bound"  # of the gate, that needs no training; older stores: "over the latency bound"
    STOPPED = "stopped at a rung"
    FAILED = "failed"


@dataclass(frozen=True)
class Death(Record):
    """What was there when a trial failed.

    Attributes:
        log_tail: last lines of its log.
        seconds: seconds that its process had run.
        peak_bytes: most memory that its processes used together.
        processes: most processes that it had at once.
        memory_free_bytes: memory of the machine that was free.
        disk_free_bytes: room on the disk of the study.
        machine: kind of the machine; empty where an older version did not record it.
        gpu_memory_mb: memory of the GPU that it trained on; 0 on a processor, and where that is not known.
    """

    log_tail: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0
    processes: int = 0
    memory_free_bytes: int = 0
    disk_free_bytes: int = 0
    machine: str = ""
    gpu_memory_mb: int = 0


@dataclass(frozen=True)
class Ending(Record):
    """How a trial, or one attempt at it, ended, and why in words.

    Attributes:
        outcome: one of Outcome, as text.
        reason: one line for people.
        error_class: class of the failure, one of `objectives.records.failures.Failure`, else empty.
        death: what was there when it failed.
    """

    outcome: str
    reason: str
    error_class: str = ""
    death: Death | None = None
