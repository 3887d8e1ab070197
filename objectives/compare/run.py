"""Champion and challenger are run: both files on each image of one set, then both timed in turn on one device."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from objectives.compare.bootstrap import PairedDifference, Resampling, difference, draw
from objectives.compare.comparison import ImageErrors, PairedComparison, Part, Pictured, Side
from objectives.compare.critical import CriticalRule, check_critical, judge_critical
from objectives.compare.frozen import ClassMatch, FrozenSet, match_classes
from objectives.compare.kept_gate import judge_gate, measured_figures
from objectives.compare.precision import average_precisions, over_classes
from objectives.compare.recalls import recalls
from objectives.compare.verdict import Rules, judge
from objectives.data.dataset import LabelledImage
from objectives.data.pictures.decode import read_image
from objectives.deploy.accuracy import SCORE_CONFIDENCE
from objectives.deploy.artifact import ArtifactMeta
from objectives.deploy.detector import Detections, Detector
from objectives.deploy.device import Device
from objectives.deploy.formats.deployed import open_deployed
from objectives.deploy.matches import IOUS, SIDES_PX, Matches, match
from objectives.latency.hosts.open import describe
from objectives.latency.measure import measure_latencies
from objectives.latency.protocol import LatencyProtocol
from objectives.records.gate import Gate
from objectives.records.records import Latency
from objectives.trial.job import timed_images

PICTURED_MOST = 6  # images on which the detectors differ most

Column = NDArray[np.float64]  # (1 + resamples,): on the set itself, then on each resample
Matched = dict[tuple[str, str], Matches]
Progress = Callable[[str, int, int], None]  # what is done, how many images of how many


@dataclass(frozen=True)
class Contestant:
    """A file to be compared, and what its user calls it."""

    name: str
    path: Path


def compare(
    champion: Contestant,
    challenger: Contestant,
    frozen: FrozenSet,
    device: Device,
    protocol: LatencyProtocol,
    resampling: Resampling,
    rules: Rules,
    progress: Progress = lambda what, done, total: None,
    critical: Mapping[str, CriticalRule] | None = None,
    gate: Gate | None = None,
) -> PairedComparison:
    """Compare two deployable files, paired per image.

    Args:
        champion: the file that is in use.
        challenger: the file that may replace it.
        frozen: the images.
        device: what both run on.
        protocol: of the latency, and the confidence as deployed of a file that carries none.
        resampling: of the intervals.
        rules: of the verdict.
        progress: is called with each image.
        critical: rules of single classes.
        gate: that the challenger must keep, as measured here; None for none.

    Raises:
        DataError: a critical class is unknown, a file cannot be used, no class can be scored, or an image cannot be
            read.
        DeviceError: a file cannot be run or timed.
    """
    metas = [open_deployed(one.path, device).meta for one in (champion, challenger)]
    classes = match_classes(frozen, metas[0].classes, metas[1].classes)
    check_critical(critical or {}, frozen)
    found = [_detections(one, frozen, device, progress) for one in (champion, challenger)]
    matched = [match(one, frozen.images, frozen.classes) for one in found]
    progress("drawing the images again", 0, 0)
    figures = _Figures(matched, classes.scored, len(frozen.images), resampling)
    confidences = [protocol.confidence_of(meta) for meta in metas]
    found_of = recalls(matched, frozen.classes, confidences, resampling)
    errors = _errors(matched, classes, len(frozen.images), confidences)
    progress("timing both in turn", 0, 0)
    one, other = _latencies([champion.path, challenger.path], device, frozen.images, protocol)
    further = judge_critical(critical or {}, found_of, metas[1].classes)
    notes: tuple[str, ...] = ()
    if gate is not None:
        measured, notes = measured_figures(
            gate, challenger.path, found[1], frozen, other, confidences[1], device, protocol
        )
        further += judge_gate(gate, measured)
    apart = figures.whole(is_50=False)
    drawn = [_only_scored(found[side], frozen, classes) for side in (0, 1)]
    return PairedComparison(
        champion=_side(champion, metas[0], one),
        challenger=_side(challenger, metas[1], other),
        frozen=frozen,
        device=describe(device),
        confidence=protocol.fixed_confidence,
        classes=classes,
        map=apart,
        map50=figures.whole(is_50=True),
        per_class=tuple(figures.of_class(name) for name in classes.scored),
        per_size=tuple(figures.of_size(size) for size in SIDES_PX if size != "all"),
        per_image=errors,
        pictured=tuple(Pictured(e, drawn[0][e.image], drawn[1][e.image]) for e in _most_apart(errors)),
        resampling=resampling,
        rules=rules,
        judgement=judge(apart, one, other, rules, further),
        notes=notes,
        recalls=found_of,
        critical=dict(critical or {}),
    )


class _Figures:
    """Average precision of both detectors on the set and its resamples, by class and range of sizes."""

    def __init__(self, matched: Sequence[Matched], classes: Sequence[str], images: int, resampling: Resampling) -> None:
        weights = draw(images, resampling)
        self._both = [{key: _by_iou(one[key], weights) for key in one} for one in matched]
        self._objects = {key: int(matches.objects.sum()) for key, matches in matched[0].items()}
        self._classes, self._images, self._level = classes, images, resampling.level

    def whole(self, *, is_50: bool, size: str = "all") -> PairedDifference:
        """Return mAP of both over the classes, at IoU 0.5:0.95 or 0.5."""
        return self._apart([over_classes([one[name, size][is_50] for name in self._classes]) for one in self._both])

    def of_class(self, name: str) -> Part:
        """Return the figures of a class."""
        mean, at_50 = (self._apart([one[name, "all"][is_50] for one in self._both]) for is_50 in (False, True))
        return Part(name, self._objects[name, "all"], mean, at_50)

    def of_size(self, size: str) -> Part:
        """Return the figures of a range of sizes."""
        objects = sum(self._objects[name, size] for name in self._classes)
        return Part(size, objects, self.whole(is_50=False, size=size), self.whole(is_50=True, size=size))

    def _apart(self, both: Sequence[Column]) -> PairedDifference:
        return difference(both[0], both[1], self._images, self._level)


def _by_iou(matches: Matches, weights: NDArray[np.float64]) -> tuple[Column, Column]:
    """Return the average precision over all IoUs, and at 0.5."""
    each = average_precisions(matches, weights)
    return each.mean(axis=0), each[IOUS.index(0.5)]


def _only_scored(found: Sequence[Detections], frozen: FrozenSet, classes: ClassMatch) -> list[Detections]:
    """Return what was found of the classes that are scored, by the index among these."""
    index = np.array([_index(name, classes.scored) for name in frozen.classes])
    return [_renamed(one, index) for one in found]


def _detections(one: Contestant, frozen: FrozenSet, device: Device, progress: Progress) -> list[Detections]:
    """Run a file on all images; by the classes of the set, what it finds of others is left out."""
    detector = Detector(open_deployed(one.path, device), SCORE_CONFIDENCE)
    index = np.array([_index(name, frozen.classes) for name in detector.meta.classes])
    found = []
    for i, image in enumerate(frozen.images):
        found.append(_renamed(detector(read_image(image.path)), index))
        progress(f"running {one.name}", i + 1, len(frozen.images))
    return found


def _renamed(found: Detections, index: NDArray[np.int64]) -> Detections:
    """Return detections with other class indices; those of an index below 0 are left out."""
    labels = index[found.classes]
    kept = labels >= 0
    return Detections(found.boxes_xyxy[kept], found.scores[kept], labels[kept])


def _index(name: str, names: Sequence[str]) -> int:
    return names.index(name) if name in names else -1


def _errors(
    matched: Sequence[Matched], classes: ClassMatch, images: int, confidences: Sequence[float]
) -> tuple[ImageErrors, ...]:
    """Return objects missed and false alarms in each image, at the confidence of each detector and IoU 0.5."""
    sums = np.zeros((2, images), dtype=np.int64)
    for errors, one, confidence in zip(sums, matched, confidences, strict=True):
        for name in classes.scored:
            of_class = one[name, "all"]
            sure = of_class.scores > confidence
            hit = of_class.is_hit[IOUS.index(0.5)]
            errors += of_class.objects - np.bincount(of_class.images[sure & hit], minlength=images)
            errors += np.bincount(of_class.images[sure & ~hit], minlength=images)
    return tuple(ImageErrors(i, int(a), int(b)) for i, (a, b) in enumerate(sums.T))


def _most_apart(errors: Sequence[ImageErrors]) -> list[ImageErrors]:
    """Return the images on which the errors of both differ most, at most PICTURED_MOST."""
    apart = [one for one in errors if one.champion != one.challenger]
    return sorted(apart, key=lambda one: -abs(one.challenger - one.champion))[:PICTURED_MOST]


def _latencies(
    paths: Sequence[Path], device: Device, images: Sequence[LabelledImage], protocol: LatencyProtocol
) -> list[Latency]:
    """Time both files in turn, in processes that they share."""
    found = []
    for latency in measure_latencies(paths, device, timed_images(images), protocol):
        if not isinstance(latency, Latency):
            raise latency
        found.append(latency)
    return found


def _side(one: Contestant, meta: ArtifactMeta, latency: Latency) -> Side:
    content = one.path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    size, head = meta.size_px, meta.head
    return Side(one.name, str(one.path), digest, len(content), size, head, meta.classes, latency, meta.confidence)
