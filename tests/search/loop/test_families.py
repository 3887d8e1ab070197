"""Families in a search: children of elastic trainings become trials, each once, whatever dies on the way."""

import os
import pickle
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from optuna import Study
from optuna.trial import FrozenTrial, TrialState
from quick_search import Begun, begun, elastic_settings, lines_of, plant, run, trials_of

from objectives.data.dataset import Dataset
from objectives.records.artifacts.stored_files import Files
from objectives.records.children import ChildrenOrder, ChildrenReport
from objectives.records.paths import WEIGHTS, TrialPaths
from objectives.records.study_record import StudyRecord, StudyWriter
from objectives.records.trial_record import TrialRecord, trial_records
from reports.table.table import read_study
from search.loop.families import is_parent
from search.settings.settings import Settings
from search.study.store import load_study

BACKENDS = ("inline", "process")


class Seen(NamedTuple):
    """A study after its searches."""

    folder: Path
    study: Study


def children_of(search: Begun | Seen) -> list[TrialRecord]:
    return [trial for trial in trial_records(search.study) if trial.is_child]


def parents_of(search: Begun | Seen) -> list[TrialRecord]:
    return [trial for trial in trial_records(search.study) if is_parent(trial)]


def choices(trial: TrialRecord) -> tuple[tuple[str, object], ...]:
    return tuple(sorted(trial.candidate.items()))


def looks_of(search: Begun | Seen, number: int) -> list[dict[str, object]]:
    stored = StudyRecord.of(search.study)
    return [look.choices for report in stored.looks(number) for look in report.looks]


def check_whole(search: Begun | Seen, settings: Settings) -> None:
    """Check that each child is there once, with its files, and that the budget was kept."""
    children = children_of(search)
    assert children
    assert len({choices(child) for child in children}) == len(children)
    for child in children:
        assert child.folder is not None
        assert (search.folder / child.folder / WEIGHTS).is_file()
        assert str(child.folder).startswith(f"trials/{child.parent:05d}/children/")
    for parent in parents_of(search):
        looks = looks_of(search, parent.number)
        assert all(looks.count(look) == 1 for look in looks)
    assert len(trials_of(search)) == settings.budget.trials
    assert all(trial.state is TrialState.COMPLETE for trial in trials_of(search))


@pytest.mark.seconds
@pytest.mark.parametrize("backend", BACKENDS)
def test_children_are_scored_and_the_budget_is_kept(tmp_path: Path, blocks: Dataset, backend: str) -> None:
    settings = elastic_settings(tmp_path, f"trial.backend={backend}")
    search = run(settings, blocks)
    check_whole(search, settings)
    table = read_study(search.study)
    assert any(row.on_front for row in table.rows if row.is_child)
    scored = [what.split()[1] for _, _, what in lines_of(search.folder) if what.startswith("scored")]
    assert len(scored) == len(set(scored)) == len(children_of(search))


@pytest.mark.seconds
@pytest.mark.slow
def test_both_backends_come_to_the_same_families(tmp_path: Path, blocks: Dataset) -> None:
    here, there = (
        run(elastic_settings(tmp_path / backend, f"trial.backend={backend}"), blocks) for backend in BACKENDS
    )
    assert [(t.parent, choices(t), t.map) for t in trial_records(here.study)] == [
        (t.parent, choices(t), t.map) for t in trial_records(there.study)
    ]


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_same_line_with_a_larger_budget_goes_on_with_the_children(
    tmp_path: Path, blocks: Dataset, backend: str
) -> None:
    small = elastic_settings(tmp_path, f"trial.backend={backend}", "budget.trials=3")
    before = trials_of(run(small, blocks))
    assert len(before) == 3
    large = elastic_settings(tmp_path, f"trial.backend={backend}", "budget.trials=9")
    search = run(large, blocks)
    check_whole(search, large)
    assert [stored(trial) for trial in trials_of(search)[:3]] == [stored(trial) for trial in before]


def stored(trial: FrozenTrial) -> tuple[object, ...]:
    return trial.number, trial.values, trial.user_attrs


@pytest.mark.seconds
@pytest.mark.slow
def test_a_report_that_comes_twice_is_stored_once(tmp_path: Path, blocks: Dataset) -> None:
    with begun(elastic_settings(tmp_path, "trial.backend=inline"), blocks) as search:
        told: list[tuple[int, ChildrenReport]] = []
        record = search.chooser.families.record

        def twice(number: int, report: ChildrenReport, kept: Mapping[str, Files]) -> list[str]:
            left_out = record(number, report, kept)
            if report.scored:
                told.append((number, report))
                stored_once = len(trials_of(search))
                assert record(number, replace_looks(report)) == []
                assert len(trials_of(search)) == stored_once
            return left_out

        search.chooser.families.record = twice  # type: ignore[method-assign]  # the same, called twice
        search.run()
        assert told
        check_whole(search, search.settings)
        assert len(children_of(search)) == sum(len(report.scored) for _, report in told)


def replace_looks(report: ChildrenReport) -> ChildrenReport:
    return ChildrenReport(scored=report.scored)


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_scorer_that_is_killed_loses_nothing_that_it_reported(tmp_path: Path, blocks: Dataset, order: int) -> None:
    settings = elastic_settings(tmp_path, "trial.backend=process")
    plant(settings, f"children0round{order}-sigkill")
    search = run(settings, blocks)
    assert list((settings.folder / "faults").glob("taken-*"))
    assert "scoring the children of trial 0 failed (killed): killed from outside (SIGKILL)" in search.out.getvalue()
    check_whole(search, settings)
    scorers = [number for number, _, what in lines_of(search.folder) if what.startswith("scores")]
    assert scorers.count(0) == 2
    lines = [(number, *what.split()) for number, _, what in lines_of(search.folder)]
    recorded = [f"trials/{number:05d}/{told[0]}" for number, word, *told in lines if word == "recorded"]
    assert len(recorded) == len(set(recorded))
    assert set(recorded) <= {str(child.folder) for child in children_of(search)}


@pytest.mark.seconds
@pytest.mark.slow
def test_children_whose_scorer_dies_over_and_over_are_left_alone(tmp_path: Path, blocks: Dataset) -> None:
    settings = elastic_settings(tmp_path, "trial.backend=process", "budget.trials=3")
    plant(settings, *["children0-sigsegv"] * 5)
    search = run(settings, blocks)
    begins = [number for number, _, what in lines_of(search.folder) if what.startswith("scores")]
    assert begins.count(0) == 2
    assert len(trials_of(search)) == 3
    assert not [child for child in children_of(search) if child.parent == 0]


@pytest.mark.seconds
@pytest.mark.slow
def test_a_search_that_is_killed_while_children_are_scored_goes_on(tmp_path: Path, blocks: Dataset) -> None:
    """What its scorer had made and not reported is removed; what it had reported is there."""
    settings = elastic_settings(tmp_path, "trial.backend=inline")

    class Killed(Exception):
        pass

    with begun(settings, blocks) as search:
        families, reports = search.chooser.families, 0
        record = families.record

        def dies(number: int, report: ChildrenReport, kept: Mapping[str, Files]) -> list[str]:
            nonlocal reports
            reports += bool(report.scored)
            if report.scored and reports == 2:
                raise Killed
            return record(number, report, kept)

        families.record = dies  # type: ignore[method-assign]  # the end of its process, as far as the store can see
        with pytest.raises(Killed):
            search.run()
        before = [stored(trial) for trial in trials_of(search)]
        folders = set(search.folder.glob("trials/*/children/*"))
        assert len(folders) > len(children_of(search)) > 0
    again = run(settings, blocks)
    check_whole(again, settings)
    assert [stored(trial) for trial in trials_of(again)[: len(before)]] == before
    known = {again.folder / str(child.folder) for child in children_of(again)}
    assert set(again.folder.glob("trials/*/children/*")) == known


@pytest.mark.slow
@pytest.mark.seconds
def test_two_workers_keep_the_budget(tmp_path: Path, blocks: Dataset) -> None:
    settings = elastic_settings(tmp_path, "trial.backend=process", "workers=2", "budget.trials=10")
    search = run(settings, blocks)
    check_whole(search, settings)


@pytest.mark.seconds
def test_children_over_the_budget_are_left_out_and_that_is_said(tmp_path: Path, blocks: Dataset) -> None:
    """Another process has begun the last trials while children were scored."""
    settings = elastic_settings(tmp_path, "trial.backend=inline", "budget.trials=4")
    with begun(settings, blocks) as search:
        next_order, filled = search.chooser.families.next_order, False

        def meanwhile(number: int) -> ChildrenOrder | None:
            nonlocal filled
            order = next_order(number)
            if order is not None and order.score and not filled:
                filled = True
                for _ in range(2):
                    search.study.tell(search.study.ask(), state=TrialState.FAIL)
            return order

        search.chooser.families.next_order = meanwhile  # type: ignore[method-assign]  # others get ahead
        search.run()
        assert filled
        assert len(trials_of(search)) == 4
        assert "children of trial 0 are left out: budget.trials is used" in search.out.getvalue()


@pytest.mark.slow
@pytest.mark.seconds
def test_a_training_whose_weights_were_removed_has_no_children(tmp_path: Path, blocks: Dataset) -> None:
    small = elastic_settings(tmp_path, "trial.backend=inline", "budget.trials=1")
    search = run(small, blocks)
    TrialPaths(search.folder / "trials" / "00000").weights.unlink()
    StudyWriter(search.study).removed({0: (WEIGHTS,)})
    large = elastic_settings(tmp_path, "trial.backend=inline", "budget.trials=4")
    again = run(large, blocks)
    assert [child.parent for child in children_of(again)].count(0) == 0
    assert len(trials_of(again)) == 4


@pytest.mark.slow
@pytest.mark.seconds
def test_widths_without_the_whole_one_are_stored(tmp_path: Path, blocks: Dataset) -> None:
    """A part that stays whole has a width that the sampler never chooses."""
    settings = elastic_settings(tmp_path, "trial.backend=inline", "space.slim.p3=choice(0.25, 0.5)")
    search = run(settings, blocks)
    check_whole(search, settings)
    whole = [child for child in children_of(search) if child.candidate["slim.p3"] == 0.0]
    assert whole
    assert all("slim.p3" not in child.params for child in whole)


KILLS = 10
OVERRIDES = ("trial.backend=process", "budget.trials=40")
SCRIPT = f"""
import pickle, sys
from pathlib import Path
from quick_search import elastic_settings
from search import search

if __name__ == "__main__":
    folder, data = map(Path, sys.argv[1:])
    search(elastic_settings(folder, *{OVERRIDES!r}), dataset=pickle.loads(data.read_bytes()))
"""
TESTS = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_ten_kills_lose_nothing(tmp_path: Path, blocks: Dataset, seed: int) -> None:
    (tmp_path / "searches.py").write_text(SCRIPT)
    (tmp_path / "blocks.pickle").write_bytes(pickle.dumps(blocks))
    settings = elastic_settings(tmp_path, *OVERRIDES)
    chance, before, killed = random.Random(seed), {}, 0
    line = [sys.executable, "searches.py", str(tmp_path), "blocks.pickle"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent)))}
    while True:
        process = subprocess.Popen(line, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        try:
            _, said = process.communicate(timeout=chance.uniform(1.5, 4.0) if killed < KILLS else 300.0)
            assert process.returncode == 0, said
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            killed += 1
            time.sleep(0.3)  # the scorer dies with the search
        if not (settings.folder / "study.sqlite3").exists():
            continue
        study = load_study(settings.folder.parent, settings.name, None)
        now = {t.number: stored(t) for t in study.get_trials(deepcopy=False) if t.state.is_finished()}
        assert {number: now[number] for number in before} == before
        before = now
    with_all = Seen(settings.folder, load_study(settings.folder.parent, settings.name, None))
    check_whole(with_all, settings)
    assert {t.number: stored(t) for t in trials_of(with_all) if t.number in before} == before
    assert len(children_of(with_all)) > 10
    assert StudyRecord.of(with_all.study).looks_count > 0
