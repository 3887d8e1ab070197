"""The main job on a dozen images: search with the installed script, then report, export, train, measure."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import onnx
import optuna
import pytest
import yaml
from command_line import SCRIPT, Done, automl, script
from optuna.trial import FrozenTrial, TrialState

from objectives.records import attributes as keys
from objectives.records.paths import StudyPaths
from objectives.records.records import Accuracy, Ending, Latency, Outcome, Resources, Rung
from objectives.weights.shelf import sha256_of

pytestmark = pytest.mark.seconds

EXPORTED = {
    "config.yaml",
    "data_card.yaml",
    "detections.jpg",
    "lineage.json",
    "model.onnx",
    "model.yaml",
    "train_arguments.yaml",
    "weights.pt",
}


def done(*arguments: str, folder: Path, run: Callable[..., Done] = automl) -> str:
    """Run a command in a folder; return its output."""
    ended = run(*arguments, folder=folder)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stdout


def trials(folder: Path) -> list[FrozenTrial]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = f"sqlite:///{StudyPaths(folder / 'runs' / 'smoke').store}"
    return optuna.load_study(study_name="smoke", storage=url).get_trials()


@pytest.fixture(scope="module")
def line(shelves: Path) -> tuple[str, ...]:
    return ("search", "conf=smoke", f"data.root={shelves}", "trial.train_device=cpu")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def searched(place: Path, line: tuple[str, ...]) -> str:
    """The output of a first search in `place`: two trials."""
    return done(*line, folder=place, run=script)


@pytest.fixture(scope="module")
def exported(place: Path, searched: str) -> Path:
    """The most accurate detector of that search."""
    assert "2/2" in searched
    said = done("export", "smoke", "--pick", "best", "--to", "out", folder=place)
    assert re.search(r"trial \d \(mAP .* written to .*out", said)
    return place / "out"


def test_search_tells_its_trials_in_plain_lines(place: Path, searched: str) -> None:
    lines = searched.splitlines()
    assert lines[0].split() == ["study", "smoke", "in", "runs/smoke,", "gate", "no", "gate"]
    assert [found[:11] for found in lines if found.startswith("trial   ")] == ["trial   0  ", "trial   1  "]
    assert "[1/2, " in searched
    assert "[2/2, front " in searched
    assert "Report: runs/smoke/report.html" in searched
    assert "\x1b" not in searched
    assert (place / "runs" / "smoke" / "report.html").stat().st_size > 100_000


def test_each_trial_holds_what_was_measured(place: Path, searched: str) -> None:
    for trial in trials(place):
        assert trial.state is TrialState.COMPLETE
        attrs = trial.user_attrs
        accuracy, latency = Accuracy.from_json(attrs[keys.ACCURACY]), Latency.from_json(attrs[keys.LATENCY])
        assert trial.values == [accuracy.map, latency.p50_ms]
        assert accuracy.images == 6
        assert latency.p50_low_ms <= latency.p50_ms <= latency.p95_ms
        assert Latency.from_json(attrs[keys.LATENCY_UNTRAINED]).p50_ms > 0
        rungs = [Rung.from_json(r) for r in attrs[keys.RUNGS]]
        assert [r.epoch for r in rungs] == [1, 2]
        assert Ending.from_json(attrs[keys.ENDING]).outcome == Outcome.FINISHED
        assert {"build", "latency", "train", "export", "score"} <= Resources.from_json(
            attrs[keys.RESOURCES]
        ).seconds.keys()
        folder = place / "runs" / "smoke" / attrs[keys.FOLDER]
        assert json.loads((folder / "candidate.json").read_text()) == attrs[keys.CANDIDATE]
        arguments = yaml.safe_load((folder / "arguments.yaml").read_text())
        assert arguments["lr0"] == attrs[keys.CANDIDATE]["train.lr0"]
        assert arguments["imgsz"] == attrs[keys.CANDIDATE]["size.pixels"]
        assert not list(folder.glob("training-*"))


@pytest.mark.slow
def test_the_same_line_again_runs_nothing_and_a_larger_budget_one_more(
    place: Path, line: tuple[str, ...], exported: Path
) -> None:
    before = trials(place)
    again = done(*line, folder=place)
    assert "goes on after 2 trials" in again
    assert "trial   " not in again.partition("goes on after")[2].partition("Study smoke")[0]
    assert trials(place) == before
    done(*line, "budget.trials=3", "trial.epochs=2", folder=place)
    assert trials(place)[:2] == before
    assert [t.number for t in trials(place)] == [0, 1, 2]
    assert trials(place)[2].state.is_finished()


def test_report_show_and_studies(place: Path, searched: str) -> None:
    assert "mAP" in done("report", "smoke", "--to", "page.html", folder=place)
    assert "smoke" in (place / "page.html").read_text()
    shown = done("show", "smoke", "0", folder=place)
    assert shown.startswith("trial 0 of smoke: finished")
    assert "train.lr0: " in shown
    assert re.search(r"smoke +\d +\d", done("studies", folder=place))


def test_export_is_whole(exported: Path) -> None:
    assert {path.name for path in exported.iterdir()} - {"trained"} == EXPORTED
    lineage = json.loads((exported / "lineage.json").read_text())
    config = yaml.safe_load((exported / "config.yaml").read_text())
    parts = {"space", "data", "device", "training", "gate", "trainer", "pruning", "input", "weights"}
    assert set(lineage["fingerprints"]) == parts
    assert lineage["provenance"]["seed"] == config["seed"] == 42
    assert lineage["provenance"]["command"].startswith("automl search conf=smoke")
    assert lineage["trial"] == config["trial"]
    assert config["epochs"] == 8  # four times those of a trial
    assert config["silence_s"] == lineage["settings"]["trial"]["silence_s"]
    assert config["run"] == "objectives.trial.trial:run_trial"
    assert "timeout_s" not in config  # a trial's is meant for fewer epochs
    assert not {"weights", "parent"} & config.keys()  # it was trained alone: `automl train` starts anew
    arguments = yaml.safe_load((exported / "train_arguments.yaml").read_text())
    assert arguments["epochs"] == 8
    assert "project" not in arguments
    onnx.checker.check_model(onnx.load(exported / "model.onnx"))
    assert not list(exported.parent.glob(".out.partial"))


@pytest.mark.slow
def test_train_prints_and_keeps_the_metrics_and_takes_up_a_cut_run(place: Path, exported: Path) -> None:
    first = done("train", "out", "epochs=2", "train_device=cpu", folder=place)
    metrics = json.loads((exported / "trained" / "metrics.json").read_text())
    assert f"val: mAP {metrics['accuracy']['map']:.3f}" in first
    assert f"test: mAP {metrics['test']['map']:.3f}" in first
    assert metrics["test"]["images"] == 4
    assert f"p50 {metrics['latency']['p50_ms']:.2f} ms" in first
    assert "epoch 2/2" in first
    lineage = json.loads((exported / "trained" / "lineage.json").read_text())
    assert lineage["artifact"]["sha256"] == sha256_of(exported / "trained" / "model.onnx")
    assert lineage["automl.accuracy"] == metrics["accuracy"]
    (exported / "trained" / "model.onnx").unlink()
    done("train", "out", "epochs=2", "train_device=cpu", folder=place)
    assert (exported / "trained" / "model.onnx").is_file()
    again = json.loads((exported / "trained" / "metrics.json").read_text())
    assert again["accuracy"] == metrics["accuracy"]
    other = automl("train", "out", "epochs=3", folder=place)
    assert other.returncode == 2
    assert "was begun with other settings (epochs 2 -> 3); remove it to begin anew" in other.stderr


def test_latency_of_the_exported_file(place: Path, exported: Path, line: tuple[str, ...]) -> None:
    said = done("latency", "out/model.onnx", *line[1:], folder=place)
    figures = re.match(r"p50 ([\d.]+) ms \(([\d.]+) to ([\d.]+)\), p95 ([\d.]+) ms, network alone ([\d.]+) ms", said)
    assert figures
    p50, low, high, p95, network = map(float, figures.groups())
    assert 0 < low <= p50 <= high
    assert network < p50 <= p95


@pytest.mark.slow
def test_interrupted_search_says_how_to_go_on_and_does(tmp_path: Path, line: tuple[str, ...]) -> None:
    """Ctrl-C in the midst of a training: the trial is taken up under its own number."""
    command = [str(SCRIPT), *line, "budget.trials=1", "trial.epochs=60"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    checkpoint = tmp_path / "runs" / "smoke" / "trials" / "00000" / "training-1" / "checkpoint.pt"
    deadline = time.monotonic() + 90
    while not checkpoint.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Interrupted after 0 trials; go on with: automl search conf=smoke" in out
    assert "Traceback" not in err
    assert [t.state for t in trials(tmp_path)] == [TrialState.RUNNING]
    assert checkpoint.exists()
    done(*command[1:], folder=tmp_path)
    (trial,) = trials(tmp_path)
    assert trial.state is TrialState.COMPLETE
    assert [r["epoch"] for r in trial.user_attrs[keys.RUNGS]] == [4, 8, 15, 30, 60]
