"""Whether workers on other machines reach what they need: the study's store, its files, and its data set."""

from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil

from search.settings.settings import EMBEDDED, Settings
from search.study.files.open import artifacts_url
from search.study.files.place import absolute_url
from search.study.sqlite_check import file_of
from search.study.store import load_study, storage_url
from spaces.errors import SettingsError, StoreError

# Kinds of file systems that several machines can share, by the names that the kernel has for them.
SHARED = (
    *("9p", "afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.sshfs", "glusterfs", "gpfs"),
    *("lustre", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "smb3", "virtiofs", "wekafs"),
)


def check_reach(settings: Settings) -> list[str]:
    """Check that workers on other machines reach the study; return what people should know.

    A disk of this machine may be one that others see under the same path (an NFS server's own): where workers find out
    by themselves and say so, it is a note.

    Raises:
        SettingsError: the store, or the place of files that the line or the study names, is on a disk of this machine.
    """
    store = file_of(storage_url(settings.folder, settings.store.url))
    if store is not None:
        return [*_shared_store(store), *_data(settings, None)]
    with suppress(StoreError):  # there is no study yet, or its database is away: whoever opens it next says so
        study = load_study(settings.folder.parent, settings.name, settings.store.url)
        url = artifacts_url(study, settings.store.artifacts)
        return [*_files(settings, url), *_data(settings, url)]
    return [*_files(settings, settings.store.artifacts), *_data(settings, settings.store.artifacts)]


def _shared_store(path: Path) -> list[str]:
    kind = file_system(path)
    if kind not in SHARED:
        raise SettingsError(
            f"store: workers on other machines cannot reach '{path}' on this machine's disk ({kind}); give "
            "store.url=postgresql+psycopg://..., or a store.folder that all machines share"
        )
    return [f"the study is one SQLite file on {kind}: all machines need the same path, and locks that work (NFS 4)"]


def _files(settings: Settings, artifacts: str | None) -> list[str]:
    """Check the place of the study's files; the folder of the study where there is no other."""
    if artifacts is None:
        kind = file_system(settings.folder)
        if kind in SHARED:
            return []
        return [
            f"the study's files are in '{settings.folder}' on this machine's disk ({kind}): machines that do not share "
            "it cannot join; store.artifacts=s3://BUCKET/PREFIX lets each have a folder of its own"
        ]
    parts = urlsplit(absolute_url(artifacts))
    if parts.scheme == "file" and (kind := file_system(Path(unquote(parts.path)))) not in SHARED:
        raise SettingsError(
            f"store.artifacts: workers on other machines cannot reach '{artifacts}' on this machine's disk ({kind}); "
            "give a folder that all machines share, or s3://BUCKET/PREFIX"
        )
    return []


def _data(settings: Settings, artifacts: str | None) -> list[str]:
    """Say of a data set on a disk of this machine where the others find it."""
    root = settings.data.root
    if root == EMBEDDED or (kind := file_system(Path(root).expanduser().absolute())) in SHARED:
        return []
    note = f"the data set '{root}' is on this machine's disk ({kind}): "
    if artifacts is None:
        return [f"{note}all machines need it at that path, or store.artifacts=... and `automl data push`"]
    if settings.store.artifacts is None:
        return [f"{note}machines without it fetch it only where the line names store.artifacts={artifacts}"]
    return [f"{note}machines without it fetch it, if it was pushed (`automl data push`) and the study has begun"]


def file_system(path: Path) -> str:
    """Return the kind of the file system that a path lies on, or would; empty where that is not known."""
    mounts = {Path(part.mountpoint): part.fstype for part in psutil.disk_partitions(all=True)}
    within = [folder for folder in (path, *path.parents) if folder in mounts]
    return mounts[within[0]] if within else ""
