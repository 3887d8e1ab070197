"""Opens the files of a study: in its folder alone, or in an artifact store."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from objectives.records.artifacts.stored_files import ArtifactsRecord, artifacts_of, write_artifacts
from search.study.files.artifacts import FilesInArtifacts
from search.study.files.contract import Say, StudyFiles
from search.study.files.in_folder import FilesInFolder
from search.study.files.place import ArtifactPlace, ArtifactsAway, absolute_url, open_place
from spaces.errors import StoreError

if TYPE_CHECKING:
    import optuna

READ_WAIT_S = 60.0  # that a command which only reads waits for a place that is away


def artifacts_url(study: "optuna.Study", given: str | None) -> str | None:
    """Return where the files of a study's trials are, or will be once a line with `given` has been followed."""
    known = artifacts_of(study)
    return given or (known.url if known is not None else None)


def follow_artifacts(study: "optuna.Study", given: str | None, *, moves: bool = True) -> list[str]:
    """Store where the files of a study's trials are, as a line asks for; call it while no other process chooses.

    Args:
        study: the study.
        given: `store.artifacts` of the line; None leaves it at what the study has.
        moves: whether a line that asks for another place than the study has moves the study there.

    Returns:
        Lines for people.

    Raises:
        AutomlError: the place cannot be used; the study keeps the one that it has.
    """
    known = artifacts_of(study)
    if given is None:
        if known is None:
            return []
        return [f"files: in '{known.url}', as the study has them (store.artifacts)"]
    url = absolute_url(given)
    if known is not None and (known.url == url or not moves):
        return []
    prefix = f"{study.study_name}-{uuid4().hex[:8]}" if known is None else known.prefix
    check_place(open_place(url), f"{prefix}/probe.{uuid4().hex[:12]}")  # a place that cannot be used is not remembered
    write_artifacts(study, ArtifactsRecord(url, prefix))
    if known is None:
        return []
    return [
        f"files: from now on in '{url}'; they were in '{known.url}': copy '{known.prefix}' with all below it, or its "
        "trials begin anew where their checkpoints are not in the study's folder"
    ]


def open_files(
    study: "optuna.Study",
    folder: Path,
    wait_s: float,
    session: int,
    say: Say,
    alive: Callable[[], None],
) -> StudyFiles:
    """Open the files of a study for a searching process; arguments as of `FilesInArtifacts`.

    Raises:
        AutomlError: the artifact store cannot be used.
    """
    found = artifacts_of(study)
    if found is None:
        return FilesInFolder()
    place = open_place(found.url)
    check_place(place, f"{found.prefix}/probe.{session}.{uuid4().hex[:12]}")
    return FilesInArtifacts(study, folder, place, found.prefix, wait_s, session, say, alive)


def check_place(place: ArtifactPlace, name: str) -> None:
    """Check that objects can be written, read and removed.

    Raises:
        StoreError: they cannot.
    """
    try:
        place.write(name, BytesIO(b"automl"))
        if b"".join(place.read(name)) != b"automl":
            raise StoreError(f"store.artifacts: '{place.url}' does not give back what was written to it")
        place.remove(name)
    except ArtifactsAway as away:
        why = str(away.__cause__ or away).splitlines()[0]
        raise StoreError(
            f"store.artifacts: '{place.url}' cannot be used ({why}); check the path, its keys, its rights"
        ) from None


def files_to_read(study: "optuna.Study", folder: Path) -> StudyFiles:
    """Open the files of a study for a command that only reads them.

    Raises:
        AutomlError: the artifact store cannot be used.
    """
    found = artifacts_of(study)
    if found is None:
        return FilesInFolder()
    return FilesInArtifacts(study, folder, open_place(found.url), found.prefix, READ_WAIT_S)


def files_of_fork(study: "optuna.Study", folder: Path, given: str | None) -> StudyFiles:
    """Open the files of a study that is being made of another one's trials; they are its own from the beginning.

    Args:
        study: the new one; it has no place for its files yet.
        folder: of the new study.
        given: `store.artifacts` of its line.

    Raises:
        AutomlError: the artifact store cannot be used.
    """
    follow_artifacts(study, given)
    return files_to_read(study, folder)


def forget_all(study: "optuna.Study") -> None:
    """Remove the objects of a study that is about to be deleted.

    Raises:
        AutomlError: the artifact store cannot be used.
    """
    found = artifacts_of(study)
    if found is not None:
        place = open_place(found.url)
        for name in list(place.names(f"{found.prefix}/")):
            place.remove(name)
