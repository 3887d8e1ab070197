"""Two devices from the line to the export: a search, its page, an export for each, a device that comes later."""

import json
import re
from pathlib import Path

import optuna
import pytest
import yaml
from command_line import Done, automl, script

from objectives.records.paths import StudyPaths
from objectives.records.records import Latency
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import trial_records
from reports.table.on_device import on_device, tables_of
from reports.table.table import read_study

pytestmark = pytest.mark.slow


def study(folder: Path, name: str) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.load_study(study_name=name, storage=f"sqlite:///{StudyPaths(folder / 'runs' / name).store}")


def well(done: Done) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_devices_from_search_to_export(shelves: Path, tmp_path: Path) -> None:
    line = ("search", "conf=smoke", f"data.root={shelves}", "trial.train_device=cpu")
    both = ("devices=[cpu,cpu_all]", "gate.p95_ms_max=5000", "gate.devices.cpu_all.p95_ms_max=4000")
    said = well(script(*line, *both, folder=tmp_path))
    assert "Study smoke on cpu  gate: p95 <= 5000 ms" in said
    assert "Study smoke on cpu_all  gate: p95 <= 4000 ms" in said
    table = read_study(study(tmp_path, "smoke"))
    assert all(len(trial.rungs) == len({rung.epoch for rung in trial.rungs}) for trial in table.trainings)
    assert all(one.front for one in tables_of(table))
    page = (tmp_path / "runs" / "smoke" / "report.html").read_text()
    assert re.findall(r'<template data-device="(\w+)">', page) == ["cpu_all"]
    shown = well(automl("show", "smoke", str(table.front[0].number), folder=tmp_path))
    assert re.search(r"latency  on cpu_all: p50 [\d.]+ ms, p95", shown)
    well(automl("export", "smoke", "--device", "cpu_all", "--to", "out", folder=tmp_path))
    lineage = json.loads((tmp_path / "out" / "lineage.json").read_text())
    assert lineage["device"]["name"] == "cpu_all"
    assert lineage["devices"].keys() == {"cpu", "cpu_all"}
    row = on_device(table, "cpu_all").row(lineage["trial"])
    assert Latency.from_json(lineage["devices"]["cpu_all"]["latency"]) == row.latency
    assert lineage["devices"]["cpu"]["gate"] == [
        {"bound": "p95 <= 5000 ms", "value": table.row(row.number).p95_ms, "kept": True}
    ]
    config = yaml.safe_load((tmp_path / "out" / "config.yaml").read_text())
    assert (config["device"]["name"], [one["name"] for one in config["more_devices"]]) == ("cpu_all", ["cpu"])
    trained = well(script("train", "out", "epochs=1", "train_device=cpu", folder=tmp_path))
    assert re.search(r"latency: p50 [\d.]+ ms.*\ngate p95 <= 4000 ms: met\n", trained)
    assert re.search(r"latency on cpu: p50 [\d.]+ ms.*\ngate on cpu p95 <= 5000 ms: met\n", trained)
    metrics = json.loads((tmp_path / "out" / "trained" / "metrics.json").read_text())
    assert metrics["latencies"].keys() == {"cpu"}


def test_a_device_that_comes_later_is_measured_from_the_files_that_are_there(shelves: Path, tmp_path: Path) -> None:
    line = ("search", "conf=smoke", f"data.root={shelves}", "trial.train_device=cpu")
    well(script(*line, folder=tmp_path))
    before = trial_records(study(tmp_path, "smoke"))
    refused = automl(*line, "devices=[cpu,cpu_all]", folder=tmp_path)
    assert refused.returncode == 2
    assert "device.cpu_all: threads: absent -> 0" in refused.stderr
    assert "--fork NEW keeps 2 of 2 trials" in refused.stderr
    said = well(script(*line, "devices=[cpu,cpu_all]", "--fork", "wider", folder=tmp_path))
    assert "Study wider on cpu_all" in said
    fork = study(tmp_path, "wider")
    assert [trial.rungs for trial in trial_records(fork)] == [trial.rungs for trial in before]  # trained once
    first, second = tables_of(read_study(fork))
    assert {row.number for row in second.finished} == {row.number for row in first.finished}
    assert StudyRecord.of(fork).measured_fully_on.keys() == {row.number for row in first.finished}
