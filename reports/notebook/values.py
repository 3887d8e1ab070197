"""Trials as flat values by name, units in the names: the columns of DataFrames, and the scalars of loggers."""

from collections.abc import Iterator, Sequence
from typing import Any

from objectives.records.gate import Gate
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.verdict import judge
from reports.table.words import architecture

MEGABYTE = 1e6

# Column -> kind of its values; None stands where a trial has none.
TRIAL_COLUMNS: dict[str, type] = {
    "standing": str,
    "kind": str,
    "detector": str,
    "on_front": bool,
    "passes_gate": bool,
    "map": float,
    "map50": float,
    "p50_ms": float,
    "p95_ms": float,
    "latency_stable": bool,
    "images_per_s": float,
    "f1": float,
    "precision": float,
    "recall": float,
    "parameters": int,
    "multiply_adds": int,
    "file_mb": float,
    "memory_mb": float,
    "training_memory_mb": float,
    "epochs": int,
    "training_s": float,
    "total_s": float,
    "started_at": object,
    "weights_of": int,
    "reason": str,
}
FIGURES_OF_A_TRIAL = tuple(
    name for name, kind in TRIAL_COLUMNS.items() if kind in (int, float) and name != "weights_of"
)
RUNG_COLUMNS: dict[str, type] = {
    "trial": int,
    "epoch": int,
    "map": float,
    "map50": float,
    "loss": float,
    "training_s": float,
    "decides": bool,
}


def trial_values(row: TrialRow, gate: Gate) -> dict[str, Any]:
    """Return what is known of a trial, by TRIAL_COLUMNS: shares in [0, 1], units by their names, None for the unknown.

    `map` and `map50` are of the finished detector; `weights_of` is the trial whose weights it has or goes on from.
    """
    accuracy, latency, resources = row.accuracy, row.known_latency, row.resources
    is_finished = row.map50 is not None
    return {
        "standing": row.standing,
        "kind": "proof" if row.is_proof else "baseline" if row.is_baseline else row.origin.value,
        "detector": architecture(row.candidate),
        "on_front": row.on_front,
        "passes_gate": None if gate == Gate() else row.passes_gate,
        "map": row.map,
        "map50": row.map50,
        "p50_ms": row.p50_ms,
        "p95_ms": row.p95_ms,
        "latency_stable": latency.stable if latency else None,
        "images_per_s": latency.images_per_s if latency else None,
        "f1": accuracy.f1 if accuracy and is_finished else None,
        "precision": accuracy.precision if accuracy and is_finished else None,
        "recall": accuracy.recall if accuracy and is_finished else None,
        "parameters": (resources.parameters or None) if resources else None,
        "multiply_adds": (resources.multiply_adds or None) if resources else None,
        "file_mb": _megabytes(row.figures_judged.file_bytes),
        "memory_mb": _megabytes(latency.peak_bytes if latency else 0),
        "training_memory_mb": _megabytes(resources.training_peak_bytes if resources else 0),
        "epochs": row.rungs[-1].epoch if row.rungs else None,
        "training_s": row.stages_s.get("train"),
        "total_s": row.seconds,
        "started_at": row.started_at,
        "weights_of": row.parent if row.parent is not None else row.polishes,
        "reason": (row.ending.reason or None) if row.ending else None,
    }


def chosen(table: StudyTable) -> TrialRow | None:
    """Return the trial that the report names first: the gate's, else the most accurate one; None where none finished.

    One that only comes nearest to the gate is not meant.
    """
    verdict = judge(table)
    if verdict.row is not None and verdict.kind != "misses":
        return verdict.row
    return max(table.finished, key=lambda row: row.map or 0.0, default=None)


def choices(rows: Sequence[TrialRow]) -> list[str]:
    """Return the dimensions of these trials, grouped, in the order of first appearance."""
    seen = dict.fromkeys(name for row in rows for name in row.candidate)
    groups = list(dict.fromkeys(name.partition(".")[0] for name in seen))
    return sorted(seen, key=lambda name: groups.index(name.partition(".")[0]))


def table_values(table: StudyTable, rows: Sequence[TrialRow]) -> list[dict[str, Any]]:
    """Return trials with number, figures and choices, by column; all have the same columns in the same order."""
    names = choices(rows)
    return [
        {
            "trial": row.number,
            **trial_values(row, table.gate),
            **{name: row.candidate.get(name) for name in names},
        }
        for row in rows
    ]


def rung_values(table: StudyTable) -> Iterator[dict[str, Any]]:
    """Yield what was seen of each trial at each evaluated epoch, by RUNG_COLUMNS; `map` is the validator's."""
    for row in table.rows:
        for rung in row.rungs:
            yield {
                "trial": row.number,
                "epoch": rung.epoch,
                "map": rung.map,
                "map50": rung.map50,
                "loss": rung.loss,
                "training_s": rung.seconds,
                "decides": rung.decides,
            }


def _megabytes(count: float) -> float | None:
    return count / MEGABYTE if count else None
