"""Augmented copies of one photo, and groups of the user's: within a split, and across."""

import re

import pytest
from subjects import counts, entry, subject, texts

from objectives.data.check.sources import check_sources


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("shelf_jpg.rf.0a1b2c.jpg", "shelf_jpg.rf.9f8e.jpg"),
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
    names = ["shelf1.jpg", "shelf2.jpg", "august_1.jpg", "august_2.jpg", "a.rf.1.jpg", "b.rf.1.jpg"]
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
    found = list(check_sources(subject(*images, groups=re.compile(r"cam\d"))))
    assert texts(found, "splits.group_leak") == ["cam1: cam1/monday/1.jpg in train, cam1/tuesday/2.jpg in val"]
    assert counts(found) == {"splits.group_leak": 2}
    found = list(check_sources(subject(*images, groups=re.compile(r"/(\w+day)/"))))
    assert counts(found) == {"splits.group_leak": 1}
    assert counts(check_sources(subject(*images))) == {}
