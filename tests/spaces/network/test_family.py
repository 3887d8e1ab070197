"""Families: what a space must be for its elastic trainings, and which children they hold."""

from typing import Any

import pytest

from search.settings.settings import load_settings
from spaces.candidate import Candidate
from spaces.errors import SpaceError
from spaces.network.family import Family, check_elastic
from spaces.space import SearchSpace

LEAST = {
    "backbone": {"name": "lcnet_050"},
    "neck": {"width": 16, "depth": 1},
    "head": {"kind": "nms"},
    "size": {"pixels": 96},
}
ELASTIC = {**LEAST, "train": {"elastic": "choice(true, false)"}}
CUT = {"importance": "choice(none, l1, l2)", "ratio": 0.3}
IF_CUT = {"prune.importance": {"not": ["none"]}}


@pytest.mark.parametrize(
    "prune",
    [
        {**CUT, "when": {"ratio": IF_CUT}},
        {**CUT, "when": {"importance": {"backbone.name": ["lcnet_050"]}}},  # the backbone of every candidate
        {"importance": "l1", "ratio": 0.3},
    ],
)
def test_no_training_is_elastic_and_cut(prune: dict[str, Any]) -> None:
    with pytest.raises(SpaceError) as caught:
        check_elastic(SearchSpace.from_config({**ELASTIC, "prune": prune}))
    cuts = "l1" if prune["importance"] == "l1" else "l1, l2"
    assert str(caught.value) == (
        f"space.train.elastic: an elastic training cannot be pruned too (space.prune.importance has {cuts}): what the "
        "one masks the other cuts; take space/prune=none"
    )


@pytest.mark.parametrize(
    "groups",
    [
        {"prune": {**CUT, "when": {"importance": {"train.elastic": [False]}}}},
        {
            "train": {"elastic": "choice(true, false)", "when": {"elastic": {"prune.importance": ["none"]}}},
            "prune": CUT,
        },
        {
            "backbone": {"name": "choice(lcnet_050, lcnet_100)"},
            "train": {"elastic": True, "when": {"elastic": {"backbone.name": ["lcnet_100"]}}},
            "prune": {**CUT, "when": {"importance": {"backbone.name": ["lcnet_050"]}}},
        },
        {"prune": {"importance": "none"}},
        {"train": {"elastic": False}, "prune": CUT, "slim": {"p3": "interval(0, 0.5)"}},
        {"slim": {"p3": "range(0.0, 0.5, 0.25)"}, "neck": {"width": 16, "depth": "range(1, 4, 1)"}},
    ],
)
def test_what_is_elastic_or_cut_or_neither_is_taken(groups: dict[str, Any]) -> None:
    check_elastic(SearchSpace.from_config({**ELASTIC, **groups}))


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ({"slim": {"p3": "interval(0, 0.5)"}}, "space.slim.p3: interval(0, 0.5)"),
        ({"neck": {"width": 16, "depth": "int(interval(1, 3))"}}, "space.neck.depth: int(interval(1, 3))"),
    ],
)
def test_children_need_single_values_to_differ_in(groups: dict[str, Any], told: str) -> None:
    with pytest.raises(SpaceError) as caught:
        check_elastic(SearchSpace.from_config({**ELASTIC, **groups}))
    assert str(caught.value) == f"{told}: an elastic training needs single values; use choice(...) or range(...)"


@pytest.mark.seconds
def test_settings_are_checked_before_the_search() -> None:
    """`conf=defects` prunes."""
    with pytest.raises(SpaceError, match=r"take space/prune=none$"):
        load_settings(["conf=defects", "space/slim=elastic", "data.root=/anywhere"])
    load_settings(["conf=defects", "space/slim=elastic", "space/prune=none", "data.root=/anywhere"])


def test_a_family_holds_what_lies_below_its_own_size_and_depth() -> None:
    config = {**LEAST, "size": {"pixels": "range(64, 161, 32)"}, "slim": {"p3": "choice(0.25, 0.5)"}}
    parent = Candidate.of({"backbone.name": "lcnet_050", "size.pixels": 128, "neck.depth": 1})
    family = Family.of(parent, SearchSpace.from_config(config))
    assert family.axes == {"size.pixels": (128, 96, 64), "slim.p3": (0.0, 0.25, 0.5)}
    assert family.size == 9
    assert family.child(parent, {"size.pixels": 64, "slim.p3": 0.5})["size.pixels"] == 64
    with pytest.raises(SpaceError, match="a child of this training cannot have 160; it has 128, 96, 64"):
        family.child(parent, {"size.pixels": 160})
