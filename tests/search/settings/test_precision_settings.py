"""Precisions as they are asked for on the command line."""

import re
from pathlib import Path

import pytest

from search.settings.precision_check import check_quantiser
from search.settings.settings import load_settings
from spaces.errors import AutomlError, SettingsError

DOC = Path(__file__).parents[3] / "docs" / "precision.md"


def test_trainings_are_of_fp32_and_other_precisions_come_after() -> None:
    space = load_settings(["conf=smoke", "space/deploy=int8"]).space
    assert "deploy.precision" in space.domains
    assert "deploy.precision" not in space.build(lambda name, domain: next(iter(getattr(domain, "values", (0,)))))
    assert "deploy.precision" not in load_settings(["conf=smoke"]).space.domains  # and studies without it go on


def test_a_sweep_on_the_line_is_the_same() -> None:
    line = load_settings(["conf=smoke", "+space.deploy.precision=choice(fp32, int8)"]).space
    assert line.to_json() == load_settings(["conf=smoke", "space/deploy=int8"]).space.to_json()


@pytest.mark.parametrize(
    ("text", "says"),
    [("choice(fp16, int8)", "lacks fp32"), ("choice(fp32, int4)", "unknown choice 'int4'; nearest: int8")],
)
def test_what_cannot_be_is_refused(text: str, says: str) -> None:
    with pytest.raises(AutomlError, match=says):
        load_settings(["conf=smoke", f"+space.deploy.precision={text}"])


def test_int8_for_openvino_needs_its_quantiser(monkeypatch: pytest.MonkeyPatch) -> None:
    space = load_settings(["conf=smoke", "space/deploy=int8"]).space
    check_quantiser(space, ["openvino"])
    monkeypatch.setattr("search.settings.precision_check.find_spec", lambda name: None)
    check_quantiser(space, ["onnxruntime"])
    check_quantiser(load_settings(["conf=smoke"]).space, ["openvino"])
    with pytest.raises(SettingsError, match=r"install automl\[int8\]"):
        check_quantiser(space, ["openvino"])


@pytest.mark.parametrize(
    ("runtimes", "said"),
    [
        (["litert"], "int8 is made for onnxruntime and openvino, and device.runtime=litert takes fp32"),
        (
            ["openvino", "onnxruntime"],
            "made for one runtime, and devices has onnxruntime and openvino",
        ),
    ],
)
def test_a_precision_that_no_file_can_have_is_refused(runtimes: list[str], said: str) -> None:
    space = load_settings(["conf=smoke", "space/deploy=int8"]).space
    with pytest.raises(SettingsError, match=said):
        check_quantiser(space, runtimes)
    check_quantiser(load_settings(["conf=smoke"]).space, runtimes)


@pytest.mark.parametrize("line", re.findall(r"^automl search ([^#\n]+)", DOC.read_text(encoding="utf-8"), re.MULTILINE))
def test_the_documented_lines_work(line: str) -> None:
    assert "deploy.precision" in load_settings(line.split()).space.domains
