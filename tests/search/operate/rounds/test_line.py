"""The words of a round's search: what they say, that Hydra reads them back, and what the pipeline's own words keep."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from round_pipeline import pipeline

from search.operate.context import OperateContext
from search.operate.rounds.earlier import EarlierRounds
from search.operate.rounds.line import SearchLine, first_line, judged_words, later_line
from search.settings.settings import load_settings
from spaces.errors import SettingsError

DATA = ["data.root=/my data/it's, new"]
CHAMPION = {"backbone.name": "yolo11", "backbone.width": 0.25, "size.pixels": 224, "train.lr0": 0.0049}
EARLIER = EarlierRounds((CHAMPION, {**CHAMPION, "size.pixels": 192}), CHAMPION, ("shelf-r0001:7", "/a's/export"), 0.5)


def shelf(folder: Path, **of_search: Any) -> OperateContext:
    return pipeline(folder, {"search": {"conf": "retail", **of_search}, "gates": {"overrides": ["gate.map50_min=0.6"]}})


def without_carry(line: SearchLine) -> list[str]:
    return [word for word in line.words[1:] if not word.startswith("carry=")]


def test_the_first_line_is_the_presets_own(tmp_path: Path) -> None:
    context = shelf(tmp_path, first=["budget.hours=0.5"])
    line = first_line(context, 1, DATA)
    settings = load_settings(list(line.words[1:]))
    assert (settings.name, settings.budget.hours, settings.gate.map50_min) == ("shelf-r0001", 0.5, 0.6)
    assert settings.data.root == "/my data/it's, new"
    assert Path(settings.store.folder) == context.paths.runs
    assert settings.baseline.detector is not None


def test_a_later_line_has_fewer_hours_begins_with_the_champion_and_searches_less(tmp_path: Path) -> None:
    line = later_line(shelf(tmp_path, first=["budget.hours=0.5"], hours_share=0.2), 2, DATA, EARLIER)
    settings = load_settings(without_carry(line))
    assert (settings.name, settings.budget.hours) == ("shelf-r0002", 0.1)
    assert settings.baseline.detector is None
    assert settings.start == ()  # it is carried: to train the same anew would take the hours
    alone = later_line(shelf(tmp_path / "alone", first=["budget.hours=0.5"]), 2, DATA, replace(EARLIER, carried=()))
    assert load_settings(list(alone.words[1:])).start == (CHAMPION,)
    assert r"carry=['shelf-r0001:7','/a\'s/export']" in line.words
    assert settings.trial.polish_first == 1  # the champion, on today's images, before anything is weighed
    assert load_settings(list(alone.words[1:])).trial.polish_first == 0
    assert line.narrowed["backbone.name"] == "choice(yolo11)"
    assert settings.space.domains["size.pixels"].size == 4  # 160 to 256 of 128 to 256
    assert line.why_whole == ""


def test_what_the_pipeline_says_itself_stays(tmp_path: Path) -> None:
    again = ["budget.hours=2", "baseline=yolo26n@160", "start=[]", "space.size.pixels=128", "trial.polish_first=0"]
    line = later_line(shelf(tmp_path, again=again), 2, DATA, EARLIER)
    for word in again:
        assert line.words.count(word) == 1
    assert sum(word.startswith(("budget.", "baseline", "start", "space.size")) for word in line.words) == 4


def test_the_door_opens_the_whole_space(tmp_path: Path) -> None:
    line = later_line(shelf(tmp_path), 6, DATA, EARLIER)
    assert line.narrowed == {}
    assert line.why_whole.startswith("the door")
    assert not any(word.startswith("space.") for word in line.words)


def test_a_space_that_no_search_can_have_is_not_asked_for(tmp_path: Path) -> None:
    """Of the two the first names no width, so that the one of yolo11 alone is left; and both make a search."""
    line = later_line(shelf(tmp_path), 2, DATA, EarlierRounds((), {}, (), 0.5))
    assert (line.narrowed, line.why_whole) == ({}, "nothing of it can be left out")
    assert not any(word.startswith(("start", "carry")) for word in line.words)


def test_hours_that_nobody_says_are_asked_for(tmp_path: Path) -> None:
    unknown = EarlierRounds((), {}, (), None)
    context = pipeline(tmp_path, {"search": {"conf": "smoke"}})
    with pytest.raises(SettingsError, match=r"^search.hours_share: neither the preset"):
        later_line(context, 2, DATA, unknown)
    timed = later_line(context, 2, DATA, EarlierRounds((), {}, (), 3.0))
    assert "budget.hours=0.99" in timed.words


def test_a_line_is_kept_word_by_word(tmp_path: Path) -> None:
    line = later_line(shelf(tmp_path), 2, DATA, EARLIER)
    line.write(tmp_path / "round" / "search.json")
    assert SearchLine.read(tmp_path / "round" / "search.json") == line


def test_a_comparison_gets_the_words_that_it_needs() -> None:
    line = ["search", "conf=retail", "device=openvino", "budget.hours=1", "latency.processes=1", "gate.p95_ms_max=9"]
    more = ["name=shelf-r0002", "space.size.pixels=128", "+gate.own=[]", "carry=[a]"]
    assert judged_words([*line, *more]) == [
        *("conf=retail", "device=openvino", "latency.processes=1", "gate.p95_ms_max=9", "name=shelf-r0002"),
        "+gate.own=[]",
    ]
