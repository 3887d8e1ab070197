"""A study's folder, made and locked; a folder that only holds its locks is removed again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from objectives.records.paths import StudyPaths
from search.settings.settings import Settings
from search.study.claims.contract import Claims
from search.study.claims.open import open_claims
from search.study.folder.disk_space import check_disk_space
from search.study.store import store_errors
from search.study.study_file import shown_url
from spaces.errors import StoreError


@contextmanager
def prepared_folder(settings: Settings) -> Iterator[Claims]:
    """Make the study's folder, check room and rights, and open its locks; several searches may share it.

    Raises:
        StoreError: the folder cannot be written, or has no room, or the database server cannot be used.
    """
    folder = settings.folder
    made = _make(folder)
    try:
        check_disk_space(folder, settings.store.free_mb_min)
        store, what = settings.store, shown_url(settings.store.url or settings.name)
        with store_errors(what):
            claims = open_claims(folder, store.url, what=what, lease_s=store.lease_s, wait_s=store.wait_s)
    except (OSError, StoreError) as error:
        _remove_unused(made)
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"store: cannot write to '{folder}' ({error.strerror}); set store.folder=...") from None
    try:
        yield claims
    finally:
        claims.close()
        _remove_unused(made)


def _make(folder: Path) -> list[Path]:
    """Make a folder and its parents; return those that were made, deepest first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"store: cannot make '{folder}' ({error.strerror}); set store.folder=...") from None
    return missing


def _remove_unused(made: list[Path]) -> None:
    """Remove the folders that were made for a search that got no further than their lock."""
    locks = StudyPaths(made[0]).locks if made else ()
    if made and set(made[0].iterdir()) <= set(locks):
        for lock in locks:
            lock.unlink(missing_ok=True)
        for path in made:
            path.rmdir()
