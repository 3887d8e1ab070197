"""Figures of logged answers against labels: counts by hand, COCO's own mAP, and intervals over blocks."""

import math

import numpy as np
import pytest

from objectives.compare.answers import AnsweredImage, rate_answers
from objectives.predictions.record import LoggedBox

BOX, ASIDE = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 60.0, 60.0)


def image(block: str, answered: list[tuple[str, tuple[float, ...]]], labelled: list[str]) -> AnsweredImage:
    boxes = tuple(LoggedBox(name, 0.9 - 0.1 * i, box) for i, (name, box) in enumerate(answered))  # type: ignore[arg-type]  # four each
    return AnsweredImage(block, boxes, tuple((name, BOX) for name in labelled))


RIGHT = image("a", [("cap", BOX)], ["cap"])
WRONG = image("b", [("cap", ASIDE)], ["cap"])
OTHER = image("c", [("jar", BOX)], ["cap"])
NOTHING = image("d", [], ["jar"])
EMPTY = image("e", [], [])


@pytest.mark.parametrize(
    ("metric", "classes", "value"),
    [
        ("precision", [], 1 / 3),
        ("recall", [], 1 / 4),
        ("false_negative_rate", [], 3 / 4),
        ("f1", [], 2 / 7),
        ("precision", ["cap"], 1 / 2),
        ("false_negative_rate", ["cap"], 2 / 3),
        ("precision", ["jar"], 0.0),
    ],
)
def test_rates_are_counted_over_all_objects(metric: str, classes: list[str], value: float) -> None:
    found = rate_answers([RIGHT, WRONG, OTHER, NOTHING, EMPTY], metric, classes, 0.95)
    assert found.value == pytest.approx(value)
    assert (found.images, found.blocks, found.drawn) == (5, 5, "images")
    assert found.low <= found.value <= found.high


def test_map_is_the_mean_over_classes() -> None:
    found = rate_answers([RIGHT, RIGHT, NOTHING], "map50", [], 0.95)
    assert found.value == pytest.approx(0.5)  # caps are all found, jars never
    assert rate_answers([RIGHT, RIGHT], "map", ["cap"], 0.95).value == pytest.approx(1.0)


def test_where_nothing_was_answered_there_is_no_precision() -> None:
    assert math.isnan(rate_answers([NOTHING, EMPTY], "precision", [], 0.95).value)
    assert math.isnan(rate_answers([EMPTY, EMPTY], "recall", [], 0.95).value)
    assert math.isnan(rate_answers([RIGHT, WRONG], "precision", ["unknown"], 0.95).value)


def test_images_of_a_block_are_drawn_together() -> None:
    """A camera that is wrong all day is one bad day, not a hundred bad images: the interval is as wide as of days."""
    rng = np.random.default_rng(0)
    days = [bool(rng.random() < 0.7) for _ in range(20)]
    alike = [
        image(f"day {i}", [("cap", BOX if right else ASIDE)], ["cap"])
        for i, right in enumerate(days)
        for _ in range(20)
    ]
    apart = [AnsweredImage(str(k), one.answered, one.labelled) for k, one in enumerate(alike)]
    by_day, by_image = (rate_answers(images, "precision", [], 0.95) for images in (alike, apart))
    assert by_day.drawn == by_image.drawn == "blocks"
    assert by_day.value == by_image.value
    assert by_day.high - by_day.low > 3 * (by_image.high - by_image.low)
