"""The gate from the command line, and held against the data set before the first trial."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_data import CARD, yolo

from objectives.data.dataset import Dataset
from objectives.data.readers import read_dataset
from objectives.records.gate import Gate
from objectives.trial.job import HELD_OUT_LEAST
from search.settings.checks.gate_check import check_gate, gate_notes
from search.settings.settings import Settings, load_settings
from spaces.errors import SettingsError


def settings_of(*line: str) -> Settings:
    return load_settings(["conf=smoke", *line])


@pytest.mark.parametrize(
    ("line", "gate"),
    [
        ([], Gate()),
        (["gate.f1_min=0.7", "gate.file_mb_max=12"], Gate(f1_min=0.7, file_mb_max=12.0)),
        (["gate.recall_of.cola=0.9"], Gate(recall_of={"cola": 0.9})),
        (["+gate.recall_of.cola=.9", "gate.misses_of.jar=0.1"], Gate(recall_of={"cola": 0.9}, misses_of={"jar": 0.1})),
        (["gate.recall_of.coca cola, 0.5 l=0.9"], Gate(recall_of={"coca cola, 0.5 l": 0.9})),
        (["gate.recall_of.'Öl=x'=0.9"], Gate(recall_of={"Öl=x": 0.9})),
        (["gate.recall_of={cola: 0.9}", "gate.recall_of.jar=0.5"], Gate(recall_of={"cola": 0.9, "jar": 0.5})),
        (["gate.recall_of={cola: 0.9}", "gate.recall_of.cola=null"], Gate()),
        (
            ["gate.own=[{_target_:m.wobble,min:0.5,max:2},{_target_:m.f,name:sway,max:1,scale:3}]"],
            Gate(
                own=[
                    {"_target_": "m.wobble", "name": "wobble", "min": 0.5, "max": 2.0},
                    {"_target_": "m.f", "name": "sway", "max": 1.0, "scale": 3},
                ]
            ),
        ),
    ],
)
def test_every_bound_is_set_from_the_line(line: list[str], gate: Gate) -> None:
    assert settings_of(*line).gate == gate


def test_a_preset_s_bounds_of_classes_are_kept_beside_those_of_the_line(tmp_path: Path) -> None:
    preset = tmp_path / "mine.yaml"
    preset.write_text("defaults: [base, _self_]\nname: mine\ngate: {recall_of: {cola: 0.9, jar: 0.5}}\n")
    gate = load_settings([f"conf={preset}", "gate.recall_of.jar=0.7"]).gate
    assert gate == Gate(recall_of={"cola": 0.9, "jar": 0.7})


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("gate.recall_of.cola=most", "gate.recall_of.cola: must be a number or null, got 'most'"),
        ("gate.recall_of.cola", "gate.recall_of..*: must be a number or null, got ''"),
        ("gate.recal_of.cola=0.9", "unknown setting 'gate.recal_of.cola'; nearest: gate.recall_of"),
        ("gate.recall_of={cola: most}", "gate.recall_of.cola: Value 'most' of type 'str' could not be converted"),
        ("gate.own=[{name:x,min:1}]", "gate.own: needs the function"),
        ("latency.confidence=best_f2", "latency.confidence: must be a score from 0 to under 1, best_f1, or recall_R"),
    ],
)
def test_what_cannot_be_a_bound_is_one_line(line: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told) as caught:
        settings_of(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("word", "kept"), [("best_f1", "best_f1"), ("recall_0.9", "recall_0.9"), ("0.4", 0.4)])
def test_the_confidence_is_a_score_or_a_rule(word: str, kept: Any) -> None:
    assert settings_of(f"latency.confidence={word}").latency.confidence == kept


@pytest.fixture
def cans(tmp_path: Path) -> Dataset:
    """Labels of 20 x 15 px, jars in the training split alone."""
    labels = {"train/0": "0 0.5 0.5 0.5 0.5\n1 0.5 0.5 0.2 0.2", "train/1": "1 0.5 0.5 0.5 0.5"}
    return read_dataset(yolo(tmp_path, {**labels, "val/2": "0 0.5 0.5 0.5 0.5"}, CARD))


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        (Gate(recall_of={"cann": 0.5}), "gate.recall_of: the data set has no class 'cann'; nearest: can"),
        (Gate(misses_of={"bottle": 0.5}), "gate.misses_of: the data set has no class 'bottle'; known: can, jar"),
        (Gate(recall_of={"jar": 0.5}), "gate.recall_of: split 'val' holds no 'jar' to judge it by; leave it out"),
        (Gate(own=[{"_target_": "no_such.f", "min": 1}]), "gate.own: cannot import 'no_such.f'"),
    ],
)
def test_bounds_that_cannot_be_judged_are_refused(cans: Dataset, gate: Gate, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        check_gate(gate, cans, "val", families=False)


def test_bounds_that_can_be_judged_are_not(cans: Dataset, tmp_path: Path) -> None:
    check_gate(Gate(recall_of={"can": 0.5}, map_small_min=0.1), cans, "val", families=False)
    large = yolo(tmp_path / "large", {f"{s}/0": "0 0.5 0.5 0.9 0.9" for s in ("train", "val")}, CARD, size=(80, 60))
    with pytest.raises(SettingsError, match=r"gate\.map_small_min: split 'val' holds no object of 32 x 32 px"):
        check_gate(Gate(map_small_min=0.1), read_dataset(large), "val", families=True)


def halved(dataset: Dataset, *, jars_in: int, images: int = HELD_OUT_LEAST) -> Dataset:
    """Return a data set with so many validation images, every second one with a can or with a small jar."""
    can, both = dataset.splits["val"][0], dataset.splits["train"][0]
    jar = replace(both, classes=both.classes[1:], boxes_xywh=both.boxes_xywh[1:])
    large = replace(can, boxes_xywh=np.array([[0.0, 0.0, 400.0, 300.0]]), width_px=400, height_px=300)
    val = tuple(jar if i % 2 == jars_in else large for i in range(images))
    return replace(dataset, splits={**dataset.splits, "val": val})


ELASTIC = ("space/slim=elastic", "space/prune=none")


@pytest.mark.parametrize(
    ("bound", "objects"),
    [
        ("gate.recall_of.jar=0.5", "recall_of: .* 'jar'"),
        ("gate.misses_of.jar=0.5", "misses_of: .* 'jar'"),
        ("gate.map_small_min=0.1", "map_small_min: .* object of 32 x 32 px"),
    ],
)
def test_children_of_a_large_split_need_the_objects_in_their_half(cans: Dataset, bound: str, objects: str) -> None:
    line, alone = settings_of(bound, *ELASTIC), settings_of(bound)
    with pytest.raises(SettingsError, match=objects) as caught:
        gate_notes(line, halved(cans, jars_in=0))
    assert "judged, holds no" in str(caught.value)
    assert "\n" not in str(caught.value)
    (note,) = gate_notes(line, halved(cans, jars_in=1))
    assert "chosen, holds no" in note
    assert gate_notes(alone, halved(cans, jars_in=0)) == ()  # every detector is judged on the whole split
    assert gate_notes(line, halved(cans, jars_in=0, images=HELD_OUT_LEAST - 1)) == ()  # a small split is not halved
