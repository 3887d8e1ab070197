"""`automl train`: an exported detector at full length, resumed if it was cut, measured like a trial."""

import json
import os
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.deploy.device import Device
from objectives.latency.measure import LatencyProtocol
from objectives.machine.files import remove_folders, write_text
from objectives.records.gate import Gate
from objectives.records.paths import MODEL, WEIGHTS, ExportPaths, TrialPaths, ultralytics_settings
from objectives.records.records import Accuracy, Latency, Record, Resources, Rung
from objectives.trial.job import TrialJob, TrialListener, Word
from search.commands.search import load_data
from search.settings.settings import DataSettings
from spaces.candidate import Candidate
from spaces.errors import AutomlError, DataError, SettingsError, nearest

OVERRIDES = ("epochs", "seed", "data.root", "data.format", "train_device", "workers")


class Printer(TrialListener):
    """Prints what the training measures, and keeps it."""

    def __init__(self, console: Console, epochs: int) -> None:
        self.console, self.epochs = console, epochs
        self.kept: dict[str, Record] = {}

    def stage(self, name: str) -> None:
        """Print the stage."""
        self.console.print(f"[dim]{name}[/]")

    def progress(self, epoch: int, share: float) -> None:
        """Say nothing: the rungs are printed."""

    def latency(self, latency: Latency, trained: bool) -> None:
        """Keep the latency of the trained file."""
        if trained:
            self.kept["latency"] = latency

    def rung(self, rung: Rung) -> Word:
        """Print the epoch; nothing stops a training at full length."""
        self.console.print(
            f"epoch {rung.epoch}/{self.epochs}  mAP {rung.map:.3f}  mAP50 {rung.map50:.3f}", highlight=False
        )
        return Word.GO_ON

    def accuracy(self, accuracy: Accuracy) -> None:
        """Keep the accuracy."""
        self.kept["accuracy"] = accuracy

    def resources(self, resources: Resources) -> None:
        """Keep the resources."""
        self.kept["resources"] = resources

    def warning(self, text: str) -> None:
        """Print the warning."""
        self.console.print(f"warning: {text}", style="yellow", highlight=False)


def run_train(directory: str, arguments: list[str]) -> None:
    """Train the detector of an export folder; results go to its folder `trained`."""
    folder = Path(directory).expanduser().absolute()
    config = {**_read(folder), **_overrides(arguments)}
    console = Console(soft_wrap=True)
    data = {
        **config["data"],
        **{k.removeprefix("data."): v for k, v in config.items() if k.startswith("data.")},
    }
    dataset = load_data(DataSettings(**data))
    if list(dataset.classes) != config["classes"]:
        raise DataError(
            f"data.root: the detector was made for {', '.join(config['classes'])}; "
            f"this data set has {', '.join(dataset.classes)}"
        )
    out = ExportPaths(folder).trained.folder
    job = _job(config, dataset, out)
    _check_same_run(out, config, dataset)
    listener = Printer(console, job.epochs)
    _train(job, listener, folder)
    metrics = _metrics(job, listener, dataset)
    write_text(TrialPaths(out).metrics, json.dumps(metrics, indent=2))
    remove_folders(TrialPaths(out).trainings)
    _conclude(console, metrics, Gate(**config["gate"]), out)


def _read(folder: Path) -> dict[str, Any]:
    path = ExportPaths(folder).config
    if not path.is_file():
        raise AutomlError(f"train: '{folder}' holds no {path.name}; make it with automl export NAME --to DIR")
    config: dict[str, Any] = yaml.safe_load(path.read_text())
    if config.get("format") != 1:
        raise AutomlError(f"train: '{path}' has format {config.get('format')}, this automl reads 1")
    return config


def _overrides(arguments: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals or key not in OVERRIDES:
            raise SettingsError(
                f"train: '{argument}' is no setting{nearest(key, OVERRIDES)}; known: {', '.join(OVERRIDES)}"
            )
        found[key] = yaml.safe_load(value) if key in ("epochs", "seed", "workers") else value
    for key in ("epochs", "seed", "workers"):
        value = found.get(key, 1)
        if not isinstance(value, int) or value < (1 if key == "epochs" else 0):
            raise SettingsError(f"train: {key} must be a whole number, got {value!r}")
    return found


def _job(config: dict[str, Any], dataset: Dataset, out: Path) -> TrialJob:
    split = config["data"]["split"]
    epochs = int(config["epochs"])
    return TrialJob(
        number=int(config["trial"]),
        candidate=Candidate.from_json(config["candidate"]),
        folder=out,
        classes=dataset.classes,
        data_yaml=lay_out(dataset, TrialPaths(out).data),
        images=dataset.splits[split],
        split=split,
        epochs=epochs,
        rungs=1,
        eta=2.0,
        evaluate_every=max(1, epochs // 10),
        seed=int(config["seed"]),
        gate=Gate(),  # a training at full length was asked for; nothing stops it
        device=Device(**config["device"]),
        protocol=LatencyProtocol(**config["latency"]),
        train_device=str(config["train_device"]),
        workers=int(config["workers"]),
    )


def _check_same_run(out: Path, config: dict[str, Any], dataset: Dataset) -> None:
    """A cut training goes on only with the settings it was begun with."""
    identity = {"epochs": config["epochs"], "seed": config["seed"], "data": dataset.fingerprint}
    path = TrialPaths(out).identity
    if path.exists() and (before := json.loads(path.read_text())) != identity:
        changed = ", ".join(f"{k} {before[k]} -> {identity[k]}" for k in identity if before.get(k) != identity[k])
        raise AutomlError(f"train: '{out}' was begun with other settings ({changed}); remove it to begin anew")
    write_text(path, json.dumps(identity))


def _train(job: TrialJob, listener: Printer, folder: Path) -> None:
    from objectives.training.ultralytics_env import quiet_ultralytics

    quiet_ultralytics(ultralytics_settings(ExportPaths(folder).trained.folder))
    from objectives.trial.trial import run_trial

    run_trial(job, listener)


def _metrics(job: TrialJob, listener: Printer, dataset: Dataset) -> dict[str, Any]:
    """Return the validation figures, and those of the test split where there is one."""
    from objectives.deploy.accuracy import SCORE_CONFIDENCE, detect_all, score
    from objectives.deploy.inference import Detector, open_network

    metrics = {name: record.to_json() for name, record in listener.kept.items()}
    if "test" in dataset.splits and job.split != "test":
        images = dataset.splits["test"]
        detector = Detector(open_network(TrialPaths(job.folder).model, job.device), SCORE_CONFIDENCE)
        metrics["test"] = score(detect_all(detector, images), images, job.classes, "test").to_json()
    return metrics


def _conclude(console: Console, metrics: dict[str, Any], gate: Gate, out: Path) -> None:
    for split in ("accuracy", "test"):
        if split in metrics:
            a = metrics[split]
            console.print(
                f"{a['split']}: mAP {a['map']:.3f}  mAP50 {a['map50']:.3f}  on {a['images']} images",
                highlight=False,
            )
    latency = metrics["latency"]
    console.print(f"latency: p50 {latency['p50_ms']:.2f} ms  p95 {latency['p95_ms']:.2f} ms", highlight=False)
    met = gate.admits_accuracy(metrics["accuracy"]["map"], metrics["accuracy"]["map50"])
    met = met and gate.admits_latency(latency["p50_ms"], latency["p95_ms"])
    if gate != Gate():
        console.print(f"gate {gate}: {'met' if met else 'not met'}", highlight=False, style="bold")
    names = ", ".join((MODEL, WEIGHTS, TrialPaths(out).metrics.name))
    console.print(f"written to {os.path.relpath(out)}: {names}")
