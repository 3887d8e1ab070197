"""Classes that are unused, missing in a split, rare, or nearly one."""

import pytest
from subjects import counts, entry, subject, texts

from objectives.data.check.classes import check_classes, folded, is_slip
from objectives.data.check.subject import CheckedImage


def boxes(label: int, count: int, split: str = "train") -> list[CheckedImage]:
    return [entry(f"{split}/{label}-{i}.jpg", [(label, 10, 10, 40, 30)], split) for i in range(count)]


def test_classes_that_nobody_uses_and_that_a_split_lacks() -> None:
    images = [*boxes(0, 20), *boxes(0, 3, "val"), *boxes(0, 3, "test"), *boxes(1, 12), *boxes(2, 4, "val")]
    found = list(check_classes(subject(*images, classes=("can", "jar", "tin", "lid"))))
    assert counts(found) == {
        "classes.unused": 1,
        "classes.not_in_train": 1,
        "classes.not_in_val": 1,
        "classes.not_in_test": 2,
    }
    assert texts(found, "classes.unused") == ["lid"]
    assert texts(found, "classes.not_in_train") == ["tin: train 0, val 4, test 0"]
    assert texts(found, "classes.not_in_val") == ["jar: train 12, val 0, test 0"]


def test_a_class_with_few_boxes() -> None:
    found = list(check_classes(subject(*boxes(0, 10), *boxes(1, 9))))
    assert texts(found, "classes.few") == ["jar: train 9"]


def test_a_box_without_size_teaches_nothing() -> None:
    found = check_classes(subject(*boxes(0, 10), entry("a.jpg", [(1, 10, 10, 0, 30)])))
    assert texts(found, "classes.unused") == ["jar"]


@pytest.mark.parametrize(
    ("names", "rare", "found"),
    [
        (("Can", "can"), 50, False),  # the reader says so
        (("red can", "RedCan"), 50, True),
        (("stop sign", "stop_sign"), 50, True),
        (("bottle", "bottles"), 50, True),
        (("Müller", "Muller"), 50, True),
        (("bottle", "botle"), 3, True),
        (("bottle", "bottel"), 3, True),
        (("bottle", "botle"), 50, False),
        (("lane1", "lane2"), 3, False),
        (("can", "car"), 3, False),
        (("glass", "glas"), 50, False),
        (("red wbc", "red rbc"), 50, False),
    ],
)
def test_names_that_may_be_one(names: tuple[str, str], rare: int, found: bool) -> None:
    spots = list(check_classes(subject(*boxes(0, 50), *boxes(1, rare), classes=names)))
    assert bool(texts(spots, "classes.near_equal")) == found


def test_a_slip_that_only_one_split_has() -> None:
    images = [*boxes(0, 20), *boxes(1, 20, "val")]
    found = list(check_classes(subject(*images, classes=("forklift", "forklit"))))
    assert texts(found, "classes.near_equal") == ["forklift and forklit (train 20, val 0; train 0, val 20)"]


@pytest.mark.parametrize(
    ("one", "other"), [("horse", "horses"), ("mouse", "house"), ("truck", "truk"), ("crate", "carte")]
)
def test_one_letter(one: str, other: str) -> None:
    assert folded(one) == folded(other) or (is_slip(one, other) and is_slip(other, one))


@pytest.mark.parametrize(
    ("one", "other"), [("horse", "mouse"), ("person", "parlor"), ("knife", "knifes1"), ("level3", "level4")]
)
def test_more_than_one_letter(one: str, other: str) -> None:
    assert not is_slip(one, other)
