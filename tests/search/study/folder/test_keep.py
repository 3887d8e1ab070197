"""Keeping a study's folder small: real folders, a real study in SQLite."""

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from timing import cpu_s

from objectives.records import attributes
from objectives.records.gate import Gate
from objectives.records.paths import FOUND, LARGE
from objectives.records.records import Outcome
from objectives.records.study_record import StudyWriter
from reports.table.pick import WAYS, nearest_miss, pick
from reports.table.row import TrialRow
from reports.table.table import StudyTable, read_study
from search.study.folder.keep import Keeper
from search.study.folder.needed import promise
from search.study.store import open_storage, storage_url
from spaces.errors import AutomlError

SMALL = ("candidate.json", "model.yaml", "arguments.yaml", "log.txt")
MB = 1_000_000
CHECKPOINT = "training-1/checkpoint.pt"


def fill(folder: Path, row: TrialRow) -> None:
    """Write what a trial leaves: 3 MB if it finished, a checkpoint of 2 MB if it is paused or running."""
    sizes = dict.fromkeys(SMALL, 100)
    if row.outcome is Outcome.FINISHED:
        sizes |= dict.fromkeys(LARGE, MB) | {FOUND: 100}
    elif row.outcome is None:
        sizes |= {CHECKPOINT: 2 * MB}
    write(folder, row.number, sizes)


def freed_mb(folder: Path, keeper: Keeper, table: StudyTable, *claimed: int) -> float:
    before = mb_below(folder)
    keeper.make_room(table, claimed)
    return before - mb_below(folder)


def write(folder: Path, number: int, sizes: dict[str, int]) -> None:
    for name, size in sizes.items():
        path = folder / "trials" / f"{number:05d}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))


def mb_below(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) / MB


def names_of(folder: Path, number: int) -> set[str]:
    return {path.name for path in (folder / "trials" / f"{number:05d}").iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "retail"


@pytest.fixture
def table(report_study: Callable[..., optuna.Study], folder: Path) -> StudyTable:
    """A study of made trials, some paused; the trials' folders are filled."""
    table = read_study(report_study(60, reasons=True))
    for row in table.rows:
        fill(folder, row)
    assert len(table.finished) > len(table.front) + 4
    assert sum(row.paused for row in table.rows) >= 3
    return table


def protected(table: StudyTable) -> set[int]:
    """Return the trials that the front holds or a pick would choose."""
    numbers = {row.number for row in table.front}
    for way in WAYS:
        numbers.add(pick(table, way).number)
    return numbers


def test_checkpoints_of_one_trial_go(folder: Path) -> None:
    write(folder, 7, {"training-1/checkpoint.pt": 9, "training-2/weights/last.pt": 9, "log.txt": 9})
    write(folder, 70, {"training-1/checkpoint.pt": 9})
    keeper = Keeper(folder, None)
    keeper.remove_checkpoints(7)
    keeper.remove_checkpoints(8)  # it has no folder
    assert names_of(folder, 7) == {"log.txt"}
    assert names_of(folder, 70) == {"training-1"}


def test_nothing_goes_while_there_is_room(table: StudyTable, folder: Path) -> None:
    write(folder, table.finished[0].number, {CHECKPOINT: MB})
    before = mb_below(folder)
    assert Keeper(folder, None).make_room(table, ()) == Keeper(folder, before + 1).make_room(table, ())
    assert mb_below(folder) == before


def test_what_was_converted_goes_with_the_file_that_it_was_made_of(table: StudyTable, folder: Path) -> None:
    """A study on a device that runs another format; of trials without a result it goes as a leftover."""
    failed = next(row.number for row in table.rows if row.outcome is Outcome.FAILED)
    numbers = [row.number for row in table.finished]
    for number in (*numbers, failed):
        write(folder, number, {"model.ncnn.param": MB, "model.ncnn.bin": MB, "untrained.ncnn.bin": MB})
    removed = Keeper(folder, mb_below(folder) / 2).make_room(table, ())
    assert removed.files
    for number in (*numbers, failed):
        left = {name for name in names_of(folder, number) if "ncnn" in name}
        assert left == (
            set() if number in removed.files or number == failed else {"model.ncnn.param", "model.ncnn.bin"}
        )
    assert all({"model.onnx", "model.ncnn.bin"} <= set(names) for names in removed.files.values())


def test_leftovers_go_first(table: StudyTable, folder: Path) -> None:
    before = mb_below(folder)
    ended = next(row.number for row in table.rows if row.outcome is Outcome.STOPPED)
    failed = next(row.number for row in table.rows if row.outcome is Outcome.FAILED)
    paused = next(row.number for row in table.rows if row.paused)
    write(folder, ended, {CHECKPOINT: 5 * MB, "untrained.onnx": 5 * MB})
    write(folder, failed, {"weights.pt": 5 * MB, "model.partial": 5 * MB})
    write(folder, paused, {"weights.partial": 5 * MB})
    removed = Keeper(folder, before / 0.89).make_room(table, ())
    assert (removed.files, removed.to_stop, removed.warning) == ({}, {}, "")
    assert mb_below(folder) == before
    assert names_of(folder, ended) == names_of(folder, failed) == set(SMALL)
    assert names_of(folder, paused) == {*SMALL, "training-1"}


def test_large_files_go_from_the_trials_farthest_from_the_front(table: StudyTable, folder: Path) -> None:
    before = mb_below(folder)
    removed = Keeper(folder, before - 1).make_room(table, ())
    assert removed.files
    assert not removed.to_stop
    assert mb_below(folder) <= 0.9 * (before - 1)  # room for the next trials, too
    above = {
        row.number: sum((o.map or 0) >= (row.map or 0) and (o.p50_ms or 0) <= (row.p50_ms or 0) for o in table.finished)
        for row in table.finished
    }
    kept = {row.number for row in table.finished} - set(removed.files) - protected(table)
    assert kept
    assert min(above[number] for number in removed.files) >= max(above[number] for number in kept)
    for number, names in removed.files.items():
        assert names == LARGE
        assert names_of(folder, number) == set(SMALL)


@pytest.mark.seconds
def test_the_front_and_the_picks_keep_all_and_the_rest_is_told_once(table: StudyTable, folder: Path) -> None:
    keeper = Keeper(folder, 1)
    removed = keeper.make_room(table, ())
    assert set(removed.files) == {row.number for row in table.finished} - protected(table)
    assert set(removed.to_stop) == {row.number for row in table.rows if row.paused}
    for number in protected(table):
        assert names_of(folder, number) == {*SMALL, *LARGE}
    for number in removed.to_stop:  # the search removes it once the trial has ended in the store
        assert names_of(folder, number) == {*SMALL, "training-1"}
    assert "raise store.size_mb_max" in removed.warning
    assert "\n" not in removed.warning
    again = keeper.make_room(table, ())
    assert (again.files, again.warning) == ({}, "")


def test_paused_trials_that_promise_least_are_named(table: StudyTable, folder: Path) -> None:
    waiting = sorted((row for row in table.rows if row.paused), key=lambda row: promise(row, table))
    assert promise(waiting[0], table) < promise(waiting[-1], table)
    Keeper(folder, 1).make_room(table, ())  # nothing else is left to remove
    removed = Keeper(folder, mb_below(folder) - 3).make_room(table, ())
    assert list(removed.to_stop) == [row.number for row in waiting[:2]]
    assert not removed.warning
    assert "store.size_mb_max" in removed.to_stop[waiting[0].number]


def test_promise_is_what_was_expected_last_above_the_front(table: StudyTable) -> None:
    row = next(row for row in table.rows if row.paused)
    best = max((m.map or 0 for m in table.front if (m.p50_ms or 0) <= (row.p50_ms or 0)), default=0)
    assert promise(row, table) == (row.decisions[-1].predicted_map or 0) - best


@pytest.mark.seconds
def test_a_trial_in_work_is_not_touched(table: StudyTable, folder: Path) -> None:
    write(folder, 0, {CHECKPOINT: MB, "model.partial": MB, **dict.fromkeys(LARGE, MB)})
    paused = next(row.number for row in table.rows if row.paused)
    held = {number: names_of(folder, number) for number in (0, paused)}
    removed = Keeper(folder, 1).make_room(table, (0, paused))
    assert {number: names_of(folder, number) for number in (0, paused)} == held
    assert not {0, paused} & {*removed.files, *removed.to_stop}


def test_the_size_is_counted_anew_where_something_changed(table: StudyTable, folder: Path) -> None:
    keeper = Keeper(folder, mb_below(folder) + 5)
    assert freed_mb(folder, keeper, table) == 0
    running = next(row.number for row in table.rows if row.paused)
    write(folder, running, {"training-1/more.pt": 6 * MB})  # it goes on in a process
    assert freed_mb(folder, keeper, table, running) >= 1
    fitting = keeper.make_room(table, (running,))
    keeper.remove_checkpoints(running)
    assert fitting == keeper.make_room(table, ())
    (folder / "report.html").write_bytes(bytes(30 * MB))
    assert freed_mb(folder, keeper, table) > 0


def test_what_was_removed_is_on_record(tmp_path: Path) -> None:
    study = optuna.create_study(storage=open_storage(storage_url(tmp_path, None)), study_name="retail")
    StudyWriter(study).removed({})
    assert attributes.REMOVED not in study.user_attrs
    StudyWriter(study).removed({3: LARGE, 9: ("weights.pt",)})
    StudyWriter(study).removed({1: LARGE})
    assert study.user_attrs[attributes.REMOVED] == {" ".join(LARGE): [1, 3], "weights.pt": [9]}


def test_with_no_pick_at_the_gate_the_nearest_stays(tmp_path: Path, report_study: Callable[..., optuna.Study]) -> None:
    table = read_study(report_study(60, seed=13, gate=Gate(p95_ms_max=0.01)))
    for row in table.rows:
        fill(tmp_path, row)
    with pytest.raises(AutomlError):
        pick(table, "gate")
    nearest = nearest_miss(table)
    assert nearest
    assert not nearest.on_front  # that alone would not keep it
    Keeper(tmp_path, 1).make_room(table, ())
    assert names_of(tmp_path, nearest.number) == {*SMALL, *LARGE}


@pytest.mark.slow
def test_ten_thousand_folders_are_walked_once(tmp_path: Path, report_study: Callable[..., optuna.Study]) -> None:
    table = read_study(report_study(10_000))
    for row in table.rows:
        write(tmp_path, row.number, dict.fromkeys(SMALL[:2], 10))
    keeper = Keeper(tmp_path, 1000)
    first_s = cpu_s(lambda: keeper.make_room(table, ()), 1)
    assert not keeper.make_room(table, ()).files
    assert cpu_s(lambda: keeper.make_room(table, ()), 1) < first_s / 2
