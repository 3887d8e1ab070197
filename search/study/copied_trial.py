"""A trial as another study stores it: what a fork takes along of it."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from objectives.records import attributes as keys
from objectives.records.artifacts.stored_files import Files, files_to_json
from objectives.records.records import Accuracy, Ending
from search.study.stored_trial import held
from spaces.candidate import Candidate
from spaces.network.family import Family

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


def copied(
    trial: "FrozenTrial",
    number: int,
    candidate: Candidate,
    folder: str,
    distributions: "Mapping[str, BaseDistribution]",
    ending: Ending | None = None,
    family: Family | None = None,
    parent: int | None = None,
    polishes: int | None = None,
    accuracy: Accuracy | None = None,
    gone: Collection[str] = (),
) -> "FrozenTrial":
    """Return a trial as another study stores it.

    What a sampler noted for itself stays behind: it names trials by their old numbers.

    Args:
        trial: the one that is copied.
        number: of the copy.
        candidate: its choices, as the other study's space has them.
        folder: of the copy, below its study's.
        distributions: of the choices that the other study's sampler makes.
        ending: of a paused trial that ends by being copied.
        family: of an elastic training: its children that the other study may have.
        parent: of a child: the number that its elastic training has there.
        polishes: of a polish: the number that what it goes on from has there.
        accuracy: what the other study takes of its accuracy, if that differs.
        gone: further devices that the other study has not, or has under this name as other ones.
    """
    from optuna.trial import FrozenTrial, TrialState

    of_space = held(candidate, distributions)
    attributes = {
        **trial.user_attrs,
        keys.CANDIDATE: candidate.to_json(),
        keys.FOLDER: folder,
        keys.FORKED_FROM: trial.number,
    }
    for key in (keys.LATENCIES, keys.LATENCIES_UNTRAINED):
        if key in attributes:
            attributes[key] = {name: found for name, found in attributes[key].items() if name not in gone}
    if family is not None:
        attributes[keys.FAMILY] = family.to_json()
    if parent is not None:
        attributes[keys.PARENT] = parent
    if polishes is not None:
        attributes[keys.POLISHES] = polishes
    if accuracy is not None:
        attributes[keys.ACCURACY] = accuracy.to_json()
    if ending:
        attributes |= {keys.ENDING: ending.to_json(), keys.PAUSED: False}
    return FrozenTrial(
        number=number,
        state=TrialState.PRUNED if ending else trial.state,
        value=None,
        values=trial.values if trial.state is TrialState.COMPLETE else None,
        datetime_start=trial.datetime_start,
        datetime_complete=datetime.now() if ending else trial.datetime_complete,
        params={name: candidate[name] for name in of_space},
        distributions=of_space,
        user_attrs=attributes,
        system_attrs={},
        intermediate_values={},
        trial_id=number,
    )


def listing(trial: "FrozenTrial", files: Files) -> "FrozenTrial":
    """Return a copied trial that lists these files in place of those that the old study has."""
    attributes = {name: value for name, value in trial.user_attrs.items() if name != keys.FILES}
    trial.user_attrs = {**attributes, keys.FILES: files_to_json(files)} if files else attributes
    return trial
