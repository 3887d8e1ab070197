"""Families: which children an elastic training has."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.candidate import Candidate
from spaces.errors import SpaceError
from spaces.network.family import Family, check_precision, is_elastic, slim_ratios
from spaces.space import SearchSpace

SPACE = SearchSpace.from_config(
    {
        "backbone": {"name": "choice(lcnet_050, yolo11)"},
        "neck": {"width": 16, "depth": "choice(1, 2)"},
        "size": {"pixels": "range(128, 257, 64)"},
        "train": {"elastic": "choice(true, false)"},
        "slim": {
            "p3": "choice(0.0, 0.3)",
            "head": "choice(0.5, 0.0, 0.3)",
            "when": {"p3": {"train.elastic": [False]}, "head": {"train.elastic": [False]}},
        },
    }
)


def parent(**changes: Any) -> Candidate:
    base = {"backbone.name": "lcnet_050", "neck.width": 16, "neck.depth": 2, "size.pixels": 192, "train.elastic": True}
    return Candidate.of({**base, **{name.replace("__", "."): value for name, value in changes.items()}})


def test_axes_begin_with_the_whole_network_and_hold_nothing_above_it() -> None:
    family = Family.of(parent(), SPACE)
    assert family.axes == {
        "neck.depth": (2, 1),
        "size.pixels": (192, 128),
        "slim.p3": (0.0, 0.3),
        "slim.head": (0.0, 0.3, 0.5),
    }
    assert family.size == 24


def test_an_axis_of_one_value_is_none() -> None:
    assert Family.of(parent(neck__depth=1, size__pixels=128), SPACE).axes.keys() == {"slim.p3", "slim.head"}


def test_ultralytics_backbones_lose_no_channels() -> None:
    assert "slim.p3" not in Family.of(parent(backbone__name="yolo11"), SPACE).axes


def test_an_interval_is_refused_in_one_line() -> None:
    space = SearchSpace.from_config({"size": {"pixels": "range(128, 257, 64)"}, "slim": {"p3": "interval(0.1, 0.5)"}})
    with pytest.raises(SpaceError, match=r"slim\.p3.*single values"):
        Family.of(parent(), space)


@given(st.data())
def test_children_are_candidates_that_say_what_they_were_chosen_as(data: st.DataObject) -> None:
    family = Family.of(parent(), SPACE)
    choices = {name: data.draw(st.sampled_from(values)) for name, values in family.axes.items()}
    child = family.child(parent(), choices)
    assert family.choices_of(child) == choices
    assert {n: v for n, v in child.items() if n not in family.axes} == {
        n: v for n, v in parent().items() if n not in family.axes
    }
    assert is_elastic(child)
    assert slim_ratios(child) == {n.removeprefix("slim."): v for n, v in choices.items() if "slim" in n and v}
    assert Family.from_json(family.to_json()) == family


def test_a_choice_that_no_child_has_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"size\.pixels: a child .* 256; it has 192, 128"):
        Family.of(parent(), SPACE).child(parent(), {"size.pixels": 256})


def test_a_part_that_cannot_be_cut_is_left_out() -> None:
    assert Family.of(parent(), SPACE).only(["head"]).axes.keys() == {"neck.depth", "size.pixels", "slim.head"}


PRECISIONS = {"deploy": {"precision": "choice(fp32, int8)"}}


def test_any_training_has_its_other_precisions() -> None:
    space = SearchSpace.from_config({"size": {"pixels": "choice(128, 96)"}, **PRECISIONS})
    parent = space.build(lambda name, domain: 128)
    assert "deploy.precision" not in parent  # it is trained in fp32, and none twice for its precision
    family = Family.of_precisions(parent, space)
    assert family is not None
    assert family.axes == {"deploy.precision": ("fp32", "int8")}
    child = family.child(parent, {"deploy.precision": "int8"})
    assert child == Candidate.of({**parent, "deploy.precision": "int8"})
    assert family.child(parent, {}) == parent
    assert Family.of_precisions(child, space) is None
    fixed = SearchSpace.from_config({"size": {"pixels": 128}, "deploy": {"precision": "int8"}})
    assert fixed.build(lambda name, domain: 128)["deploy.precision"] == "int8"
    assert Family.of_precisions(fixed.build(lambda name, domain: 128), fixed) is None


def test_an_elastic_training_has_them_beside_its_own_axes() -> None:
    space = SearchSpace.from_config({"size": {"pixels": "choice(128, 96)"}, "train": {"elastic": True}, **PRECISIONS})
    family = Family.of(space.build(lambda name, domain: 128), space)
    assert family.axes == {"size.pixels": (128, 96), "deploy.precision": ("fp32", "int8")}
    assert family.trained().axes == {"size.pixels": (128, 96)}
    assert family.trained().with_precisions(family) == family
    assert family.is_whole({"size.pixels": 128, "deploy.precision": "int8"})
    assert not family.is_whole({"size.pixels": 96, "deploy.precision": "int8"})


def test_several_precisions_hold_the_one_of_trainings() -> None:
    with pytest.raises(SpaceError, match=r"deploy\.precision: choice\(fp16, int8\) lacks fp32"):
        check_precision(SearchSpace.from_config({"deploy": {"precision": "choice(fp16, int8)"}}))
    check_precision(SearchSpace.from_config({"deploy": {"precision": "int8"}}))
