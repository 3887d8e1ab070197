"""What is registered of an export folder: files, and its lineage as parameters, metrics, tags. No MLflow in here."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from objectives.records.paths import DESCRIPTION, DETECTIONS, LINEAGE, PLAIN, WEIGHTS, DetectorPaths, ExportPaths
from objectives.weights.shelf import sha256_of
from search.register.figures import figures, metric_name
from search.register.lineage import LINEAGE_FORMAT, trained_lineage
from spaces.errors import AutomlError, first_line

SHA_TAG = "automl.sha256"  # of the deployable file: a version is found again by it
PARAM_MOST, TAG_MOST = 6000, 5000  # characters of a value, as MLflow's servers allow
CUT_WORDS = f"... (whole in {LINEAGE})"  # ends a longer one
NOT_SETTINGS = ("space", "start")  # of a whole search; a detector's own choices are its candidate
EXPORT_ANEW = "export again"


@dataclass(frozen=True)
class Release:
    """One detector as it is registered.

    Attributes:
        study: name of the study that it comes from.
        title: of the run: "retail-29".
        files: name in the registry -> file; those of an export folder, so that one can be made of them again.
        lineage: its content; an older automl wrote no file of it for a training at full length.
        sha256: of the deployable file.
        provider: that ONNX Runtime ran it with; of another runtime the processor's.
        params: choices and settings as texts.
        metrics: its figures.
        tags: where it comes from.
        description: the same in a line for people.
        note: what its user should know; empty for nothing.
    """

    study: str
    title: str
    files: Mapping[str, Path]
    lineage: Mapping[str, Any]
    sha256: str
    provider: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    description: str
    note: str = ""


def read_release(name: str) -> Release:
    """Return what is registered of an export folder, or of its folder `trained`.

    Raises:
        AutomlError: the folder is none of both, or its file is not the one that its lineage is about.
    """
    folder = Path(name).expanduser().absolute()
    is_trained = not ExportPaths(folder).config.is_file() and folder == ExportPaths(folder.parent).trained.folder
    export = ExportPaths(folder.parent if is_trained else folder)
    paths: DetectorPaths = export.trained if is_trained else export
    _check(name, export, paths)
    lineage = _lineage(export, paths, is_trained)
    sha256 = sha256_of(paths.model)
    kept = (lineage.get("artifact") or {}).get("sha256", sha256)
    if kept != sha256:
        raise AutomlError(
            f"register: '{paths.model}' was changed since '{paths.lineage.name}' was written (another sha256); "
            f"{EXPORT_ANEW}, or put the old file back"
        )
    config = yaml.safe_load(export.config.read_text(encoding="utf-8"))
    found, title = figures(lineage), _title(lineage, is_trained)
    return Release(
        study=str(lineage["study"]),
        title=title,
        files=_files(export, paths),
        lineage=lineage,
        sha256=sha256,
        provider=_provider(config.get("device") or {}),
        params=_params(lineage, config),
        metrics=found,
        tags=dict(_tags(lineage, sha256)),
        description=_description(title, lineage, found),
        note=_note(name, export, is_trained),
    )


def _check(name: str, export: ExportPaths, paths: DetectorPaths) -> None:
    if not paths.folder.is_dir():
        raise AutomlError(f"register: there is no folder '{name}'; make one with automl export STUDY --to DIR")
    if not export.config.is_file():
        raise AutomlError(
            f"register: '{name}' holds no {export.config.name}; name a folder of automl export, or its "
            f"folder {export.trained.folder.name}"
        )
    if not paths.model.is_file():
        hint = EXPORT_ANEW if paths.folder == export.folder else f"let automl train {export.folder} end"
        raise AutomlError(f"register: '{name}' holds no {paths.model.name}; {hint}")


def _lineage(export: ExportPaths, paths: DetectorPaths, is_trained: bool) -> dict[str, Any]:
    """Return the lineage; an older automl wrote none for a training at full length."""
    try:
        if is_trained and not paths.lineage.is_file():
            config = yaml.safe_load(export.config.read_text(encoding="utf-8"))
            lineage = trained_lineage(export, config["epochs"], now=False)
        else:
            lineage = json.loads(paths.lineage.read_text(encoding="utf-8"))
        if lineage.get("format", 0) > LINEAGE_FORMAT:
            raise AutomlError(
                f"register: '{paths.lineage}' has format {lineage['format']}, this automl reads {LINEAGE_FORMAT}; "
                "update automl"
            )
        str(lineage["study"]), int(lineage["trial"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AutomlError(f"register: '{paths.lineage}' cannot be read ({first_line(error)}); {EXPORT_ANEW}") from error
    return dict(lineage)


def _files(export: ExportPaths, paths: DetectorPaths) -> dict[str, Path]:
    """Return the files of a whole export folder: of a training at full length, with the export's own texts."""
    own = [paths.folder / name for name in (DESCRIPTION, WEIGHTS, PLAIN, DETECTIONS, export.trained.metrics.name)]
    texts = [export.config, export.train_arguments, export.data_card, paths.lineage]
    return {path.name: path for path in (paths.model, *texts, *own) if path.is_file()}


def _provider(device: Mapping[str, Any]) -> str:
    return str(device["provider"]) if device.get("runtime") == "onnxruntime" else "CPUExecutionProvider"


def _title(lineage: Mapping[str, Any], is_trained: bool) -> str:
    return f"{lineage['study']}-{lineage['trial']}{'-trained' if is_trained else ''}"


def _params(lineage: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, str]:
    """Return the candidate's choices by their names, and the settings as `settings.NAME`."""
    candidate = lineage.get("candidate") or config.get("candidate") or {}
    settings = {key: value for key, value in (lineage.get("settings") or {}).items() if key not in NOT_SETTINGS}
    values = {**dict(_leaves(candidate, "")), **dict(_leaves(settings, "settings."))}
    training = lineage.get("training") or {}
    values.update({f"training.{key}": str(training[key]) for key in ("epochs", "seed", "from") if key in training})
    return {key: _cut(text, PARAM_MOST) for key, text in values.items()}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - len(CUT_WORDS)] + CUT_WORDS


def _leaves(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield metric_name(f"{prefix}{key}"), value if isinstance(value, str) else json.dumps(value)


def _tags(lineage: Mapping[str, Any], sha256: str) -> Iterator[tuple[str, str]]:
    """Yield where a detector comes from, as far as the lineage says it."""
    data, training, start = (lineage.get(key) or {} for key in ("data", "training", "start"))
    known = {**(lineage.get("provenance") or {}), **training}
    code = training.get("code") or lineage.get("code") or {}
    latency = lineage.get("latency_full") or lineage.get("automl.latency") or {}
    found = {
        SHA_TAG: sha256,
        "automl.study": lineage["study"],
        "automl.trial": lineage["trial"],
        "automl.parent": lineage.get("parent"),
        "automl.polishes": lineage.get("polishes"),
        "automl.origin": lineage.get("origin"),
        "automl.data": data.get("name"),
        "automl.data_fingerprint": data.get("fingerprint") or (lineage.get("fingerprints") or {}).get("data"),
        "automl.data_dvc": json.dumps(data["dvc"]) if data.get("dvc") else None,
        "automl.start": start.get("name") or ("random" if start else None),
        "automl.start_sha256": start.get("sha256"),
        "automl.device": (lineage.get("device") or {}).get("name"),
        "automl.device_fingerprint": latency.get("device"),
        "automl.latency_stable": str(latency["stable"]).lower() if "stable" in latency else None,
        "automl.version": (known.get("versions") or {}).get("automl"),
        "automl.versions": json.dumps(known["versions"]) if known.get("versions") else None,
        "automl.commit": known.get("commit") or None,
        "automl.command": known.get("command"),
        "mlflow.source.git.commit": code.get("commit") or None,
        "automl.code_changed": str(code["changed"]).lower() if code.get("changed") is not None else None,
    }
    yield from ((key, _cut(str(value), TAG_MOST)) for key, value in found.items() if value is not None)


def _description(title: str, lineage: Mapping[str, Any], found: Mapping[str, float]) -> str:
    """Return a line for people: figures, with intervals where there are any, device and data."""
    words = [f"{title}: mAP {found['map']:.3f}"] if "map" in found else [title]
    if {"map_mean", "map_low", "map_high"} <= found.keys():
        words.append(f"proven {found['map_mean']:.3f} ({found['map_low']:.3f} to {found['map_high']:.3f})")
    if "test/map" in found:
        words.append(f"on the test split {found['test/map']:.3f}")
    if "p50_ms" in found:
        words.append(f"p50 {found['p50_ms']:.2f} ms on {(lineage.get('device') or {}).get('name', 'its device')}")
    data = lineage.get("data") or {}
    fingerprint = data.get("fingerprint") or (lineage.get("fingerprints") or {}).get("data")
    return ", ".join(words) + (f"; data {data.get('name') or 'set'} {fingerprint}" if fingerprint else "")


def _note(name: str, export: ExportPaths, is_trained: bool) -> str:
    if is_trained or not export.trained.metrics.is_file():
        return ""
    return f"'{name}' is as long trained as in the search; at full length it is '{export.trained.folder}'"
