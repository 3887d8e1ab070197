"""Requests: what is stored of them, what is refused in one line, in SQLite and in PostgreSQL."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from postgres_server import PostgresServer
from quick_search import settings_of
from stored_study import StoredStudy

from objectives.data.dataset import Dataset
from objectives.records.records import Ending, Outcome
from objectives.records.study_parts.requests import GO_ON, NOTE, PAUSE, RequestRecord, Requests
from objectives.records.study_record import StudyRecord, StudyWriter
from objectives.records.trial_record import Phase, trial_records
from reports.analysis.asked import asked_of, asked_words
from reports.analysis.curves import learning_curves
from reports.page.payload import trials_payload
from reports.table.table import read_study
from search.settings.settings import Settings
from search.study.claims.open import open_claims
from search.study.requests.act import act, who_asks
from search.study.store import create_study, load_study, open_storage, storage_url
from search.study.stored_trial import StoredTrial, baseline_of
from spaces.candidate import Candidate
from spaces.errors import AutomlError

LINES = (
    "space/backbone=all",
    "space.backbone.name=choice(lcnet_050, yolo11)",
    "space.backbone.width=choice(0.25, 0.5)",
    "space.backbone.depth=0.5",
    "space.train.lr0=tag(log, interval(1e-4, 1e-2))",
)
WHOLE = {
    "backbone.name": "lcnet_050",
    "head.kind": "nms",
    "size.pixels": 128,
    "train.optimizer": "SGD",
    "train.lr0": 0.001,
    "train.cosine": True,
    "train.weight_decay": 0.001,
    "train.box": 7.5,
    "train.cls": 1.0,
    "train.class_weights": 0,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, blocks: Dataset) -> Settings:
    """Settings of a study that is made, and only read."""
    made = settings_of(tmp_path_factory.mktemp("made"), *LINES)
    made.folder.mkdir(parents=True)
    create_study(made, blocks, open_storage(storage_url(made.folder, None)))
    return made


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def settings(request: pytest.FixtureRequest, tmp_path: Path, made: Settings, blocks: Dataset) -> Settings:
    """Settings of a study of the test's own; in a database server, too."""
    if request.param == "sqlite":
        shutil.copytree(made.folder, tmp_path / made.name)
        return replace(made, store=replace(made.store, folder=str(tmp_path)))
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.url(server.new_database())
    found = replace(made, store=replace(made.store, folder=str(tmp_path), url=url))
    found.folder.mkdir(parents=True)
    create_study(found, blocks, open_storage(url))
    return found


def study_of(settings: Settings) -> optuna.Study:
    return load_study(settings.folder.parent, settings.name, settings.store.url)


def ask(settings: Settings, action: str, **request: Any) -> str:
    return act(settings.name, str(settings.folder.parent), settings.store.url, {"action": action, **request})


def stored(settings: Settings) -> tuple[RequestRecord, ...]:
    return asked_of(study_of(settings))


def trial_of(settings: Settings, candidate: dict[str, Any]) -> int:
    """Make a trial that runs, with a candidate."""
    study = study_of(settings)
    trial = StoredTrial(study, study.ask().number)
    trial.record_candidate(Candidate.of(candidate), "trials/00000")
    return trial.number


def test_a_pause_is_stored_once_and_taken_back(settings: Settings) -> None:
    assert ask(settings, "pause").startswith("smoke is paused: nobody searches it just now")
    assert ask(settings, "pause").startswith(f"smoke is paused already, by {who_asks()} since ")
    assert read_study(study_of(settings)).paused
    ask(settings, "continue")
    assert not read_study(study_of(settings)).paused
    assert [(one.action, one.who) for one in stored(settings)] == [(PAUSE, who_asks()), (GO_ON, who_asks())]


def test_requests_that_come_at_once_are_all_kept(settings: Settings) -> None:
    number = trial_of(settings, WHOLE)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: ask(settings, "note", trial=number, text=f"note {i}"), range(16)))
    assert sorted(one.text for one in stored(settings)) == sorted(f"note {i}" for i in range(16))


def test_whoever_has_seen_a_request_comes_behind_it_whatever_the_clocks_say() -> None:
    def at(number: int, action: str, at_s: float) -> tuple[str, dict[str, Any]]:
        return f"{number:06d}-{action}", RequestRecord(action, "anna@box", at_s).to_json()

    assert Requests.of([at(1, GO_ON, 5.0), at(0, PAUSE, 9.0)]).pause is None
    assert Requests.of([at(1, PAUSE, 5.0), at(0, GO_ON, 9.0)]).pause is not None
    assert Requests.of([at(11, PAUSE, 5.0)]).next_number == 12
    assert Requests.of([("000001-x", {"strange": 1})]).by_key == {}


def test_a_search_writes_on_while_others_ask(settings: Settings) -> None:
    """A process with claims holds the trial; what others ask neither breaks its writes nor is refused."""
    claims = open_claims(settings.folder, settings.store.url)
    study = load_study(settings.folder.parent, settings.name, settings.store.url, claims)
    with claims.alone():
        claims.enter(0)
        claims.hold((asked := study.ask()).number)
    trial = StoredTrial(study, asked.number)
    for i in range(3):
        trial.record_candidate(Candidate.of(WHOLE), f"trials/{i}")
        ask(settings, "note", trial=trial.number, text=str(i))
        ask(settings, "try", choices={"size.pixels": 64 + 32 * i})
    trial.end(Ending(Outcome.STOPPED, "at a rung"), None)
    assert [one.phase for one in trial_records(study)] == [Phase.STOPPED, *[Phase.WAITING] * 3]
    claims.close()


def test_notes_are_shown_where_a_trial_is(settings: Settings) -> None:
    number, text = trial_of(settings, WHOLE), 'walls <b>"are"</b> cut\n\u58c1'
    assert ask(settings, "note", trial=number, text=f" {text}\x1b\u200b ") == f"noted on trial {number}"
    table = read_study(study_of(settings))
    assert table.row(number).note == text
    (row,) = trials_payload(table, learning_curves(table))["rows"]
    assert row["note"] == text
    assert ask(settings, "note", trial=number, text=text) == f"trial {number} has this very note"
    assert ask(settings, "note", trial=number, text="other").endswith(", in place of the note before")
    assert ask(settings, "note", trial=number, text="") == f"the note on trial {number} is gone"
    assert ask(settings, "note", trial=number, text="") == f"trial {number} has no note"
    assert read_study(study_of(settings)).row(number).note == ""
    assert [one.action for one in stored(settings)] == [NOTE] * 3


def test_a_note_on_an_ended_trial_is_seen_by_whoever_has_read_it_before(settings: Settings) -> None:
    number, study = trial_of(settings, WHOLE), study_of(settings)
    StoredTrial(study, number).end(Ending(Outcome.STOPPED, "at a rung"), None)
    assert read_study(study).row(number).note == ""
    ask(settings, "note", trial=number, text="seen")
    assert read_study(study).row(number).note == "seen"
    assert read_study(study).row(number) is read_study(study).row(number)


def test_a_candidate_is_queued_as_the_space_writes_it(settings: Settings) -> None:
    said = ask(settings, "try", choices={"space.size.pixels": 128.0, "train.lr0": 0.001})
    assert said == (
        "trial 0 is queued, and begins when smoke is searched again (nobody does just now): size.pixels 128, "
        "train.lr0 0.001; the other choices are the sampler's"
    )
    (trial,) = trial_records(study_of(settings))
    assert trial.phase is Phase.WAITING
    assert trial.asked is not None
    assert dict(trial.asked.choices) == dict(trial.candidate) == {"size.pixels": 128, "train.lr0": 0.001}
    assert type(trial.candidate["size.pixels"]) is int
    (fixed,) = [one.system_attrs["fixed_params"] for one in study_of(settings).get_trials()]
    assert fixed == trial.asked.choices
    with pytest.raises(AutomlError, match="trial 0 waits with these very choices, asked for by"):
        ask(settings, "try", choices={"size.pixels": 128, "train.lr0": 0.001})
    assert ask(settings, "pause")
    assert "begins when smoke goes on (it is paused)" in ask(settings, "try", choices={"size.pixels": 64})
    assert [asked_words(one).split(" ", 1)[1] for one in stored(settings)] == [
        "asks for trial 0: size.pixels 128, train.lr0 0.001",
        "pauses the search",
        "asks for trial 1: size.pixels 64",
    ]


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"size.pixel": 64}, r"no dimension 'size.pixel'; nearest: size.pixels$"),
        ({"size.pixels": 65}, r"^try: size.pixels: 65 is outside range\(64, 288, 32\)$"),
        ({"size.pixels": True}, "is outside"),
        ({"size.pixels": [64]}, "is outside"),
        ({"neck.width": 32}, r"^try: neck.width: 32 is outside choice\(16\)$"),
        ({"train.lr0": 0.1}, r"^try: train.lr0: 0.1 is outside tag\(log, interval\(0.0001, 0.01\)\)$"),
        ({"backbone.width": 0.25}, "exists only where backbone.name in yolo11, yolo26; choose backbone.name, too$"),
        (
            {"backbone.name": "lcnet_050", "backbone.width": 0.25},
            "^try: backbone.width=0.25: backbone.width exists only where .*, got backbone.name lcnet_050$",
        ),
        ({"size.pixels": 64, "space.size.pixels": 96}, "given twice"),
    ],
)
def test_what_the_space_does_not_hold_is_refused(made: Settings, choices: dict[str, Any], words: str) -> None:
    with pytest.raises(AutomlError, match=words):
        ask(made, "try", choices=choices)
    assert trial_records(study_of(made)) == []
    assert stored(made) == ()


def test_a_trial_fills_the_other_choices(settings: Settings) -> None:
    number = trial_of(settings, {**WHOLE, "size.pixels": 640, "neck.kind": "own", "neck.width": 48})
    said = ask(settings, "try", like=number, choices={"train.box": 6.0})
    assert said.endswith(
        "; the other choices are the sampler's; of trial 0 the space does not hold neck.kind own, neck.width 48, "
        "size.pixels 640"
    )
    queued = trial_records(study_of(settings))[1]
    assert queued.asked is not None
    rest = {name: value for name, value in WHOLE.items() if name != "size.pixels"}
    assert queued.asked.choices == {**rest, "train.box": 6.0}
    assert queued.asked.like == 0
    changed = ask(settings, "try", like=number, choices={"size.pixels": 64, "backbone.name": "yolo11"})
    assert "backbone.name yolo11, " in changed
    with pytest.raises(AutomlError, match="has no trial 9"):
        ask(settings, "try", like=9)


def test_a_candidate_that_was_tried_is_not_tried_again_unless_it_came_to_nothing(settings: Settings) -> None:
    ask(settings, "try", choices=WHOLE)
    study = study_of(settings)
    trial = study.ask()
    for name, value in WHOLE.items():
        trial.suggest_categorical(name, [value])
    StoredTrial(study, trial.number).record_candidate(Candidate.of(WHOLE), "trials/00000")
    with pytest.raises(AutomlError, match=r"try: trial 0 has these very choices \(running\); change one of them"):
        ask(settings, "try", choices=WHOLE)
    StoredTrial(study, trial.number).end(Ending(Outcome.FAILED, "why"), None)
    assert ask(settings, "try", choices=WHOLE).startswith("trial 1 is queued")


def test_a_stop_is_kept_for_the_next_search(settings: Settings) -> None:
    study = study_of(settings)
    study.add_trial(baseline_of("yolo26n"))
    said = ask(settings, "stop", trial=0, why="not now")
    assert said == (
        "trial 0, waiting, will be stopped before anything else, when smoke is searched again; nobody does just now; "
        "the study has no baseline then: baseline=yolo26n in the line queues it anew"
    )
    assert StudyRecord.of(study).requests.stops[0].text == "not now"


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"action": "paws"}, "action: must be one of pause, continue, stop, try, note, got 'paws'; nearest: pause"),
        ({}, "action: must be one of"),
        ({"action": "pause", "trial": 1}, "pause: takes nothing more, got 'trial'"),
        ({"action": "stop"}, "stop: trial must be the number of a trial, got None"),
        ({"action": "stop", "trial": "3"}, "must be the number"),
        ({"action": "stop", "trial": True}, "must be the number"),
        ({"action": "note", "trial": 0, "text": 3}, "note: must be a text, got 3"),
        ({"action": "try", "choices": [1]}, "choices must be a mapping"),
        ({"action": "try", "like": -1}, "like must be the number"),
    ],
)
def test_requests_of_another_form_are_refused(tmp_path: Path, request_: dict[str, Any], words: str) -> None:
    with pytest.raises(AutomlError, match=words):
        act("smoke", str(tmp_path), None, request_)


def test_a_study_without_requests_is_as_it_was(settings: Settings) -> None:
    assert StudyRecord.asked_of(study_of(settings)).attributes == {}
    study = study_of(settings)
    StudyWriter(study).ask_to_end(3)
    ask(settings, "pause")
    found = StudyRecord.asked_of(study)
    assert found.asked_to_end == {"3"}
    assert len(found.attributes) == 2
    assert found.requests == StudyRecord.of(study).requests


def test_a_study_that_does_not_say_its_space_takes_no_candidate(tmp_path: Path) -> None:
    stored = StoredStudy(tmp_path, 1)
    with pytest.raises(AutomlError, match="study 'retail' does not say what its space is"):
        act(stored.name, str(tmp_path), None, {"action": "try"})
