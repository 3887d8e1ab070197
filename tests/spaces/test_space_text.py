"""A space that is read from its own text is the same space."""

import json

import pytest

from search.settings.compose import presets
from search.settings.settings import load_settings
from spaces.errors import SpaceError
from spaces.space import SearchSpace


@pytest.mark.slow
@pytest.mark.parametrize("preset", presets())
@pytest.mark.parametrize("more", [[], ["space/slim=none", "space/prune=gentle"], ["space/train=pretrained"]])
def test_every_preset_is_read_as_it_was_written(preset: str, more: list[str]) -> None:
    space = load_settings([f"conf={preset}", *more]).space
    read = SearchSpace.from_json(json.loads(json.dumps(space.to_json())))
    assert read == space
    assert read.fingerprint == space.fingerprint


def test_conditions_that_exclude_are_read() -> None:
    config = {
        "a": {"kind": "choice(x, y, 3)"},
        "b": {"size": "range(1, 9)", "when": {"size": {"a.kind": {"not": ["x", 3]}}}},
    }
    space = SearchSpace.from_config({**config, "b": {**config["b"], "when": {"size": {"a.kind": {"not": ["x", 3]}}}}})
    assert SearchSpace.from_json(space.to_json()) == space


def test_a_text_of_another_grammar_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"space\.a: cannot read the condition 'b is 3'"):
        SearchSpace.from_json({"b": "choice(3, 4)", "a": "choice(1, 2) if b is 3"})
