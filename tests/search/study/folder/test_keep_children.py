"""Keeping the folder of a study with elastic trainings small: children go first, what they are cut from stays."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from quick_search import elastic_settings, run, trials_of

from objectives.data.dataset import Dataset
from objectives.records.paths import FOUND, LARGE, MODEL, WEIGHTS
from objectives.records.study_record import StudyRecord
from objectives.records.trial_record import Phase
from reports.table.row import TrialRow
from reports.table.table import StudyTable, read_study
from search.study.claims.kernel_locks import KernelClaims
from search.study.folder import keep
from search.study.folder.keep import Keeper
from search.study.folder.leftovers import tidy

MB = 1_000_000
SMALL = ("candidate.json", "model.yaml", "arguments.yaml")
AXES = {"size.pixels": [128, 96, 64], "slim.p3": [0.0, 0.3]}  # six detectors


def row(number: int, accuracy: float, ms: float, parent: int | None = None, **more: Any) -> TrialRow:
    folder = f"trials/{number:05d}" if parent is None else f"trials/{parent:05d}/children/{number:x}"
    return TrialRow(number, Phase.FINISHED, map=accuracy, objective_ms=ms, folder=folder, parent=parent, **more)


ROWS = (
    row(0, 0.5, 10.0, family=AXES, on_front=True),
    row(1, 0.2, 12.0, family=AXES),  # none of its children is on the front
    row(2, 0.4, 5.0, parent=0, on_front=True),
    row(3, 0.39, 6.0, parent=0),
    row(4, 0.3, 7.0, parent=0),
    row(5, 0.1, 11.0, parent=1),
    row(6, 0.01, 30.0),  # as far from the front as can be, and no child
)


@pytest.fixture
def table() -> StudyTable:
    return StudyTable("families", ROWS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of these trials: three of 1 MB each, and small ones."""
    for one in ROWS:
        for name in (*SMALL, *LARGE):
            path = tmp_path / "families" / str(one.folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes(MB if name in LARGE and name != FOUND else 100))
    return tmp_path / "families"


def bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def names(folder: Path, number: int) -> set[str]:
    place = folder / str(ROWS[number].folder)
    return {path.name for path in place.iterdir() if path.is_file()} if place.exists() else set()


def test_each_file_counts_once(table: StudyTable, folder: Path) -> None:
    held = bytes_below(folder)
    assert not Keeper(folder, held / MB).is_full(table)
    assert Keeper(folder, (held - 1) / MB).is_full(table)


def test_children_go_first_the_farthest_before_the_others_and_wholly(table: StudyTable, folder: Path) -> None:
    limit = (bytes_below(folder) - 2) / MB
    removed = Keeper(folder, limit).make_room(table, ())
    assert list(removed.files) == [5]  # 3 MB are more than a tenth
    assert removed.files[5] == tuple(sorted((*SMALL, *LARGE)))
    assert not (folder / str(ROWS[5].folder)).exists()
    assert all(names(folder, number) == {*SMALL, *LARGE} for number in (0, 1, 2, 3, 4, 6))
    keeper = Keeper(folder, 11)
    more = keeper.make_room(table, ())
    assert list(more.files) == [4, 3, 6]
    assert more.files[6] == LARGE
    assert not keeper.is_full(table)


def test_what_children_are_cut_from_stays(table: StudyTable, folder: Path) -> None:
    removed = Keeper(folder, 0.001).make_room(table, ())
    assert removed.files[1] == tuple(name for name in LARGE if name != WEIGHTS)
    assert names(folder, 1) == {*SMALL, WEIGHTS}
    assert names(folder, 0) == names(folder, 2) == {*SMALL, *LARGE}  # the front
    assert removed.warning


def test_a_training_whose_children_are_all_scored_and_far_away_loses_its_weights(folder: Path) -> None:
    others = [row(number, 0.1, 13.0 + number, parent=1) for number in range(7, 11)]
    table = StudyTable("families", (*ROWS, *others))  # five children of six detectors, itself one of these
    assert Keeper(folder, 0.001).make_room(table, ()).files[1] == LARGE


def test_a_training_with_a_child_on_the_front_keeps_its_weights(folder: Path) -> None:
    rows = [replace(one, family={"slim.p3": [0.0, 0.3]}, on_front=False) if one.number == 0 else one for one in ROWS]
    best = row(11, 0.9, 20.0, on_front=True)
    removed = Keeper(folder, 0.001).make_room(StudyTable("families", (*rows, best)), ())
    assert WEIGHTS not in removed.files[0]
    assert MODEL in removed.files[0]


@pytest.mark.parametrize("limit_mb", [1000, None])
def test_few_children_keep_files_though_there_is_room(
    table: StudyTable, folder: Path, monkeypatch: pytest.MonkeyPatch, limit_mb: float | None
) -> None:
    monkeypatch.setattr(keep, "CHILDREN_MOST", 2)
    keeper = Keeper(folder, limit_mb)
    assert keeper.is_full(table)
    removed = keeper.make_room(table, ())
    assert list(removed.files) == [5, 4]
    assert names(folder, 6) == {*SMALL, *LARGE}
    assert not keeper.is_full(table)
    assert not keeper.make_room(table, ()).files


def test_a_child_of_the_front_stays_among_too_many(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "CHILDREN_MOST", 0)
    removed = Keeper(folder, 1000).make_room(StudyTable("families", ROWS), ())
    assert set(removed.files) == {3, 4, 5}
    assert names(folder, 2) == {*SMALL, *LARGE}


def test_what_a_killed_scorer_left_is_counted_and_goes_once_nobody_scores(table: StudyTable, folder: Path) -> None:
    held = bytes_below(folder)
    stray = folder / "trials" / "00000" / "children" / "abc" / "model.onnx"
    stray.parent.mkdir()
    stray.write_bytes(bytes(MB))
    keeper = Keeper(folder, (held + MB / 2) / MB)
    assert keeper.is_full(table)
    assert keeper.remove_strays(table.rows, {0}) == 0
    assert stray.exists()
    claims = KernelClaims(folder)
    tidy(folder, claims, keeper, table.rows)
    claims.close()
    assert not stray.parent.exists()
    assert bytes_below(folder) == held


@pytest.mark.slow
@pytest.mark.seconds
def test_a_search_keeps_few_children_and_knows_what_it_removed(
    tmp_path: Path, blocks: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep, "CHILDREN_MOST", 3)
    search = run(elastic_settings(tmp_path, "trial.backend=inline", "budget.trials=16"), blocks)
    assert len(trials_of(search)) == 16
    table = read_study(search.study)
    children = [one for one in table.rows if one.is_child]
    gone = {one.number for one in children if not (search.folder / str(one.folder)).exists()}
    assert gone == {one.number for one in children if one.removed} == set(StudyRecord.of(search.study).removed)
    assert len(children) > 3
    assert sum(one.number not in gone for one in children) <= max(3, sum(one.on_front for one in children))
    assert not any(one.on_front for one in children if one.number in gone)
    parents = [one for one in table.rows if one.family and not one.is_child]
    assert all((search.folder / str(one.folder) / WEIGHTS).is_file() for one in parents)
