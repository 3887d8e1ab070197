"""The user's own ended studies as recorded trainings; one that cannot be read is left out with a note."""

import time
from collections.abc import Container, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives.records.paths import StudyPaths
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import Phase, trial_records
from search.engine.models.experience.recorded import TRAININGS_LEAST, Training
from search.study.sessions import LATELY_S
from search.study.store import check_version, open_storage, storage_url, store_errors
from search.study.study_file import studies_in
from spaces.errors import AutomlError

if TYPE_CHECKING:
    import optuna

READ_S = 3.0  # seconds after which no further study is read
WAIT_S = 0.5  # that a study which another process has locked is waited for
OWN = "own: "  # before the names of own studies: one may be called as a shipped one
STUDIES_MAX = 30  # the latest ones


def own_trainings(root: Path, but: Container[str], read_s: float = READ_S) -> tuple[list[Training], list[str]]:
    """Return the trainings of the ended studies below a folder, the latest studies first, and notes for people.

    Studies are only read. One that is damaged, locked, another version's or not automl's is left out with a note.

    Args:
        root: where studies live.
        but: names of those that are not read.
        read_s: seconds after which no further study is read.
    """
    found: list[Training] = []
    notes: list[str] = []
    names = [name for name in _latest(root, notes) if name not in but]
    until = time.monotonic() + read_s
    for count, name in enumerate(names):
        if time.monotonic() > until or count >= STUDIES_MAX:
            notes.append(f"experience: {len(names) - count} of {len(names)} own studies were not read, the oldest ones")
            break
        try:
            found += _ended(root, name)
        except AutomlError as error:
            notes.append(f"experience: study '{name}' is left out: {str(error).splitlines()[0]}")
        except Exception as error:  # whatever lies there must not end a search that does not need it
            notes.append(f"experience: study '{name}' is left out: {type(error).__name__}: {error}")
    return found, notes


def trainings_of(study: "optuna.Study") -> list[Training]:
    """Return the trainings that a study carried to their end; copies that a fork took along are its parent's.

    A polish is left out: its candidate did not learn so from the start; so are the baseline, a whole published
    detector, and what a proof has repeated.
    """
    kept = StudyRecord.of(study)
    epochs = _epochs(kept.fingerprints)
    return [
        Training(study.study_name, dict(trial.candidate), epochs, trial.map)
        for trial in trial_records(study)
        if trial.phase is Phase.FINISHED and trial.map is not None and trial.forked_from is None
        if not (trial.is_polish or trial.is_baseline or trial.is_proof or trial.is_carried)
    ]


def _ended(root: Path, name: str) -> list[Training]:
    """Return the trainings of a study that no process searches."""
    import optuna

    with store_errors(name, WAIT_S):
        storage = open_storage(storage_url(root / name, None), WAIT_S, to_read=True)
        study = optuna.load_study(study_name=name, storage=storage)
        check_version(study)
        if any(_lives(session.ended, session.spans) for session in StudyRecord.of(study).sessions.values()):
            return []
        found = [replace(one, study=f"{OWN}{name}") for one in trainings_of(study)]
    return found if len(found) >= TRAININGS_LEAST else []


def _lives(ended: bool, spans: list[list[float]]) -> bool:
    return not ended and bool(spans) and time.time() - spans[-1][1] < LATELY_S


def _latest(root: Path, notes: list[str]) -> list[str]:
    """Return the names of the studies below a folder, the one written last first."""
    try:
        names = studies_in(root)
        return sorted(names, key=lambda name: (-_written_at(root / name), name))
    except (AutomlError, OSError) as error:
        notes.append(f"experience: own studies are left out: {str(error).splitlines()[0]}")
        return []


def _written_at(folder: Path) -> float:
    store = StudyPaths(folder).store
    return store.stat().st_mtime if store.exists() else 0.0


def _epochs(fingerprints: Mapping[str, Any]) -> int:
    """Return the epochs of a study's trainings: "24 epochs, seed 42, scored on val"; 0 where an older one has none."""
    first = str(fingerprints.get("training", "")).partition(" ")[0]
    return int(first) if first.isdecimal() else 0
