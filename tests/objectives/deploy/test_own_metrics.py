"""Metrics of the user's own: found from the folder that the search runs in, checked before a trial, never its end."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives.data.dataset import LabelledImage
from objectives.deploy.detector import Detections
from objectives.deploy.own_metrics import Measured, check_own, measure_own
from objectives.records.records import Latency
from spaces.errors import SettingsError

CODE = """
import sys

calls = []

def share(detections, images, confidence, scale=1.0):
    found = sum(int((one.scores > confidence).sum()) for one in detections)
    return scale * found / sum(len(one.classes) for one in images)

def everything(**given):
    return len(given)

def by_file(file, latency, classes):
    return len(file.name) + latency.p50_ms + len(classes)

def wrong(detection):
    return 0.0

def positional(detections, /):
    return 0.0

def broken(detections):
    raise KeyError("no such class")

def nan():
    return float("nan")

def text():
    return "high"

def left(code=None):
    sys.exit(code)

class Tensor:
    def __float__(self):
        raise RuntimeError("a Tensor with 2 elements cannot be converted to Scalar")

def tensor():
    return Tensor()

CONSTANT = 3
"""
LATENCY = Latency(8.0, 10.0, 8.0, 8.0, 7.0, 60, 1.0, True, "", "d3vice", 0)
FOUND = Detections(np.zeros((3, 4)), np.array([0.9, 0.5, 0.1]), np.zeros(3, np.int64))
IMAGE = LabelledImage(Path("a.jpg"), 80, 80, np.zeros((4, 4)), np.zeros(4, np.int64))
MEASURED = Measured([FOUND], [IMAGE], ("can", "jar"), 0.25, LATENCY, Path("model.onnx"))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a module that lies in no path."""
    (tmp_path / "own_metrics_of_users.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])
    yield tmp_path
    sys.modules.pop("own_metrics_of_users", None)


def metric(function: str, **more: Any) -> dict[str, Any]:
    return {"_target_": f"own_metrics_of_users.{function}", "name": function, "min": 0.0, **more}


@pytest.mark.parametrize(
    ("one", "value"),
    [
        (metric("share"), 0.5),
        (metric("share", scale=3), 1.5),
        (metric("everything"), 6.0),
        (metric("by_file"), 10 + 8 + 2),
    ],
)
def test_a_function_is_given_what_it_names(one: dict[str, Any], value: float) -> None:
    check_own([one])
    warnings: list[str] = []
    assert measure_own([one], MEASURED, warnings.append) == {one["name"]: value}
    assert warnings == []


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (metric("wrong"), "takes 'detection', which it is not given; nearest: detections; known: detections, images,"),
        (metric("positional"), "takes 'detections' by position alone; take it by its name"),
        (
            metric("share", scael=2),
            "unknown setting 'scael' of 'own_metrics_of_users.share'; nearest: scale; known: sc",
        ),
        (metric("nan", scale=2), "unknown setting 'scale' of 'own_metrics_of_users.nan'; it has none"),
        (metric("nothing"), "cannot import 'own_metrics_of_users.nothing' .*has no attribute 'nothing'"),
        (metric("CONSTANT"), "'own_metrics_of_users.CONSTANT' cannot be called"),
        ({**metric("x"), "_target_": "no_such_module.x"}, r"cannot import 'no_such_module.x' \(No module named"),
    ],
)
def test_what_cannot_be_called_is_found_before_the_first_trial(one: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=f"^gate.own: .*{told}"):
        check_own([one])


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("broken", "'broken' was not measured: KeyError: 'no such class'"),
        ("nan", "'nan' was not measured: it gave nan"),
        ("left", "'left' was not measured: SystemExit: SystemExit"),
        ("tensor", "'tensor' was not measured: it must give a number, got Tensor"),
        ("text", "'text' was not measured: it must give a number, got str"),
        (
            "gone",
            "cannot import 'own_metrics_of_users.gone' (module 'own_metrics_of_users' has no attribute 'gone'); "
            "give the dotted path of a function in this folder, in PYTHONPATH or installed",
        ),
    ],
)
def test_one_that_gives_no_number_is_a_warning_and_no_value(function: str, told: str) -> None:
    warnings: list[str] = []
    assert measure_own([metric(function), metric("share")], MEASURED, warnings.append) == {function: None, "share": 0.5}
    assert warnings == [f"gate.own: {told}"]


def test_a_module_that_ends_the_process_is_one_line(here: Path) -> None:
    (here / "own_script_of_users.py").write_text("import sys\nsys.exit('usage: own_script FILE')\n")
    one = {**metric("x"), "_target_": "own_script_of_users.x"}
    told = "gate.own: cannot import 'own_script_of_users.x' (usage: own_script FILE); give the dotted path"
    with pytest.raises(SettingsError) as error:
        check_own([one])
    assert str(error.value).startswith(told)
    warnings: list[str] = []
    assert measure_own([one], MEASURED, warnings.append) == {"x": None}
    assert warnings == [str(error.value)]
