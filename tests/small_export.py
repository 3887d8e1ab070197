"""A small real export: a study of quick trials whose files are filled in, written by `automl export`."""

import json
from pathlib import Path
from typing import Any

import yaml
from command_line import automl
from quick_search import settings_of
from window_detector import write_windows

import search
from objectives.data.dataset import Dataset
from objectives.records.paths import ExportPaths, TrialPaths
from reports.table.pick import pick

OF_TIMM = {"backbone": [[-1, 1, "TimmBackbone", []]], "head": []}  # that Ultralytics alone does not build


def write_export(place: Path, dataset: Dataset, *overrides: str) -> ExportPaths:
    """Search in `place/runs`, and export the best trial to `place/out`."""
    settings = settings_of(place / "runs", "budget.trials=2", "sampler=random", "pruner=none", *overrides)
    row = pick(search.search(settings, dataset=dataset), "best")
    trial = TrialPaths(settings.folder / str(row.folder))
    write_windows(trial.model)
    trial.description.write_text(yaml.safe_dump(OF_TIMM))
    trial.weights.write_bytes(b"weights")
    trial.detections.write_bytes(b"drawn")
    trial.arguments.write_text(yaml.safe_dump({"epochs": 4, "warmup_epochs": 1.0, "close_mosaic": 0}))
    done = automl("export", "smoke", "--pick", "best", "--to", "out", folder=place)
    assert done.returncode == 0, done.stderr
    return ExportPaths(place / "out")


def write_trained(export: ExportPaths) -> None:
    """Write what `automl train` of an older automl leaves in the folder `trained`: everything but a lineage."""
    trained = export.trained
    trained.folder.mkdir()
    write_windows(trained.model, ((40, 40), (32, 48)))
    trained.weights.write_bytes(b"longer trained")
    trained.identity.write_text(
        json.dumps({"epochs": 16, "seed": 42, "data": lineage_of(export)["fingerprints"]["data"]})
    )
    accuracy = {"map": 0.9, "map50": 0.95, "per_class": {}, "split": "val", "images": 16}
    latency = lineage_of(export)["automl.latency"]
    metrics = {"accuracy": accuracy, "latency": latency, "test": {**accuracy, "map": 0.8, "split": "test"}}
    trained.metrics.write_text(json.dumps(metrics))


def lineage_of(export: ExportPaths) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(export.lineage.read_text())
    return content
