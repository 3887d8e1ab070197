"""What a search does about faults of its data set before its first trial: `data.check`."""

from dataclasses import replace
from pathlib import Path

import pytest
from quick_search import settings_of

import search
from objectives.data.dataset import Dataset
from objectives.data.findings import Finding
from reports.table.table import StudyTable
from search.settings.checks.data_check import check_fully, check_quickly
from search.settings.compose import presets
from search.settings.settings import load_settings
from search.view.base import View
from spaces.errors import DataError

PLAIN = ("sampler=random", "pruner=none", "budget.trials=1")


class Noting(View):
    """A view that keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def leaky(blocks: Dataset) -> Dataset:
    """Half of the validation images are training images."""
    train, val = blocks.splits["train"], blocks.splits["val"]
    return replace(blocks, splits={"train": train, "val": (*val[:24], *train[:24])})


def searched(folder: Path, dataset: Dataset, *overrides: str) -> tuple[StudyTable, list[str]]:
    view = Noting()
    return search.search(settings_of(folder, *PLAIN, *overrides), dataset=dataset, view=view), view.notes


def test_strict_is_the_default_and_leaves_nothing(tmp_path: Path, leaky: Dataset) -> None:
    with pytest.raises(DataError) as error:
        searched(tmp_path, leaky)
    assert str(error.value).startswith(
        "data.check: scores on this data set would be wrong: 24 images of one split that are there in another: "
    )
    assert "data.check=warn searches all the same" in str(error.value)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_what_the_reader_found_stops_a_search_too(tmp_path: Path, blocks: Dataset) -> None:
    found = (Finding("labels.elsewhere", 4, ("a.jpg: val/labels/a.txt",)),)
    with pytest.raises(DataError, match="4 images whose"):
        searched(tmp_path, replace(blocks, findings=found))


@pytest.mark.seconds
@pytest.mark.parametrize(("check", "told"), [("warn", True), ("off", False)])
def test_warn_goes_on_and_says_so_off_says_nothing(tmp_path: Path, leaky: Dataset, check: str, told: bool) -> None:
    table, notes = searched(tmp_path, leaky, f"data.check={check}")
    assert len(table.finished) == 1
    assert any(note.startswith("24 images of one split") for note in notes) == told


@pytest.mark.seconds
def test_a_study_that_has_begun_goes_on(tmp_path: Path, leaky: Dataset) -> None:
    """What an older automl began, or a line with data.check=off, is gone on with by the plain line."""
    searched(tmp_path, leaky, "data.check=off")
    table, notes = searched(tmp_path, leaky, "budget.trials=2")
    assert len(table.finished) == 2
    assert any(note.startswith("24 images of one split") for note in notes)


def test_a_clean_set_is_silent(tmp_path: Path, blocks: Dataset) -> None:
    assert check_quickly(settings_of(tmp_path), blocks) == []


@pytest.mark.parametrize("check", ["strict", "warn", "off"])
@pytest.mark.parametrize("form", ["{}", "'{}'"])
def test_each_way_is_known(tmp_path: Path, check: str, form: str) -> None:
    assert load_settings(["conf=smoke", f"data.check={form.format(check)}"]).data.check == check


def test_off_in_a_file_of_the_users_is_a_word(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("defaults: [smoke, _self_]\nname: mine\ndata: {check: off}\n")
    assert load_settings([f"conf={tmp_path / 'mine.yaml'}"]).data.check == "off"


@pytest.mark.slow
@pytest.mark.seconds
def test_the_embedded_set_is_silent() -> None:
    """In full, under every preset but smoke, whose inputs of 96 px at most are too small for some of its boxes."""
    for preset in presets():
        findings = check_fully(load_settings([f"conf={preset}", "data=embedded"])).findings
        assert [f.code for f in findings] == (["labels.too_small"] if preset == "smoke" else [])
