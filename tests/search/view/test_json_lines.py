"""A search as JSON lines: every event as docs/events.md says, in strict JSON, and nothing else on the stream."""

import json
import math
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import optuna
import pytest
from rich.console import Console

from objectives.records.children import ChildrenReport, FailedChild, Look, ScoredChild
from objectives.records.records import Death, Ending, Latency, Outcome, Rung
from objectives.records.study_parts.requests import RequestRecord
from objectives.trial.job import RungDecision
from reports.table.table import StudyTable, read_study
from search.settings.settings import Settings, load_settings
from search.study.budget import BudgetUsed
from search.study.sessions import SessionSeen
from search.view.base import View
from search.view.json_lines import JsonView
from spaces.candidate import Candidate
from spaces.network.family import Family

DOCS = Path(__file__).parents[3] / "docs" / "events.md"
ROW = re.compile(r"^\| `(\w+)` \| ([\w ]+) \|", re.MULTILINE)
TYPES: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}
Study = Callable[..., optuna.Study]
CANDIDATE = Candidate.of({"backbone.name": "yolo11", "size.pixels": 160, "train.lr0": 0.01})
LATENCY = Latency(4.2, 5.0, 4.1, 4.3, 3.0, 100, 2.0, False, "busy", "d3vice", 9)
RUNG = Rung(3, 0.2, 0.3, 60.0, math.nan, True)
USED = BudgetUsed(24, 2400.0, (100.0,) * 24)
DIED = Ending(Outcome.FAILED, "killed by\nthe kernel", "out of memory", Death("log", 12.5, 10**9, 4, 10**8, 10**10))
FAMILY = Family({"size.pixels": (160, 128), "slim.p5": (0.0, 0.5)})
SESSIONS = (SessionSeen("0", "here", 1, True, 0.0, (3,), True), SessionSeen("1", "there", 2, False, 99.0, (), False))


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(["conf=retail", "budget.trials=40", "budget.hours=null"])


@pytest.fixture(scope="module")
def table(report_study: Study) -> StudyTable:
    return read_study(report_study(40, reasons=True, families=2))


def documented() -> dict[str, dict[str, str]]:
    """Return the fields and their types of every event in the docs, those of all events included."""
    common, *sections = re.split(r"^## `(\w+)`$", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {
        name: dict(ROW.findall(common)) | dict(ROW.findall(text))
        for name, text in zip(sections[::2], sections[1::2], strict=True)
    }


def events(out: StringIO) -> list[dict[str, Any]]:
    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in out.getvalue().splitlines()]


def report_of(table: StudyTable, scored: int) -> ChildrenReport:
    """Return a report of two looks, of so many children with files, and of one failure."""
    choices = {"size.pixels": 128, "slim.p5": 0.5}
    family = table.families[0]
    assert family.parent
    axes = Family.from_json(family.parent.family)
    found = []
    for child in family.children[1 : 1 + scored]:  # not the latest: others may have come in between
        assert child.latency
        assert child.accuracy
        assert child.resources
        own = axes.choices_of(child.candidate)
        found.append(ScoredChild(own, "children/1", child.latency, child.accuracy, child.resources))
    return ChildrenReport((Look(choices, 0.3, 1.5),) * 2, tuple(found), (FailedChild(choices, "no such channels"),))


def tell_all(view: View, table: StudyTable) -> None:
    """Tell a view everything that it can be told; every kind of trial, known and unknown."""
    with view:
        view.begin(StudyTable("retail", ()), BudgetUsed(0, 0.0, ()))
        view.trial_started(0, CANDIDATE, 12)
        view.trial_started(1, CANDIDATE, 12, [RUNG])
        view.trial_started(2, CANDIDATE, 12, [])
        view.stage(0, "train")
        view.progress(0, 4, 0.25)
        view.latency(0, LATENCY, trained=False)
        view.rung(0, RUNG)
        view.decision(0, RungDecision.PAUSE, "another is worth more")
        view.attempt(0, DIED)
        view.attempt(1, replace(DIED, death=None))
        for row in table.rows:
            view.trial_ended(row.number, table, USED)
        for family in table.families:
            view.children_started(family.number, CANDIDATE, FAMILY)
            view.children_stage(family.number, "look")
            view.children_scored(family.number, report_of(table, 2), table, USED)
            view.children_scored(family.number, report_of(table, 0), table, USED)
            view.children_ended(family.number, table, USED)
        view.asked(RequestRecord("pause", "anna@box", 1e9))
        view.asked(RequestRecord("try", "anna@box", 1e9, 4, like=3, choices={"size.pixels": 96}))
        view.left(2)
        view.note("the hub cannot be reached")
        view.waiting("the disk is full")
        view.waiting("")
        view.sessions(SESSIONS)
        view.budget(USED)
        with view.meanwhile("measuring"):
            pass
        view.ended(table, USED, "the budget is used")


# Fields of studies of several devices alone: tests/search/loop/test_devices.py has such events.
OF_SEVERAL_DEVICES = {"latency": {"device_name"}, "trial_ended": {"devices"}, "search_ended": {"fronts", "picks"}}


def test_every_event_and_field_is_documented_and_the_other_way_round(settings: Settings, table: StudyTable) -> None:
    out = StringIO()
    tell_all(JsonView(Console(file=out), settings), table)
    docs, told = documented(), events(out)
    assert {event["event"] for event in told} == set(docs)
    assert all(names <= docs[event].keys() for event, names in OF_SEVERAL_DEVICES.items())
    for event in told:
        fields = docs[event["event"]]
        assert set(event) == set(fields) - OF_SEVERAL_DEVICES.get(event["event"], set()), event["event"]
        for name, value in event.items():
            kinds = fields[name].split(" or ")
            assert any(TYPES[kind](value) for kind in kinds), f"{event['event']}.{name} is {value!r}, not {kinds}"


def test_nested_fields_are_those_of_the_docs(settings: Settings, table: StudyTable) -> None:
    out = StringIO()
    tell_all(JsonView(Console(file=out), settings), table)
    told = {event["event"]: event for event in events(out)}
    seen = re.findall(r"`(\w+)` \(", DOCS.read_text(encoding="utf-8").split("## `sessions`")[1].split("## ")[0])
    assert all(list(session) == seen for session in told["sessions"]["sessions"])
    ended = list(documented()["trial_ended"])
    expected = ["trial", *ended[ended.index("standing") : ended.index("reason") + 1]]
    assert len(told["search_ended"]["front"]) == len(table.front) > 1
    assert all(list(member) == expected for member in told["search_ended"]["front"])


def test_no_method_of_a_view_writes_plain_lines_instead(settings: Settings) -> None:
    told = {name for name in vars(View) if not name.startswith("_")}
    assert told <= set(vars(JsonView))


def test_children_are_told_with_their_parent(settings: Settings, table: StudyTable) -> None:
    out = StringIO()
    tell_all(JsonView(Console(file=out), settings), table)
    told = events(out)
    started = next(event for event in told if event["event"] == "children_started")
    assert (started["family_size"], started["family"]) == (4, {"size.pixels": [160, 128], "slim.p5": [0.0, 0.5]})
    family = table.families[0]
    some, none = [event for event in told if event["event"] == "children_scored" and event["trial"] == family.number]
    assert [look["map"] for look in some["looks"]] == [0.3, 0.3]
    assert some["failed"] == [{"choices": {"size.pixels": 128, "slim.p5": 0.5}, "reason": "no such channels"}]
    assert [child["trial"] for child in some["scored"]] == [row.number for row in family.children[1:3]]
    assert {child["child_of"] for child in some["scored"]} == {family.number}
    assert none["scored"] == []
    for event in (some, none):
        assert event["children_looked_at"] == family.looked_at
        assert event["children_scored"] == len(family.children)
        assert event["children_on_front"] == len(family.on_front)
    ended = {event["trial"]: event["child_of"] for event in told if event["event"] == "trial_ended"}
    assert ended == {row.number: row.parent for row in table.rows}


def test_events_tell_what_happened(settings: Settings, table: StudyTable) -> None:
    out = StringIO()
    began = datetime.now(UTC) - timedelta(seconds=1)
    tell_all(JsonView(Console(file=out), settings), table)
    told = events(out)
    of = {event["event"]: event for event in reversed(told)}  # the first of each
    assert of["search_started"]["seconds_left"] is None
    assert of["search_started"]["standings"] == {}
    assert [event["goes_on"] for event in told if event["event"] == "trial_started"] == [False, True, True]
    assert [event["epochs_done"] for event in told if event["event"] == "trial_started"] == [0, 3, 0]
    assert of["trial_started"]["candidate"]["train.lr0"] == 0.01
    assert of["rung"]["loss"] is None  # it was NaN
    assert of["rung"]["map"] == 0.2
    assert of["decision"]["decision"] == "pause"
    assert of["attempt"]["reason"] == "killed by\nthe kernel"
    assert of["attempt"]["memory_free_bytes"] == 10**8
    assert of["search_ended"]["seconds_left"] == pytest.approx(1600)
    ended = {event["trial"]: event for event in told if event["event"] == "trial_ended"}
    for row in table.rows:
        event = ended[row.number]
        assert event["standing"] == row.standing
        assert event["p50_ms"] == row.p50_ms
        assert event["on_front"] is row.on_front
        assert event["map"] == (row.map if row.map is not None else row.rungs[-1].map if row.rungs else None)
    assert {event["standing"] for event in ended.values()} >= {"finished", "failed", "paused"}
    times = [datetime.fromisoformat(event["time"]) for event in told]
    assert began <= times[0]
    assert times == sorted(times)
    assert all(event["time"].endswith("+00:00") for event in told)


@pytest.mark.seconds
def test_what_comes_often_is_told_now_and_then(settings: Settings) -> None:
    out = StringIO()
    view = JsonView(Console(file=out), settings)
    view.progress_every_s = view.budget_every_s = 0.2
    for _ in range(2):
        for step in range(50):
            view.progress(1, 1, step / 50)
            view.progress(2, 1, step / 50)
            view.budget(USED)
            view.sessions([replace(seen, silent_s=float(step)) for seen in SESSIONS])
        time.sleep(0.25)
    told = [(event["event"], event.get("trial")) for event in events(out)]
    assert sorted(told, key=str) == [
        *[("budget", None)] * 2,
        *[("progress", 1)] * 2,
        *[("progress", 2)] * 2,
        ("sessions", None),  # nobody came or went
    ]
    assert (JsonView.progress_every_s, JsonView.budget_every_s) == (10, 60)


def test_a_session_that_dies_is_told(settings: Settings) -> None:
    out = StringIO()
    view = JsonView(Console(file=out), settings)
    view.sessions(SESSIONS[:1])
    view.sessions([replace(SESSIONS[0], alive=False)])
    assert [event["sessions"][0]["alive"] for event in events(out)] == [True, False]


def test_lines_are_ascii_and_written_at_once(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with path.open("w", encoding="ascii") as file:
        JsonView(Console(file=file), settings).note("Gerät   fehlt\x1b[0m\n\u2028")
        (line,) = path.read_text(encoding="ascii").splitlines()
    assert json.loads(line)["text"] == "Gerät   fehlt\x1b[0m\n\u2028"
