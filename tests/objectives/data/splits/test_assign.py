"""Splits: groups stay whole, shares and classes are kept, the past is trained on, leaks come to one side."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from objectives.data.splits.assign import assign, natural
from objectives.data.splits.folds import folds
from objectives.data.splits.groups import Groups
from objectives.data.splits.repair import leaking, repaired
from objectives.data.splits.times import assign_by_time, times_of
from spaces.errors import DataError

SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}
NAMES = ("can", "jar", "box")


@dataclass(frozen=True, eq=False)
class Boxes:
    path: Path
    classes: NDArray[np.int64]


def images_of(classes: Sequence[Sequence[int]]) -> list[Boxes]:
    return [Boxes(Path(f"/set/{i:04d}.jpg"), np.array(found, dtype=np.int64)) for i, found in enumerate(classes)]


def alone(count: int) -> Groups:
    return Groups(np.arange(count))


@st.composite
def sets(draw: st.DrawFn) -> tuple[list[Boxes], Groups]:
    count = draw(st.integers(3, 60))
    classes = draw(st.lists(st.lists(st.integers(0, 2), max_size=4), min_size=count, max_size=count))
    of = draw(st.lists(st.integers(0, draw(st.integers(2, count))), min_size=count, max_size=count))
    _, numbers = np.unique(of, return_inverse=True)
    return images_of(classes), Groups(numbers)


@given(sets(), st.integers(0, 3))
@settings(deadline=None)
def test_groups_stay_whole_no_split_is_empty_and_what_is_missing_is_said(
    made: tuple[list[Boxes], Groups], seed: int
) -> None:
    images, groups = made
    if len(groups.members()) < 3 and max(map(len, groups.members())) <= 0.7 * len(images):
        with pytest.raises(DataError, match="needs 3 groups of images or more for train, val, test, got"):
            assign(images, groups, NAMES, SHARES, seed)
        return
    splits, findings = assign(images, groups, NAMES, SHARES, seed)
    assert set(splits) == set(SHARES)
    whole = [group for group in groups.members() if len(group) <= 0.7 * len(images)]
    assert all(len({splits[i] for i in group}) == 1 for group in whole)
    cut = sum(f.count for f in findings if f.code == "splits.large_group")
    assert cut == len(images) - sum(map(len, whole))
    said = {e.split()[0]: e for f in findings if f.code == "splits.rare_class" for e in f.examples}
    for split in SHARES:
        for k, name in enumerate(NAMES):
            holders = {splits[i] for i, image in enumerate(images) if k in image.classes}
            assert (f"'{name}'" in said.get(split, "")) == (bool(holders) and split not in holders)


def test_shares_of_images_and_of_every_class_are_kept() -> None:
    chance = np.random.default_rng(0)
    images = images_of([chance.choice(3, chance.integers(0, 6), p=[0.9, 0.07, 0.03]).tolist() for _ in range(2000)])
    splits, findings = assign(images, Groups(np.repeat(np.arange(500), 4)), NAMES, SHARES, 1)
    assert findings == ()
    for split, share in SHARES.items():
        mine = [image for image, of in zip(images, splits, strict=True) if of == split]
        assert len(mine) == pytest.approx(share * 2000, rel=0.03)
        for k in range(3):
            boxes = sum((image.classes == k).sum() for image in mine)
            assert boxes == pytest.approx(share * sum((image.classes == k).sum() for image in images), rel=0.1)


def test_the_same_images_in_another_order_go_where_they_went() -> None:
    chance = np.random.default_rng(0)
    images = images_of([chance.integers(0, 3, 2).tolist() for _ in range(60)])
    splits, _ = assign(images, Groups(np.arange(60) // 2), NAMES, SHARES, 5)
    order = chance.permutation(60)
    again, _ = assign([images[i] for i in order], Groups(order // 2), NAMES, SHARES, 5)
    assert again == [splits[i] for i in order]
    assert assign(images, Groups(np.arange(60) // 2), NAMES, SHARES, 6)[0] != splits


def test_a_class_of_two_images_is_trained_on_and_scored_and_one_of_a_single_image_is_named() -> None:
    images = images_of([[0]] * 50 + [[1], [1], [2]])
    splits, findings = assign(images, alone(53), NAMES, {"train": 0.8, "val": 0.2}, 0)
    assert sorted(splits[50:52]) == ["train", "val"]
    assert splits[52] == "train"
    assert [(f.code, f.examples) for f in findings] == [("splits.rare_class", ("val has no 'box'",))]


def test_one_scene_for_nearly_all_is_cut_in_the_order_of_names() -> None:
    images = images_of([[0]] * 100)
    splits, (finding,) = assign(images, Groups(np.array([0] * 90 + [1] * 10)), NAMES, {"train": 0.8, "val": 0.2}, 0)
    assert (finding.code, finding.count) == ("splits.large_group", 90)
    assert finding.examples == ("'0000.jpg' to '0089.jpg'",)
    assert 15 <= splits.count("val") <= 25
    assert sum(one != other for one, other in pairwise(splits)) <= 12  # runs, not single images


@pytest.mark.parametrize("shares", [{"val": 1.0}, {"train": 0.5, "val": 0.2}, {"train": 1.0, "val": 0.0}])
def test_shares_that_are_none_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(DataError, match="shares must be over 0 and 1 in all"):
        assign(images_of([[0]] * 9), alone(9), NAMES, shares, 0)


def test_names_sort_as_people_sort_them() -> None:
    assert sorted(["f10", "f9", "f9b", "e", "²"], key=natural) == ["e", "f9", "f9b", "f10", "²"]


# Time


def test_the_past_is_trained_on() -> None:
    paths = [Path(f"/set/cam/{day}-10-2021 {i}.jpg") for day in (9, 31, 5, 12, 20) for i in range(4)]
    times = times_of(paths, Path("/set"), r"(\d+)-10-2021")
    splits = assign_by_time(times, alone(20), {"train": 0.6, "val": 0.2, "test": 0.2})
    days = {split: {int(t) for t, of in zip(times, splits, strict=True) if of == split} for split in SHARES}
    assert days == {"train": {5, 9, 12}, "val": {20}, "test": {31}}


def test_a_group_counts_as_of_its_latest_image() -> None:
    splits = assign_by_time(
        [str(i) for i in range(10)], Groups(np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 0])), {"train": 0.8, "val": 0.2}
    )
    assert splits == ["val", *["train"] * 8, "val"]


def test_each_split_by_time_has_an_image() -> None:
    assert assign_by_time(["1", "2", "3"], alone(3), {"train": 0.98, "val": 0.01, "test": 0.01}) == [
        "train",
        "val",
        "test",
    ]
    with pytest.raises(DataError, match="needs 3 groups of images or more, got 2"):
        assign_by_time(["1", "2"], alone(2), SHARES)


def test_a_path_without_a_time_is_an_error() -> None:
    with pytest.raises(DataError, match=r"finds no time in 1 of 2 images, such as 'b\.jpg'"):
        times_of([Path("/set/2021.jpg"), Path("/set/b.jpg")], Path("/set"), r"\d+")
    with pytest.raises(DataError, match="is no regular expression"):
        times_of([Path("/set/2021.jpg")], Path("/set"), r"(")


# Folds


@pytest.mark.parametrize("repeats", [1, 3])
def test_each_image_is_scored_on_once_a_repeat_and_never_trained_on_beside(repeats: int) -> None:
    chance = np.random.default_rng(0)
    images, groups = images_of([chance.integers(0, 3, 2).tolist() for _ in range(40)]), Groups(np.arange(40) // 2)
    made, findings = folds(images, groups, NAMES, 4, repeats, 0)
    assert findings == ()
    assert len(made) == 4 * repeats
    assert Counter(i for fold in made for i in fold.val.tolist()) == dict.fromkeys(range(40), repeats)
    for fold in made:
        assert sorted([*fold.train, *fold.val]) == list(range(40))
        assert not set(groups.of[fold.train]) & set(groups.of[fold.val])
    assert len({tuple(fold.val) for fold in made}) == 4 * repeats


@pytest.mark.parametrize(("count", "repeats"), [(1, 1), (3, 0)])
def test_folds_out_of_range_are_refused(count: int, repeats: int) -> None:
    with pytest.raises(DataError, match="needs 2 folds or more and 1 repeat or more"):
        folds(images_of([[0]] * 9), alone(9), NAMES, count, repeats, 0)


# Leaks


def test_leaks_come_to_the_side_where_most_of_the_group_is() -> None:
    splits = ["train", "train", "val", "val", "val", "train", "test", "train"]
    groups = Groups(np.array([0, 0, 0, 1, 1, 2, 2, 3]))
    assert leaking(splits, groups) == [[0, 1, 2], [5, 6]]
    moved, (finding,) = repaired(splits, groups, [f"{i}.jpg" for i in range(8)])
    assert moved == ["train", "train", "train", "val", "val", "test", "test", "train"]
    assert (finding.code, finding.count) == ("splits.moved", 2)
    assert finding.examples == ("2.jpg: val -> train", "5.jpg: train -> test")
    assert leaking(moved, groups) == []
    assert repaired(moved, groups, [""] * 8) == (moved, ())
