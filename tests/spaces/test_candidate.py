"""A candidate: frozen, hashable, the same after JSON."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.candidate import Candidate
from spaces.errors import SpaceError, nearest

values = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.one_of(st.text(), st.integers(), st.floats(allow_nan=False), st.booleans()),
    max_size=8,
)


@given(values)
def test_json_brings_it_back(chosen: dict[str, str | int | float | bool]) -> None:
    candidate = Candidate.of(chosen)
    again = Candidate.from_json(json.loads(json.dumps(candidate.to_json())))
    assert again == candidate
    assert hash(again) == hash(candidate)
    assert again.fingerprint == candidate.fingerprint
    assert dict(candidate) == chosen
    assert len(candidate) == len(chosen)


@given(values)
def test_order_does_not_matter(chosen: dict[str, str | int | float | bool]) -> None:
    turned = dict(reversed(chosen.items()))
    assert Candidate.of(turned) == Candidate.of(chosen)
    assert list(Candidate.of(turned)) == sorted(chosen)


def test_fingerprint_tells_candidates_apart() -> None:
    ones = [Candidate.of({"a.x": value}) for value in (1, 2, "1", True, 1.5)]
    assert len({c.fingerprint for c in ones}) == len(ones)
    assert len({Candidate.of({"a.x": 1}), Candidate.of({"a.x": 1}), Candidate.of({"a.x": 2})}) == 2


def test_it_is_frozen() -> None:
    candidate = Candidate.of({"a.x": 1})
    with pytest.raises(dataclasses.FrozenInstanceError):
        candidate.items_ = ()  # type: ignore[misc]  # that is what must fail
    with pytest.raises(KeyError):
        candidate["a.y"]


def test_reading_choices() -> None:
    candidate = Candidate.of({"train.lr0": 0.01, "train.batch": 8, "trainer.x": 1, "head.kind": "nms", "train.c": True})
    assert candidate.number("train.lr0") == 0.01
    assert candidate.text("head.kind") == "nms"
    assert candidate.text("train.batch") == "8"
    assert candidate.group("train") == {"batch": 8, "c": True, "lr0": 0.01}
    assert candidate.group("augment") == {}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("head.kind", "head.kind: must be a number, got 'nms'"),
        ("train.cosine", "train.cosine: must be a number, got True"),
        ("train.lr", "train.lr: the candidate has no such choice; nearest: train.lr0, train.cosine"),
        ("zzzz", "zzzz: the candidate has no such choice"),
    ],
)
def test_wrong_choices_are_told(name: str, told: str) -> None:
    candidate = Candidate.of({"train.lr0": 0.01, "head.kind": "nms", "train.cosine": True})
    with pytest.raises(SpaceError) as error:
        candidate.number(name)
    assert str(error.value) == told


def test_missing_text_is_told() -> None:
    with pytest.raises(SpaceError, match=r"nearest: backbone\.name"):
        Candidate.of({"backbone.name": "resnet18"}).text("backbone.nam")


def test_nearest_names_three_at_most() -> None:
    assert nearest("resnet19", ["resnet18", "resnet10", "resnet101", "resnet34", "vgg"]).count(",") == 2
    assert nearest("qqqq", ["resnet18"]) == ""
