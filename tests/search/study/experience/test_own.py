"""Own ended studies as recorded trainings: what counts, what is left out and said, and that nothing is written."""

import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from objectives.data.dataset import Dataset
from objectives.records import attributes as keys
from objectives.records.paths import StudyPaths
from objectives.records.study_record import SessionRecord, StudyWriter
from search.engine.models.experience.recorded import TRAININGS_LEAST, Training
from search.settings.settings import load_settings
from search.study.experience.own import OWN, own_trainings
from search.study.store import create_study, open_storage, storage_url

Plant = Callable[..., optuna.Study]


@pytest.fixture
def plant(tmp_path: Path, blocks: Dataset) -> Plant:
    """Make an own study with finished trials, as a search leaves it."""

    def made(name: str, count: int = TRAININGS_LEAST, *, spans: list[list[float]] | None = None) -> optuna.Study:
        settings = load_settings(["conf=smoke", f"store.folder={tmp_path}", f"name={name}"])
        settings.folder.mkdir(parents=True)
        study = create_study(settings, blocks, open_storage(storage_url(settings.folder, None)))
        for number in range(count):
            study.add_trial(finished(number))
        if spans is not None:
            StudyWriter(study).session(0, SessionRecord("here", 1, str(settings.folder), spans))
        return study

    return made


def finished(number: int, **attrs: Any) -> optuna.trial.FrozenTrial:
    candidate = {"backbone.name": "lcnet_050", "size.pixels": 64 + 32 * (number % 2), "slim.width": number / 100}
    values = [0.3 + 0.01 * number, 2.0]
    return create_trial(state=TrialState.COMPLETE, values=values, user_attrs={keys.CANDIDATE: candidate, **attrs})


def dump(folder: Path) -> list[str]:
    connection = sqlite3.connect(StudyPaths(folder).store)
    lines = list(connection.iterdump())
    connection.close()
    return lines


def test_every_choice_of_the_finished_trials_is_kept(tmp_path: Path, plant: Plant) -> None:
    study = plant("mine", 9)
    study.add_trial(create_trial(state=TrialState.FAIL))
    study.add_trial(finished(10, **{keys.FORKED_FROM: 3}))
    before = dump(tmp_path / "mine")
    found, notes = own_trainings(tmp_path, ())
    expected = {"backbone.name": "lcnet_050", "size.pixels": 64, "slim.width": 0.0}
    assert (len(found), notes) == (9, [])
    assert found[0] == Training(f"{OWN}mine", expected, 2, 0.3)
    assert dump(tmp_path / "mine") == before


def test_the_searched_study_and_those_under_way_are_left_out(tmp_path: Path, plant: Plant) -> None:
    now = time.time()
    plant("searched")
    plant("under-way", spans=[[now - 100, now]])
    plant("died", spans=[[now - 9000, now - 8000]])
    plant("short", TRAININGS_LEAST - 1)
    found, notes = own_trainings(tmp_path, ("searched",))
    assert ({one.study for one in found}, notes) == ({f"{OWN}died"}, [])


def test_what_cannot_be_read_is_left_out_with_a_note(tmp_path: Path, plant: Plant) -> None:
    plant("whole")
    for name in ("damaged", "foreign", "newer"):
        plant(name)
    StudyPaths(tmp_path / "damaged").store.write_bytes(b"no database at all" * 100)
    shutil.copy(StudyPaths(tmp_path / "whole").store, StudyPaths(tmp_path / "foreign").store)  # of another name
    storage = open_storage(storage_url(tmp_path / "newer", None))
    optuna.load_study(study_name="newer", storage=storage).set_user_attr(keys.STUDY_VERSION, keys.VERSION + 1)
    (tmp_path / "no study").mkdir()
    found, notes = own_trainings(tmp_path, ())
    assert {one.study for one in found} == {f"{OWN}whole"}
    assert sorted(note.split("'")[1] for note in notes) == ["damaged", "foreign", "newer"]
    assert all(note.startswith("experience: study ") and "\n" not in note for note in notes)


def test_a_study_that_is_locked_is_not_waited_for(tmp_path: Path, plant: Plant) -> None:
    plant("locked")
    connection = sqlite3.connect(StudyPaths(tmp_path / "locked").store, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    found, notes = own_trainings(tmp_path, ())
    connection.close()
    assert (found, len(notes)) == ([], 1)
    assert "locked" in notes[0]
    assert time.monotonic() - began < 20.0


def test_no_more_is_read_than_there_is_time_for(tmp_path: Path, plant: Plant) -> None:
    for name in ("one", "two", "three"):
        plant(name)
    found, notes = own_trainings(tmp_path, (), read_s=-1.0)
    assert (found, notes) == ([], ["experience: 3 of 3 own studies were not read, the oldest ones"])


def test_a_folder_that_is_not_there_has_no_studies(tmp_path: Path) -> None:
    assert own_trainings(tmp_path / "none", ()) == ([], [])
