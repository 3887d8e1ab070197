"""The validation images of a study, from its data set as it lies now, and what a trial found on them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from objectives.data.dataset import Dataset
from objectives.deploy.kept_detections import read_kept
from objectives.records.paths import FOUND, TrialPaths
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import TrialRecord
from reports.detections.matched import MatchedSplit, match_split
from reports.detections.payload import few_payload
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.verdict import judge
from search.settings.compose import default_values
from search.settings.dataset import load_data
from search.settings.settings import EMBEDDED, DataSettings
from spaces.errors import AutomlError, DataError


def data_settings_of(record: StudyRecord) -> DataSettings:
    """Return the settings of a study's data set, at the place where the search found it last.

    Raises:
        DataError: the study does not say where its data set is.
    """
    data = record.settings.get("data")
    if not isinstance(data, Mapping):
        raise DataError("the study does not say where its data set is")
    root = data.get("root")
    if root != EMBEDDED and record.data.get("root"):
        root = record.data["root"]
    return DataSettings(**{**default_values("data"), **data, "root": root})


def load_validation(record: StudyRecord) -> tuple[Dataset, str]:
    """Read the data set of a study; return it, and the name of the split that trials are scored on.

    Raises:
        AutomlError: it cannot be read; it may have been moved.
    """
    settings = data_settings_of(record)
    try:
        return load_data(settings), settings.split
    except AutomlError as error:
        raise DataError(
            f"the data set of this study cannot be read now, so there are no images to show ({error}); where it was "
            "moved, continue the search with data.root=NEW_PLACE"
        ) from None


def matched_detections(
    trial: TrialRecord, removed: tuple[str, ...], folder: Path, dataset: Dataset, split: str
) -> MatchedSplit:
    """Return what a trial found on its validation images, matched with their labels.

    Args:
        trial: that was scored.
        removed: names of files that were removed from its folder.
        folder: of the study.
        dataset: of the study.
        split: name of the split that trials are scored on.

    Raises:
        AutomlError: nothing was kept, or it is of other images than the data set has.
    """
    check_kept(trial, removed, folder)
    kept = read_kept(_paths(trial, folder).found)
    found = match_split(kept, dataset.splits[split], dataset.classes)
    if kept.found and not found.images:
        raise DataError(
            f"the data set in '{dataset.root}' has none of the images that trial {trial.number} was scored on as they "
            "were: their labels have changed"
        )
    return found


def check_kept(trial: TrialRecord, removed: tuple[str, ...], folder: Path) -> None:
    """Check that a trial's detections are there.

    Raises:
        AutomlError: they are not, and why.
    """
    if _paths(trial, folder).found.is_file():
        return
    if trial.map is None:
        raise AutomlError(f"trial {trial.number} was not scored: it has no detections")
    if FOUND in removed:
        why = "were removed to keep the study's folder under store.size_mb_max"
    else:
        why = "were not kept: an older automl scored it"
    raise AutomlError(f"the detections of trial {trial.number} on the validation images {why}")


def winner_detections(table: StudyTable, folder: Path) -> dict[int, Any]:
    """Return the number of the trial that a page puts first, and what the page shows of its validation images.

    Where they cannot be shown, it is why: {"why": "..."}.
    """
    row: TrialRow | None = judge(table).row
    if row is None:
        return {}
    try:
        check_kept(row, row.removed, folder)
        dataset, split = load_validation(table.record)
        return {row.number: few_payload(matched_detections(row, row.removed, folder, dataset, split), row.number)}
    except AutomlError as error:
        return {row.number: {"why": _sentence(str(error))}}


def _paths(trial: TrialRecord, folder: Path) -> TrialPaths:
    return TrialPaths(folder / (trial.folder or "."))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
