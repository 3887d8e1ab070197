"""What a comparison of two files comes to, as plain data."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from objectives.compare.bootstrap import METHOD, PairedDifference, Resampling
from objectives.compare.critical import CriticalRule
from objectives.compare.frozen import ClassMatch, FrozenSet
from objectives.compare.recalls import ClassRecall
from objectives.compare.verdict import Judgement, Rules
from objectives.deploy.detector import Detections
from objectives.records.records import Latency

DOCUMENT_FORMAT = 1


@dataclass(frozen=True)
class Side:
    """One of the two detectors.

    Attributes:
        name: as the user named it.
        path: its file.
        sha256: of the file, 64 hexadecimal digits.
        artifact_bytes: size of the file.
        size_px: side of its input.
        head: how its output is read.
        classes: class names by index.
        latency: of the file.
        confidence: least score of a box as deployed, where the file carries it.
    """

    name: str
    path: str
    sha256: str
    artifact_bytes: int
    size_px: int
    head: str
    classes: tuple[str, ...]
    latency: Latency
    confidence: float | None = None


@dataclass(frozen=True)
class Part:
    """Figures of a part of the set: a class, or a range of sizes.

    Attributes:
        name: of the class or the range.
        objects: objects of it.
        map: mAP at IoU 0.5:0.95.
        map50: mAP at IoU 0.5.
    """

    name: str
    objects: int
    map: PairedDifference
    map50: PairedDifference


@dataclass(frozen=True)
class ImageErrors:
    """Objects missed and false alarms in one image, at the deployed confidence and IoU 0.5.

    Attributes:
        image: index of the image in the set.
        champion: the champion's.
        challenger: the challenger's.
    """

    image: int
    champion: int
    challenger: int


@dataclass(frozen=True, eq=False)
class Pictured:
    """An image on which the detectors differ most, with what both find there of the classes that are scored.

    Attributes:
        errors: of both.
        champion: what the champion finds, by the classes that are scored.
        challenger: what the challenger finds, likewise.
    """

    errors: ImageErrors
    champion: Detections
    challenger: Detections


@dataclass(frozen=True)
class PairedComparison:
    """Champion and challenger on one frozen set and one device.

    Attributes:
        champion: the detector that is in use.
        challenger: the one that may replace it.
        frozen: the set.
        device: what the files ran on.
        confidence: least score of a box as deployed, of a file that carries none of its own.
        classes: classes by who knows them.
        map: mAP at IoU 0.5:0.95, over the classes that are scored.
        map50: mAP at IoU 0.5, likewise.
        per_class: a part for each class that is scored.
        per_size: a part for each range of sizes of COCO.
        per_image: errors in each image.
        pictured: the images on which the errors differ most.
        resampling: of the intervals.
        rules: of the verdict.
        judgement: the verdict.
        notes: what else must be known to read the figures.
        recalls: of each class that the set has objects of, as deployed.
        critical: rules of single classes.
    """

    champion: Side
    challenger: Side
    frozen: FrozenSet
    device: dict[str, Any]
    confidence: float
    classes: ClassMatch
    map: PairedDifference
    map50: PairedDifference
    per_class: tuple[Part, ...]
    per_size: tuple[Part, ...]
    per_image: tuple[ImageErrors, ...]
    pictured: tuple[Pictured, ...]
    resampling: Resampling
    rules: Rules
    judgement: Judgement
    notes: tuple[str, ...] = ()
    recalls: tuple[ClassRecall, ...] = ()
    critical: Mapping[str, CriticalRule] = field(default_factory=dict)

    @property
    def image_counts(self) -> dict[str, int]:
        """Images in which the challenger makes fewer errors than the champion, more, and as many."""
        apart = [one.challenger - one.champion for one in self.per_image]
        counts = sum(d < 0 for d in apart), sum(d > 0 for d in apart), sum(d == 0 for d in apart)
        return dict(zip(("fewer_errors", "more_errors", "as_many"), counts, strict=True))

    def confidence_of(self, side: Side) -> float:
        """Return the confidence at which a detector's errors are counted."""
        return self.confidence if side.confidence is None else side.confidence

    def _most_apart(self) -> list[dict[str, Any]]:
        errors = [one.errors for one in self.pictured]
        names = [str(self.frozen.images[one.image].path) for one in errors]
        return [
            {"image": name, "champion_errors": one.champion, "challenger_errors": one.challenger}
            for name, one in zip(names, errors, strict=True)
        ]

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON values; what is not known is null."""
        latencies = self.champion.latency, self.challenger.latency
        return {
            "format": DOCUMENT_FORMAT,
            "verdict": {
                "outcome": str(self.judgement.ruling),
                "why": list(self.judgement.why),
                "rules": asdict(self.rules),
                "critical": {name: asdict(rule) for name, rule in self.critical.items()},
                "by_rule": [asdict(one) for one in self.judgement.rules],
            },
            "champion": _side(self.champion),
            "challenger": _side(self.challenger),
            "data": self.frozen.to_json(),
            "classes": asdict(self.classes),
            "device": {**self.device, "fingerprint": latencies[0].device},
            "statistics": {"method": METHOD, **asdict(self.resampling)},
            "map": _apart(self.map),
            "map50": _apart(self.map50),
            "per_class": [_part(part) for part in self.per_class],
            "per_size": [_part(part) for part in self.per_size],
            "recall": [_recall(one) for one in self.recalls],
            "per_image": {
                "confidence": self.confidence,
                "iou": 0.5,
                **self.image_counts,
                "most_apart": self._most_apart(),
            },
            "latency": {
                "champion": latencies[0].to_json(),
                "challenger": latencies[1].to_json(),
                "p50_ratio": latencies[1].p50_ms / latencies[0].p50_ms,
            },
            "notes": list(self.notes),
        }


def _side(side: Side) -> dict[str, Any]:
    return {key: value for key, value in asdict(side).items() if key != "latency"}


def _part(part: Part) -> dict[str, Any]:
    return {"name": part.name, "objects": part.objects, "map": _apart(part.map), "map50": _apart(part.map50)}


def _recall(one: ClassRecall) -> dict[str, Any]:
    own = {"challenger_low": one.low, "challenger_high": one.high}
    known = {key: None if math.isnan(value) else value for key, value in own.items()}
    return {"name": one.name, "objects": one.objects, **_apart(one.recall), **known}


def _apart(apart: PairedDifference) -> dict[str, float | None]:
    values = {**asdict(apart), "difference": apart.value}
    return {key: None if math.isnan(value) else value for key, value in values.items()}
