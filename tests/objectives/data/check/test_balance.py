"""Imbalance of classes, of backgrounds, of sizes and shapes; splits of another kind."""

import numpy as np
from subjects import Labelled, counts, entry, subject, texts

from objectives.data.check.balance import check_balance
from objectives.data.check.crowds import check_crowds
from objectives.data.check.skew import check_skew
from objectives.data.check.subject import CheckedImage


def several(label: int, count: int, split: str = "train", box: tuple[float, float] = (40, 30)) -> list[CheckedImage]:
    return [entry(f"{split}/{label}-{i}.jpg", [(label, 10 + i % 7, 10, *box)], split) for i in range(count)]


def test_classes_of_very_different_counts() -> None:
    assert counts(check_balance(subject(*several(0, 100), *several(1, 10)))) == {}
    found = list(check_balance(subject(*several(0, 100), *several(1, 9))))
    assert texts(found, "balance.classes") == ["can 100, jar 9: 11 to 1"]
    found = list(check_balance(subject(*several(0, 202), *several(1, 2), *several(2, 9), classes=("a", "b", "c"))))
    assert counts(found) == {"balance.classes_far": 2}


def test_a_split_of_images_without_boxes() -> None:
    empty = [entry(f"val/{i}.jpg", split="val") for i in range(5)]
    found = list(check_balance(subject(*several(0, 9), *empty, *several(0, 4, "val"))))
    assert [(spot.text, spot.count) for spot in found] == [("val: 5 of 9 images", 5)]
    assert counts(check_balance(subject(*several(0, 9), *empty, *several(0, 5, "val")))) == {}


def test_boxes_that_are_unlike_their_class() -> None:
    usual = several(0, 40)
    assert counts(check_balance(subject(*usual, entry("a.jpg", [(0, 10, 10, 4, 3.5)])))) == {"balance.odd_size": 1}
    assert counts(check_balance(subject(*usual, entry("a.jpg", [(0, 10, 10, 5, 90)])))) == {"balance.odd_shape": 1}
    assert counts(check_balance(subject(*usual, entry("a.jpg", [(0, 10, 10, 20, 40)])))) == {}
    assert counts(check_balance(subject(*usual, *several(0, 30, box=(4, 3))))) == {}  # many are no exception


def test_a_split_with_other_classes_sizes_shapes_and_pictures() -> None:
    train = [*several(0, 60), *several(1, 60)]
    same = [*several(0, 30, "val"), *several(1, 30, "val")]
    assert counts(check_skew(subject(*train, *same))) == {}
    other = [*several(0, 60, "val", (160, 20))]
    found = list(check_skew(subject(*train, *other)))
    assert counts(found) == {"splits.other_classes": 2, "splits.other_shapes": 1, "splits.other_sizes": 1}
    assert texts(found, "splits.other_classes")[0] == "can: val 100%, train 50%"
    large = [entry(f"val/{i}.jpg", [(i % 2, 40, 40, 160, 120)], "val", (800, 400)) for i in range(60)]
    assert counts(check_skew(subject(*train, *large))) == {"splits.other_pictures": 1}


def test_a_small_split_differs_by_chance() -> None:
    assert (
        counts(check_skew(subject(*several(0, 50), *several(1, 50), *several(0, 3, "val"), *several(1, 1, "val"))))
        == {}
    )


def test_crowded_images() -> None:
    rng = np.random.default_rng(1)

    def crowd(name: str, count: int) -> CheckedImage:
        boxes: list[Labelled] = [(0, *rng.uniform(0, 90, 2), 9, 9) for _ in range(count)]
        return entry(name, boxes)

    usual = [crowd(f"{i}.jpg", 5) for i in range(300)]
    found = list(check_crowds(subject(*usual, crowd("a.jpg", 60))))
    assert texts(found, "labels.crowded") == ["a.jpg: 60 boxes"]
    assert counts(check_crowds(subject(*usual, crowd("a.jpg", 50)))) == {}


def test_images_that_all_have_the_same_boxes() -> None:
    pasted = [entry(f"{i}.jpg", [(0, 10, 10, 40, 30), (1, 60, 10, 40, 30)], source=f"{i}.txt") for i in range(5)]
    found = list(check_crowds(subject(*pasted)))
    assert [(spot.text, spot.count) for spot in found] == [("0.jpg = 1.jpg, 5 images in all", 5)]
    assert counts(check_crowds(subject(*pasted[:4]))) == {}
