"""A made study in an SQLite file, as a search leaves it in its folder, to which more trials come: see conftest."""

import json
import random
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import optuna
from conftest import give_reasons, make_study, make_trial
from optuna.trial import FrozenTrial

from objectives.records.study_record import StudyWriter
from search.study.study_file import file_url

INSERTS = {
    "trials": "INSERT INTO trials (trial_id, number, study_id, state, datetime_start, datetime_complete) "
    "VALUES (?, ?, ?, ?, ?, ?)",
    "params": "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (?, ?, ?, ?)",
    "attributes": "INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (?, ?, ?)",
    "values": "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?, ?, ?, ?)",
}


class StoredStudy:
    """A study whose trials are made beforehand, and stored when a test wants."""

    def __init__(self, folder: Path, trials: int, name: str = "retail") -> None:
        """Store a study of so many trials below a folder of studies."""
        (folder / name).mkdir(parents=True, exist_ok=True)
        self.name, self.folder, self._rng = name, folder, random.Random(11)
        self.file = folder / name / "study.sqlite3"
        made = _made(trials)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = optuna.storages.RDBStorage(file_url(self.file))
        self.study = optuna.create_study(study_name=name, storage=storage, directions=["maximize", "minimize"])
        self.count = 0
        if trials:
            _write_all(self.file, made.get_trials(deepcopy=False), self.study._study_id)
            self.count = trials
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


def _write_all(file: Path, trials: list[FrozenTrial], study_id: int) -> None:
    """Write trials straight into Optuna's tables: through Optuna ten thousand take ten minutes."""
    rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in INSERTS}
    for number, trial in enumerate(trials):
        key = number + 1
        begun, ended = (
            one and one.isoformat(" ", "microseconds") for one in (trial.datetime_start, trial.datetime_complete)
        )
        rows["trials"].append((key, number, study_id, trial.state.name, begun, ended))
        for name, value in trial.params.items():
            domain = trial.distributions[name]
            text = optuna.distributions.distribution_to_json(domain)
            rows["params"].append((key, name, domain.to_internal_repr(value), text))
        rows["attributes"] += [(key, name, json.dumps(value)) for name, value in trial.user_attrs.items()]
        rows["values"] += [(key, index, value, "FINITE") for index, value in enumerate(trial.values or ())]
    with closing(sqlite3.connect(file)) as connection, connection:
        for name, line in INSERTS.items():
            connection.executemany(line, rows[name])
