"""`automl export`: one detector of a study as a folder that a trainer and a deployer can read."""

import json
import shlex
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from objectives.data.yolo_layout import DATA_YAML
from objectives.machine.files import whole_folder
from objectives.records.paths import DESCRIPTION, ExportPaths, TrialPaths
from reports.table.console import open_console
from reports.table.family_words import origin_words
from reports.table.pick import pick
from reports.table.row import TrialRow
from reports.table.table import StudyTable, read_study
from reports.table.words import ms, share
from search.settings.settings import EMBEDDED
from search.study.store import load_study
from spaces.errors import AutomlError
from spaces.network.backbones import is_native

FORMAT = 1
# Limits that hold at full length as in the search; a trial's timeout_s is meant for fewer epochs.
TRAINED_ALIKE = ("silence_s", "memory_mb", "processes_max", "cache_mb", "run")


def run_export(name: str, folder: str, store: str | None, how: str, target: str) -> None:
    """Export the picked trial to a folder that does not exist yet, or is empty."""
    root = Path(folder).expanduser().absolute() / name
    study = load_study(root.parent, name, store)
    table = read_study(study)
    row = pick(table, how)
    out = Path(target).expanduser().absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise AutomlError(f"export: '{target}' exists and is not empty; name another with --to, or remove it")
    trial = root / (row.folder or "")
    missing = [file for file in ExportPaths.COPIED if not (trial / file).exists()]
    if set(missing) & set(row.removed):
        limit = "to keep the study's folder under store.size_mb_max"
        raise AutomlError(
            f"export: {', '.join(row.removed)} of trial {row.number} were removed {limit}; pick another (the front and "
            "what gate, knee, fastest and best choose keep theirs), or search with a larger store.size_mb_max"
        )
    if missing:
        raise AutomlError(f"export: trial {row.number} lacks {', '.join(missing)} in '{trial}'; pick another")
    exported = ExportPaths(out)
    _write(exported, TrialPaths(trial), table, row)
    _print(exported, row, native=is_native(yaml.safe_load(exported.description.read_text())))


def _write(exported: ExportPaths, trial: TrialPaths, table: StudyTable, row: TrialRow) -> None:
    """Write beside the target and rename: a folder of this name is always whole."""
    with whole_folder(exported.folder, exported.partial.folder):
        partial = exported.partial
        for file in ExportPaths.COPIED:
            shutil.copy2(trial.folder / file, partial.folder / file)
        _dump(partial.config, _config(table, row))
        _dump(partial.train_arguments, _portable(trial.arguments, table, row))
        _dump(partial.data_card, dict(table.data))
        partial.lineage.write_text(json.dumps(_lineage(table, row), indent=2))


def _config(table: StudyTable, row: TrialRow) -> dict[str, Any]:
    """Return what `automl train` reads."""
    settings = table.settings
    trial = settings["trial"]
    seen = _epochs(table, row)
    return {
        "format": FORMAT,
        "study": table.name,
        "trial": row.number,
        "candidate": dict(row.candidate),
        "epochs": trial.get("full_epochs") or 4 * seen,
        "search_epochs": seen,
        "seed": settings["seed"],
        "data": _data(table),
        "classes": list(table.data["classes"]),
        "device": settings["device"],
        "latency": settings["latency"],
        "gate": asdict(table.gate),
        "train_device": trial["train_device"],
        "workers": trial["workers"],
        **{key: trial[key] for key in TRAINED_ALIKE if key in trial},  # an older automl stored fewer
    }


def _data(table: StudyTable) -> dict[str, Any]:
    """Return where the data set is, as an absolute path: the export is read from another folder."""
    data: dict[str, Any] = dict(table.settings["data"])
    return data if data["root"] == EMBEDDED else {**data, "root": table.data["root"]}


def _epochs(table: StudyTable, row: TrialRow) -> int:
    return max((rung.epoch for rung in row.rungs), default=1)


def _portable(arguments: Path, table: StudyTable, row: TrialRow) -> dict[str, Any]:
    """Return Ultralytics' training arguments at full length, without the paths of this machine.

    They are a file for `yolo detect train cfg=...`; Albumentations' transforms stay with `automl train`, since
    Ultralytics' command line has no argument for them.
    """
    values: dict[str, Any] = yaml.safe_load(arguments.read_text())
    for key in ("project", "name", "exist_ok", "augmentations", "mode", "task", "cache", "plots", "verbose"):
        values.pop(key, None)
    full = _config(table, row)["epochs"]
    share_warm = values["warmup_epochs"] / values["epochs"]
    share_close = values["close_mosaic"] / values["epochs"]
    return {
        **values,
        "data": DATA_YAML,
        "model": DESCRIPTION,
        "epochs": full,
        "warmup_epochs": round(share_warm * full, 3),
        "close_mosaic": round(share_close * full),
    }


def _lineage(table: StudyTable, row: TrialRow) -> dict[str, Any]:
    return {
        "study": table.name,
        "trial": row.number,
        "fingerprints": dict(table.fingerprints),
        "provenance": dict(table.provenance),
        "settings": dict(table.settings),
        "device": dict(table.device),
        **row.figures(),
    }


def _dump(path: Path, values: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


def _print(exported: ExportPaths, row: TrialRow, *, native: bool) -> None:
    console = open_console(highlight=False, soft_wrap=True)
    figures = f"mAP {share(row.map)}, mAP50 {share(row.map50)}, p50 {ms(row.p50_ms)}, p95 {ms(row.p95_ms)}"
    console.print(f"trial {row.number} ({figures}; {origin_words(row)}) written to {exported.folder}")
    console.print(f"train it at full length: {shlex.join(['automl', 'train', str(exported.folder)])}")
    if native:
        files = f"cfg={exported.train_arguments}", f"model={exported.description}"
        line = shlex.join(["yolo", "detect", "train", *files, f"data=YOUR/{DATA_YAML}"])
        console.print(f"or with Ultralytics alone: {line}")
