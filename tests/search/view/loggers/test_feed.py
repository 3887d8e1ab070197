"""What loggers are called with while a real search of quick trials runs, is cut, and goes on."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from quick_search import elastic_settings, settings_of

import search
from objectives.data.dataset import Dataset
from objectives.records.children import ChildrenReport
from reports.table.table import StudyTable
from search.settings.settings import Settings
from search.study.budget import BudgetUsed
from search.study.requests.act import act, who_asks
from search.view.base import View
from search.view.loggers import line as lines
from search.view.loggers.both import BothViews
from search.view.loggers.contract import STOPPED, LoggedEnd, LoggedResult, LoggedStudy, LoggedTrial, StudyLogger
from search.view.loggers.on_mlflow import STATUSES

QUICK = ("sampler=random", "pruner=none", "experience=none", "baseline=none")


class Calls(StudyLogger):
    """Keeps its calls, in one list for all of this process."""

    made: ClassVar[list[tuple[Any, ...]]] = []

    def open(self, study: LoggedStudy) -> None:
        self.made.append(("open", study))

    def trial_started(self, trial: LoggedTrial) -> None:
        self.made.append(("started", trial))

    def scalars(self, trial: LoggedTrial, epoch: int, values: Mapping[str, float]) -> None:
        self.made.append(("scalars", trial, epoch, values))

    def trial_ended(self, trial: LoggedTrial, end: LoggedEnd) -> None:
        self.made.append(("ended", trial, end))

    def progress(self, trials: int, values: Mapping[str, float]) -> None:
        self.made.append(("progress", trials, values))

    def result(self, result: LoggedResult) -> None:
        self.made.append(("result", result))

    def close(self) -> None:
        self.made.append(("close",))


class Hanging(StudyLogger):
    """Takes longer over each call than a whole search."""

    def trial_started(self, trial: LoggedTrial) -> None:
        time.sleep(60)


class Failing(StudyLogger):
    """A server that is gone."""

    def trial_started(self, trial: LoggedTrial) -> None:
        raise ConnectionError("nobody at lab:80")


class Notes(View):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Any, ...]]]:
    monkeypatch.setitem(sys.modules, "own_loggers", sys.modules[__name__])
    Calls.made.clear()
    yield Calls.made
    Calls.made.clear()


def mine(name: str = "Calls") -> str:
    return f"+logger.{name.lower()}._target_=own_loggers.{name}"


def of(calls: list[tuple[Any, ...]], kind: str) -> list[tuple[Any, ...]]:
    return [call[1:] for call in calls if call[0] == kind]


@pytest.mark.seconds
def test_a_search_is_logged_whole_and_goes_on_under_the_same_key(
    tmp_path: Path, blocks: Dataset, calls: list[tuple[Any, ...]]
) -> None:
    view = Notes()
    table = search.search(settings_of(tmp_path, "budget.trials=2", *QUICK, mine()), dataset=blocks, view=view)
    assert calls[0][0] == "open"
    assert [call[0] for call in calls][-2:] == ["result", "close"]
    (study,) = of(calls, "open")[0]
    assert (study.name, study.folder) == ("smoke", tmp_path / "smoke")
    assert study.settings["budget.trials"] == 2
    assert not [name for name in study.settings if name.startswith("logger")]
    for row, (trial,), (_, end) in zip(table.rows, of(calls, "started"), of(calls, "ended"), strict=True):
        assert trial.number == row.number
        assert dict(trial.choices) == dict(row.candidate)
        assert (end.standing, end.is_final, end.tags["kind"]) == ("finished", True, "trained")
        assert (end.values["map"], end.values["p50_ms"]) == (row.map, row.p50_ms)
        seen = {epoch: values for one, epoch, values in of(calls, "scalars") if one.number == row.number}
        assert seen[0]["p50_ms"] == row.latency_untrained.p50_ms
        assert {e: v["val/map"] for e, v in seen.items() if e} == {rung.epoch: rung.map for rung in row.rungs}
    assert [trials for trials, _ in of(calls, "progress")] == [1, 2]
    assert of(calls, "progress")[-1][1]["front_size"] == len(table.front)
    (result,) = of(calls, "result")[0]
    assert [row[result.columns.index("trial")] for row in result.front] == [row.number for row in table.front]
    assert set(result.figures()) == {"front", "hypervolume", "curves"}
    assert result.why == "the budget is used"
    assert not [note for note in view.notes if "logger" in note]

    made = len(calls)
    again = settings_of(tmp_path, "budget.trials=3", *QUICK, mine(), "+logger.hanging._target_=own_loggers.Calls")
    assert len(search.search(again, dataset=blocks).rows) == 3
    opened = [one.key for (one,) in of(calls, "open")]
    assert len(opened) == 3
    assert set(opened) == {study.key}
    assert {one.number for (one,) in of(calls[made:], "started")} == {2}


@pytest.mark.seconds
def test_a_trial_that_somebody_stops_in_the_queue_is_logged_so(
    tmp_path: Path, blocks: Dataset, calls: list[tuple[Any, ...]]
) -> None:
    search.search(settings_of(tmp_path, "budget.trials=1", *QUICK), dataset=blocks)
    for request in ({"action": "try", "choices": {}}, {"action": "stop", "trial": 1, "why": "too slow"}):
        act("smoke", str(tmp_path), None, request)
    search.search(settings_of(tmp_path, "budget.trials=3", *QUICK, mine()), dataset=blocks)
    stopped, finished = (end for _, end in of(calls, "ended"))
    assert (stopped.standing, stopped.tags["standing"], stopped.is_final) == (STOPPED, STOPPED, True)
    assert stopped.tags["reason"] == f"stopped by {who_asks()}: too slow"
    assert STATUSES[stopped.standing] == "KILLED"
    assert finished.standing == "finished"


@pytest.mark.seconds
def test_loggers_that_hang_or_fail_end_no_search_and_cost_it_seconds_at_most(
    tmp_path: Path, blocks: Dataset, calls: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "STALLED_MOST_S", 0.5)
    monkeypatch.setattr(lines, "TOOL_AWAY_MOST_S", 0.5)
    view = Notes()
    overrides = "budget.trials=2", *QUICK, mine("Hanging"), mine("Failing"), mine("Calls")
    table = search.search(settings_of(tmp_path, *overrides), dataset=blocks, view=view)
    assert len(table.finished) == 2
    assert len(of(calls, "ended")) == 2
    said = [note for note in view.notes if note.startswith("logger.")]
    assert said[0] == "logger.failing: nobody at lab:80; it is tried again, and the search goes on"
    assert sorted(note.partition(":")[0] for note in said[1:]) == ["logger.failing", "logger.hanging"]
    assert all("not logged; the study itself has them all" in note for note in said[1:])
    assert search.read_study("smoke", tmp_path).rows == table.rows


@pytest.mark.slow
@pytest.mark.seconds
def test_children_are_trials_too(tmp_path: Path, blocks: Dataset, calls: list[tuple[Any, ...]]) -> None:
    table = search.search(elastic_settings(tmp_path, mine()), dataset=blocks)
    children = {row.number for row in table.rows if row.is_child}
    assert children
    ends = {trial.number: end for trial, end in of(calls, "ended")}
    assert set(ends) == {row.number for row in table.rows}
    assert {number for number, end in ends.items() if end.tags["kind"] == "child"} == children
    assert {ends[number].tags["weights_of"] for number in children} == {
        str(row.parent) for row in table.rows if row.is_child
    }


def test_both_views_are_shown_each_event_that_a_view_has() -> None:
    seen: list[tuple[str, str]] = []

    class Seeing(View):
        def __init__(self, name: str) -> None:
            self.name = name

        def __getattribute__(self, attribute: str) -> Any:
            if not attribute.startswith("_") and attribute != "name":
                seen.append((object.__getattribute__(self, "name"), attribute))
            return object.__getattribute__(self, attribute)

    both, used, table = BothViews(Seeing("first"), Seeing("second")), BudgetUsed(0, 0.0, ()), StudyTable("s", ())
    events = [name for name in vars(View) if not name.startswith("_")]
    with both:
        both.begin(table, used)
        both.children_scored(0, ChildrenReport(), table, used)
        both.note("x")
        with both.meanwhile("y"):
            pass
        both.ended(table, used, "z")
    assert seen[:4] == [
        ("second", "begin"),
        ("first", "begin"),
        ("second", "children_scored"),
        ("first", "children_scored"),
    ]
    for name in events:
        assert name in vars(BothViews), "an event that the second view is not shown"


def test_a_mistake_in_what_is_reported_is_said_once_and_ends_nothing() -> None:
    class Wrong(View):
        def stage(self, number: int, name: str) -> None:
            raise KeyError(name)

    class Seeing(Notes):
        def stage(self, number: int, name: str) -> None:
            self.notes.append(name)

    seeing = Seeing()
    both = BothViews(seeing, Wrong())
    for name in ("train", "export"):
        both.stage(0, name)
    said = "loggers: KeyError: 'train'; this is not logged, and the search goes on"
    assert seeing.notes == [said, "train", "export"]


def test_settings_that_are_logged_hold_no_password(tmp_path: Path) -> None:
    from search.view.loggers.study_words import logged_study

    url = "postgresql+psycopg://automl:secret@db/automl"
    settings: Settings = search.load_settings(["conf=smoke", f"store.folder={tmp_path}", f"store.url={url}"])
    told = logged_study(settings, StudyTable("smoke", ()))
    assert "secret" not in json.dumps([dict(told.settings), dict(told.facts)])
    assert told.settings["store.url"] == "postgresql+psycopg://automl:***@db/automl"
