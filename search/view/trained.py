"""What `automl train` says in the end: its figures, and on each device whether the gate is met."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from objectives.records.bounds.figures import Figures
from objectives.records.gate import Gate
from objectives.records.paths import MODEL, PLAIN, WEIGHTS, TrialPaths
from objectives.records.records import Accuracy, Latency
from reports.table.gate_words import miss_words
from reports.table.latency_words import measured_words


def conclude(console: Console, metrics: Mapping[str, Any], gate: Gate, out: Path) -> None:
    """Print the figures of a training that has ended, and on each device whether its gate is met."""
    for split in ("accuracy", "test"):
        if split in metrics:
            a = metrics[split]
            line = f"{a['split']}: mAP {a['map']:.3f}  mAP50 {a['map50']:.3f}  on {a['images']} images"
            console.print(line, highlight=False)
    accuracy = Accuracy.from_json(metrics["accuracy"])
    _on_device(console, "", Latency.from_json(metrics["latency"]), accuracy, gate.of_first)
    for name, latency in metrics.get("latencies", {}).items():
        _on_device(console, f" on {name}", Latency.from_json(latency), accuracy, gate.on(name))
    plain = [PLAIN] if TrialPaths(out).plain.exists() else []
    names = ", ".join((MODEL, WEIGHTS, *plain, TrialPaths(out).metrics.name))
    console.print(f"written to {os.path.relpath(out)}: {names}")


def _on_device(console: Console, on: str, latency: Latency, accuracy: Accuracy, gate: Gate) -> None:
    console.print(f"latency{on}: {measured_words(latency)}", highlight=False)
    if gate != Gate():
        missed = " and ".join(map(miss_words, gate.missed(Figures.of(latency, accuracy))))
        line = f"gate{on} {gate}: {f'not met ({missed})' if missed else 'met'}"
        console.print(line, highlight=False, style="bold")
