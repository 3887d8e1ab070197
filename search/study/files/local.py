"""What of a trial's folder is kept elsewhere, and which objects the files there are, or go on from."""

import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path

from objectives.machine.files import PARTIAL, write_text
from objectives.records.paths import CHECKPOINT, CHILDREN, PREVIOUS, TRAININGS, UNTRAINED_ALL, TrialPaths
from reports.table.row import TrialRow

NOT_KEPT = (f"*{PARTIAL}*", UNTRAINED_ALL, CHILDREN)  # children are trials themselves
Origins = dict[str, list[str]]  # name of a file -> objects that it is, or goes on from


def kept_at_rest(folder: Path) -> dict[str, Path]:
    """Return what is kept of a trial whose processes have ended, by name: all that it has left, checkpoints once each.

    The generation before the newest is kept only where a death has left no newest.
    """
    origins = TrialPaths(folder).origins
    entries = (path for path in _entries(folder) if path != origins and not _is_any(path.name, NOT_KEPT))
    found = (path for entry in entries for path in (_below(entry) if entry.is_dir() else [entry]))
    names = {path.relative_to(folder).as_posix(): path for path in found if not _is_any(path.name, NOT_KEPT)}
    return {n: path for n, path in names.items() if path.name != PREVIOUS or not (path.parent / CHECKPOINT).exists()}


def kept_in_training(folder: Path) -> dict[str, Path]:
    """Return what is kept of a trial in training, by name: what it goes on from, and all of it replaced as a whole."""
    checkpoints = (training / CHECKPOINT for training in sorted(TrialPaths(folder).trainings))
    paths = (path for path in (TrialPaths(folder).ranks, *checkpoints) if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in paths}


def is_of_training(name: str) -> bool:
    """Whether a file is one that a training goes on from, and that goes when the trial ends."""
    return fnmatch(name.split("/")[0], TRAININGS)


def is_to_be_had(row: TrialRow, folder: Path, name: str) -> bool:
    """Whether a file of a trial that has ended lies in the study's folder, or can be brought there."""
    return (name in row.files and name not in row.removed) or (folder / (row.folder or "") / name).is_file()


def read_origins(folder: Path) -> Origins:
    """Return which objects the files of a trial's folder are, or go on from; nothing where that is not known."""
    try:
        found = json.loads(TrialPaths(folder).origins.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # it was never written, or damaged: then the objects are fetched
        return {}
    return found if isinstance(found, dict) else {}


def add_origins(folder: Path, objects: Mapping[str, str], *, alone: bool = False) -> None:
    """Note which objects files are.

    An object is noted before its trial lists it: whichever of the two the trial lists after a death in between, the
    file goes on from it.

    Args:
        folder: of the trial.
        objects: by name.
        alone: forget what was noted of these files before.
    """
    origins = read_origins(folder)
    for name, one in objects.items():
        before = [] if alone else [known for known in origins.get(name, []) if known != one]
        origins[name] = [*before[-1:], one]
    write_text(TrialPaths(folder).origins, json.dumps(origins, indent=1), shared=True)


def remove_strange_trainings(folder: Path, known: Iterable[str]) -> None:
    """Remove what an older history of a trial has left in the folders of its training."""
    names = set(known)
    for training in TrialPaths(folder).trainings:
        for path in _below(training):
            if path.relative_to(folder).as_posix() not in names:
                path.unlink(missing_ok=True)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _below(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _is_any(name: str, kinds: Iterable[str]) -> bool:
    return any(fnmatch(name, kind) for kind in kinds)
