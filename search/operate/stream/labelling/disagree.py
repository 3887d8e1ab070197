"""Images on which two versions disagree, by the logs of their answers: a shadow's, a canary's, an earlier version's."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from objectives.data.dataset import LabelledImage
from objectives.deploy.detector import Detections
from objectives.deploy.errors.matching import Kind, match
from objectives.predictions.read import LogReport, read_predictions
from objectives.predictions.record import LoggedBox, PredictionRecord
from search.operate.journal.images import StreamImage


def disagreements(
    log: Path, images: Sequence[StreamImage], until: datetime
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return the disagreement of versions by SHA-256, for images that two or more answered, and what was wrong.

    Args:
        log: of predictions, a file or a folder.
        images: that are asked about.
        until: answers before this moment count.
    """
    if not images:
        return {}, ()
    keys = {key: image.sha256 for image in images for key in (image.path, image.sha256)}
    report = LogReport()
    answers: dict[str, dict[str, PredictionRecord]] = {}
    for record in read_predictions(log, min(image.at for image in images), until, report):
        if record.image in keys and not record.error:
            answers.setdefault(keys[record.image], {})[record.version] = record
    return {sha256: _most(found.values()) for sha256, found in answers.items() if len(found) > 1}, report.problems


def _most(records: Iterable[PredictionRecord]) -> float:
    """Return the greatest disagreement of two answers."""
    found = list(records)
    return max(disagreement(a.boxes, b.boxes) for i, a in enumerate(found) for b in found[i + 1 :])


def disagreement(one: Sequence[LoggedBox], other: Sequence[LoggedBox]) -> float:
    """Return the share of boxes, of both answers, that the other one has not, 0 to 1, matched as for mAP50."""
    if not one and not other:
        return 0.0
    index = {label: i for i, label in enumerate(sorted({box.label for box in (*one, *other)}))}
    corners = np.array([box.box_xyxy for box in other], dtype=np.float64).reshape(-1, 4)
    labels = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
    image = LabelledImage(Path(), 0, 0, labels, np.array([index[box.label] for box in other], dtype=np.int64))
    found = Detections(
        np.array([box.box_xyxy for box in one], dtype=np.float64).reshape(-1, 4),
        np.array([box.score for box in one], dtype=np.float64),
        np.array([index[box.label] for box in one], dtype=np.int64),
    )
    both = match(found, image).kinds.count(Kind.CORRECT)
    return 1 - 2 * both / (len(one) + len(other))
