"""A trained detector by what users call it: a trial of a study, an export folder, or what was trained from that."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from objectives.deploy.device import Device
from objectives.latency.protocol import LatencyProtocol
from objectives.records.paths import DEPLOYED, ERRORS, MODEL, ExportPaths, StudyPaths, TrialPaths
from objectives.records.proof import SplitLook
from objectives.records.study_record import StudyRecord, StudyWriter
from reports.table.proof.shipped import picked
from reports.table.row import TrialRow
from reports.table.table import StudyTable, read_study
from search.settings.compose import CONF, default_values
from search.settings.sections import read_section
from search.settings.settings import EMBEDDED, DataSettings
from search.study.files.open import files_to_read
from search.study.store import load_study
from search.study.study_file import study_file
from spaces.errors import AutomlError, DeviceError, SettingsError, nearest

NEEDED = {"study", "trial", "data", "device"}  # of an export's config


@dataclass(frozen=True)
class Shipped:
    """A trained detector with a file of its own, and what it was trained on.

    Attributes:
        name: for people: "trial 3 of retail".
        model: the deployable file.
        confidence: score below which the deployed detector drops boxes, where its file carries none of its own.
        data: settings of the data set.
        data_fingerprint: of the data set as it was when the detector was trained.
        device_settings: of the device that its latency was measured on.
        results: folder for what is found out about it.
        study: folder of the study that it is a trial of; None for an export.
        trial: its number there, after a proof that of the winner in the search.
        store: Optuna storage URL of that study, if it is not SQLite in its folder.
    """

    name: str
    model: Path
    confidence: float
    data: Mapping[str, Any]
    data_fingerprint: str
    device_settings: Mapping[str, Any]
    results: Path
    study: Path | None = None
    trial: int = -1
    store: str | None = None

    def device(self, name: str | None) -> Device:
        """Return the device to run the detector on: that of its study, or another by its name in `conf/device/`.

        Raises:
            SettingsError: there is no device of this name.
            DeviceError: the device cannot be used here.
        """
        if name is None:
            device = read_section(Device, "device", self.device_settings)
        else:
            known = sorted(path.stem for path in (CONF / "device").glob("*.yaml"))
            if name not in known:
                raise SettingsError(f"device: unknown device '{name}'{nearest(name, known)}; known: {', '.join(known)}")
            device = read_section(Device, "device", {"name": name})
        try:
            device.here().check()
        except DeviceError as error:
            hint = "" if device.on_processor else "; device=cpu finds the same boxes on the processor"
            raise DeviceError(f"{error}{hint}") from None
        return device

    def data_settings(self, changes: Mapping[str, str]) -> DataSettings:
        """Return the settings of the data set, some of them changed: `root`, `format`, `split`."""
        return DataSettings(**{**default_values("data"), **self.data, **changes})


def find_shipped(where: str, how: str | None, folder: str, store: str | None) -> Shipped:
    """Find a detector.

    Args:
        where: name of a study, folder of a study, or folder of an export or of its training at full length.
        how: which trial of a study: `gate`, `knee`, `fastest`, `best` or a number; None is `gate`.
        folder: where studies live.
        store: Optuna storage URL, if the study is not SQLite in its folder.

    Raises:
        AutomlError: there is none, or several answer to it.
    """
    studies, path = Path(folder).expanduser().absolute(), Path(where).expanduser().absolute()
    is_name = Path(where).name == where
    export = next((ExportPaths(p) for p in (path, path.parent) if _holds_export(p, path)), None)
    is_study = is_name and (store is not None or study_file(studies / where).exists())
    if export and is_study:
        raise AutomlError(
            f"errors: '{where}' is an export folder here and a study in '{studies}'; "
            f"write './{where}' or '{studies / where}'"
        )
    if export:
        if how is not None:
            raise AutomlError(f"errors: '{where}' is an export folder and holds one detector; leave out trial and pick")
        return _exported(export, path)
    if not is_name:
        if not path.is_dir() or not study_file(path).exists():
            raise AutomlError(f"errors: '{where}' holds neither a study nor an export; name one of them")
        studies, where = path.parent, path.name
    return _of_study(studies, where, store, how or "gate")


def remember_look(folder: Path, store: str | None, by: str, split: str, images: int, number: int) -> None:
    """Remember that a trial of a study was looked at on a split, unless the search itself trains or is scored on it.

    Args:
        folder: of the study.
        store: Optuna storage URL, if the study is not SQLite in its folder.
        by: the command.
        split: that was looked at.
        images: in it.
        number: of the trial.
    """
    study = load_study(folder.parent, folder.name, store)
    if split in ("train", StudyRecord.of(study).settings.get("data", {}).get("split")):
        return
    when = datetime.now(UTC).isoformat(timespec="seconds")
    StudyWriter(study).test_look(SplitLook(when, by, split, images, (number,)))


def _holds_export(folder: Path, path: Path) -> bool:
    """Whether a folder is an export and `path` is that folder, or that of its training at full length."""
    exported = ExportPaths(folder)
    return exported.config.is_file() and path in (folder, exported.trained.folder)


def _of_study(studies: Path, name: str, store: str | None, how: str) -> Shipped:
    study, root = load_study(studies, name, store), studies / name
    table = read_study(study)
    row = picked(table, how)
    trial = TrialPaths(root / (row.folder or ""))
    files_to_read(study, root).bring(row, DEPLOYED)
    _check_file(table, row, trial.model)
    data = dict(table.settings["data"])
    return Shipped(
        name=f"trial {row.number} of {name}",
        model=trial.model,
        confidence=_confidence(table.settings),
        data=data if data["root"] == EMBEDDED else {**data, "root": table.data["root"]},
        data_fingerprint=str(table.fingerprints.get("data", "")),
        device_settings=table.settings["device"],
        results=StudyPaths(root).errors / f"{row.number:05d}",
        study=root,
        trial=row.number if row.proves is None else row.proves,
        store=store,
    )


def _check_file(table: StudyTable, row: TrialRow, model: Path) -> None:
    if model.is_file():
        return
    why = "was removed to keep the study's folder small" if MODEL in row.removed else f"is not in '{model.parent}'"
    raise AutomlError(f"errors: {MODEL} of trial {row.number} of '{table.name}' {why}; pick another")


def _exported(export: ExportPaths, path: Path) -> Shipped:
    """Return the detector of an export folder, or the one trained from it at full length."""
    config = _config(export.config)
    is_full = path != export.folder
    trial = export.trained
    model = trial.model if is_full else export.folder / MODEL
    if not model.is_file():
        hint = f"let automl train {export.folder} end" if is_full else "export again"
        raise AutomlError(f"errors: '{model.parent}' holds no {MODEL}; {hint}")
    try:
        fingerprint = _read(trial.identity)["data"] if is_full else _read(export.lineage)["fingerprints"]["data"]
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
    ):  # lost, or an older automl's: then nothing is known of what it was
        fingerprint = ""
    length = ", trained at full length" if is_full else ""
    return Shipped(
        name=f"trial {config['trial']} of {config['study']}{length}",
        model=model,
        confidence=_confidence(config),
        data=config["data"],
        data_fingerprint=str(fingerprint),
        device_settings=config["device"],
        results=path / ERRORS,
    )


def _config(path: Path) -> dict[str, Any]:
    """Return the config of an export.

    Raises:
        AutomlError: the file is another program's, or damaged.
    """
    import yaml

    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (ValueError, yaml.YAMLError):
        config = None
    if not isinstance(config, dict) or config.get("format") != 1 or not config.keys() >= NEEDED:
        raise AutomlError(
            f"errors: '{path}' is no config of an export of format 1; name a folder of automl export --to"
        )
    return config


def _read(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text())
    return values


def _confidence(settings: Mapping[str, Any]) -> float:
    return read_section(LatencyProtocol, "latency", settings.get("latency")).fixed_confidence
