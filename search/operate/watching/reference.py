"""The baselines of drift: figures of the stream that a champion was made for, and of its first answers, as files."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from objectives.drift.figures import found_figures
from objectives.drift.sample import DriftImage, DriftSample
from objectives.machine.files import write_text
from objectives.predictions.record import PredictionRecord
from search.operate.context import OperateContext
from search.operate.journal.images import StreamImage, has_content
from search.operate.journal.state import PipelineState
from search.operate.watching.champion import kinds_of
from search.operate.watching.contract import TriggerKind

Item = TypeVar("Item")
IMAGES_MOST = 5000  # of a sample; of more an even part, the same at each look


@dataclass(frozen=True)
class DriftBaseline:
    """What a window is compared with.

    Attributes:
        since: of its images, this moment left out.
        until: of its images.
        sample: their figures.
    """

    since: datetime
    until: datetime
    sample: DriftSample

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "sample": self.sample.to_json(),
        }


def freeze_reference(context: OperateContext, state: PipelineState, number: int) -> None:
    """Write the baseline of a round's detector, once: the stream of `baseline_days` before this moment.

    A round that drift began is made for what the stream has become: its baseline begins with the window that drifted.
    So does one that comes after such a round within `baseline_days`.
    """
    target = context.paths.round(number).reference
    if target.exists():
        return
    settings = context.settings.triggers.drift
    since = context.now - timedelta(days=settings.baseline_days)
    drifted = [one.begun_at for one in state.rounds if TriggerKind.DRIFT in kinds_of(one) and one.number <= number]
    if drifted:
        since = max(since, drifted[-1] - timedelta(days=settings.window_days))
    images = [image for image in context.journal.images() if since < image.at <= context.now]
    write_baseline(target, DriftBaseline(since, context.now, sample_of_images(images)))


def write_baseline(target: Path, baseline: DriftBaseline) -> None:
    """Write a baseline whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text(target, json.dumps(baseline.to_json(), separators=(",", ":")))


def read_baseline(path: Path) -> DriftBaseline | None:
    """Return a baseline; None where there is none."""
    if not path.exists():
        return None
    values = json.loads(path.read_text(encoding="utf-8"))
    since, until = (datetime.fromisoformat(values[key]) for key in ("since", "until"))
    return DriftBaseline(since, until, DriftSample.from_json(values["sample"]))


def sample_of_images(images: Iterable[StreamImage]) -> DriftSample:
    """Return the figures of images; those without content or without figures are left out."""
    kept = [(image.sha256, image) for image in images if image.figures is not None and has_content(image)]
    return DriftSample.of(DriftImage(one.at, one.group, one.figures or {}) for one in even_part(kept))


def sample_of_answers(records: Iterable[PredictionRecord], groups: dict[str, str]) -> DriftSample:
    """Return the figures of what was found; errors are left out.

    Args:
        records: answers of one version.
        groups: image, as the log names it, -> group, for answers that were logged without one.
    """
    found = []
    for record in records:
        figures = found_figures(record)
        if figures is not None:
            group = record.group or groups.get(record.image, "")
            image = DriftImage(record.at, group, figures.to_json(), figures.classes)
            found.append((sha256(f"{record.image} {record.at.isoformat()}".encode()).hexdigest(), image))
    return DriftSample.of(even_part(found))


def even_part(items: list[tuple[str, Item]], most: int = IMAGES_MOST) -> list[Item]:
    """Return some of the items, those of the least hashes: an item that is in once stays in."""
    if len(items) > most:
        items = sorted(items, key=lambda item: item[0])[:most]
    return [item for _, item in items]
