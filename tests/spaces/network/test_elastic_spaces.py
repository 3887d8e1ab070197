"""Spaces with elastic trainings: what they cannot have is refused before the search."""

from typing import Any

import pytest

from search.settings.settings import load_settings
from spaces.errors import SpaceError
from spaces.network.family import check_elastic
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
    """Families and structural pruning of one space."""
    with pytest.raises(SpaceError, match=r"take space/prune=none$"):
        load_settings(["conf=defects", "space/prune=structural", "data.root=/anywhere"])
    load_settings(["conf=defects", "data.root=/anywhere"])
