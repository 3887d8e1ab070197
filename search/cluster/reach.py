"""Whether the store of a study reaches the machines that its workers run on."""

from pathlib import Path

import psutil

from search.settings.settings import Settings
from search.study.sqlite_check import file_of
from search.study.store import storage_url
from spaces.errors import SettingsError

# Kinds of file systems that several machines can share, by the names that the kernel has for them.
SHARED = (
    *("9p", "afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.sshfs", "glusterfs", "gpfs"),
    *("lustre", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "smb3", "virtiofs", "wekafs"),
)


def check_reach(settings: Settings) -> list[str]:
    """Check that workers on other machines reach the study's store; return what people should know.

    Raises:
        SettingsError: it is a file on a disk of this machine.
    """
    path = file_of(storage_url(settings.folder, settings.store.url))
    kind = file_system(path or settings.folder)
    if path is None:
        if settings.store.artifacts or kind in SHARED:
            return []
        return [f"'{settings.folder}' must be one folder on all machines: share it, or give store.artifacts=..."]
    if kind not in SHARED:
        raise SettingsError(
            f"store: workers on other machines cannot reach '{path}' on this machine's disk ({kind}); give "
            "store.url=postgresql+psycopg://..., or a store.folder that all machines share"
        )
    return [f"the study is one SQLite file on {kind}: all machines need the same path, and locks that work (NFS 4)"]


def file_system(path: Path) -> str:
    """Return the kind of the file system that a path lies on, or would; empty where that is not known."""
    mounts = {Path(part.mountpoint): part.fstype for part in psutil.disk_partitions(all=True)}
    within = [folder for folder in (path, *path.parents) if folder in mounts]
    return mounts[within[0]] if within else ""
