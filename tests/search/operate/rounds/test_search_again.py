"""A round's search as it is run: a real study of quick trials, its line kept, its winner exported; then the next."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from round_pipeline import lines, pipeline, state_after
from stored_study import StoredStudy
from window_detector import GOOD, write_windows

from objectives.data.dataset import Dataset
from objectives.data.yolo_layout import lay_out
from search.operate.context import LineEnd, OperateContext
from search.operate.journal.facts import FactKind
from search.operate.rounds.contract import Searched
from search.operate.rounds.earlier import earlier_rounds
from search.operate.rounds.search_again import search_again
from search.settings.settings import load_settings
from search.study.read import read_study
from spaces.errors import AutomlError

QUICK = [
    *("budget.trials=4", "trial.epochs=4", "trial.train_device=cpu", "trial.run=round_trainer:run_trial"),
    *("space.size.pixels=range(64,257,32)", "sampler=random", "pruner=none", "store.free_mb_min=1"),
    "experience=none",
]
HOURS = "budget.hours=0.6"
BEGUN = (FactKind.ROUND_BEGUN, 1, {"why": [], "kinds": ["first"]})


def shelf(place: Path, blocks: Dataset, apart: bool = False, **changes: Any) -> OperateContext:
    few = replace(blocks, splits={name: images[:4] for name, images in blocks.splits.items()})
    lay_out(few, place / "data")
    (root,) = [path for path in (place / "data").iterdir() if path.is_dir()]
    of_search = {"conf": "smoke", "first": [*QUICK, HOURS], "again": QUICK, "carry": 0, "shrink": 0.3}
    context = pipeline(place, {"data": {"root": str(root)}, "search": of_search, **changes})
    return replace(context, run_line=lines(place, apart=apart))


@pytest.mark.seconds
@pytest.mark.slow
def test_a_round_is_searched_exported_and_gone_on_with_and_the_next_one_is_smaller(
    tmp_path: Path, blocks: Dataset
) -> None:
    context = shelf(tmp_path, blocks)
    state = state_after(BEGUN)
    first = search_again(context, state, 1)
    paths = context.paths.round(1)
    assert (first.study, first.trials, first.why) == ("shelf-r0001", 4, "")
    assert first.winner is not None
    assert (context.paths.folder / first.export / "model.onnx").is_file()
    assert first.figures["map"] > 0
    assert 0 < first.hours < 0.6
    assert "$ automl search conf=smoke" in paths.search_log.read_text()

    kept, exported = paths.line.read_text(), (paths.export / "model.onnx").stat().st_mtime_ns
    again = search_again(context, state, 1)
    assert (again.line, again.winner, again.trials) == (first.line, first.winner, first.trials)
    assert (paths.line.read_text(), (paths.export / "model.onnx").stat().st_mtime_ns) == (kept, exported)

    searched = (FactKind.SEARCHED, 1, first.to_json())
    packed = (FactKind.PACKED, 1, {"version": "v0001", "folder": "", "layouts": []})
    served = (FactKind.PROMOTED, 1, {"version": "v0001", "before": None})
    later = state_after(BEGUN, searched, packed, served, (FactKind.ROUND_BEGUN, 2, BEGUN[2]))
    of_carry = replace(context, settings=replace(context.settings, search=replace(context.settings.search, carry=3)))
    assert earlier_rounds(of_carry, later, 2).carried == (f"shelf-r0001:{first.winner}",)  # all have the same file
    for i, row in enumerate(read_study(first.study, context.paths.runs).front):
        write_windows(context.paths.runs / first.study / str(row.folder) / "model.onnx", GOOD[i:])
    carried = earlier_rounds(of_carry, later, 2).carried
    assert carried[0] == f"shelf-r0001:{first.winner}"
    assert len(carried) == len(set(carried)) == min(3, i + 1)

    deployed = context.paths.deployment("v0001")
    shutil.copytree(context.paths.folder / first.export, deployed)
    second = search_again(context, later, 2)
    assert second.study == "shelf-r0002"
    assert {"budget.hours=0.198", "baseline=none"} <= set(second.line)
    narrowed = json.loads(context.paths.round(2).line.read_text())["narrowed"]
    assert narrowed
    settings = load_settings(list(second.line[1:]))
    earlier = earlier_rounds(context, later, 2)
    assert settings.start
    assert all(earlier.champion[name] in settings.space.domains[name] for name in narrowed if name in earlier.champion)


@pytest.mark.seconds
def test_what_keeps_no_gate_has_no_winner(tmp_path: Path, blocks: Dataset) -> None:
    context = shelf(tmp_path, blocks, gates={"overrides": ["gate.map50_min=1.0"]})
    found = search_again(context, state_after(BEGUN), 1)
    assert (found.winner, found.export, found.figures) == (None, "", {})
    assert "passes the gate (mAP50 >= 1); nearest: trial" in found.why
    assert not context.paths.round(1).export.exists()


def test_a_round_that_was_cut_goes_on_with_its_very_line(tmp_path: Path) -> None:
    """What the pipeline's settings say by then is the next round's: the contract of a study fixes its space."""
    context = pipeline(tmp_path, {"search": {"conf": "smoke", "first": ["budget.trials=3"]}})
    ran: list[list[str]] = []

    def cut(words: Sequence[str], log: Path) -> LineEnd:
        ran.append(list(words))
        raise KeyboardInterrupt

    changed = replace(context.settings, search=replace(context.settings.search, first=["budget.trials=5"]))
    for settings in (context.settings, changed):
        with pytest.raises(KeyboardInterrupt):
            search_again(replace(context, settings=settings, run_line=cut), state_after(BEGUN), 1)
    assert ran[0] == ran[1]
    assert "budget.trials=3" in ran[0]


def test_until_a_version_serves_every_round_is_a_first_one(tmp_path: Path) -> None:
    """A third of hours in which nothing was found would find nothing again, whatever is changed in `search.first`."""
    context = pipeline(tmp_path, {"search": {"conf": "smoke", "first": [HOURS], "again": ["budget.trials=2"]}})
    nothing = Searched("shelf-r0001", (), 0.6, 0, 0, None, "no trial ended", "", {}).to_json()
    state = state_after(BEGUN, (FactKind.SEARCHED, 1, nothing), (FactKind.ROUND_BEGUN, 2, BEGUN[2]))
    ended = replace(context, run_line=lambda words, log: LineEnd(2, "automl: cut\n"))
    with pytest.raises(AutomlError, match="cut"):
        search_again(ended, state, 2)
    words = json.loads(context.paths.round(2).line.read_text())["words"]
    assert {HOURS, "name=shelf-r0002"} <= set(words)
    assert not {"budget.trials=2", "baseline=none"} & set(words)


def test_a_search_in_which_no_trial_ended_says_what_to_change(tmp_path: Path) -> None:
    context = pipeline(tmp_path, {"search": {"conf": "smoke", "first": [HOURS]}})
    StoredStudy(context.paths.runs, 0, "shelf-r0001")
    found = search_again(replace(context, run_line=lambda words, log: LineEnd(0, "")), state_after(BEGUN), 1)
    assert (found.winner, found.trials) == (None, 0)
    assert found.why.endswith("give it more by search.first=[budget.hours=...], or shorter trials")


def test_a_search_that_fails_is_one_line(tmp_path: Path) -> None:
    context = pipeline(tmp_path, {"search": {"conf": "smoke", "first": ["budget.hours=1"]}})
    failed = replace(context, run_line=lambda words, log: LineEnd(2, "one\nautoml: no such thing\n"))
    with pytest.raises(AutomlError, match=r"^automl search ended with exit code 2: automl: no such thing; see"):
        search_again(failed, state_after(BEGUN), 1)
    with pytest.raises(AutomlError, match="round 3: it has not begun; rounds: 1"):
        search_again(failed, state_after(BEGUN), 3)
