"""Whole published detectors: exactly Ultralytics' own networks, and spaces that ask for what cannot be built."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
import yaml

from search.settings.settings import load_settings
from spaces.candidate import Candidate
from spaces.errors import SpaceError
from spaces.network.backbones import RTDETR, ULTRALYTICS
from spaces.network.description import describe
from spaces.network.detector import build_detector, count_parameters, is_rtdetr
from spaces.network.family import Family
from spaces.network.own import OWN_HEADS, head_kind
from spaces.network.published import needed, start_of
from spaces.space import SearchSpace

CLASSES = ("can", "jar", "box")
SCALES = [(name, letter) for name, one in ULTRALYTICS.items() for letter in one.scales]
LINE = ("conf=smoke", "~space.neck.width", "space/neck=own")


def whole(name: str, letter: str = "n", **more: Any) -> Candidate:
    values: dict[str, Any] = {"backbone.name": name, "neck.kind": "own", "size.pixels": 64, **more}
    if name in ULTRALYTICS:
        depth, width, _ = ULTRALYTICS[name].scales[letter]
        values |= {"backbone.width": width, "backbone.depth": depth}
    return Candidate.of(values)


def build(candidate: Candidate, seed: int = 0) -> Any:
    """Build from the description as `model.yaml` keeps it."""
    return build_detector(yaml.safe_load(yaml.safe_dump(describe(candidate, CLASSES))), seed)


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize(("name", "letter"), SCALES)
def test_at_a_published_scale_it_is_exactly_ultralytics_network(name: str, letter: str) -> None:
    from ultralytics.nn.tasks import DetectionModel

    ours, theirs = build(whole(name, letter)), DetectionModel(f"{name}{letter}.yaml", nc=3, verbose=False)
    state = ours.state_dict()
    assert {key: value.shape for key, value in state.items()} == {k: v.shape for k, v in theirs.state_dict().items()}
    assert list(state) == list(theirs.state_dict())
    assert count_parameters(ours) == count_parameters(theirs)
    assert [type(layer) for layer in ours.model] == [type(layer) for layer in theirs.model]
    theirs.load_state_dict(state)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        found, wanted = ours.eval()(image)[1], theirs.eval()(image)[1]
    heads = [(found[key], wanted[key]) for key in ("one2many", "one2one")] if name == "yolo26" else [(found, wanted)]
    assert all(torch.equal(one[key], other[key]) for one, other in heads for key in ("boxes", "scores"))
    assert ours.end2end == (name == "yolo26")


@pytest.mark.seconds
@pytest.mark.parametrize("name", RTDETR)
def test_rtdetr_is_exactly_ultralytics_network(name: str) -> None:
    from ultralytics.nn.tasks import RTDETRDetectionModel

    ours, theirs = build(whole(name)), RTDETRDetectionModel(f"{name}.yaml", nc=3, verbose=False)
    assert is_rtdetr(ours)
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in theirs.state_dict().items()}
    with torch.no_grad():
        assert ours.eval()(torch.zeros(1, 3, 96, 96))[0].shape[-1] == 6


@pytest.mark.seconds
def test_other_widths_and_depths_scale_neck_and_head_too() -> None:
    sizes = [
        count_parameters(build(Candidate.of({**whole("yolo11"), "backbone.width": width, "backbone.depth": depth})))
        for width, depth in ((0.125, 0.5), (0.25, 0.5), (0.25, 1.0), (0.375, 0.5))
    ]
    assert sizes[0] < sizes[1] < min(sizes[2:])


def test_a_timm_network_has_no_neck_of_its_own() -> None:
    with pytest.raises(SpaceError, match=r"neck\.kind: lcnet_050 has no neck of its own; yolo11, yolo26, rtdetr-l"):
        describe(whole("lcnet_050"), CLASSES)


def test_the_kind_of_head_is_the_published_detectors() -> None:
    assert {name: head_kind(whole(name)) for name in OWN_HEADS} == OWN_HEADS
    assert head_kind({"backbone.name": "yolo26", "head.kind": "nms"}) == "nms"
    assert head_kind({}) is None


def space_of(*overrides: str) -> SearchSpace:
    return load_settings([*LINE, *overrides]).space


def candidates(space: SearchSpace) -> list[dict[str, Any]]:
    asked = ("backbone.name", "backbone.width", "neck.kind", "neck.width", "neck.depth", "head.kind")
    return list(space.combinations(asked))


def test_with_own_necks_alone_nothing_of_ours_exists() -> None:
    space = space_of("space.backbone.name=yolo11,rtdetr-l")
    found = candidates(space)
    assert {one["backbone.name"] for one in found} == {"yolo11", "rtdetr-l"}
    assert all(
        one["neck.kind"] == "own" and one.keys() <= {"backbone.name", "backbone.width", "neck.kind"} for one in found
    )
    assert [one for one in found if one["backbone.name"] == "rtdetr-l"] == [
        {"backbone.name": "rtdetr-l", "neck.kind": "own"}
    ]


def test_own_necks_stand_beside_ours() -> None:
    found = candidates(load_settings(["conf=retail", "space/neck=all"]).space)
    own = [one for one in found if one.get("neck.kind") == "own"]
    assert {one["backbone.name"] for one in own} == {"yolo11", "yolo26"}
    assert all("neck.width" not in one and "head.kind" not in one and "neck.depth" not in one for one in own)
    ours = [one for one in found if one.get("neck.kind") != "own"]
    assert all({"neck.width", "neck.depth", "head.kind"} <= one.keys() for one in ours)
    assert {"lcnet_050", "yolo11"} <= {one["backbone.name"] for one in ours}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            [*LINE],
            r"space\.neck\.kind: tinynet_e has no neck of its own, only yolo11, yolo26, rtdetr-l, rtdetr-x have;",
        ),
        (
            ["conf=smoke", "space.backbone.name=rtdetr-l"],
            "rtdetr-l exists with its own neck alone; take space/neck=own",
        ),
        (
            ["conf=smoke", "space.backbone.name=yolo11", "space/neck=own"],
            r"neck\.width: .* leave it out \(~space\.neck",
        ),
        (
            [
                "conf=smoke",
                "space.backbone.name=yolo11",
                "+space.neck.kind=pan",
                "+space.neck.when={width: {neck.kind: [own]}}",
            ],
            r"space\.neck\.width: is missing for yolo11 with our own neck",
        ),
        (
            [*LINE, "space.backbone.name=rtdetr-l", "space/backbone=yolo"],
            r"space\.backbone\.width: rtdetr-l has one size",
        ),
        (
            [*LINE, "space.backbone.name=yolo11", "space.head.kind=end2end"],
            r"space\.head\.kind: end2end is not the head of yolo11, which has its own \(nms\) with neck\.kind=own",
        ),
        (
            [*LINE, "space.backbone.name=yolo11", "+space.slim.p3=choice(0.0, 0.5)"],
            r"space\.slim\.p3: a detector with neck\.kind=own keeps the channels that are published",
        ),
        (["conf=smoke", "+space.neck.kind=pann"], r"unknown choice 'pann'; nearest: pan; known: pan, own"),
        (["conf=smoke", "~space.neck.width"], r"space\.neck\.width: is missing; give a value or a sweep"),
    ],
)
def test_what_cannot_be_built_is_one_line(line: list[str], said: str) -> None:
    with pytest.raises(SpaceError, match=said) as error:
        load_settings(line)
    assert "\n" not in str(error.value)


def test_the_head_of_all_may_be_named() -> None:
    assert head_kind(whole("yolo11")) == "nms"
    space_of("space.backbone.name=yolo11", "space.head.kind=nms")


def test_an_elastic_training_of_one_has_sizes_alone() -> None:
    space = load_settings(["conf=retail", "space/neck=all"]).space
    family = Family.of(whole("yolo11", **{"size.pixels": 256, "train.elastic": True}), space)
    assert list(family.axes) == ["size.pixels"]
    assert family.smallest == {"size.pixels": 128}


def files(*overrides: str) -> Sequence[str]:
    return [one.name for one in needed(space_of("space/train=pretrained", *overrides))]


def test_files_of_whole_detectors_are_those_of_their_backbones() -> None:
    assert files("space.backbone.name=yolo26,rtdetr-x", "++space.backbone.width=0.25,1.0") == [
        "yolo26n",
        "yolo26m",
        "rtdetr-x",
    ]
    assert start_of(whole("rtdetr-l", **{"train.pretrained": "hub"})) == "rtdetr-l"
    assert start_of(whole("yolo11", "s", **{"train.pretrained": "hub"})) == "yolo11s"


def test_a_condition_may_hold_for_an_absent_parent() -> None:
    when = {"kind": {"backbone.name": ["a"]}, "width": {"neck.kind": ["pan", None]}}
    groups = {
        "backbone": {"name": "choice(a, b)"},
        "neck": {"kind": "choice(pan, own)", "width": "choice(8, 16)", "when": when},
    }
    space = SearchSpace.from_config(groups)
    found = list(space.combinations(("backbone.name", "neck.kind", "neck.width")))
    with_width = {(one["backbone.name"], one.get("neck.kind")) for one in found if "neck.width" in one}
    assert with_width == {("a", "pan"), ("b", None)}
    assert {(one["backbone.name"], one.get("neck.kind")) for one in found} == {*with_width, ("a", "own")}
    assert space.to_json()["neck.width"] == "choice(8, 16) if neck.kind in pan, absent"
    assert space.may_hold({"backbone.name": "b", "neck.width": 8})
    assert not space.may_hold({"neck.kind": "own", "neck.width": 8})
    assert math.prod((2, 2, 2)) == space.size
