"""A fork: a new study under another contract, with the trials of an old one that still count."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from objectives.data.dataset import Dataset
from objectives.machine.locks import locked_folder
from objectives.records.children import ChildrenReport
from objectives.records.paths import StudyPaths
from objectives.records.records import Accuracy, Ending, Outcome
from objectives.records.study_parts.parts import MeasuredRecord
from objectives.records.study_record import StudyRecord, StudyWriter
from objectives.records.trial_record import TrialRecord, trial_records
from objectives.weights.fetch import Say
from reports.table.on_device import DEVICE_PART
from search.engine.candidates import distribution
from search.settings.checks.data_check import check_quickly, refusal
from search.settings.settings import Settings
from search.study.copied_trial import copied, listing
from search.study.files.open import files_of_fork, files_to_read, forget_all
from search.study.folder.link import link_trial
from search.study.latencies import architecture_key
from search.study.queued.baseline import baseline_in, enqueue_baseline
from search.study.queued.carried import check_list
from search.study.queued.known_good import enqueue
from search.study.store import (
    check_version,
    has_begun,
    load_study,
    open_storage,
    record_contract,
    storage_url,
    store_errors,
)
from search.study.terms.changes import otherwise
from search.study.terms.comparable import Comparison, Kept, compare, fitted, within
from search.study.terms.contract import Contract, fixed_values
from search.study.terms.figures import Scoring
from search.study.terms.start_weights import fetch_starts
from spaces.dimension import Value
from spaces.errors import SettingsError, StoreError
from spaces.space import SearchSpace

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

OVER_BOUND = "it waited at a rung, and the gate of this fork does not admit it"


@dataclass(frozen=True)
class Forked:
    """A fork that was made: names of both studies, and the trials that were kept."""

    name: str
    old: str
    comparison: Comparison

    def __str__(self) -> str:
        return f"{self.name} is forked from {self.old} and keeps {self.comparison}"


def forked_settings(settings: Settings, name: str) -> Settings:
    """Return the settings of a fork: the same under another name.

    Raises:
        SettingsError: the name is the old study's, or cannot be a folder's.
    """
    if name == settings.name:
        raise SettingsError(f"--fork: the new study needs another name than the old one, got '{name}'")
    return replace(settings, name=name)


def ensure_fork(old: Settings, new: Settings, dataset: Dataset, say: Say = lambda _: None) -> Forked | None:
    """Make the fork, unless the same line made it before; one whose making was cut is made again.

    The old study is only read.

    Args:
        old: settings with the old study's name.
        new: the fork's settings; its folder must be there.
        dataset: what the fork will train on.
        say: called with a line before each download of published weights, and with what is to be known of them.

    Returns:
        What was taken along; None if the fork was there already.

    Raises:
        StoreError: there is no old study, or another study has the fork's name.
        DataError: scores on a data set that is not the old study's would be wrong; see `data.check`.
    """
    import optuna

    source = load_study(old.folder.parent, old.name, old.store.url)
    check_list(source, new)
    if not has_begun(new):
        _check_data(source, new, dataset)
    storage = open_storage(storage_url(new.folder, new.store.url))
    with locked_folder(new.folder), store_errors(new.name):
        if new.name in optuna.get_all_study_names(storage):
            found = optuna.load_study(study_name=new.name, storage=storage)
            if _is_whole_fork(found, old.name):
                return None
            shutil.rmtree(
                StudyPaths(new.folder).trials, ignore_errors=True
            )  # first: a folder without a study is refused
            forget_all(found)
            optuna.delete_study(study_name=new.name, storage=storage)
        if StudyPaths(new.folder).trials.exists():
            raise StoreError(
                f"--fork: '{new.folder}' holds trials without a study; give another name, or move them away"
            )
        for note in fetch_starts(new, source, say):
            say(note)
        return fork(source, new, dataset, storage, old.folder, new.folder)


def fork(
    old: "optuna.Study",
    settings: Settings,
    dataset: Dataset,
    storage: "optuna.storages.BaseStorage",
    folder_old: Path,
    folder_new: Path,
) -> Forked:
    """Make a study of the settings' name, with the trials of another one that count under these settings.

    Kept trials get new numbers, in the old order; their files are linked, so that they take no room. They count
    towards `budget.trials`; their time was the old study's, and does not count towards `budget.hours`. The version is
    stored last: a study without it is a fork that was cut.
    """
    import optuna

    then = Contract.stored(old)
    now = Contract.of(settings, dataset, then)
    differing = then.differing(now)
    stored, kept_of_old = old.get_trials(deepcopy=False), StudyRecord.of(old)
    on_all, gone = settings.is_for_all, [part.removeprefix(DEVICE_PART) for part in differing if DEVICE_PART in part]
    found = compare(trial_records(old, stored), differing, settings.space, settings.gate, on_all=on_all)
    study = optuna.create_study(study_name=settings.name, storage=storage, directions=["maximize", "minimize"])
    writer, paths = StudyWriter(study), StudyPaths(folder_new)
    writer.forked(old.study_name, len(found.kept), found.left_out)
    files, files_old = files_of_fork(study, folder_new, settings.store.artifacts), files_to_read(old, folder_old)
    scoring, scored_then = Scoring.of(settings), Scoring.stored(kept_of_old)
    numbers = {kept.trial.number: number for number, kept in enumerate(found.kept)}
    for kept in found.kept:
        folder = _folder(kept.trial, numbers, found, paths)
        if kept.trial.folder:
            goes_on = not kept.over_bound and not kept.trial.phase.has_ended
            files_old.bring(kept.trial)
            link_trial(folder_old / kept.trial.folder, folder_new / folder, goes_on=goes_on)
        was = kept.trial.accuracy
        accuracy = None if was is None else scoring.carried(was, scored_then)
        changed = None if accuracy == was else accuracy
        copy = _copied(kept, stored[kept.trial.number], numbers, folder, settings.space, changed, gone)
        study.add_trial(listing(copy, files.keep(folder_new / folder)))
        for report in _looks(kept, kept_of_old):
            writer.looks(numbers[kept.trial.number], report)
        if (latency := kept_of_old.measured_fully.get(kept.trial.number)) is not None:
            writer.measured_fully(numbers[kept.trial.number], latency)
        for device, latency in kept_of_old.measured_fully_on.get(kept.trial.number, {}).items():
            if device not in gone:
                writer.measured_fully_on(numbers[kept.trial.number], device, latency)
    if not {"data", "device", "trainer"} & set(differing):
        for key, record in _measured(kept_of_old, then, settings.space, differing):
            others = {name: latency for name, latency in record.latencies.items() if name not in gone}
            writer.measured(key, replace(record, latencies=others))
    for look in () if "data" in differing else kept_of_old.test_looks:  # the same images: they have been seen
        writer.test_look(replace(look, by=f"{look.by} in study {old.study_name}", numbers=(), scores=()))
    writer.removed({numbers[old]: names for old, names in kept_of_old.removed.items() if old in numbers})
    trained = [
        kept.candidate.to_json().items()
        for kept in found.kept
        if not (kept.trial.is_child or kept.trial.is_polish or kept.trial.is_baseline or kept.trial.is_carried)
    ]
    if baseline_in(old) is not None or settings.baseline.is_named or not found.kept:
        enqueue_baseline(study, settings)
    for candidate in settings.start:
        if not any(candidate.items() <= choices for choices in trained):
            enqueue(study, candidate, settings.space)
    record_contract(study, settings, dataset, then if found.kept else None)
    return Forked(settings.name, old.study_name, found)


def _check_data(old: "optuna.Study", settings: Settings, dataset: Dataset) -> None:
    """Check a data set that is not the old study's, as a new study's; on the same one, a fork goes on as before."""
    if not dataset.is_meant_by(str(StudyRecord.of(old).fingerprints.get("data"))):
        refused = refusal([*dataset.findings, *check_quickly(settings, dataset)], settings)
        if refused:
            raise refused


def _is_whole_fork(study: "optuna.Study", old: str) -> bool:
    """Whether a study is a fork of another one and whole; False if its making was cut.

    Raises:
        StoreError: the study is not a fork of that one.
    """
    stored = StudyRecord.of(study)
    if stored.version is None and not stored.is_fork:
        check_version(study)
    if stored.forked.get("from") != old:
        raise StoreError(
            f"--fork: study '{study.study_name}' exists already and is not a fork of '{old}'; give another name"
        )
    return stored.version is not None


def _folder(trial: TrialRecord, numbers: Mapping[int, int], found: Comparison, paths: StudyPaths) -> str:
    """Return a trial's folder below the fork's: by its new number, of a child below its parent's."""
    if trial.parent is None or not trial.folder:
        return paths.relative(paths.trial(numbers[trial.number]))
    of_parent = found.kept[numbers[trial.parent]].trial.folder or ""
    return f"{paths.relative(paths.trial(numbers[trial.parent]))}/{PurePath(trial.folder).relative_to(of_parent)}"


def _copied(
    kept: Kept,
    trial: "FrozenTrial",
    numbers: Mapping[int, int],
    folder: str,
    space: SearchSpace,
    accuracy: Accuracy | None,
    gone: Sequence[str],
) -> "FrozenTrial":
    """Return a trial as the fork stores it: with the parameters and distributions of the new space.

    An accuracy is what the fork takes of the trial's, where that is not all of it; latencies on devices that are gone
    stay behind.
    """
    outside = kept.trial.is_baseline or (kept.trial.is_carried and not kept.is_inside)
    names = [] if outside else [name for name in kept.candidate if name not in space.fixed]
    parent, polishes = kept.trial.parent, kept.trial.polishes
    return copied(
        trial,
        numbers[trial.number],
        kept.candidate,
        folder,
        {name: distribution(space.domains[name]) for name in names},
        Ending(Outcome.STOPPED, OVER_BOUND) if kept.over_bound else None,
        kept.family,
        None if parent is None else numbers[parent],
        None if polishes is None else numbers[polishes],
        accuracy,
        gone,
    )


def _looks(kept: Kept, study: StudyRecord) -> Iterator[ChildrenReport]:
    """Yield what was seen of the children of an elastic training, as far as the fork's space holds them."""
    if kept.family is None:
        return
    for report in study.looks(kept.trial.number):
        looks = [(look, within(kept.family, kept.trial, look.choices)) for look in report.looks]
        failed = [(child, within(kept.family, kept.trial, child.choices)) for child in report.failed]
        yield ChildrenReport(
            looks=tuple(replace(look, choices=inside) for look, inside in looks if inside is not None),
            failed=tuple(replace(child, choices=inside) for child, inside in failed if inside is not None),
        )


def _measured(
    study: StudyRecord, then: Contract, space: SearchSpace, differing: Sequence[str]
) -> Iterator[tuple[str, MeasuredRecord]]:
    """Yield the latencies measured ahead of trials, under the names and parameters of the new space.

    Those of detectors that the same choices no longer are, are left out, if some are among them.
    """
    fixed = fixed_values(then.cards["space"])
    for _, record in study.measured():
        candidate = fitted(space, _completed(record.params, fixed, space))
        if candidate is not None and otherwise(differing, candidate) is None:
            params = {name: value for name, value in candidate.items() if name not in space.fixed}
            yield architecture_key(params), replace(record, params=params, seconds=0.0)


def _completed(params: Mapping[str, Any], fixed: Mapping[str, Value], space: SearchSpace) -> dict[str, Any]:
    """Return parameters with the fixed dimensions that exist beside them; parents come before children."""
    choices = dict(params)
    for name, value in fixed.items():
        if all(condition.holds(choices) for condition in space.conditions.get(name, ())):
            choices[name] = value
    return choices
