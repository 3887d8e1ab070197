"""Files of trials as an artifact store holds them: what a trial lists is whole there; what it does not is not there."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from objectives.records import attributes as keys
from objectives.records.paths import TRAININGS
from objectives.records.reading import mapping, named_records, record
from objectives.records.records import Record

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class StoredFile(Record):
    """One file of a trial in the artifact store.

    Attributes:
        object: name of the object, below the store's URL; no name is used twice.
        bytes: its size.
        sha256: of its bytes, hexadecimal.
    """

    object: str
    bytes: int
    sha256: str


Files = Mapping[str, StoredFile]  # name of a file in a trial's folder -> the object


@dataclass(frozen=True)
class ArtifactsRecord(Record):
    """Where the files of a study's trials are.

    Attributes:
        url: of the artifact store.
        prefix: what the names of the study's objects begin with; no other study's do.
    """

    url: str
    prefix: str


def read_files(trial: "FrozenTrial") -> dict[str, StoredFile]:
    """Return what a trial lists: name of a file in its folder -> the object."""
    return named_records(StoredFile, trial.user_attrs.get(keys.FILES))


def write_files(study: "optuna.Study", trial_id: int, files: Mapping[str, StoredFile]) -> None:
    """Store which files of a trial that has not ended are in the artifact store.

    Args:
        study: the trial's.
        trial_id: Optuna's, over all studies of the storage.
        files: all of them; their objects are whole.
    """
    study._storage.set_trial_user_attr(trial_id, keys.FILES, files_to_json(files))


def files_to_json(files: Mapping[str, StoredFile]) -> dict[str, Any]:
    """Return what a trial lists as the store keeps it."""
    return {name: one.to_json() for name, one in sorted(files.items())}


def artifacts_of(study: "optuna.Study") -> ArtifactsRecord | None:
    """Return where the files of a study's trials are; None for its folder alone."""
    attributes = study._storage.get_study_user_attrs(study._study_id)
    return record(ArtifactsRecord, mapping(attributes.get(keys.ARTIFACTS)) or None)


def write_artifacts(study: "optuna.Study", artifacts: ArtifactsRecord) -> None:
    """Store where the files of a study's trials are."""
    study.set_user_attr(keys.ARTIFACTS, artifacts.to_json())


def live_files(
    files: Mapping[str, StoredFile], *, has_ended: bool, removed: Collection[str] = ()
) -> dict[str, StoredFile]:
    """Return what of a list still is there: a trial that has ended keeps its list, and not its checkpoints.

    Args:
        files: what the trial lists.
        has_ended: whether it has ended.
        removed: names that were removed from its folder since.
    """
    gone = (*removed, *((TRAININGS,) if has_ended else ()))
    return {name: one for name, one in files.items() if not any(fnmatch(name.split("/")[0], kind) for kind in gone)}
