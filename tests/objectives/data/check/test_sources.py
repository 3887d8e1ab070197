"""Augmented copies of one photo, and groups of the user's: within a split, and across."""

import re

import pytest
from subjects import counts, entry, picture, subject, texts

from objectives.data.check.sources import check_sources
from objectives.data.check.subject import CheckedImage


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("shelf_jpg.rf.0a1b2c3d.jpg", "shelf_jpg.rf.9f8e7d6c.jpg"),
        ("shelf_aug_1.jpg", "shelf_aug_2.jpg"),
        ("shelf-aug0.png", "shelf-aug1.png"),
    ],
)
def test_copies_of_one_photo(one: str, other: str) -> None:
    found = list(
        check_sources(subject(entry(f"train/{one}"), entry(f"val/{other}", split="val"), entry("train/a.jpg")))
    )
    assert counts(found) == {"splits.source_leak": 1}
    assert f"train/{one} in train, val/{other} in val" in found[0].text
    found = list(check_sources(subject(entry(one), entry(other), entry("other.jpg"))))
    assert counts(found) == {"images.augmented": 2}


def test_photos_of_other_names_are_no_copies() -> None:
    names = ["shelf1.jpg", "shelf2.jpg", "august_1.jpg", "august_2.jpg", "a.rf.12345678.jpg", "b.rf.12345678.jpg"]
    images = [entry(name, split=split) for name in names for split in ("train",)]
    assert counts(check_sources(subject(*images))) == {}


def test_a_group_of_the_users_in_two_splits() -> None:
    images = [
        entry("cam1/monday/1.jpg"),
        entry("cam1/tuesday/2.jpg", split="val"),
        entry("cam1/tuesday/3.jpg", split="val"),
        entry("cam2/monday/4.jpg", split="val"),
        entry("elsewhere/5.jpg", split="val"),
        entry("elsewhere/6.jpg"),
    ]
    found = list(check_sources(subject(*images, group=re.compile(r"cam\d"))))
    assert texts(found, "splits.group_leak") == ["cam1: cam1/monday/1.jpg in train, cam1/tuesday/2.jpg in val"]
    assert counts(found) == {"splits.group_leak": 2}
    found = list(check_sources(subject(*images, group=re.compile(r"/(\w+day)/"))))
    assert counts(found) == {"splits.group_leak": 1}
    assert counts(check_sources(subject(*images))) == {}


def frame(name: str, split: str, bits: int) -> CheckedImage:
    """An image whose perceptual hash has so many bits."""
    return entry(name, split=split, picture=picture(name, looks=(1 << bits) - 1))


@pytest.mark.parametrize(
    ("other", "bits", "found"),
    [
        ("can_s_19.jpg", 40, True),
        ("can_s_19.jpg", 36, False),  # nearly equal: found by the looks
        ("can_s_19.jpg", 44, False),  # looks another
        ("can_s_24.jpg", 40, False),  # is far
        ("jar_s_19.jpg", 40, False),  # of another series
    ],
)
def test_neighbours_of_a_series_that_look_much_alike(other: str, bits: int, found: bool) -> None:
    images = [frame("can_s_13.jpg", "train", 30), frame("can_s_9.jpg", "train", 60), frame(other, "val", bits)]
    spots = list(check_sources(subject(*images)))
    assert texts(spots, "splits.series") == ([f"can_s_13.jpg = {other}"] if found else [])


def test_a_photo_of_the_name_of_an_augmented_one_is_its_source() -> None:
    images = [entry("train/shelf.jpg"), entry("val/shelf_aug_1.jpg", split="val")]
    assert counts(check_sources(subject(*images))) == {"splits.source_leak": 1}
