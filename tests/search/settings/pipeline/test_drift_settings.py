"""Settings of drift: what they refuse, and that the defaults hold."""

from pathlib import Path
from typing import Any

import pytest
import yaml

import search
from search.settings.pipeline.parts import DriftSettings
from spaces.errors import SettingsError

BASE = Path(search.__file__).parents[1] / "conf" / "pipeline" / "base.yaml"


def drift(**changes: Any) -> DriftSettings:
    return DriftSettings(**{**yaml.safe_load(BASE.read_text())["triggers"]["drift"], **changes})


def test_the_defaults_hold_and_give_every_figure_a_margin() -> None:
    found = drift()
    assert drift(watch=[*found.watch, "embedding"]).margins["embedding"] > 0


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"watch": ["brightnes"]}, "'brightnes' is no figure that is watched; nearest: brightness"),
        ({"margins": {"brightness": 0.1, "embeding": 0.2}}, "nearest: embedding"),
        ({"margins": {"brightness": 0.1}}, "contrast is watched and has no margin"),
        ({"margins": {**drift().margins, "count": -0.1}}, r"must lie in 0..10, .*'count': -0.1"),
        ({"window_days": 0}, "window_days must be above 0"),
        ({"window_days": 30}, "baseline_days no less, got 30 and 28"),
        ({"images_min": 1}, "images_min: must be 2 or more, got 1"),
        ({"false_alarms": 0}, r"must lie in 0..50 a year, 0 left out, got 0"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(SettingsError, match=line):
        drift(**changes)
