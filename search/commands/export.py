"""`automl export`: one detector of a study as a folder that a trainer and a deployer can read."""

import json
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from objectives.data.yolo_layout import DATA_YAML
from objectives.machine.files import whole_folder, write_text
from objectives.records.paths import CONVERTED, DESCRIPTION, PLAIN, WEIGHTS, ExportPaths, TrialPaths
from objectives.records.records import Latency
from objectives.trial.plain_process import write_plain_checkpoint
from reports.table.console import open_console
from reports.table.kin.family_words import origin_words
from reports.table.latency_words import batches_words, kept_words, state_words
from reports.table.on_device import on_device, tables_of
from reports.table.pick import misses
from reports.table.proof.shipped import picked, proven_lines
from reports.table.proof.start import training_of
from reports.table.row import TrialRow
from reports.table.table import StudyTable, read_study
from reports.table.words import ms, share
from search.commands.formats.further import Further
from search.commands.formats.of_device import add_converted
from search.loop.latencies.full_latency import device_settings, measured_fully
from search.register.exported import Exported, export_lineage
from search.settings.settings import EMBEDDED
from search.study.files.open import files_to_read
from search.study.folder.keep import CHILDREN_MOST
from search.study.store import load_study
from search.study.terms.changes import done_now
from search.study.terms.start_weights import kept_card
from spaces.candidate import Candidate
from spaces.errors import AutomlError
from spaces.network.backbones import is_native
from spaces.network.published import start_of

FORMAT = 1
# Limits that hold at full length as in the search; a trial's timeout_s is meant for fewer epochs.
TRAINED_ALIKE = ("silence_s", "memory_mb", "processes_max", "cache_mb", "run")
NOT_FULLY = "its latency is the search's quick figure, measured by one process"


def run_export(
    name: str,
    folder: str,
    store: str | None,
    how: str,
    target: str,
    formats: str | None = None,
    device: str | None = None,
) -> None:
    """Export the picked trial to a folder that does not exist yet, or is empty.

    Args:
        name: of the study.
        folder: where studies live.
        store: URL of its store, or None.
        how: as of `reports.table.pick.pick`.
        target: the folder.
        formats: further formats to write it in, by name.
        device: by whose latencies and gate of several it is picked, and whose detector it is; None for the first.
    """
    further = Further.named(formats)
    root = Path(folder).expanduser().absolute() / name
    study = load_study(root.parent, name, store)
    whole = read_study(study)
    table = whole if device is None else on_device(whole, device)
    row = picked(table, how)
    out = Path(target).expanduser().absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise AutomlError(f"export: '{target}' exists and is not empty; name another with --to, or remove it")
    trial = root / (row.folder or "")
    files_to_read(study, root).bring(row)
    missing = [file for file in ExportPaths.COPIED if not (trial / file).exists()]
    if removed := [file for file in row.removed if file in missing]:
        raise AutomlError(
            f"export: {', '.join(removed)} of trial {row.number} were removed {_removed_why(row)}; pick another "
            "(the front and what gate, knee, fastest and best choose keep theirs), or search with a larger "
            "store.size_mb_max"
        )
    if missing:
        raise AutomlError(f"export: trial {row.number} lacks {', '.join(missing)} in '{trial}'; pick another")
    paths, exported = ExportPaths(out), _exported(whole, table, row, TrialPaths(trial))
    console = open_console(highlight=False, soft_wrap=True)
    why_not_plain = _write(console, paths, TrialPaths(trial), exported, further)
    _print(console, paths, exported, why_not_plain)
    further.print(console, paths)


def _removed_why(row: TrialRow) -> str:
    limit = "to keep the study's folder under store.size_mb_max"
    return f"{limit}, or since {CHILDREN_MOST} children nearer the front have files" if row.is_child else limit


def _exported(whole: StudyTable, table: StudyTable, row: TrialRow, trial: TrialPaths) -> Exported:
    """Return what is exported; a quick latency figure is measured anew by the full protocol first."""
    chosen = training_of(row if row.proves is None else table.row(row.proves), table.rows)
    before = chosen if chosen.polishes is None else table.row(chosen.polishes)
    trained = before if before.parent is None else table.row(before.parent)
    if not row.has_quick_latency:
        return Exported(table, row, trained, tables=tables_of(whole))
    open_console(highlight=False, soft_wrap=True).print("measuring its latency by the full protocol", style="dim")
    found = measured_fully(table, trial.model)
    full, why = (found, "") if isinstance(found, Latency) else (None, found)
    return Exported(table, row, trained, full, why, tables_of(whole))


def _write(console: Console, exported: ExportPaths, trial: TrialPaths, what: Exported, further: Further) -> str:
    """Write beside the target and rename: a folder of this name is always whole.

    Returns:
        why there is no checkpoint for Ultralytics alone though it knows every layer; empty otherwise.
    """
    with whole_folder(exported.folder, exported.partial.folder):
        partial = exported.partial
        for file in ExportPaths.COPIED:
            shutil.copy2(trial.folder / file, partial.folder / file)
        for file in CONVERTED:  # what devices of other formats have run
            if (trial.folder / file).exists():
                shutil.copy2(trial.folder / file, partial.folder / file)
        add_converted(partial, what.table, lambda text: warn(console, text))
        if what.cut:
            note = f"# The whole network: {what.cut}. `automl train` cuts it so, `yolo detect train` cannot."
            write_text(partial.description, f"{note}\n{trial.description.read_text()}")
        _dump(partial.config, _config(what))
        _dump(partial.train_arguments, _portable(trial.arguments, what))
        _dump(partial.data_card, dict(what.table.data))
        native = not what.cut and _is_native(trial.description)
        why_not_plain = write_plain_checkpoint(trial.weights, partial.plain) if native else ""
        lineage = {**export_lineage(what, partial), **further.write(partial, what)}
        partial.lineage.write_text(json.dumps(lineage, indent=2))  # last: it has the files' hashes
        return why_not_plain


def _is_native(description: Path) -> bool:
    return is_native(yaml.safe_load(description.read_text()))


def _config(what: Exported) -> dict[str, Any]:
    """Return what `automl train` reads."""
    table, row = what.table, what.row
    settings = table.settings
    trial = settings["trial"]
    carried = what.trained.carried
    seen = max((rung.epoch for rung in what.trained.rungs), default=carried.epochs if carried and carried.epochs else 1)
    return {
        "format": FORMAT,
        "study": table.name,
        "trial": row.number,
        **({"parent": row.parent} if row.is_child else {}),
        **({"polishes": row.polishes} if row.is_polish else {}),
        **({"proves": row.proves} if row.is_proof else {}),
        "candidate": _alone(row.candidate),
        **({"weights": WEIGHTS} if what.keeps_weights else {}),  # that `automl train` goes on from
        **_start(what),
        **done_now(what.table.fingerprints, what.row.candidate),
        "epochs": trial.get("full_epochs") or 4 * seen,
        "search_epochs": seen,
        "seed": settings["seed"],
        "data": _data(table),
        "classes": list(table.data["classes"]),
        "device": device_settings(table),
        **({"more_devices": [device_settings(other) for other in what.others]} if what.others else {}),
        "latency": settings["latency"],
        "gate": what.gate.to_json(),
        "train_device": trial["train_device"],
        "workers": trial["workers"],
        **{key: trial[key] for key in TRAINED_ALIKE if key in trial},  # an older automl stored fewer
    }


def _start(what: Exported) -> dict[str, Any]:
    """Return the pretrained weights that the search's training started from; nothing where it named none."""
    name = start_of(Candidate.from_json(dict(what.row.candidate)))
    kept = kept_card(what.table.fingerprints)
    if name not in kept:  # an older automl kept no hashes
        return {}
    folder = what.table.settings.get("pretrained", {}).get("folder")
    return {"start": {"name": name, "sha256": kept[name]}, "pretrained": {"folder": folder}}


def _alone(candidate: Mapping[str, Any]) -> dict[str, Any]:
    """Return a candidate as what is exported is: one detector."""
    return {name: False if name == "train.elastic" else value for name, value in candidate.items()}


def _data(table: StudyTable) -> dict[str, Any]:
    """Return where the data set is, as an absolute path: the export is read from another folder."""
    data: dict[str, Any] = dict(table.settings["data"])
    return data if data["root"] == EMBEDDED else {**data, "root": table.data["root"]}


def _portable(arguments: Path, what: Exported) -> dict[str, Any]:
    """Return Ultralytics' training arguments at full length, without the paths of this machine.

    They are a file for `yolo detect train cfg=...`; Albumentations' transforms stay with `automl train`, since
    Ultralytics' command line has no argument for them.
    """
    values: dict[str, Any] = yaml.safe_load(arguments.read_text())
    for key in ("project", "name", "exist_ok", "augmentations", "mode", "task", "cache", "plots", "verbose"):
        values.pop(key, None)
    full = _config(what)["epochs"]
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


def _dump(path: Path, values: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


def _print(console: Console, exported: ExportPaths, what: Exported, why_not_plain: str) -> None:
    row = what.row
    figures = f"mAP {share(row.map)}, mAP50 {share(row.map50)}, p50 {ms(row.p50_ms)}, p95 {ms(row.p95_ms)}"
    if len(what.tables) > 1:
        on = (f"{ms(one.row(row.number).p50_ms)} on {one.device_name}" for one in what.others)
        figures += f" on {what.table.device_name}, p50 {', '.join(on)}"
    if row.accuracy and row.accuracy.confidence is not None:
        figures += f", deployed at confidence {row.accuracy.confidence:g}"
    console.print(f"trial {row.number} ({figures}; {origin_words(row)}) written to {exported.folder}")
    if what.full or what.why_quick:
        _print_latency(console, what)
    for line in proven_lines(what.table, row):
        console.print(line)
    console.print(f"train it at full length: {shlex.join(['automl', 'train', str(exported.folder)])}")
    if what.cut:
        console.print(f"not with Ultralytics alone: `yolo detect train` builds {DESCRIPTION} whole, and {what.cut}")
    elif _is_native(exported.description):
        files = f"cfg={exported.train_arguments}", f"model={exported.description}"
        line = shlex.join(["yolo", "detect", "train", *files, f"data=YOUR/{DATA_YAML}"])
        console.print(f"or with Ultralytics alone: {line}")
        if exported.plain.exists():
            console.print(f"its weights for Ultralytics alone: {PLAIN}, which YOLO(...) loads, trains and exports")
        else:
            warn(console, f"no {PLAIN}: {why_not_plain}")


def _print_latency(console: Console, what: Exported) -> None:
    """Print a child's latency by the full protocol, and warn where it breaks the gate, or could not be measured."""
    row, full = what.row, what.full
    if full is None:
        warn(console, f"{NOT_FULLY}: {what.why_quick}")
        return
    state = "" if full.stable else state_words(full)
    said = (f"p50 {ms(full.p50_ms)}", f"p95 {ms(full.p95_ms)}", batches_words(full), state, kept_words(full))
    console.print(f"latency by the full protocol: {', '.join(part for part in said if part)}")
    if row.latency and full.device != row.latency.device:
        warn(console, "this machine is another device than the search's; the two figures cannot be compared")
    missed = misses(what.by_full, what.table.gate)
    if missed:
        by = " and ".join(missed)
        warn(console, f"with that figure trial {row.number} breaks the gate ({by}); it is exported all the same")


def warn(console: Console, text: str) -> None:
    """Print a warning."""
    console.print(f"warning: {text}", style="yellow")
