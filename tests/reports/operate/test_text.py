"""Lines of a look for the terminal."""

from typing import Any

from reports.operate.text import look_lines
from reports.operate.words import change_words, performance_words

QUIET = {"name": "brightness", "change": -0.04, "margin": 0.15, "drifted": False, "images": 84}
DRIFTED = {"name": "class_mix", "change": 0.314, "margin": 0.15, "drifted": True, "images": 1084}
RATED = {"metric": "map50", "value": 0.812, "low": 0.79, "high": 0.834, "images": 120, "bound": 0.85}
LIVE = {"version": "v0002", "answers": 1200, "errors": 3, "p50_ms": 12.0, "p95_ms": 18.2}


def look(**more: Any) -> dict[str, Any]:
    return {"drift": [], "performance": None, "triggers": [], "notes": [], "live": None, "alerts": []} | more


def test_a_quiet_look_names_what_changed_most() -> None:
    unknown = {**QUIET, "name": "count", "change": None}
    assert look_lines(look(drift=[unknown, QUIET])) == ["drift: none of 1 figures; brightness -4 % is the most"]


def test_what_a_look_has_found() -> None:
    lines = look_lines(
        look(drift=[QUIET, DRIFTED], performance=RATED, live=LIVE, alerts=["a camera"], notes=["count: few"])
    )
    assert lines == [
        "drift: class mix 0.31, margin 0.15, 1,084 images",
        "performance: mAP50 0.812 (0.790 to 0.834), 120 images; bound 0.85",
        "answers: 1,200 of v0002, 3 errors, p50 12.0 ms, p95 18.2 ms",
        "look: a camera",
        "not watched: count: few",
    ]


def test_nothing_is_watched() -> None:
    assert look_lines(look()) == []


def test_small_changes_have_no_sign() -> None:
    assert [change_words("count", value) for value in (0.001, -0.001, 0.1, None)] == ["0 %", "0 %", "+10 %", "–"]
    assert performance_words({**RATED, "low": None, "high": None}) == "mAP50 0.812, 120 images"
