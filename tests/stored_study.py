"""A made study in an SQLite file, as a search leaves it in its folder, to which more trials come: see conftest."""

import random
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import optuna
from conftest import give_reasons, make_study, make_trial
from optuna.trial import FrozenTrial

from objectives.records.study_record import StudyWriter
from search.study.study_file import file_url


class StoredStudy:
    """A study whose trials are made beforehand, and stored when a test wants."""

    def __init__(self, folder: Path, trials: int, name: str = "retail", url: str | None = None) -> None:
        """Store a study of so many trials below a folder of studies."""
        (folder / name).mkdir(parents=True, exist_ok=True)
        self.name, self.folder, self._rng = name, folder, random.Random(11)
        self.file = folder / name / "study.sqlite3"
        made = _made(trials)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = optuna.storages.RDBStorage(url or file_url(self.file))
        self.study = optuna.create_study(study_name=name, storage=storage, directions=["maximize", "minimize"])
        self.count = 0
        for start in range(0, trials, 500):
            self._store(made.get_trials(deepcopy=False)[start : start + 500])
        for key, value in made.user_attrs.items():
            self.study.set_user_attr(key, value)
        self.writer = StudyWriter(self.study)

    def _store(self, trials: list[FrozenTrial]) -> None:
        self.study.add_trials(trials)
        self.count += len(trials)

    def add(self, count: int = 1) -> list[int]:
        """Store more ended trials, and return their numbers."""
        numbers = []
        for _ in range(count):
            trial = make_trial(self.count, self._rng, datetime(2026, 4, 1) + timedelta(minutes=self.count))
            give_reasons(trial, self._rng)
            numbers.append(self.count)
            self._store([trial])
        return numbers

    def add_finished(self) -> int:
        """Store more trials until one has finished with figures; return its number."""
        while True:
            (number,) = self.add()
            if self.study.get_trials(deepcopy=False)[number].state is optuna.trial.TrialState.COMPLETE:
                return number


@cache
def _made(trials: int) -> optuna.Study:
    return make_study(trials, reasons=True)
