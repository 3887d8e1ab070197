"""What a name on the line means: an export folder, an ONNX file, or a study, of which its pick is meant."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from objectives.compare.run import Contestant
from objectives.records.paths import DEPLOYED, MODEL, ExportPaths, TrialPaths
from reports.table.proof.shipped import picked
from reports.table.table import read_study
from search.settings.settings import EMBEDDED
from search.study.files.open import files_to_read
from search.study.store import load_study
from search.study.study_file import studies_in, study_file
from spaces.errors import AutomlError, nearest

TO_ONNX = "export it first: yolo export model={} format=onnx"


@dataclass(frozen=True)
class Named:
    """A detector that was named on the line.

    Attributes:
        contestant: its file.
        data: settings of the data set that it was made for; None where nothing says so.
        device: name of the device that it was made for; empty where nothing says so.
        study: the study whose trials it was chosen among; empty where there is none.
        folder: of that study.
        trial: number of the trial, after a proof that of the winner in the search.
        store: URL of the study's store, if not a file in its folder.
        note: what its user should know; empty for nothing.
    """

    contestant: Contestant
    data: dict[str, Any] | None = None
    device: str = ""
    study: str = ""
    note: str = ""
    folder: Path | None = None
    trial: int = -1
    store: str | None = None


def find(name: str, folder: str, store: str | None, how: str) -> Named:
    """Return what a name means.

    Args:
        name: a folder with a `model.onnx`, an ONNX file, or a study's name.
        folder: where studies live.
        store: URL of their store, if not a file in the study's folder.
        how: which trial of a study, as `automl export --pick` takes it.

    Raises:
        AutomlError: there is no such thing, or it has no file.
    """
    path, root = Path(name).expanduser().absolute(), Path(folder).expanduser().absolute()
    if (path / MODEL).is_file():
        return _of_file(name, path / MODEL)
    if path.suffix.lower() == ".pt":
        raise AutomlError(f"compare: '{name}' is no deployable file; {TO_ONNX.format(name)}")
    if path.is_file():
        return _of_file(name, path)
    if "/" not in name and (store is not None or study_file(root / name).exists()):
        return _of_study(name, root, store, how)
    if path.is_dir():
        raise AutomlError(f"compare: '{name}' holds no {MODEL}; name a folder that automl export has written")
    known = studies_in(root)
    hint = nearest(name, known) or (f"; studies: {', '.join(known)}" if known else "")
    raise AutomlError(
        f"compare: '{name}' is neither a file, nor an export folder, nor a study in '{folder}'{hint}; name one of these"
    )


def _of_file(name: str, path: Path) -> Named:
    """Return a file, with what the config of the export around it says."""
    folder = path.parent
    config: dict[str, Any] = {}
    for around in (folder, folder.parent):  # the second for a training at full length
        if path.name == MODEL and ExportPaths(around).config.is_file():
            config = yaml.safe_load(ExportPaths(around).config.read_text())
            break
    longer = ExportPaths(folder).trained.model
    note = (
        f"'{name}' is as long trained as in the search; at full length it is '{longer.parent}'"
        if longer.exists()
        else ""
    )
    device = (config.get("device") or {}).get("name", "")
    return Named(Contestant(name, path), config.get("data"), device, str(config.get("study", "")), note)


def _of_study(name: str, root: Path, store: str | None, how: str) -> Named:
    study = load_study(root, name, store)
    table = read_study(study)
    row = picked(table, how)
    files_to_read(study, root / name).bring(row, DEPLOYED)
    paths = TrialPaths(root / name / (row.folder or ""))
    if not paths.model.is_file():
        raise AutomlError(f"compare: trial {row.number} of '{name}' lacks {MODEL} in '{paths.folder}'; pick another")
    data = dict(table.settings["data"])
    if data["root"] != EMBEDDED:
        data["root"] = table.data["root"]  # where it lay last
    device = dict(table.settings["device"]).get("name", "")
    trial = row.number if row.proves is None else row.proves
    contestant = Contestant(f"{name}, trial {row.number}", paths.model)
    return Named(contestant, data, device, name, folder=root / name, trial=trial, store=store)
