"""What the names of `carry` mean: trials of other studies, or exports; each with its files, and checked."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from objectives.data.dataset import Dataset
from objectives.records.paths import DEPLOYED, MODEL, WEIGHTS, ExportPaths, TrialPaths
from objectives.records.reading import record
from objectives.records.records import Resources
from objectives.records.study_parts.carried import CarriedRecord
from objectives.records.trial_record import Phase
from objectives.weights.shelf import sha256_of
from reports.table.kin.family_words import origin_words
from reports.table.pick import WAYS
from reports.table.proof.shipped import picked
from reports.table.proof.start import training_of
from reports.table.row import TrialRow
from reports.table.table import StudyTable, read_study
from search.settings.settings import Settings
from search.study.carry.enqueue import FoundDetector
from search.study.files.open import files_to_read
from search.study.store import load_study
from search.study.study_file import studies_in, study_file
from search.study.terms.comparable import family_in, fitted
from spaces.candidate import Candidate
from spaces.errors import AutomlError, SettingsError, SpaceError, nearest
from spaces.network.class_rows import shared_rows
from spaces.network.family import Family, slim_ratios

BY_DEFAULT = "gate"  # which detector of a study is meant that is named without one
CLASSES_NAMED = 5


def find_carried(settings: Settings, dataset: Dataset) -> tuple[tuple[FoundDetector, ...], list[str]]:
    """Return the detectors that the settings carry along, and lines for people.

    Raises:
        SettingsError: there is no such detector, it lacks its files, or it knows no class of the data set; one line.
    """
    found, notes = list[FoundDetector](), list[str]()
    for name in settings.carry:
        one, note = _found(name, settings, dataset)
        same = next((other.record.given for other in found if other.record.sha256 == one.record.sha256), None)
        if same is not None:
            raise SettingsError(f"carry: '{same}' and '{name}' are the same detector; name it once")
        found.append(one)
        notes += [f"carry: {one.record.source}: {text}" for text in (*_classes_notes(one, name, dataset), *note)]
    return tuple(found), notes


def _found(name: str, settings: Settings, dataset: Dataset) -> tuple[FoundDetector, list[str]]:
    path = Path(name).expanduser().absolute()
    if (path / MODEL).is_file():
        return _of_export(name, path, settings, dataset), []
    study, colon, how = name.rpartition(":")
    study, how = (study, how) if colon else (name, BY_DEFAULT)
    root, folder = _study_folder(study, settings)
    if root is None:
        if path.is_dir() and not study_file(path).exists():
            raise SettingsError(f"carry: '{name}' holds no {MODEL}; name a folder that automl export has written")
        known = studies_in(folder)
        hint = nearest(Path(study).name, known) or (f"; studies: {', '.join(known)}" if known else "")
        raise SettingsError(
            f"carry: '{name}' is neither a detector of a study in '{folder}' (STUDY:TRIAL, or :{', :'.join(WAYS)}) nor "
            f"the folder of an export{hint}"
        )
    return _of_study(name, root, how, settings, dataset)


def _study_folder(study: str, settings: Settings) -> tuple[Path | None, Path]:
    """Return the folder of a study that a name means, None where there is none, and the folder that was looked in."""
    given = Path(study).expanduser()
    beside = settings.folder.parent
    if study == settings.name:
        raise SettingsError(f"carry: '{study}' is the study itself; carry detectors of another one")
    if len(given.parts) == 1 and (settings.store.url is not None or study_file(beside / study).exists()):
        return beside / study, beside
    path = given.absolute()
    folder = beside if len(given.parts) == 1 else path.parent
    return (path if study_file(path).exists() else None), folder


def _of_study(name: str, root: Path, how: str, settings: Settings, dataset: Dataset) -> tuple[FoundDetector, list[str]]:
    """Return a trial of a study.

    Raises:
        SettingsError: it has none such, or the trial has not ended well, or lacks its files.
    """
    url = settings.store.url if root.parent == settings.folder.parent and not study_file(root).exists() else None
    try:
        study = load_study(root.parent, root.name, url)
        table = read_study(study)
        row = picked(table, how)
    except AutomlError as error:
        raise SettingsError(f"carry: '{name}': {error}") from error
    if row.phase is not Phase.FINISHED:
        raise SettingsError(f"carry: '{name}': trial {row.number} is {row.standing}, and has no detector; name another")
    files_to_read(study, root).bring(row, (WEIGHTS, *DEPLOYED, TrialPaths(root).ranks.name))
    trained = _trained(table, row)
    images = int(table.data["splits"]["train"]["images"])
    last = trained.rungs[-1] if trained.rungs else None
    carried = trained.carried
    epoch_s = last.seconds / last.epoch if last else carried.epoch_s if carried else None
    family = _family(row, settings)
    found = _checked(
        name,
        root / (row.folder or ""),
        settings,
        dataset,
        source=f"{root.name}:{row.number}",
        study=root.name,
        trial=row.number,
        classes=[str(one) for one in table.data["classes"]],
        candidate=dict(row.candidate),
        origin=origin_words(row),
        family=family,
        epochs=last.epoch if last else carried.epochs if carried else 0,
        epoch_s=_scaled(epoch_s, images, dataset),
        map=row.map,
    )
    notes = []
    if row.is_child and row.parent is not None:
        notes.append(f"a child: its family comes along with its parent, '{root.name}:{row.parent}'")
    if row.family and not family and not row.is_child:
        notes.append("its family lies outside this space, and stays behind")
    return found, notes


def _of_export(name: str, folder: Path, settings: Settings, dataset: Dataset) -> FoundDetector:
    """Return an export, or a training at full length of one.

    Raises:
        SettingsError: it is no export, or lacks its weights.
    """
    around = next((one for one in (folder, folder.parent) if ExportPaths(one).config.is_file()), None)
    if around is None:
        raise SettingsError(f"carry: '{name}' has no config beside its {MODEL}; name what automl export has written")
    config: dict[str, Any] = yaml.safe_load(ExportPaths(around).config.read_text())
    lineage = ExportPaths(around).lineage
    said: Mapping[str, Any] = json.loads(lineage.read_text()) if lineage.is_file() else {}
    resources, epochs = record(Resources, said.get("automl.resources")), int(config.get("search_epochs", 0))
    train_s = resources.seconds.get("train", 0.0) if resources else 0.0
    card = said.get("data") or {}
    images = int(((card.get("splits") or {}).get("train") or {}).get("images") or 0)
    is_longer = around != folder
    return _checked(
        name,
        folder,
        settings,
        dataset,
        source=str(folder),
        study=str(config.get("study", "")),
        trial=config.get("trial"),
        classes=[str(one) for one in config["classes"]],
        candidate=dict(config["candidate"]),
        origin=f"an export of trial {config.get('trial')} of study {config.get('study')}",
        epochs=int(config["epochs"]) if is_longer else epochs,
        epoch_s=_scaled(train_s / epochs, images, dataset) if train_s and epochs and images else None,
        map=None if is_longer else (said.get("automl.accuracy") or {}).get("map"),
    )


def _checked(name: str, folder: Path, settings: Settings, dataset: Dataset, **known: Any) -> FoundDetector:
    """Return a detector whose files are there, and which knows some class of the data set.

    Raises:
        SettingsError: they are not, or it knows none.
    """
    missing = [file for file in (WEIGHTS, MODEL) if not (folder / file).is_file()]
    if missing:
        raise SettingsError(f"carry: '{name}' lacks {' and '.join(missing)} in '{folder}'; name another detector")
    if not shared_rows(dataset.classes, known["classes"]):
        raise SettingsError(
            f"carry: '{name}' knows none of the data set's classes ({_listed(dataset.classes)}), but "
            f"{_listed(known['classes'])}; leave it out, or rename classes"
        )
    try:
        candidate = Candidate.of(known["candidate"])
    except SpaceError as error:
        raise SettingsError(f"carry: '{name}': {error}; an older automl wrote it") from error
    hashes: dict[str, Any] = {"sha256": sha256_of(folder / MODEL), "weights_sha256": sha256_of(folder / WEIGHTS)}
    return FoundDetector(CarriedRecord(given=name, **hashes, **known), folder, fitted(settings.space, candidate))


def _trained(table: StudyTable, row: TrialRow) -> TrialRow:
    """Return the trial whose epochs a detector has seen last: a child's parent, a repeated trial of a proof itself."""
    trained = training_of(row, table.rows)
    return trained if trained.parent is None else table.row(trained.parent)


def _family(row: TrialRow, settings: Settings) -> dict[str, list[Any]]:
    """Return what this study's space holds of an elastic training's children; empty of any other detector."""
    if not row.family or row.is_child or row.is_polish or slim_ratios(row.candidate):
        return {}
    return family_in(Family.from_json(row.family), settings.space).to_json()


def _scaled(epoch_s: float | None, images: int, dataset: Dataset) -> float | None:
    """Return the seconds of an epoch on so many images, for as many as this data set trains on."""
    return None if epoch_s is None else epoch_s * len(dataset.splits["train"]) / max(1, images)


def _classes_notes(one: FoundDetector, name: str, dataset: Dataset) -> list[str]:
    """Return what is to be known of classes that differ."""
    rows = shared_rows(dataset.classes, one.record.classes)
    lacking = [known for index, known in enumerate(dataset.classes) if index not in rows]
    gone = [known for index, known in enumerate(one.record.classes) if index not in rows.values()]
    notes = [f"it lacks {_listed(lacking)}, which it scores 0 on until it is trained on"] if lacking else []
    return [*notes, *([f"its classes {_listed(gone)} are none of this data set's"] if gone else [])]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - CLASSES_NAMED
    return ", ".join(names[:CLASSES_NAMED]) + (f" and {more} more" if more > 0 else "")
