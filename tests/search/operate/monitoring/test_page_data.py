"""Data of a pipeline's page: rounds in words with the lines that were run, who served and why, figures over time."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from watched_pipeline import START, answer, at, label, looked, pipeline, stream, whole_rounds

from search.operate.context import OperateContext
from search.operate.journal.facts import Fact, FactKind
from search.operate.monitoring.page_data import page_data, thinned
from search.operate.monitoring.round_data import _steps_data
from search.operate.watching.watch import watch

NAME = "Saft & Söhne <b>"
pytestmark = pytest.mark.seconds


def data_of(context: OperateContext) -> dict[str, Any]:
    state = context.journal.state()
    found = page_data(context, state, watch(context, state).to_json())
    return dict(json.loads(json.dumps(found)))  # plain data, as JSON has it


def test_rounds_say_what_was_done_and_why(tmp_path: Path) -> None:
    with pipeline(tmp_path) as context:
        whole_rounds(context, NAME)
        third, second, first = data_of(at(context, 45))["rounds"]
    outcomes = [(one["outcome"], one["tone"]) for one in (first, second, third)]
    assert outcomes == [("promoted", "gate")] * 2 + [("promoted, later rolled back", "failed")]
    titles = [step["title"] for step in second["steps"]]
    assert titles == [
        "Begun: drift",
        "40 images handed over to be labelled",
        "38 images labelled",
        "Version 2 of the data set",
        "Searched: 14 trials in 3.2 h",
        "Judged: promote",
        "Canary: v0002 answers 10% of the traffic",
        "Packed as v0002",
        "v0002 serves",
        "Ended: promoted",
    ]
    searched = second["steps"][4]
    assert searched["command"] == (f"automl search conf=retail name=shelves-r0002 'data.root=/data/{NAME}'"), (
        "as it can be typed"
    )
    assert searched["lines"][0] == "3 detectors of the round before were scored on the new data first"
    assert second["sides"] == [
        ["mAP, frozen set", "0.520", "0.570", "+0.050", "+0.010 to +0.090"],
        ["p95, frozen set", "20.0 ms", "22.0 ms", "+10 %", ""],
        ["mAP, recent set", "0.520", "0.570", "+0.050", "+0.010 to +0.090"],
        [f"recall of {NAME}, critical", "0.900", "0.910", "+0.010", "-0.020 to +0.050"],
    ]
    assert second["links"] == [[NAME, "rounds/0002/judged/Saft%20%26%20S%C3%B6hne%20%3Cb%3E.html"]]
    failures = [step for step in third["steps"] if step["title"] == "Failed: searched"]
    assert len(failures) == 1, "a step that failed twice on end is said once"
    assert third["steps"][-1]["title"] == "v0003 rolled back"


def test_reasons_that_two_steps_share_are_given_once() -> None:
    why = {"why": ["worse on jars"]}
    kinds = (FactKind.JUDGED, {"ruling": "keep", **why}), (FactKind.REFUSED, why), (FactKind.REFUSED, {"why": ["late"]})
    facts = [Fact(number, kind, 2, START, words) for number, (kind, words) in enumerate(kinds, 1)]
    assert [step["lines"] for step in _steps_data(facts)] == [["worse on jars"], [], ["late"]]


def test_who_served_and_why(tmp_path: Path) -> None:
    with pipeline(tmp_path) as context:
        whole_rounds(context, "jar")
        data = data_of(at(context, 45))
    rows = [(one["version"], one["until"], one["round"]) for one in data["champions"]]
    assert rows == [
        ("v0002", "now", 3),
        ("v0003", "2026-02-18 06:00", 3),
        ("v0002", "2026-02-16 06:00", 2),
        ("v0001", "2026-02-01 06:00", 1),
    ]
    whys = [one["why"] for one in data["champions"]]
    assert whys[0] == "Rolled back from v0003: recall of jar 0.71, 0.94 is the least"
    assert whys[2].startswith("Promoted by round 2, begun because: brightness -24 %")
    assert whys[2].endswith(". The critical class jar is no worse")
    assert data["headline"]["claim"] == "v0002 serves since 2026-02-18 06:00 UTC."


def test_figures_over_time_and_pictures_of_what_changed(tmp_path: Path) -> None:
    with pipeline(tmp_path, "triggers.performance.bound=0.9") as context:
        whole_rounds(context)
        images = stream(
            context, range(40, 80), lambda day, group: 0.5 if day > 70 else 1.0, stores=3, a_day=2, pictures=True
        )
        answer(context, images, "v0002")
        label(context, images)
        for day in (74, 76, 78):
            then = at(context, day)
            looked(then, watch(then, then.journal.state()).to_json())
        data = data_of(at(context, 79))
    brightness = next(one for one in data["drift"] if one["name"] == "brightness")
    assert [point["drifted"] for point in brightness["points"]][-2:] == [True, True]
    assert len(brightness["points"]) == 4
    assert brightness["now"]["counts"], "what has drifted keeps its histogram"
    assert data["performance"]["points"][-1]["value"] == 1
    assert [point["version"] for point in data["live"]] == ["v0002"] * 4
    before, after = data["pictures"]
    assert before["title"] == "Baseline"
    assert all("brightness 0.5" in one["caption"] for one in before["images"])
    assert all("brightness 0.2" in one["caption"] for one in after["images"])
    assert all(Path(one["path"]).exists() for row in data["pictures"] for one in row["images"])
    assert len({one["caption"].split(",")[0] for one in after["images"]}) > 1, "of several stores"


def test_nothing_has_happened_yet(tmp_path: Path) -> None:
    with pipeline(tmp_path) as context:
        data = page_data(context, context.journal.state(), {})
    assert data["headline"]["claim"] == "Nothing serves yet."
    assert (data["drift"], data["performance"], data["live"], data["rounds"], data["pictures"]) == (
        [],
        None,
        [],
        [],
        [],
    )


def test_the_line_stands_as_it_was_given_but_for_passwords(tmp_path: Path) -> None:
    words = ("pipeline=~/my loop.yaml", "store.url=postgresql+psycopg://me:secret@host/db", "rollout.hours=48")
    with pipeline(tmp_path) as context:
        data = page_data(replace(context, line=words), context.journal.state(), {})
        unknown = page_data(context, context.journal.state(), {})
    assert dict(data["facts"])["this look"] == (
        "automl operate 'pipeline=~/my loop.yaml' store.url=... rollout.hours=48"
    )
    assert "this look" not in dict(unknown["facts"])


def test_years_of_looks_are_thinned_and_drift_stays() -> None:
    looks = [(START, {"drift": [{"drifted": i == 5000}]}) for i in range(9000)]
    kept = thinned(looks)
    assert 300 <= len(kept) <= 302
    assert kept[-1] is looks[-1]
    assert looks[5000] in kept
