"""Figures that rest on few or noisy values: one rule and a few words for each, and one mark for all."""

from collections.abc import Iterator
from dataclasses import dataclass

from objectives.records.records import Accuracy, Latency
from reports.analysis.calibration import Calibration
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.words import plural

MARK = "≈"
TAIL_IMAGES_MIN = 5  # images slower than a 95th percentile
IMAGES_MIN, BOXES_MIN = 100, 300  # that an mAP rests on
CLASS_BOXES_MIN = 20  # that the average precision of a class rests on
FRONT_TRIALS_MIN = 10  # finished trials that a hypervolume rests on
PREDICTED_TRIALS_MIN = 10  # trials that shares of predictions rest on


@dataclass(frozen=True)
class Rough:
    """One figure, and why it is rough: 'p95', 'rests on 2 of 30 images'."""

    figure: str
    words: str

    def __str__(self) -> str:
        return f"{self.figure} {self.words}"


def row_doubts(row: TrialRow) -> tuple[Rough, ...]:
    """Return which of a trial's figures are rough, and why."""
    known = row.known_latency
    found = (
        ("mAP", accuracy_doubt(row.accuracy) if row.accuracy and row.is_measured else ""),
        ("p50", _median_doubt(row, known) if known else ""),
        ("p95", tail_doubt(known) if known else ""),
    )
    return tuple(Rough(figure, words) for figure, words in found if words)


def accuracy_doubt(accuracy: Accuracy) -> str:
    """Return why an mAP is rough: of few images, or of few boxes."""
    boxes = sum(of_class.boxes for of_class in accuracy.per_class.values())
    if accuracy.images >= IMAGES_MIN and (boxes >= BOXES_MIN or not boxes):
        return ""
    of_boxes = f" and {plural(boxes, 'box', 'boxes')}" if boxes else ""
    return f"rests on {plural(accuracy.images, 'image')}{of_boxes}"


def tail_doubt(latency: Latency) -> str:
    """Return why a 95th percentile is rough: hardly an image is slower."""
    slower = round(0.05 * latency.samples)
    if slower >= TAIL_IMAGES_MIN or not latency.samples:
        return ""
    return f"rests on the slowest {slower or 1} of {plural(latency.samples, 'image')}"


def class_doubt(boxes: int) -> str:
    """Return why the average precision of a class is rough: of few boxes."""
    return f"rests on {plural(boxes, 'box', 'boxes')}" if 0 < boxes < CLASS_BOXES_MIN else ""


def hypervolume_doubt(table: StudyTable) -> str:
    """Return why a hypervolume is rough: of few trials, among which one more may move the scale too."""
    count = len(table.finished)
    return f"rests on {plural(count, 'finished trial')}" if 0 < count < FRONT_TRIALS_MIN else ""


def calibration_doubt(calibration: Calibration) -> str:
    """Return why the shares of predictions that held are rough: of few trials."""
    held = (calibration.at_proposal, calibration.at_rungs, calibration.latency)
    fewest = min((one.agreement.trials for one in held if one.agreement), default=PREDICTED_TRIALS_MIN)
    return f"rest on {plural(fewest, 'trial')}" if fewest < PREDICTED_TRIALS_MIN else ""


def front_doubts(table: StudyTable) -> Iterator[str]:
    """Yield in sentences what of the front is rough: members whose latency is unstable may not belong to it."""
    unstable = [row.number for row in table.front if not row.stable]
    if unstable:
        which = ", ".join(f"trial {number}" for number in unstable[:5]) + (", …" if len(unstable) > 5 else "")
        are, they = ("is", "it") if len(unstable) == 1 else ("are", "they")
        yield (
            f"{len(unstable):,} of {plural(len(table.front), 'latency', 'latencies')} on the front {are} unstable "
            f"({which}): measured again, {they} may lie elsewhere, and not on the front."
        )


def _median_doubt(row: TrialRow, latency: Latency) -> str:
    """Return why a median latency is rough: unstable, or by the quick protocol."""
    if not latency.stable:
        return "is unstable" + (f": {latency.note}" if latency.note else "")
    return f"is by the quick protocol, of {plural(latency.samples, 'image')}" if row.has_quick_latency else ""
