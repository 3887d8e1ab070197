"""The pointer to the version that serves, and the file that says what is rolled out: each replaced in one step."""

import os
from contextlib import suppress
from pathlib import Path

from objectives.deploy.serving.deployments import RolledOut, pointed_in
from objectives.machine.files import PARTIAL, write_text
from search.operate.journal.state import RolloutState
from search.operate.paths import PipelinePaths
from search.operate.rollout.whole import check_whole


def point(paths: PipelinePaths, version: str | None) -> None:
    """Let the pointer name a version; None: it names none, and is gone.

    Whoever reads it meanwhile sees the one before or the new one. Where the disk has no links it is a file that holds
    the name.

    Raises:
        StoreError: the version is not there, or not whole; the pointer stays where it was.
    """
    if version is None:
        paths.current.unlink(missing_ok=True)
        sync_folder(paths.deployed)
        return
    check_whole(paths.deployment(version))
    partial = paths.current.with_name(paths.current.name + PARTIAL)
    partial.unlink(missing_ok=True)  # of a process that was killed
    try:
        partial.symlink_to(version)
    except (OSError, NotImplementedError):  # FAT, some network drives: no links there
        write_text(paths.current, version + "\n")
    else:
        partial.replace(paths.current)
    sync_folder(paths.deployed)


def pointed(paths: PipelinePaths) -> str | None:
    """Return the version that the pointer names; None for none."""
    return pointed_in(paths.deployed)


def announce(paths: PipelinePaths, rollout: RolloutState | None) -> None:
    """Let servers know what is rolled out: write the file that they read, or remove it; nothing where it says so.

    Raises:
        StoreError: the version is not there, or not whole.
    """
    if rollout is None:
        if paths.rollout.exists():
            paths.rollout.unlink()
            sync_folder(paths.deployed)
        return
    text = RolledOut(rollout.version, rollout.kind, rollout.share, rollout.begun_at.isoformat()).dump()
    with suppress(OSError):
        if paths.rollout.read_text(encoding="utf-8") == text:
            return
    check_whole(paths.deployment(rollout.version))
    write_text(paths.rollout, text)
    sync_folder(paths.deployed)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk; where a folder cannot be opened so, the system does it in its time."""
    if os.name != "posix" or not folder.is_dir():
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
