"""Model descriptions: final channel counts, Ultralytics' own backbones as Ultralytics scales them, every head."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn
from ultralytics.nn import tasks

from spaces.candidate import Candidate
from spaces.errors import SpaceError
from spaces.network.backbones import ULTRALYTICS, is_native
from spaces.network.description import describe
from spaces.network.detector import build_detector
from spaces.vocabulary import VOCABULARY

Make = Callable[..., Candidate]
CLASSES = ("can", "jar", "box")


def shapes(layers: Any) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in nn.Sequential(*layers).state_dict().items()}


@pytest.mark.parametrize(("name", "letter"), [("yolo11", "n"), ("yolo26", "s"), ("yolo11", "m")])
def test_a_published_scale_is_ultralytics_own(make_candidate: Make, name: str, letter: str) -> None:
    depth, width, _ = ULTRALYTICS[name].scales[letter]
    candidate = make_candidate({"backbone.name": name, "backbone.depth": depth, "backbone.width": width})
    description = describe(candidate, CLASSES)
    assert is_native(description)
    layers = ULTRALYTICS[name].layers
    ours, _ = tasks.parse_model(deepcopy(description), ch=3, verbose=False)
    published, _ = tasks.parse_model(tasks.yaml_model_load(f"{name}{letter}.yaml"), ch=3, verbose=False)
    assert shapes(ours[:layers]) == shapes(published[:layers])


def test_a_free_width_rounds_channels_up_to_eights(make_candidate: Make) -> None:
    candidate = make_candidate({"backbone.name": "yolo26", "backbone.depth": 1.0, "backbone.width": 0.15})
    rows = describe(candidate, CLASSES)["backbone"]
    channels = [arguments[0] for _, _, _, arguments in rows]
    assert channels[:3] == [16, 24, 40]  # 64, 128, 256 times 0.15 are 9.6, 19.2, 38.4
    assert all(c % 8 == 0 for c in channels)
    assert max(repeats for _, repeats, _, _ in rows) == 2


@pytest.mark.parametrize("head", VOCABULARY["head.kind"].words)
@pytest.mark.parametrize("backbone", ["lcnet_050", "yolo26"])
def test_rows_hold_final_channels(make_candidate: Make, head: str, backbone: str) -> None:
    choices = {"backbone.name": backbone, "head.kind": head, "neck.width": 24, "neck.depth": 2}
    candidate = make_candidate({**choices, "backbone.depth": 0.5, "backbone.width": 0.125})
    description = describe(candidate, CLASSES)
    assert description["nc"] == 3
    assert is_native(description) == (backbone == "yolo26")
    outputs = description["head"][-1][0]
    rows = [*description["backbone"], *description["head"]]
    assert [rows[i][3][0] for i in outputs] == [24, 48, 96]
    assert [rows[i][1] for i in outputs] == [2, 2, 2]
    model: Any = build_detector(description, 0)
    for index, channels in zip(outputs, (24, 48, 96), strict=True):
        assert model.model[index].cv3.conv.out_channels == channels
        assert len(model.model[index].m) == 2
    assert model.yaml["nc"] == 3


def test_timm_channels_are_timms(make_candidate: Make) -> None:
    rows = describe(make_candidate({"backbone.name": "resnet10t"}), CLASSES)["backbone"]
    assert [row[2] for row in rows] == ["TimmBackbone", "Index", "Index", "Index"]
    assert [row[3] for row in rows[1:]] == [[128, 0], [256, 1], [512, 2]]


def test_describing_twice_gives_the_same(make_candidate: Make) -> None:
    """Building writes into the rows that it is given; ours must not be among them."""
    candidate = make_candidate({"backbone.name": "yolo11", "backbone.depth": 0.5, "backbone.width": 0.125})
    first = describe(candidate, CLASSES)
    kept = repr(first)
    build_detector(first, 0)
    assert repr(first) == kept
    assert describe(candidate, CLASSES) == first


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        ({"head.kind": "end2emd"}, "head.kind: unknown choice 'end2emd'; nearest: end2end"),
        ({"head.kind": "x"}, "head.kind: unknown choice 'x'; known: nms, end2end, rtdetr"),
        ({"backbone.name": "yolo11"}, "backbone.width: the candidate has no such choice"),
        ({"neck.width": "wide"}, "neck.width: must be a number, got 'wide'"),
    ],
)
def test_what_cannot_be_described_is_told(make_candidate: Make, choices: dict[str, Any], told: str) -> None:
    with pytest.raises(SpaceError, match=told):
        describe(make_candidate(choices), CLASSES)
