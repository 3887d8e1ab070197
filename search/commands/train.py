"""`automl train`: an exported detector at full length, resumed if it was cut, measured like a trial."""

import json
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.text import Text

from objectives.data.crowds import detections_max
from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out, remove_other_layouts
from objectives.deploy.device import Device
from objectives.deploy.formats.deployed import prepare
from objectives.deploy.own_metrics import check_own
from objectives.latency.protocol import LatencyProtocol
from objectives.machine.files import remove_folders, write_text
from objectives.machine.interrupts import interruptible
from objectives.records.gate import Gate
from objectives.records.paths import PLAIN, ExportPaths, TrialPaths
from objectives.records.records import Ending, Rung
from objectives.trial.job import RungDecision, TrialJob
from objectives.trial.plain_process import write_plain_checkpoint
from objectives.weights.fetch import Say
from objectives.weights.shelf import WeightsFile
from reports.table.console import open_console
from search.loop.full_training import FullTraining, TrainingFailed, TrainingListener
from search.register.lineage import write_trained_lineage
from search.settings.compose import default_values
from search.settings.dataset import load_data
from search.settings.devices import further_devices
from search.settings.sections import read_section
from search.settings.settings import DataSettings, TrialSettings
from search.study.terms.changes import PRUNING
from search.study.terms.start_weights import start_alone
from search.view.trained import conclude
from search.view.words import attempt_text, one_line
from search.workers.jobs import check_run, fits_cache
from search.workers.limits import Limits
from search.workers.places import Place, take_place
from search.workers.registry import check_backend, make_backend
from spaces.candidate import Candidate
from spaces.errors import AutomlError, DataError, SettingsError, nearest

WHOLE = {"epochs": 1, "seed": 0, "workers": 0, "memory_mb": 1, "processes_max": 1, "cache_mb": 0}  # name: least value
SECONDS = ("timeout_s", "silence_s")
NULLABLE = ("timeout_s", "memory_mb")
OVERRIDES = (*WHOLE, *SECONDS, "data.root", "data.format", "train_device", "backend", "pretrained.folder")
LIKE_TRIALS = ("timeout_s", "silence_s", "memory_mb", "processes_max", "cache_mb", "backend", "run")
NOW_CUT = (
    "an older automl pruned this detector and left its backbone whole; this training cuts the backbone too: a smaller "
    "and faster detector comes of it than the exported one"
)
GPU_LOOK_EVERY_S = 2.0  # between two looks whether a GPU is free


class Printer(TrainingListener):
    """Prints what the training measures, and keeps it."""

    def __init__(self, console: Console, epochs: int) -> None:
        super().__init__()
        self.console, self.epochs = console, epochs

    def stage(self, name: str) -> None:
        """Print the stage."""
        self.console.print(Text(name, style="dim"))

    def rung(self, rung: Rung) -> RungDecision:
        """Print the epoch."""
        self.console.print(
            f"epoch {rung.epoch}/{self.epochs}  mAP {rung.map:.3f}  mAP50 {rung.map50:.3f}", highlight=False
        )
        return super().rung(rung)

    def warning(self, text: str) -> None:
        """Print the warning."""
        self.console.print(f"warning: {one_line(text)}", style="yellow", highlight=False)

    def begins_again(self, ending: Ending) -> None:
        """Print what the training died of, and how it goes on."""
        self.warning(attempt_text(ending))


def run_train(directory: str, arguments: list[str], *, fresh: bool = False) -> None:
    """Train the detector of an export folder; results go to its folder `trained`.

    Args:
        directory: the export's.
        arguments: settings that the line changes.
        fresh: whether weights of its own, which the export of an elastic training or of a child has, are left aside.

    Raises:
        TrainingFailed: the training has failed for good.
        AutomlError: the folder, the line or the data set cannot be used.
    """
    folder = Path(directory).expanduser().absolute()
    config = {**_defaults(), **_read(folder), **_overrides(arguments)}
    own = None if fresh else _own_weights(folder, config)
    trial = read_section(TrialSettings, "trial", {key: config[key] for key in LIKE_TRIALS})
    check_run(trial)
    check_own(Gate(**config.get("gate", {})).own or ())
    check_backend(config["backend"], setting="train: backend")
    console = open_console(soft_wrap=True)
    try:
        with interruptible():
            _train(console, config, trial, folder, own)
    except KeyboardInterrupt:
        line = shlex.join(["automl", "train", directory, *arguments, *["--fresh"] * fresh])
        console.print(f"Interrupted; go on with: {line}", highlight=False)
        raise SystemExit(130) from None
    except TrainingFailed as failed:
        if failed.ending.death and failed.ending.death.log_tail:
            sys.stderr.write(f"{failed.ending.death.log_tail}\n")
        raise


def _train(console: Console, config: dict[str, Any], trial: TrialSettings, folder: Path, own: Path | None) -> None:
    """Train from the detector's own weights, or from new ones, measure, and say what came of it."""
    paths, dataset = ExportPaths(folder).trained, _dataset(config)
    out = paths.folder
    out.mkdir(exist_ok=True)
    _check_same_run(out, config, dataset, own)
    if own is not None:
        console.print(f"goes on from its own weights ({own.name}); --fresh starts anew", highlight=False)
    if PRUNING.concerns(config["candidate"]) and PRUNING.part not in config:
        console.print(f"note: {NOW_CUT}", highlight=False)
    with _place(console, str(config["train_device"])) as place:
        job = _job(config, dataset, out, place, own)
        remove_other_layouts(job.data_yaml)
        listener = Printer(console, job.epochs)
        start = None if own else _start(config, job.candidate, listener.warning)
        prepare(job.device)  # hours before its file is converted
        job = replace(job, start=start, more_devices=further_devices(config, listener.warning))
        backend = make_backend(config["backend"], paths.ultralytics)
        if backend.caveat:
            console.print(f"note: {backend.caveat}", highlight=False)
        FullTraining(job, backend, Limits.of(trial, workers=1, prefix=""), listener, listener.begins_again).run()
    metrics = _metrics(job, listener, dataset)
    write_text(paths.metrics, json.dumps(metrics, indent=2))
    remove_folders(paths.trainings)
    if ExportPaths(folder).plain.exists():  # it was exported for Ultralytics alone, and so it is trained
        why_not = write_plain_checkpoint(paths.weights, paths.plain)
        if why_not:
            listener.warning(f"no {PLAIN}: {why_not}")
    write_trained_lineage(ExportPaths(folder), job.epochs, listener.warning)
    conclude(console, metrics, Gate(**config.get("gate", {})), out)


def _defaults() -> dict[str, Any]:
    """Return what the config of an older automl leaves out, as `conf/` has it for trials."""
    defaults = default_values("trial")
    return {key: defaults[key] for key in LIKE_TRIALS}


def _dataset(config: dict[str, Any]) -> Dataset:
    """Return the data set, if it has the classes that the detector was made for."""
    given = {key.removeprefix("data."): value for key, value in config.items() if key.startswith("data.")}
    dataset = load_data(DataSettings(**{**default_values("data"), **config["data"], **given}))
    if list(dataset.classes) != config["classes"]:
        raise DataError(
            f"data.root: the detector was made for {', '.join(config['classes'])}; "
            f"this data set has {', '.join(dataset.classes)}"
        )
    return dataset


@contextmanager
def _place(console: Console, wanted: str) -> Iterator[Place]:
    """Have a place to train at, as a trial has; wait while other trainings have all GPUs."""
    place = take_place(wanted, workers=1)
    if place is None:
        console.print("waiting: other trainings have all GPUs", highlight=False)
    while place is None:
        time.sleep(GPU_LOOK_EVERY_S)
        place = take_place(wanted, workers=1)
    try:
        yield place
    finally:
        place.give_back()


def _read(folder: Path) -> dict[str, Any]:
    path = ExportPaths(folder).config
    if not path.is_file():
        raise AutomlError(f"train: '{folder}' holds no {path.name}; make it with automl export NAME --to DIR")
    config: dict[str, Any] = yaml.safe_load(path.read_text())
    if config.get("format") != 1:
        raise AutomlError(f"train: '{path}' has format {config.get('format')}, this automl reads 1")
    return config


def _own_weights(folder: Path, config: dict[str, Any]) -> Path | None:
    """Return the file of weights that the training goes on from; None where the export names none.

    Raises:
        AutomlError: the file is not there.
    """
    if config.get("weights") is None:
        return None
    path = folder / str(config["weights"])
    if not path.is_file():
        raise AutomlError(f"train: '{folder}' holds no {path.name} to go on from; export again, or give --fresh")
    return path


def _overrides(arguments: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if key not in OVERRIDES:
            raise SettingsError(
                f"train: unknown setting '{key}'{nearest(key, OVERRIDES)}; known: {', '.join(OVERRIDES)}"
            )
        if not equals:
            raise SettingsError(f"train: {key} needs a value, got '{argument}'; give {key}=...")
        found[key] = _number(key, value) if key in (*WHOLE, *SECONDS) else value
    return found


def _number(key: str, text: str) -> int | float | None:
    """Return the value of a setting that is a number."""
    value = yaml.safe_load(text)
    if value is None and key in NULLABLE:
        return None
    or_null = " or null" if key in NULLABLE else ""
    if key in WHOLE:
        if type(value) is not int or value < WHOLE[key]:
            raise SettingsError(f"train: {key} must be a whole number from {WHOLE[key]} on{or_null}, got {value!r}")
    elif type(value) not in (int, float) or not 0 < value < float("inf"):
        raise SettingsError(f"train: {key} must be a number of seconds over 0{or_null}, got {value!r}")
    return value  # type: ignore[no-any-return]  # one of the types above


def _job(config: dict[str, Any], dataset: Dataset, out: Path, place: Place, own: Path | None) -> TrialJob:
    split = config["data"]["split"]
    epochs = int(config["epochs"])
    candidate = Candidate.from_json(config["candidate"])
    images, pixels = len(dataset.splits["train"]), int(candidate.number("size.pixels"))
    return TrialJob(
        number=int(config["trial"]),
        candidate=candidate,
        folder=out,
        classes=dataset.classes,
        data_yaml=lay_out(dataset, TrialPaths(out).data),
        images=dataset.splits[split],
        split=split,
        max_detections=detections_max(dataset, config["data"].get("detections_max")),
        epochs=epochs,
        rungs=1,
        eta=2.0,
        evaluate_every=max(1, epochs // 10),
        seed=int(config["seed"]),
        gate=Gate(**config.get("gate", {})).trained_only(),  # a training at full length was asked for; nothing stops it
        device=read_section(Device, "device", config["device"]),
        protocol=read_section(LatencyProtocol, "latency", config["latency"]),
        train_device=place.train_device,
        gpu=place.gpu,
        workers=int(config["workers"]),
        cache=fits_cache(images, pixels, config["cache_mb"]),
        cores=place.cores,
        weights=own,
        training=tuple(image.path for image in dataset.splits["train"]),
        run=config["run"],
    )


def _start(config: dict[str, Any], candidate: Candidate, say: Say) -> WeightsFile | None:
    """Return the file of the pretrained weights that a training from new weights starts from."""
    kept, folder = config.get("start", {}), config.get("pretrained", {}).get("folder")
    given = config.get("pretrained.folder", folder)
    return start_alone(candidate, None if given == "null" else given, kept.get("sha256"), say)


def _check_same_run(out: Path, config: dict[str, Any], dataset: Dataset, own: Path | None) -> None:
    """A cut training goes on only with the settings, and from the kind of weights, it was begun with."""
    identity = {"epochs": config["epochs"], "seed": config["seed"], "data": dataset.fingerprint}
    if own is not None:
        identity["weights"] = "own"
    path = TrialPaths(out).identity
    before = json.loads(path.read_text()) if path.exists() else identity
    if dataset.is_meant_by(str(before.get("data", ""))):
        before["data"] = dataset.fingerprint
    if before != identity:
        pairs = {key: (before.get(key, "fresh"), identity.get(key, "fresh")) for key in {**identity, **before}}
        changed = ", ".join(f"{key} {was} -> {now}" for key, (was, now) in pairs.items() if was != now)
        raise AutomlError(f"train: '{out}' was begun with other settings ({changed}); remove it to begin anew")
    write_text(path, json.dumps(identity))


def _metrics(job: TrialJob, listener: Printer, dataset: Dataset) -> dict[str, Any]:
    """Return the validation figures, and those of the test split where there is one."""
    from objectives.latency.hosts.detections import score_on

    metrics = {name: record.to_json() for name, record in listener.kept.items()}
    if listener.on_devices:
        metrics["latencies"] = {name: latency.to_json() for name, latency in listener.on_devices.items()}
    if "test" in dataset.splits and job.split != "test":
        model, confidence = TrialPaths(job.folder).model, metrics["accuracy"].get("confidence")
        found = score_on(model, job.device, dataset.splits["test"], job.classes, "test", confidence)
        metrics["test"] = found.to_json()
    return metrics
