"""A round judged on small real files: what is promoted, refused and kept out, on the frozen set and the recent one."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from round_pipeline import lines, pipeline, state_after
from window_detector import GOOD, POOR, write_windows

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from objectives.deploy.export_onnx import write_confidence
from search.operate.context import LineEnd, OperateContext
from search.operate.journal.facts import FactKind
from search.operate.rounds.contract import JudgedRound
from search.operate.rounds.judge import judge_round
from spaces.errors import AutomlError

LINE = [
    *("search", "conf=smoke", "latency.processes=1", "latency.processes_max=1", "latency.images_min=5"),
    *("latency.cap_s=0.2", "latency.warmup_s=0.02", "name=shelf-r0002", "budget.hours=1", "carry=['shelf-r0001:3']"),
]
FREE = {"slower_max": None}


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory, blocks: Dataset) -> dict[str, str]:
    """Folders of a frozen set of 16 images and a recent one of 8."""
    place = tmp_path_factory.mktemp("sets")
    images, found = blocks.splits["val"], {}
    for name, few in (("frozen", images[:16]), ("recent", images[16:24])):
        lay_out(replace(blocks, splits={"train": blocks.splits["train"][:4], "val": few}), place / name)
        (found[name],) = [str(path) for path in (place / name).iterdir() if path.is_dir()]
    return found


class Round:
    """A second round whose search is done, against the version of the first one."""

    def __init__(self, place: Path, sets: Mapping[str, str], **gates: Any) -> None:
        own = {"gates": {**FREE, **gates}}
        self.context = replace(pipeline(place, own), run_line=lines(place, apart=False))
        self.sets, self.line = sets, list(LINE)
        self.champion, self.challenger = (self._folder(f) for f in ("deployments/shelf/v0001", "export"))

    def _folder(self, name: str) -> Path:
        folder = self.context.paths.deployed.parent.parent / name if "/" in name else self.context.paths.round(2).export
        folder.mkdir(parents=True)
        return folder / "model.onnx"

    def judged(self, *, is_first: bool = False, context: OperateContext | None = None) -> JudgedRound:
        export = self.challenger.parent.relative_to(self.context.paths.folder).as_posix()
        searched = {"winner": 5, "why": "", "export": export, "line": self.line, "study": "shelf-r0002"}
        version = {"folder": self.sets["frozen"], "recent": self.sets.get("recent", ""), "frozen": ""}
        served = [] if is_first else [(FactKind.PROMOTED, 1, {"version": "v0001", "before": None})]
        state = state_after(
            *served,
            (FactKind.ROUND_BEGUN, 2, {}),
            (FactKind.VERSION_MADE, 2, {"data": version}),
            (FactKind.SEARCHED, 2, searched),
        )
        return judge_round(context or self.context, state, 2)


@pytest.mark.seconds
def test_better_on_both_sets_is_promoted_and_nothing_is_measured_twice(tmp_path: Path, sets: Mapping[str, str]) -> None:
    one = Round(tmp_path, sets, overrides=["gate.map50_min=0.3"])
    one.line.append("gate.map50_min=0.3")
    write_windows(one.champion, POOR)
    write_windows(one.challenger)
    judged = one.judged()
    assert judged.ruling == "promote", judged.why
    assert [why.split(":")[0] for why in judged.why] == ["frozen set", "recent set", "the gate's mAP50 >= 0.3 is kept"]
    assert judged.on_recent is not None
    assert (judged.on_frozen["images"], judged.on_recent["images"]) == (16, 8)
    assert judged.on_frozen["map"]["challenger"] > judged.on_frozen["map"]["champion"]
    assert all((one.context.paths.folder / page).is_file() for page in judged.pages)

    def refuse(words: object, log: Path) -> LineEnd:
        raise AssertionError("it is compared again")

    assert one.judged(context=replace(one.context, run_line=refuse)).to_json() == judged.to_json()


@pytest.mark.slow
@pytest.mark.seconds
def test_better_on_average_and_worse_on_a_critical_class_is_refused(tmp_path: Path, sets: Mapping[str, str]) -> None:
    one = Round(tmp_path, sets, critical={"blue": {"drop_max": 0.02}}, on_recent="ignored")
    write_confidence(write_windows(one.champion, POOR), 0.05)
    write_windows(one.challenger, classes={"red": "red", "blue": "red"})
    judged = one.judged()
    assert judged.ruling == "keep"
    assert judged.on_frozen["map"]["low"] > 0
    assert judged.why[0].startswith("frozen set: the difference of recall of blue, -0.")
    (blue,) = judged.critical
    assert (blue["class"], blue["challenger"], blue["ruling"]) == ("blue", 0.0, "keep")
    assert blue["high"] < -0.02


@pytest.mark.slow
@pytest.mark.seconds
def test_what_cannot_be_told_and_what_breaks_the_gate_is_not_promoted(tmp_path: Path, sets: Mapping[str, str]) -> None:
    one = Round(tmp_path / "a", sets, margin=0.3, on_recent="ignored")
    write_windows(one.champion, POOR)
    write_windows(one.challenger)
    apart = one.judged().on_frozen["map"]
    unsure = Round(tmp_path / "b", sets, margin=round(apart["difference"], 3), on_recent="ignored")
    shutil.copy(one.champion, unsure.champion)
    shutil.copy(one.challenger, unsure.challenger)
    assert unsure.judged().ruling == "cannot tell"
    broken = Round(tmp_path / "c", sets, on_recent="ignored")
    broken.line.append("gate.map50_min=0.99")
    shutil.copy(one.champion, broken.champion)
    shutil.copy(one.challenger, broken.challenger)
    judged = broken.judged()
    assert judged.ruling == "keep"
    assert judged.why[0].startswith("the gate's mAP50 >= 0.99 is missed: 0.")


@pytest.mark.slow
@pytest.mark.seconds
def test_without_a_champion_the_gate_and_critical_recalls_decide(tmp_path: Path, sets: Mapping[str, str]) -> None:
    one = Round(tmp_path, sets, critical={"red": {"recall_min": 0.2}})
    one.line.append("gate.map50_min=0.3")
    write_windows(one.challenger, GOOD)
    judged = one.judged(is_first=True)
    assert judged.ruling == "promote", judged.why
    assert judged.why[0] == "there is no champion: what keeps the gate is promoted"
    assert (judged.on_recent, len(judged.why)) == (None, 3)


def test_no_winner_is_no_challenger_and_a_comparison_that_fails_is_one_line(
    tmp_path: Path, sets: Mapping[str, str]
) -> None:
    one = Round(tmp_path, sets)
    with pytest.raises(AutomlError, match=r"^automl compare ended with exit code 2; see '.*frozen-v0001.txt'$"):
        one.judged()
    searched = {"winner": None, "why": "pick: none passes", "export": "", "line": [], "study": "shelf-r0002"}
    state = state_after((FactKind.ROUND_BEGUN, 2, {}), (FactKind.SEARCHED, 2, searched))
    judged = judge_round(one.context, state, 2)
    assert (judged.ruling, judged.why) == ("keep", ("pick: none passes",))
