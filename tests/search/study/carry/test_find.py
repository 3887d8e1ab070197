"""Names of `carry`: each stands for one detector with its files, or is refused in one line."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from quick_search import run, settings_of

from objectives.data.dataset import Dataset
from objectives.records.paths import ExportPaths
from search.settings.settings import Settings, load_settings
from search.study.carry.find import find_carried
from spaces.errors import SettingsError

pytestmark = pytest.mark.seconds


@pytest.fixture(scope="module")
def runs(blocks: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study of two quick trials, named smoke."""
    folder = tmp_path_factory.mktemp("runs")
    run(settings_of(folder, "budget.trials=2", "sampler=random", "pruner=none", "trial.backend=inline"), blocks)
    return folder


def named(runs: Path, *names: str) -> Settings:
    return settings_of(runs, "name=new", f"carry=[{', '.join(names)}]")


def refused(runs: Path, blocks: Dataset, *names: str) -> str:
    with pytest.raises(SettingsError) as caught:
        find_carried(named(runs, *names), blocks)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_trial_is_found_by_number_by_word_and_by_path(runs: Path, blocks: Dataset) -> None:
    (by_number,), notes = find_carried(named(runs, "smoke:1"), blocks)
    assert notes == []
    record = by_number.record
    assert (record.source, record.study, record.trial, record.origin) == ("smoke:1", "smoke", 1, "trained")
    assert record.epochs == 4
    assert record.epoch_s is not None
    assert record.map is not None
    assert by_number.candidate is not None  # of the same space
    (by_path,), _ = find_carried(named(runs, f"{runs}/smoke:1"), blocks)
    assert replace(by_path.record, given="smoke:1") == record
    (best,), _ = find_carried(named(runs, "smoke:best"), blocks)
    (gate,), _ = find_carried(named(runs, "smoke"), blocks)
    assert best.record.trial == gate.record.trial  # there is no gate


def test_an_epoch_costs_as_many_more_seconds_as_there_are_more_images(runs: Path, blocks: Dataset) -> None:
    (whole,), _ = find_carried(named(runs, "smoke:1"), blocks)
    half = replace(blocks, splits={**blocks.splits, "train": blocks.splits["train"][:24]})
    (halved,), _ = find_carried(named(runs, "smoke:1"), half)
    assert whole.record.epoch_s is not None
    assert halved.record.epoch_s == pytest.approx(whole.record.epoch_s / 2)


def test_wrong_names_are_refused_in_one_line(runs: Path, blocks: Dataset) -> None:
    assert "nearest: smoke" in refused(runs, blocks, "smoek:1")
    assert "studies: smoke" in refused(runs, blocks, "entirely-else:1")
    assert "carry: 'smoke:99': " in refused(runs, blocks, "smoke:99")
    assert "nearest: best" in refused(runs, blocks, "smoke:bets")
    assert "is the study itself" in refused(runs, blocks, "new:0")
    assert "are the same detector" in refused(runs, blocks, "smoke:1", f"{runs}/smoke:1")
    empty = runs / "empty"
    empty.mkdir(exist_ok=True)
    assert "holds no model.onnx" in refused(runs, blocks, str(empty))


def test_a_line_that_names_one_twice_or_no_list_is_refused() -> None:
    for line, why in (("carry=[a, a]", "stands there twice"), ("carry=a", "must be a list of detectors")):
        with pytest.raises(SettingsError, match=why):
            load_settings(["conf=smoke", line])


def test_classes_are_matched_by_name_and_what_differs_is_said(runs: Path, blocks: Dataset) -> None:
    others = replace(blocks, classes=("Blue", "green"))
    (found,), notes = find_carried(named(runs, "smoke:1"), others)
    assert found.record.classes == ["red", "blue"]
    assert notes == [
        "carry: smoke:1: it lacks green, which it scores 0 on until it is trained on",
        "carry: smoke:1: its classes red are none of this data set's",
    ]
    with pytest.raises(SettingsError, match=r"knows none of the data set's classes \(cup, mug\), but red, blue"):
        find_carried(named(runs, "smoke:1"), replace(blocks, classes=("cup", "mug")))


def test_one_without_weights_is_refused(runs: Path, blocks: Dataset) -> None:
    weights = runs / "smoke" / "trials" / "00000" / "weights.pt"
    hidden = weights.rename(weights.with_name("hidden"))
    try:
        assert "lacks weights.pt" in refused(runs, blocks, "smoke:0")
    finally:
        hidden.rename(weights)


def test_an_export_is_found_with_what_its_lineage_says(runs: Path, blocks: Dataset, tmp_path: Path) -> None:
    (trial,), _ = find_carried(named(runs, "smoke:1"), blocks)
    export = ExportPaths(tmp_path / "out")
    export.folder.mkdir()
    (export.folder / "model.onnx").write_bytes((trial.folder / "model.onnx").read_bytes() + b"x")
    (export.folder / "weights.pt").write_bytes((trial.folder / "weights.pt").read_bytes())
    config = {"study": "smoke", "trial": 1, "candidate": trial.record.candidate, "classes": ["red", "blue"]}
    export.config.write_text(yaml.safe_dump({**config, "search_epochs": 4, "epochs": 16}))
    (found,), _ = find_carried(named(runs, str(export.folder)), blocks)
    assert found.record.source == str(export.folder)
    assert found.record.origin == "an export of trial 1 of study smoke"
    assert found.record.epochs == 4
    assert found.record.epoch_s is None  # no lineage says what was timed
