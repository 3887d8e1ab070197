"""Carried detectors are queued behind the baseline of a study that is being made, each with its files."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from objectives.records import attributes as keys
from objectives.records.artifacts.stored_files import Files, files_to_json
from objectives.records.paths import CONVERTED, MODEL, WEIGHTS, StudyPaths, TrialPaths
from objectives.records.study_parts.carried import CarriedRecord
from search.engine.candidates import distribution
from search.settings.settings import Settings
from search.study.files.open import files_of_fork
from search.study.folder.link import link_file
from search.study.queued.carried import carried_in
from search.study.stored_trial import held
from spaces.candidate import Candidate
from spaces.dimension import Value

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class FoundDetector:
    """A detector that a line carries along, found and checked.

    Attributes:
        record: where it comes from.
        folder: with its files.
        candidate: as this study's space has it; None where it lies outside.
    """

    record: CarriedRecord
    folder: Path
    candidate: Candidate | None


def enqueue_carried(study: "optuna.Study", found: Sequence[FoundDetector], settings: Settings) -> None:
    """Have a study begin with these detectors, each with its files in a folder of its own; one that waits stays so.

    Call it while the study is made: nobody else adds trials.
    """
    paths, there = StudyPaths(settings.folder), {t.carried.given: t for t in carried_in(study) if t.carried}
    for one in found:
        if one.record.given in there:
            continue
        trial = paths.trial(len(study.get_trials(deepcopy=False)))
        _link(one.folder, trial)
        files = files_of_fork(study, settings.folder, settings.store.artifacts).keep(trial.folder)
        inside: Mapping[str, Value] = one.candidate or {}
        distributions = {
            name: distribution(settings.space.domains[name]) for name in inside if name not in settings.space.fixed
        }
        of_space = {} if one.candidate is None else held(one.candidate, distributions)
        params = {name: inside[name] for name in of_space}
        study.add_trial(_as_trial(one.record, paths.relative(trial), params, of_space, files))


def _as_trial(
    record: CarriedRecord,
    folder: str,
    params: Mapping[str, Value],
    distributions: "Mapping[str, BaseDistribution]",
    files: Files = MappingProxyType({}),
) -> "FrozenTrial":
    """Return a carried detector as the store queues it: with parameters where it lies in the space, else without.

    Args:
        record: where it comes from.
        folder: of the trial, which holds its files by now.
        params: its choices that the study's sampler could make.
        distributions: theirs.
        files: what is kept of its folder elsewhere.
    """
    from optuna.trial import TrialState, create_trial

    attributes = {keys.CARRIED: record.to_json(), keys.FOLDER: folder}
    attributes |= {keys.FILES: files_to_json(files)} if files else {}
    return create_trial(
        state=TrialState.WAITING, params=dict(params), distributions=dict(distributions), user_attrs=attributes
    )


def _link(source: Path, trial: TrialPaths) -> None:
    """Link what is needed of a detector into the folder of its trial; what a cut has left there is removed first."""
    shutil.rmtree(trial.folder, ignore_errors=True)
    trial.folder.mkdir(parents=True)
    for name in (WEIGHTS, MODEL, *CONVERTED, trial.ranks.name):
        if (source / name).is_file():
            link_file(source / name, trial.folder / name)
