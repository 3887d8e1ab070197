"""A reader of the user's own: the one of the page on formats, by its setting; and what it may get wrong."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_data import boxes_of, counts, draw

from objectives.data.formats.contract import Entry
from objectives.data.readers import read_dataset
from search.settings.dataset import load_data
from search.settings.settings import load_settings
from spaces.errors import DataError, SettingsError

PAGE = Path(__file__).parents[4] / "docs" / "formats.md"


@pytest.fixture
def pcb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A set of text lines x1 y1 x2 y2 type, and the page's reader as a module."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "deep_pcb.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    root = tmp_path / "pcb"
    for i in range(4):
        draw(root / "group" / f"{i}_test.jpg")
        (root / "group" / f"{i}.txt").write_text(f"1 2 11 14 {1 + i % 2}\n5 5 30 20 2\n")
    yield root
    sys.modules.pop("deep_pcb", None)


def settings_of(root: Path, *more: str) -> Any:
    return load_settings(["conf=smoke", "data=folder", f"data.root={root}", *more]).data


def test_the_reader_of_the_page_reads(pcb: Path) -> None:
    found = load_data(settings_of(pcb, "data.reader._target_=deep_pcb.read"))
    assert found.classes == ("open", "short")
    assert sum(map(len, found.splits.values())) == 4
    assert ("short", [5, 5, 25, 15]) in boxes_of(found, "train")
    assert counts(found) == {"splits.validation": 1}


def test_its_own_settings_are_settings(pcb: Path) -> None:
    for picture in (pcb / "group").glob("*_test.jpg"):
        picture.rename(picture.with_name(picture.name.replace("_test", "_temp")))
    found = load_data(settings_of(pcb, "data.reader._target_=deep_pcb.read", "+data.reader.suffix=_temp"))
    assert sum(map(len, found.splits.values())) == 4
    with pytest.raises(SettingsError, match=r"unknown setting 'data\.reader\.sufix'; nearest: suffix"):
        load_data(settings_of(pcb, "data.reader._target_=deep_pcb.read", "+data.reader.sufix=x"))


def test_settings_without_a_reader_are_refused(pcb: Path) -> None:
    with pytest.raises(SettingsError, match=r"data\.reader: has settings \(suffix\) and no _target_"):
        load_data(settings_of(pcb, "+data.reader.suffix=x"))


def test_a_reader_that_is_not_there_is_one_line(tmp_path: Path, pcb: Path) -> None:
    with pytest.raises(SettingsError, match=r"data\.reader\._target_: cannot import 'deep_pcb\.reed'"):
        load_data(settings_of(pcb, "data.reader._target_=deep_pcb.reed"))
    (tmp_path / "other_reader.py").write_text("def read(folder): return []")
    with pytest.raises(SettingsError, match=r"other_reader\.read"):
        load_data(settings_of(pcb, "data.reader._target_=other_reader.read"))


ENTRY = Entry(Path("group/0_test.jpg"), [("open", 1, 2, 10, 12)])


@pytest.mark.parametrize(
    ("produced", "said"),
    [
        (None, "must give entries or a RawSet, got NoneType"),
        ("text", "must give entries or a RawSet, got str"),
        ([("a.jpg", [])], "must yield objectives.data.formats.contract.Entry, one a picture; got tuple"),
        ([Entry(Path("a.jpg"), [], split="night")], "split must be train, val, test or None, got 'night'"),
        ((1 / 0 for _ in range(1)), "failed with ZeroDivisionError: division by zero"),
    ],
)
def test_what_a_reader_gives_wrong_is_one_line(pcb: Path, produced: Any, said: str) -> None:
    with pytest.raises(DataError, match=f"data.reader: {said}"):
        read_dataset(pcb, reader=lambda root: produced)


def test_boxes_that_are_none_are_findings(pcb: Path) -> None:
    bad: Any = [("open", 1, 2, 3), ("open", "x", 2, 3, 4), ("", 1, 2, 9, 9), 7, ("open", float("nan"), 1, 2, 3)]
    entries = [Entry(Path("group/0_test.jpg"), [*bad, *ENTRY.boxes]), Entry(Path("group/1_test.jpg"), ENTRY.boxes)]
    found = read_dataset(pcb, reader=lambda root: entries)
    assert (counts(found)["labels.not_a_box"], counts(found)["labels.unknown_class"]) == (4, 1)
