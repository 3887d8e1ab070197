"""What the champion has answered in a window of time, read from the log of predictions once a look."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from objectives.predictions.read import LogReport, read_predictions
from objectives.predictions.record import PredictionRecord


@dataclass(frozen=True)
class ChampionAnswers:
    """Answers of one version that were used.

    Attributes:
        version: that answered.
        records: by time; errors are among them.
        problems: lines about what of the log could not be read.
    """

    version: str
    records: tuple[PredictionRecord, ...]
    problems: tuple[str, ...]


def read_answers(log: Path, version: str, since: datetime, until: datetime) -> ChampionAnswers:
    """Return a version's answers after `since` and up to `until`, but those that were logged alone, as a shadow."""
    report = LogReport()
    found = [
        record
        for record in read_predictions(log, since, None, report)
        if record.version == version and not record.shadow and since < record.at <= until
    ]
    found.sort(key=lambda record: record.at)
    return ChampionAnswers(version, tuple(found), report.problems)


def live_figures(answers: ChampionAnswers) -> dict[str, Any]:
    """Return what metrics and the page show of answers: counts, and percentiles of the logged latencies."""
    times = [record.latency_ms for record in answers.records if record.latency_ms is not None and not record.error]
    p50, p95 = np.percentile(times, [50, 95]).tolist() if times else (None, None)
    return {
        "version": answers.version,
        "answers": len(answers.records),
        "errors": sum(bool(record.error) for record in answers.records),
        "p50_ms": p50,
        "p95_ms": p95,
    }


def image_keys(records: Sequence[PredictionRecord]) -> set[str]:
    """Return the images as the log names them."""
    return {record.image for record in records}
