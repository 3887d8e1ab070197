"""A fork: a new study under another contract, with the trials of an old one that still count."""

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives.data.dataset import Dataset
from objectives.machine.files import PARTIAL, TRAININGS, TRIALS, trial_folder
from objectives.machine.locks import locked_folder
from objectives.records import attributes as keys
from objectives.records.records import Ending, Outcome
from search.engine.candidates import distribution
from search.settings.settings import Settings
from search.study.comparable import Comparison, Kept, compare, fitted
from search.study.contract import Contract, fixed_values
from search.study.known_good import enqueue
from search.study.latencies import architecture_key
from search.study.store import check_version, introduce, load_study, open_storage, storage_url, store_errors
from spaces.dimension import Value
from spaces.errors import SettingsError, StoreError
from spaces.space import SearchSpace

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

OVER_BOUND = "it waited at a rung, and the gate of this fork does not admit its latency"


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


def ensure_fork(old: Settings, new: Settings, dataset: Dataset) -> Forked | None:
    """Make the fork, unless the same line made it before; one whose making was cut is made again.

    The old study is only read.

    Args:
        old: settings with the old study's name.
        new: the fork's settings; its folder must be there.
        dataset: what the fork will train on.

    Returns:
        What was taken along; None if the fork was there already.

    Raises:
        StoreError: there is no old study, or another study has the fork's name.
    """
    import optuna

    source = load_study(old.folder.parent, old.name, old.store.url)
    storage = open_storage(storage_url(new.folder, new.store.url))
    with locked_folder(new.folder), store_errors(new.name):
        if new.name in optuna.get_all_study_names(storage):
            found = optuna.load_study(study_name=new.name, storage=storage)
            if _is_whole_fork(found, old.name):
                return None
            shutil.rmtree(new.folder / TRIALS, ignore_errors=True)  # first: a folder without a study is refused
            optuna.delete_study(study_name=new.name, storage=storage)
        if (new.folder / TRIALS).exists():
            raise StoreError(
                f"--fork: '{new.folder}' holds trials without a study; give another name, or move them away"
            )
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

    then, now = Contract.stored(old), Contract.of(settings, dataset)
    differing = then.differing(now)
    found = compare(old.get_trials(deepcopy=False), differing, settings.space, settings.gate)
    study = optuna.create_study(study_name=settings.name, storage=storage, directions=["maximize", "minimize"])
    forked = {"from": old.study_name, "kept": len(found.kept), "left_out": dict(found.left_out)}
    study.set_user_attr(keys.FORKED, forked)
    for number, kept in enumerate(found.kept):
        copied = _copied(kept, number, settings.space)
        if folder := kept.trial.user_attrs.get(keys.FOLDER):
            _link(folder_old / folder, folder_new / copied.user_attrs[keys.FOLDER], goes_on=_goes_on(copied))
        study.add_trial(copied)
    if not {"data", "device", "trainer"} & set(differing):
        for key, record in _measured(old.user_attrs, then, settings.space):
            study.set_user_attr(key, record)
    if removed := _removed(old.user_attrs, found):
        study.set_user_attr(keys.REMOVED, removed)
    for candidate in settings.start:
        if not any(candidate.items() <= kept.candidate.to_json().items() for kept in found.kept):
            enqueue(study, candidate, settings.space)
    introduce(study, settings, dataset)
    return Forked(settings.name, old.study_name, found)


def _is_whole_fork(study: "optuna.Study", old: str) -> bool:
    """Whether a study is a fork of another one and whole; False if its making was cut.

    Raises:
        StoreError: the study is not a fork of that one.
    """
    attributes = study.user_attrs
    if not {keys.STUDY_VERSION, keys.FORKED} & attributes.keys():
        check_version(study)
    if attributes.get(keys.FORKED, {}).get("from") != old:
        raise StoreError(
            f"--fork: study '{study.study_name}' exists already and is not a fork of '{old}'; give another name"
        )
    return keys.STUDY_VERSION in attributes


def _copied(kept: Kept, number: int, space: SearchSpace) -> "FrozenTrial":
    """Return a trial as the fork stores it: with the parameters and distributions of the new space.

    A sampler's own records stay behind: these name trials by their old numbers.
    """
    from optuna.trial import FrozenTrial, TrialState

    trial = kept.trial
    params = {name: value for name, value in kept.candidate.items() if name not in space.fixed}
    attributes = {
        **trial.user_attrs,
        keys.CANDIDATE: kept.candidate.to_json(),
        keys.FOLDER: trial_folder(number),
        keys.FORKED_FROM: trial.number,
    }
    if kept.over_bound:
        attributes |= {keys.ENDING: Ending(Outcome.STOPPED, OVER_BOUND).to_json(), keys.PAUSED: False}
    return FrozenTrial(
        number=number,
        state=TrialState.PRUNED if kept.over_bound else trial.state,
        value=None,
        values=trial.values if trial.state is TrialState.COMPLETE else None,
        datetime_start=trial.datetime_start,
        datetime_complete=datetime.now() if kept.over_bound else trial.datetime_complete,
        params=params,
        distributions={name: distribution(space.domains[name]) for name in params},
        user_attrs=attributes,
        system_attrs={},
        intermediate_values={},
        trial_id=number,
    )


def _goes_on(trial: "FrozenTrial") -> bool:
    return not trial.state.is_finished()


def _link(source: Path, target: Path, *, goes_on: bool) -> None:
    """Link a trial's files under a new number; what a trial that goes on may still change in place is copied.

    Checkpoints are replaced and never changed, so they are linked too; those of ended trials are left behind.
    """
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        is_checkpoint = Path(inside.parts[0]).match(TRAININGS)
        if not path.is_file() or path.name.endswith(PARTIAL) or (is_checkpoint and not goes_on):
            continue
        (target / inside).parent.mkdir(parents=True, exist_ok=True)
        if goes_on and path.suffix != ".pt":
            shutil.copy2(path, target / inside)
        else:
            _link_file(path, target / inside)


def _link_file(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copy2(source, target)


def _measured(
    attributes: Mapping[str, Any], then: Contract, space: SearchSpace
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the latencies measured ahead of trials, under the names and parameters of the new space."""
    fixed = fixed_values(then.cards["space"])
    for key, record in attributes.items():
        if not key.startswith(keys.MEASURED):
            continue
        candidate = fitted(space, _completed(record["params"], fixed, space))
        if candidate is not None:
            params = {name: value for name, value in candidate.items() if name not in space.fixed}
            yield keys.MEASURED + architecture_key(params), {**record, "params": params, "seconds": 0.0}


def _completed(params: Mapping[str, Any], fixed: Mapping[str, Value], space: SearchSpace) -> dict[str, Any]:
    """Return parameters with the fixed dimensions that exist beside them; parents come before children."""
    choices = dict(params)
    for name, value in fixed.items():
        if all(condition.holds(choices) for condition in space.conditions.get(name, ())):
            choices[name] = value
    return choices


def _removed(attributes: Mapping[str, Any], found: Comparison) -> dict[str, list[int]]:
    """Return which files were removed from which trials, by their new numbers."""
    numbers = {kept.trial.number: number for number, kept in enumerate(found.kept)}
    removed = {
        names: [numbers[n] for n in of if n in numbers] for names, of in attributes.get(keys.REMOVED, {}).items()
    }
    return {names: of for names, of in removed.items() if of}
