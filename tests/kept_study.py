"""A study whose trials' files are kept in a place for objects, and machines that see it: a folder each."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna

from objectives.records import attributes as keys
from objectives.records.artifacts.stored_files import StoredFile, read_files
from objectives.records.paths import StudyPaths, TrialPaths
from objectives.records.trial_record import TrialRecord, read_trial
from search.study.files.artifacts import FilesInArtifacts
from search.study.files.place import ArtifactPlace, open_place
from search.study.files.sweep import needed

PREFIX = "study-0123"
CHECKPOINT = "training-1/checkpoint.pt"


class KeptStudy:
    """A study in a file, with trials that run."""

    def __init__(self, root: Path, url: str) -> None:
        self.root, self.place = root, open_place(url)
        storage = optuna.storages.RDBStorage(f"sqlite:///{root}/study.sqlite3")
        self.study = optuna.create_study(study_name="kept", storage=storage, directions=["maximize", "minimize"])

    def begin(self) -> int:
        """Store a trial that runs; return its number."""
        trial = self.study.ask()
        paths = StudyPaths(self.root)
        trial.set_user_attr(keys.FOLDER, paths.relative(paths.trial(trial.number)))
        return trial.number

    def trial(self, number: int) -> TrialRecord:
        return read_trial(self.study.get_trials(deepcopy=False)[number])

    def listed(self, number: int) -> dict[str, StoredFile]:
        return read_files(self.study.get_trials(deepcopy=False)[number])

    def objects(self) -> set[str]:
        """Return all that lies in the place, of whatever study."""
        return set(self.place.names(""))

    def needed(self) -> set[str]:
        return needed(self.study)

    @contextmanager
    def machine(
        self, name: str, session: int = 0, wait_s: float = 20.0, place: ArtifactPlace | None = None
    ) -> "Iterator[Machine]":
        """Open the study's files on a machine; what is to be removed is removed in the end."""
        said: list[str] = []
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        files = FilesInArtifacts(
            self.study, folder, place or self.place, PREFIX, wait_s, session, said.append, lambda: None
        )
        try:
            yield Machine(files, folder, said)
        finally:
            files.close()


class Machine:
    """One machine: a folder of the study, and its files there."""

    def __init__(self, files: FilesInArtifacts, folder: Path, said: list[str]) -> None:
        self.files, self.folder, self.said = files, folder, said

    def trial(self, number: int) -> TrialPaths:
        return StudyPaths(self.folder).trial(number)

    def write(self, number: int, **texts: str) -> None:
        """Write files of a trial whole, as trials do; `checkpoint` is the newest generation of its training."""
        for name, text in texts.items():
            path = self.trial(number).folder / (CHECKPOINT if name == "checkpoint" else name.replace("_", "."))
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(path.name + ".partial")
            partial.write_text(text)
            partial.replace(path)

    def checkpoint(self, number: int) -> str:
        return (self.trial(number).folder / CHECKPOINT).read_text()
