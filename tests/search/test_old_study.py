"""A study that an older automl made: read, shown, its records kept in shape, and searched on.

`tests/data/old_study.sql` is the database of a search by commit ac705c8, with the trials of
`quick_trainer.py`: 0 finished, 1 stopped, 2 diverged, 3 out of memory once and paused, 4 paused.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from quick_search import begun, events_of, pieces, settings_of, trials_of

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from objectives.records.failures import Failure
from objectives.records.paths import CHECKPOINT, StudyPaths
from objectives.records.records import Accuracy, Decision, Ending, Latency, Outcome, Proposal, Record, Resources, Rung
from objectives.records.study_parts.parts import MeasuredRecord
from objectives.records.study_record import SessionRecord, StudyRecord
from objectives.records.trial_record import Phase, trial_records
from objectives.training.checkpoint import write_state
from reports.page.page import write_page
from reports.table.table import read_study
from search.commands.show import run_show
from search.settings.settings import Settings
from search.study.store import create_study, load_study, open_storage, storage_url

SQL = Path(__file__).parents[1] / "data" / "old_study.sql"
KINDS: dict[str, type[Record]] = {
    keys.LATENCY_UNTRAINED: Latency,
    keys.LATENCY: Latency,
    keys.ACCURACY: Accuracy,
    keys.RUNGS: Rung,
    keys.RESOURCES: Resources,
    keys.ENDING: Ending,
    keys.PROPOSAL: Proposal,
    keys.DECISIONS: Decision,
    keys.ATTEMPTS: Ending,
}
# What depends on the machine, and on the versions of packages; a search with others is refused.
OF_THE_MACHINE = (keys.FINGERPRINTS, keys.DEVICE, keys.DATA, keys.SETTINGS)


def write_store(paths: StudyPaths, changes: dict[str, Any]) -> None:
    """Write the old database, some of the study's attributes changed."""
    paths.folder.mkdir(parents=True)
    database = sqlite3.connect(paths.store)
    with database:
        database.executescript(SQL.read_text())
        for key, value in changes.items():
            database.execute("UPDATE study_user_attributes SET value_json = ? WHERE key = ?", (json.dumps(value), key))
    database.close()


@pytest.fixture
def old(tmp_path: Path) -> Iterator[optuna.Study]:
    write_store(StudyPaths(tmp_path / "smoke"), {})
    study = load_study(tmp_path, "smoke", None)
    yield study
    study._storage.remove_session()


def test_it_is_read(old: optuna.Study) -> None:
    table = read_study(old)
    assert [row.phase for row in table.rows] == [
        Phase.FINISHED,
        Phase.STOPPED,
        Phase.FAILED,
        Phase.PAUSED,
        Phase.PAUSED,
    ]
    assert [len(row.rungs) for row in table.rows] == [3, 1, 0, 1, 1]
    assert [row.number for row in table.front] == [0]
    assert table.failures == {Failure.DIVERGED: 1}
    assert [attempt.error_class for attempt in table.rows[3].attempts] == [Failure.OUT_OF_DEVICE_MEMORY]
    assert table.rows[0].removed == ("weights.pt", "model.onnx")
    assert all(row.proposal and row.latency_untrained and row.has_begun for row in table.rows)
    study = StudyRecord.of(old)
    assert study.sessions[0].host == "old-host"
    assert [measured.seconds > 0 for _, measured in study.measured()] == [True]


def shaped(kind: type[Record], stored: Any) -> Any:
    """Return a stored value as this version would write it again."""
    found = [kind.from_json(value).to_json() for value in (stored if isinstance(stored, list) else [stored])]
    return json.loads(json.dumps(found if isinstance(stored, list) else found[0]))


def test_its_records_are_written_again_as_they_are_stored(old: optuna.Study) -> None:
    seen = set()
    for trial in old.trials:
        for key in KINDS.keys() & trial.user_attrs.keys():
            assert shaped(KINDS[key], trial.user_attrs[key]) == trial.user_attrs[key]
            seen.add(key)
    assert seen == KINDS.keys()
    for key, value in old.user_attrs.items():
        if key.startswith((keys.SESSION, keys.MEASURED)):
            assert shaped(SessionRecord if key.startswith(keys.SESSION) else MeasuredRecord, value) == value


@pytest.mark.seconds
def test_it_is_shown(old: optuna.Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = write_page(read_study(old), tmp_path / "smoke", tmp_path / "page.html").read_text()
    assert "behind the front" in page
    for number, said in enumerate(["finished", "behind the front", "diverged", "out of device memory", "paused"]):
        run_show("smoke", number, str(tmp_path), None)
        assert said in capsys.readouterr().out


@pytest.fixture
def resumable(tmp_path: Path, blocks: Dataset) -> tuple[Settings, Dataset]:
    """The study as if it had been made on this machine, with the checkpoints of its paused trials."""
    few = replace(blocks, splits={"train": blocks.splits["train"][:16], "val": blocks.splits["val"][:8]})
    settings = settings_of(tmp_path / "runs", "budget.trials=6")
    fresh = settings_of(tmp_path / "fresh", "budget.trials=6")
    fresh.folder.mkdir(parents=True)
    made = create_study(fresh, few, open_storage(storage_url(fresh.folder, None))).user_attrs
    paths = StudyPaths(settings.folder)
    write_store(paths, {key: made[key] for key in OF_THE_MACHINE})
    for number in (3, 4):
        folder = paths.trial(number).training(0)
        folder.mkdir(parents=True)
        write_state({"epoch": 1, "weights": torch.full((64,), 1.0)}, folder / CHECKPOINT)
    return settings, few


@pytest.mark.seconds
def test_it_is_searched_on(resumable: tuple[Settings, Dataset]) -> None:
    settings, few = resumable
    with begun(settings, few) as search:
        before = trials_of(search)
        search.run()
    after = trials_of(search)
    assert len(after) == 6
    for old_trial, trial in zip(before, after, strict=False):
        assert trial.user_attrs[keys.CANDIDATE] == old_trial.user_attrs[keys.CANDIDATE]
        rungs = old_trial.user_attrs.get(keys.RUNGS, [])
        assert trial.user_attrs.get(keys.RUNGS, [])[: len(rungs)] == rungs
    trained = events_of(search)
    assert not set(pieces(trained)) & {0, 1, 2}  # they had ended
    assert not {(3, "epoch 1"), (4, "epoch 1")} & set(trained)  # they go on behind their checkpoints
    records = trial_records(search.study)
    assert records[0].outcome is Outcome.FINISHED
    assert records[3].attempts  # what was stored stays
    new = after[5].user_attrs
    assert {keys.CANDIDATE, keys.FOLDER, keys.PROPOSAL, keys.LATENCY_UNTRAINED, keys.RUNGS} <= new.keys()
    assert new[keys.PROPOSAL].keys() == before[0].user_attrs[keys.PROPOSAL].keys()
    assert new[keys.LATENCY_UNTRAINED].keys() == before[0].user_attrs[keys.LATENCY_UNTRAINED].keys()
    assert new[keys.RUNGS][0].keys() == before[0].user_attrs[keys.RUNGS][0].keys()
    assert set(StudyRecord.of(search.study).sessions) == {0, 1}
