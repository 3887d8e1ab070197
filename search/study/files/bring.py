"""Files of a trial fetched into the study's folder on this machine, where another machine has newer ones."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from objectives.records.artifacts.stored_files import StoredFile, live_files, read_files
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import TrialRecord
from search.study.files.local import add_origins, is_of_training, read_origins, remove_strange_trainings
from search.study.files.place import ArtifactPlace, FileLost
from search.study.files.transfer import fetch

if TYPE_CHECKING:
    import optuna

TIMES = 3  # that the list is read: whoever trains replaces objects meanwhile


def bring(
    study: "optuna.Study", folder: Path, place: ArtifactPlace, trial: TrialRecord, names: Collection[str] | None
) -> None:
    """Fetch what the folder lacks of what a trial lists, or has older.

    A file of this folder that is what is listed, or goes on from it, stays: it may be newer. Where a checkpoint of
    another history is fetched, all that this folder's history has left in the folders of the training goes.

    Args:
        study: the trial's.
        folder: of the study.
        place: where the objects are.
        trial: what is fetched of.
        names: of the files that are needed; None for all.

    Raises:
        FileLost: an object is gone, or damaged.
        ArtifactsAway: the place cannot be reached now.
    """
    files: Mapping[str, StoredFile] = trial.files
    for times_left in reversed(range(TIMES)):
        try:
            _bring(study, folder, place, trial, files, names)
        except FileLost:
            now = _listed(study, trial.number)
            if now == files or not times_left:
                raise
            files = now
        else:
            return


def _bring(
    study: "optuna.Study",
    folder: Path,
    place: ArtifactPlace,
    trial: TrialRecord,
    files: Mapping[str, StoredFile],
    names: Collection[str] | None,
) -> None:
    here, has_ended = folder / (trial.folder or ""), trial.phase.has_ended
    live = live_files(files, has_ended=has_ended)
    origins = read_origins(here)
    strange = {name for name, one in live.items() if one.object not in origins.get(name, ())}
    wanted = [
        name for name in live if (names is None or name in names) and (name in strange or not (here / name).is_file())
    ]
    if wanted and has_ended:
        gone = StudyRecord.of(study).removed.get(trial.number, ())
        wanted = [name for name in wanted if name in live_files(live, has_ended=True, removed=gone)]
    for name in wanted:
        fetch(place, live[name], here / name)
    if any(is_of_training(name) for name in strange.intersection(wanted)):
        remove_strange_trainings(here, live)
    if wanted:
        add_origins(here, {name: live[name].object for name in wanted}, alone=True)


def _listed(study: "optuna.Study", number: int) -> Mapping[str, StoredFile]:
    storage = study._storage
    return read_files(storage.get_trial(storage.get_trial_id_from_study_id_trial_number(study._study_id, number)))
