"""The baseline as a line asks for it: a plain word, in each preset."""

import pytest

from search.settings.settings import load_settings


@pytest.mark.parametrize(
    ("arguments", "found", "is_named"),
    [
        (["conf=defects", "data.root=/photos"], "yolo26n", False),
        (["conf=traffic-signs", "data.root=/photos"], "yolo26n", False),
        (["conf=retail"], "yolo26n@160", False),
        (["conf=smoke"], "none", False),
        (["conf=smoke", "baseline=yolo11s"], "yolo11s", True),
        (["conf=smoke", "baseline=rtdetr-l@320"], "rtdetr-l@320", True),
        (["conf=retail", "baseline=none"], "none", True),
        (["conf=retail", "baseline=null"], "none", True),
        (["conf=retail", "++baseline=yolo26m"], "yolo26m", True),
    ],
)
def test_a_word_names_it(arguments: list[str], found: str, *, is_named: bool) -> None:
    settings = load_settings(arguments)
    assert (settings.baseline.to_json(), settings.baseline.is_named) == (found, is_named)
    assert settings.to_json()["baseline"] == found
