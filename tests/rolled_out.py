"""A pipeline whose versions are packed and rolled out: its context, exports of real small detectors, and their logs."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from window_detector import GOOD, write_windows

from objectives.predictions.record import LoggedBox, PredictionRecord
from search.operate.context import LineEnd, OperateContext
from search.operate.journal.facts import FactKind
from search.operate.journal.open import open_journal, paths_of
from search.operate.journal.state import PipelineState
from search.settings.pipeline.pipeline_settings import load_pipeline

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
BASE = Path(__file__).parents[1] / "conf" / "pipeline" / "base.yaml"


def _no_line(words: Sequence[str], log: Path) -> LineEnd:
    raise AssertionError(f"a rollout runs no line of automl, got {words}")


def pipeline(folder: Path, *overrides: str) -> OperateContext:
    """Return the context of a pipeline `shelves` in a folder; its log is log.jsonl there."""
    own = ["name=shelves", "data.root=embedded", f"folder={folder}/pipelines", f"deployments={folder}/deployments"]
    settings = load_pipeline([f"pipeline={BASE}", *own, f"stream.predictions={folder}/log.jsonl", *overrides])
    paths = paths_of(settings)
    paths.folder.mkdir(parents=True, exist_ok=True)
    return OperateContext(settings, paths, open_journal(settings), START, _no_line, print)


def later(context: OperateContext, hours: float) -> OperateContext:
    """Return the context so many hours after START."""
    return replace(context, now=START + timedelta(hours=hours))


def write_round_export(
    context: OperateContext, number: int, sizes: Sequence[tuple[int, int]] = GOOD, p95_ms: float = 20.0
) -> Path:
    """Write what a round's `automl export` writes, as far as it is packed."""
    export = context.paths.round(number).export
    export.mkdir(parents=True)
    write_windows(export / "model.onnx", sizes)
    (export / "weights.pt").write_bytes(b"not for serving")
    (export / "config.yaml").write_text("format: 1\n")
    lineage = {
        "study": f"shelves-r{number:04d}",
        "trial": 3,
        "device": {"name": "cpu"},
        "automl.latency": {"p50_ms": p95_ms / 2, "p95_ms": p95_ms},
    }
    (export / "lineage.json").write_text(json.dumps(lineage))
    return export


def record(context: OperateContext, kind: FactKind, hours: float, number: int = 1, **words: Any) -> PipelineState:
    """Record a fact so many hours after START, and return the state after it."""
    context.journal.record(kind, START + timedelta(hours=hours), words, number)
    return context.journal.state()


def rolled_out(context: OperateContext, kind: str) -> PipelineState:
    """Record that v0001 serves since START, and that v0002 is rolled out since then."""
    record(context, FactKind.ROUND_BEGUN, -1, 1, why=[], kinds=[])
    record(context, FactKind.PROMOTED, -0.5, 1, version="v0001", before=None)
    record(context, FactKind.ROUND_ENDED, -0.5, 1, outcome="promoted", why=[])
    record(context, FactKind.ROUND_BEGUN, -0.25, 2, why=[], kinds=[])
    return record(context, FactKind.ROLLOUT_BEGUN, 0, 2, version="v0002", rollout=kind, share=0.1)


def answers(
    version: str,
    count: int,
    boxes: Sequence[LoggedBox] = (),
    latency_ms: float | None = 10.0,
    hours: tuple[float, float] = (0.0, 24.0),
    failed: int = 0,
    shadow: bool = False,
    names: str = "img",
) -> list[PredictionRecord]:
    """Return answers spread evenly over some hours after START; latencies differ by up to a tenth, in a fixed order."""
    step = (hours[1] - hours[0]) / max(count, 1)
    return [
        PredictionRecord(
            START + timedelta(hours=hours[0] + i * step),
            f"{names}/{i}.jpg",
            version,
            shadow,
            () if i < failed else tuple(boxes),
            None if latency_ms is None or i < failed else latency_ms * (1 + 0.1 * (i * 7 % 11) / 10),
            640,
            480,
            "",
            "out of memory" if i < failed else "",
        )
        for i in range(count)
    ]
