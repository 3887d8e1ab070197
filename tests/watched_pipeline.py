"""A pipeline with a stream that is made: stores that send images each day, a detector that answers, labels, facts."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from objectives.predictions.record import LoggedBox, PredictionRecord
from objectives.predictions.write import append
from search.operate.context import LineEnd, OperateContext
from search.operate.journal.facts import FactKind
from search.operate.journal.images import ImageStatus, StreamImage
from search.operate.journal.journal import Journal
from search.operate.journal.kept_labels import KeptLabels, write_labels
from search.operate.journal.open import open_journal, paths_of
from search.operate.watching.contract import TriggerKind
from search.settings.pipeline.pipeline_settings import load_pipeline

START = datetime(2026, 1, 5, 6, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)
BOX = (10.0, 10.0, 30.0, 30.0)
Figures = Callable[[float, str], float]  # days since START and group -> factor of the brightness


def no_line(words: Sequence[str], log: Path) -> LineEnd:
    """Fail: what watches runs no line of automl."""
    raise AssertionError(f"a line was run: {words}, {log}")


@contextmanager
def pipeline(folder: Path, *overrides: str, now: datetime = START) -> Iterator[OperateContext]:
    """Yield the context of a pipeline in a folder, its log at `log_of(context)`."""
    own = [f"folder={folder}/p", f"deployments={folder}/d", f"stream.predictions={folder}/log.jsonl"]
    settings = load_pipeline(["pipeline=base", "name=shelves", "data.root=embedded", *own, *overrides])
    journal: Journal = open_journal(settings)
    journal.record(FactKind.LOOKED, START - DAY, {})
    try:
        yield OperateContext(settings, paths_of(settings), journal, now, no_line, lambda line: None)
    finally:
        journal.close()


def at(context: OperateContext, days: float) -> OperateContext:
    """Return the context at another moment, in days since START."""
    return replace(context, now=START + days * DAY)


def log_of(context: OperateContext) -> Path:
    """Return the log of predictions."""
    assert context.settings.stream.predictions is not None
    return Path(context.settings.stream.predictions)


def stream(
    context: OperateContext,
    days: Iterable[int],
    factor: Figures = lambda day, group: 1.0,
    *,
    stores: int = 4,
    a_day: int = 3,
    pictures: bool = False,
) -> list[StreamImage]:
    """Add images of stores to the stream: brightness about 0.5 times a factor, contrast with it."""
    rng = np.random.default_rng(7)
    images = []
    for day in days:
        for store in (f"store-{k}" for k in range(stores)):
            for i in range(a_day):
                taken = START + (day + i / a_day) * DAY
                light = 0.5 * factor(day, store) * (1 + 0.03 * rng.standard_normal())
                images.append(_image(context, f"{store}/{day:03d}-{i}.png", store, taken, light, pictures))
    context.journal.add_images(images)
    return images


def _image(
    context: OperateContext, path: str, store: str, taken: datetime, light: float, is_drawn: bool
) -> StreamImage:
    digest = hashlib.sha256(path.encode()).hexdigest()
    light = max(0.0, light)
    figures = {"brightness": light, "contrast": 0.3 * light, "sharpness": 0.2}
    kept = f"images/{digest[:2]}/{digest}.png"
    if is_drawn:
        target = context.paths.folder / kept
        target.parent.mkdir(parents=True, exist_ok=True)
        shelf = np.full((60, 80, 3), int(255 * min(1.0, light)), np.uint8)
        cv2.rectangle(shelf, (10, 10), (30, 30), (40, int(90 * light), int(250 * min(1.0, light))), -1)
        cv2.imwrite(str(target), shelf)
    return StreamImage(digest, path, kept, taken, store, 80, 60, digest[:16], figures, ImageStatus.NEW)


def answer(
    context: OperateContext,
    images: Iterable[StreamImage],
    version: str = "v0001",
    score: Callable[[int], float] = lambda i: 0.8,
    box: Callable[[int], tuple[float, float, float, float]] = lambda i: BOX,
    *,
    shadow: bool = False,
) -> None:
    """Log an answer of a version to each image."""
    append(
        log_of(context),
        [
            PredictionRecord(
                at=image.at,
                image=image.path,
                version=version,
                shadow=shadow,
                boxes=(LoggedBox("jar", score(i), box(i)), LoggedBox("cap", score(i), BOX))
                if i % 3
                else (LoggedBox("jar", score(i), box(i)),),
                latency_ms=12.0 + i % 5,
                width_px=80,
                height_px=60,
                group=image.group,
                error="",
            )
            for i, image in enumerate(images)
        ],
    )


def label(context: OperateContext, images: Sequence[StreamImage], number: int = 1) -> None:
    """Label images as `answer` finds them when it is right."""
    for i, image in enumerate(images):
        boxes = (("jar", 10.0, 10.0, 20.0, 20.0), ("cap", 10.0, 10.0, 20.0, 20.0))[: 2 if i % 3 else 1]
        write_labels(context.paths, KeptLabels(image.sha256, 80, 60, boxes, "labels", context.now))
    context.journal.mark_images([image.sha256 for image in images], ImageStatus.LABELLED, number, {})


def begin(context: OperateContext, number: int, *kinds: TriggerKind, why: str = "it was due") -> None:
    """Record that a round begins."""
    words = {"kinds": [kind.value for kind in kinds], "why": [why]}
    context.journal.record(FactKind.ROUND_BEGUN, context.now, words, number)


def promote(context: OperateContext, number: int, version: str, before: str | None = None) -> None:
    """Record that a round made a version, and that it serves."""
    record = context.journal.record
    record(FactKind.PACKED, context.now, {"version": version, "folder": "", "layouts": []}, number)
    record(FactKind.PROMOTED, context.now, {"version": version, "before": before}, number)
    end(context, number, "promoted")


def end(context: OperateContext, number: int, outcome: str, why: str = "") -> None:
    """Record that a round ends."""
    context.journal.record(FactKind.ROUND_ENDED, context.now, {"outcome": outcome, "why": why}, number)


def looked(context: OperateContext, watched: dict[str, Any]) -> None:
    """Record a look."""
    context.journal.record(FactKind.LOOKED, context.now, {"watched": watched, "taken_in": {}})


def whole_rounds(context: OperateContext, name: str = "bottle") -> None:
    """Record three rounds with every step: the first champion, one that a canary promotes, one that is rolled back.

    Args:
        context: of the pipeline.
        name: of a class, of a person, of a file: what users name.
    """
    _searched(at(context, 0), 1, None, name)
    promote(at(context, 1), 1, "v0001")
    begin(at(context, 20), 2, TriggerKind.DRIFT, why=f"brightness -24 % (margin 15 %), in {name}")
    record = context.journal.record
    record(FactKind.LABELS_ASKED, at(context, 20).now, {"hand_over": "to_label/0002", "images": 40}, 2)
    record(FactKind.LABELS_TAKEN, at(context, 24).now, {"images": 38, "waited_days": 3.5}, 2)
    _searched(at(context, 24), 2, f"the critical class {name} is no worse", name)
    rollout = {"version": "v0002", "rollout": "canary", "share": 0.1}
    record(FactKind.ROLLOUT_BEGUN, at(context, 25).now, rollout, 2)
    promote(at(context, 27), 2, "v0002", "v0001")
    begin(at(context, 40), 3, TriggerKind.BY_HAND, why=f"asked for by hand: {name}")
    record(FactKind.FAILED, at(context, 40).now, {"step": "searched", "error": f"no space on {name}"}, 3)
    record(FactKind.FAILED, at(context, 40.1).now, {"step": "searched", "error": f"no space on {name}"}, 3)
    _searched(at(context, 41), 3, "mAP is better by 0.02", name)
    promote(at(context, 42), 3, "v0003", "v0002")
    gone = {"version": "v0003", "to": "v0002", "why": [f"recall of {name} 0.71, 0.94 is the least"], "by": "rules"}
    record(FactKind.ROLLED_BACK, at(context, 44).now, gone, 3)


def _searched(context: OperateContext, number: int, verdict: str | None, name: str) -> None:
    """Record the steps from the data set to the verdict."""
    record = context.journal.record
    if number == 1:
        begin(context, 1, TriggerKind.FIRST, why="no version has come to serve yet")
    data = {
        "number": number,
        "folder": f"data/{number:04d}",
        "recent": "",
        "searched": "",
        "fingerprint": "contents-1",
        "frozen": "contents-2",
        "images": {"train": 400, "val": 100, "recent": 12},
        "classes": ["jar", name],
        "new_classes": [name] if number > 1 else [],
    }
    record(FactKind.VERSION_MADE, context.now, {"data": data, "labelled": 0}, number)
    searched = {
        "study": f"shelves-r{number:04d}",
        "line": ["search", "conf=retail", f"name=shelves-r{number:04d}", f"data.root=/data/{name}"],
        "hours": 3.25,
        "trials": 14,
        "carried": 3 if number > 1 else 0,
        "winner": 7,
        "why": "",
        "export": f"rounds/{number:04d}/export",
        "figures": {"map50": 0.61, "p95_ms": 21.5},
    }
    record(FactKind.SEARCHED, context.now, searched, number)
    if verdict is None:
        return
    apart = {"champion": 0.52, "challenger": 0.57, "low": 0.01, "high": 0.09}
    recall = {"class": name, "champion": 0.9, "challenger": 0.91, "low": -0.02, "high": 0.05, "rule": "recall"}
    judged = {
        "ruling": "promote",
        "why": [verdict],
        "on_frozen": {"map": apart, "p95_ms": [20.0, 22.0], "images": 100},
        "on_recent": {"map": apart},
        "critical": [recall],
        "pages": [f"rounds/{number:04d}/judged/{name}.html", f"rounds/{number:04d}/judged/frozen.json"],
    }
    record(FactKind.JUDGED, context.now, judged, number)
