"""What a lineage JSON says beside settings and figures: files, choices, data, code, start, chain (docs/register.md)."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from objectives.machine.files import write_text
from objectives.records.bounds.figures import Figures
from objectives.records.gate import Gate
from objectives.records.paths import DESCRIPTION, DETECTIONS, MODEL, PLAIN, WEIGHTS, ExportPaths
from objectives.records.records import Accuracy, Latency
from objectives.weights.shelf import Shelf, sha256_of
from reports.table.proof.start import goes_on, went_on_from
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from search.study.provenance import provenance
from search.study.terms.start_weights import WITHOUT, kept_card
from spaces.candidate import Candidate
from spaces.errors import AutomlError, first_line
from spaces.network.published import published_for, start_of

LINEAGE_FORMAT = 1
TRAINED_AGAIN = "trained again"  # with another seed, in a proof
SPLIT_COUNTS = ("images", "background", "boxes")
# Of the file that a study exported: a training at full length has figures of its own.
OF_EXPORTED = ("automl.accuracy", "automl.latency", "automl.resources", "latency_full", "latency_full_missing")
OF_CANDIDATE = ("proof", "baseline", "gate", "origin")


def origins(table: StudyTable, row: TrialRow) -> dict[str, Any]:
    """Return where a trial's detector comes from: its choices, data, code and start, and the trials before it."""
    return {
        "candidate": dict(row.candidate),
        "data": _data(table),
        "code": dict(table.provenance.get("code") or {}),
        "start": start_card(table, row),
        "chain": _chain(table, row),
    }


def files_card(files: Iterable[Path]) -> dict[str, Any]:
    """Return the hashes of the files that are there: the deployable one as `artifact`, and all by name."""
    found = {path.name: {"sha256": sha256_of(path), "bytes": path.stat().st_size} for path in files if path.is_file()}
    return {"artifact": {"file": MODEL, **found[MODEL]} if MODEL in found else None, "files": found}


def gate_card(gate: Gate, figures: Figures) -> list[dict[str, Any]]:
    """Return each bound of a gate in words, the value of a detector, and whether it keeps the bound."""
    judged = gate.judge(figures)
    return [{"bound": str(one.bound), "value": one.value, "kept": one.is_kept} for one in judged]


def start_card(table: StudyTable, row: TrialRow) -> dict[str, Any]:
    """Return the weights that a detector's training began with; all None where they were random.

    `path` and `place` are where the file lies now; None where it is gone, or is not what the study began with.
    """
    candidate = Candidate.from_json(dict(row.candidate))
    name = start_of(candidate)
    kept = kept_card(table.fingerprints).get(name or "")
    card: dict[str, Any] = {"name": name, "sha256": kept, "place": None, "path": None}
    if name is None or kept == WITHOUT:  # nothing was asked for, or it was not there when the study began
        return {**card, "name": None, "sha256": None}
    weights = published_for(candidate)
    if weights is None or weights.name != name:
        return {**card, "place": "checkpoint", "path": name}
    try:
        found = Shelf.of(table.settings.get("pretrained", {}).get("folder")).find(weights)
    except AutomlError:  # the folder has gone since
        return card
    same = found is not None and kept in (None, found.sha256)
    return {**card, "place": found.place, "path": str(found.path)} if found and same else card


def trained_lineage(export: ExportPaths, epochs: int, *, now: bool) -> dict[str, Any]:
    """Return the lineage of a detector that `automl train` has trained from an export.

    Args:
        export: the export; its folder `trained` is whole.
        epochs: of the training.
        now: whether it has just ended here, so that versions, code and command are this process's.

    Raises:
        OSError: a file is not there.
        ValueError: a file is no JSON.
    """
    trained = export.trained
    before = json.loads(export.lineage.read_text(encoding="utf-8"))
    begun = json.loads(trained.identity.read_text(encoding="utf-8"))
    figures = json.loads(trained.metrics.read_text(encoding="utf-8"))
    own = begun.get("weights") == "own"
    names = (DESCRIPTION, MODEL, WEIGHTS, DETECTIONS, PLAIN, trained.arguments.name, trained.metrics.name)
    kept = {key: value for key, value in before.items() if key not in (*OF_EXPORTED, *OF_CANDIDATE)}
    return {
        **kept,
        "format": LINEAGE_FORMAT,
        **files_card(trained.folder / name for name in names),
        "chain": [{"how": "trained at full length", "epochs": epochs, "from": _from(own)}, *before.get("chain", [])],
        "data": _data_of(begun["data"], before),
        "gate": gate_card(_gate_of(export), _figures_of(figures)),
        "training": {
            **(provenance(begun["seed"]) if now else {"seed": begun["seed"]}),
            "epochs": epochs,
            "data": begun["data"],
            "from": _from(own),
        },
        "search": {key: before[key] for key in (*OF_EXPORTED, *OF_CANDIDATE) if key in before},
        **{f"automl.{name}": figures.get(name) for name in ("accuracy", "latency", "resources")},
        **({"test": figures["test"]} if "test" in figures else {}),
    }


def write_trained_lineage(export: ExportPaths, epochs: int, say: Callable[[str], None]) -> None:
    """Write the lineage of what `automl train` has trained, where the export has one.

    Args:
        export: the export; its folder `trained` is whole.
        epochs: of the training.
        say: called with a line for people where it cannot be written: the training is whole without it.
    """
    if not export.lineage.exists():
        return
    try:
        lineage = trained_lineage(export, epochs, now=True)
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        say(f"no {export.trained.lineage.name}: that of the export cannot be read ({first_line(error)}); export again")
        return
    write_text(export.trained.lineage, json.dumps(lineage, indent=2))


def _data_of(fingerprint: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data that was trained on: the search's, or what is known of another set."""
    known = dict(before.get("data") or {})
    same = known.get("fingerprint", before.get("fingerprints", {}).get("data")) == fingerprint
    return known if same else {**dict.fromkeys(known), "fingerprint": fingerprint}


def _gate_of(export: ExportPaths) -> Gate:
    config: dict[str, Any] = yaml.safe_load(export.config.read_text(encoding="utf-8"))
    return Gate(**config.get("gate", {}))


def _figures_of(metrics: Mapping[str, Any]) -> Figures:
    latency, accuracy = metrics.get("latency"), metrics.get("accuracy")
    return Figures.of(
        Latency.from_json(latency) if latency else None, Accuracy.from_json(accuracy) if accuracy else None
    )


def _from(own: bool) -> str:
    return "its own weights" if own else "the start"


def _data(table: StudyTable) -> dict[str, Any]:
    card: Mapping[str, Any] = table.data
    splits = {
        split: {name: counts[name] for name in SPLIT_COUNTS if name in counts}
        for split, counts in dict(card.get("splits") or {}).items()
    }
    return {
        "name": card.get("name"),
        "fingerprint": table.fingerprints.get("data"),
        "root": card.get("root"),
        "classes": list(card.get("classes") or ()),
        "splits": splits,
        "dvc": dict(card.get("dvc") or {}),
    }


def _proven_from(table: StudyTable, training: TrialRow) -> int | None:
    """Return the trial whose weights a training of a proof went on from; None where it began as its finalist did."""
    assert training.proves is not None
    finalist = table.row(training.proves)
    if not goes_on(finalist, table.rows):
        return None
    return went_on_from(finalist, table.rows) if training.terms and training.terms.again else finalist.number


def _chain(table: StudyTable, row: TrialRow) -> list[dict[str, Any]]:
    """Return the trials that a detector's weights have gone through, its own first."""
    chain = []
    following: int | None = row.number
    while following is not None:
        one = table.row(following)
        copied: dict[str, Any] = {"forked_from": one.forked_from} if one.forked_from is not None else {}
        if one.carried is not None:
            copied |= {"carried_from": one.carried.source, "sha256": one.carried.sha256}
        how = TRAINED_AGAIN if one.is_proof else one.origin.value
        chain.append({"trial": one.number, "how": how, **copied})
        following = _proven_from(table, one) if one.is_proof else one.polishes if one.is_polish else one.parent
    return chain
