"""Objects that dead searching processes have left: listed by no trial, or by one that needs them no more."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from objectives.records.artifacts.stored_files import live_files, read_files
from objectives.records.study_record import StudyRecord
from search.study.files.place import ArtifactPlace

if TYPE_CHECKING:
    import optuna


def orphans(study: "optuna.Study", place: ArtifactPlace, prefix: str, dead: Collection[int]) -> list[str]:
    """Return the objects of dead sessions that nobody needs.

    No clock says which these are: the name of an object has the session that is to list it, and a session that is dead
    lists nothing any more.

    Args:
        study: whose objects these are.
        place: where they are.
        prefix: what their names begin with.
        dead: keys of the sessions that were dead before this call.

    Raises:
        ArtifactsAway: the place cannot be reached now.
    """
    left = [name for name in place.names(f"{prefix}/") if _session_of(name) in dead]
    return sorted(set(left) - needed(study)) if left else []


def needed(study: "optuna.Study") -> set[str]:
    """Return the objects that trials list and still have."""
    removed = StudyRecord.of(study).removed
    return {
        one.object
        for trial in study.get_trials(deepcopy=False)
        if (files := read_files(trial))
        for one in live_files(
            files, has_ended=trial.state.is_finished(), removed=removed.get(trial.number, ())
        ).values()
    }


def _session_of(name: str) -> int | None:
    """Return the key of the session that an object's name has."""
    key = name.split(".")[-2] if name.count(".") >= 2 else ""
    return int(key) if key.isdecimal() else None
