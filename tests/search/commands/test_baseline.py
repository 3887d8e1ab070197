"""A baseline really trained, exported as a file and measured; what the commands say of it."""

import json
from pathlib import Path

import pytest
import yaml
from command_line import automl

from objectives.records.paths import ExportPaths

pytestmark = pytest.mark.slow  # two real trainings; CI runs them


def test_a_search_with_a_baseline_shown_and_exported(
    tmp_path: Path, shelves: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("spaces.network.published.ASSETS", "http://127.0.0.1:9")  # nobody listens
    line = ("conf=smoke", "baseline=yolo26n@64", "trial.backend=inline", "trial.train_device=cpu", "pruner=none")
    done = automl("search", *line, f"data.root={shelves}", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "these start from random weights: yolo26n" in said
    assert "The baseline, stock yolo26n at 64 px (trial 0), has mAP 0." in said
    shown = automl("show", "smoke", "0", folder=tmp_path).stdout
    assert "baseline  The baseline, stock yolo26n at 64 px (trial 0)" in shown
    assert "proposed  the baseline: yolo26n as published, at 64 px, as asked for, from random weights" in shown
    other = automl("show", "smoke", "1", folder=tmp_path).stdout
    assert "beside  the baseline, trial 0: " in other
    assert automl("export", "smoke", "--pick", "1", "--to", "out", folder=tmp_path).returncode == 0
    lineage = json.loads(ExportPaths(tmp_path / "out").lineage.read_text())
    assert (lineage["baseline"]["name"], lineage["baseline"]["trial"]) == ("yolo26n@64", 0)
    assert lineage["baseline"]["pick"]["trial"] == 1
    assert lineage["baseline"]["from_random_weights"] is True
    exported = automl("export", "smoke", "--pick", "0", "--to", "stock", folder=tmp_path)
    assert exported.returncode == 0, exported.stderr
    stock = ExportPaths(tmp_path / "stock")
    assert yaml.safe_load(stock.config.read_text())["candidate"]["neck.kind"] == "own"
    assert stock.plain.exists()  # Ultralytics alone loads it
