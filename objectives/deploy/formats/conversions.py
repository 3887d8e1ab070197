"""Files converted into the user's cache folder, once each, and a bound on what they take together.

What a study's devices run lies beside its trials' files; here lies what is converted for another device than a study's.
"""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from objectives.deploy.artifact_files import bytes_of
from objectives.deploy.formats.contract import SOURCE_KEY, DeployFormat, Source
from objectives.machine.files import cache_folder, remove_partials
from objectives.machine.locks import locked_folder, unless_locked

BYTES_MOST = 2 * 10**9  # of all files together
IN_USE_S = 3600.0  # one that was asked for since may still be opened


def converted_once(made: DeployFormat, source: Source, digest: str) -> Path:
    """Return a file in another format, which is converted if that was not done before.

    Others that were not asked for lately are removed, the oldest first, where all take more than `BYTES_MOST`. A
    conversion that fails leaves nothing.

    Args:
        made: the format.
        source: what the file is made of.
        digest: SHA-256 of the ONNX file.

    Raises:
        DataError: the ONNX file cannot be read.
        ExportFailed: it cannot be converted.
    """
    everything = cache_folder() / "converted"
    folder = everything / f"{made.name}-{digest[:32]}"
    everything.mkdir(parents=True, exist_ok=True)
    kept, was_there = folder / made.file(source.onnx).name, False
    try:
        with locked_folder(everything, shared=True):  # nothing is removed meanwhile
            folder.mkdir(exist_ok=True)
            with locked_folder(folder):
                was_there = kept.is_file()
                if not was_there:
                    made.convert(source, kept, {SOURCE_KEY: digest})
                os.utime(folder)
    finally:
        if not was_there:
            _tidy(everything)
    return kept


def _tidy(everything: Path) -> None:
    """Remove what conversions that failed have left, and what was asked for least lately; not while others convert."""
    with unless_locked(everything) as is_free:
        if not is_free:  # they do this in their turn
            return
        for folder in everything.iterdir():
            remove_partials(folder)
            with suppress(OSError):  # there is something in it
                folder.rmdir()
        found = sorted((folder.stat().st_mtime, bytes_of(folder), folder) for folder in everything.iterdir())
        held = sum(size for _, size, _ in found)
        for used_at, size, folder in found:
            if held <= BYTES_MOST or used_at > time.time() - IN_USE_S:
                return
            shutil.rmtree(folder, ignore_errors=True)
            held -= size
