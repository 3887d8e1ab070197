"""Images that nearly equal another one, within a split and across."""

import time

import pytest
from subjects import Labelled, counts, entry, picture, subject, texts

from objectives.data.check.alike import check_alike
from objectives.data.check.subject import CheckedImage, Subject

HASH = 0b1011_0110_0101_1100_1110_0001_1010_0011_0110_1001_0101_1100
BOXES: list[Labelled] = [(0, 20, 20, 40, 30), (1, 100, 20, 40, 30)]


def shot(
    name: str, split: str, bits: int = 0, boxes: list[Labelled] = BOXES, content: str = "", **more: object
) -> CheckedImage:
    """An image whose hash differs from HASH in so many bits."""
    looks = HASH ^ ((1 << bits) - 1)
    return entry(name, boxes, split, picture=picture(name, content, looks), **more)  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize("bits", [0, 3, 6])
def test_a_recoded_copy_in_another_split_is_a_leak(bits: int) -> None:
    moved: list[Labelled] = [(1, 101, 20, 39, 31), (0, 21, 20, 40, 30)]
    found = list(check_alike(subject(shot("a.jpg", "train"), shot("b.jpg", "val", bits, moved))))
    assert texts(found, "splits.near_leak") == ["a.jpg = b.jpg"]
    assert counts(found) == {"splits.near_leak": 1}


def test_a_scaled_copy_is_a_leak() -> None:
    large: list[Labelled] = [(label, *(2 * v for v in box)) for label, *box in BOXES]  # type: ignore[misc]  # four numbers behind the label
    images = [shot("a.jpg", "train"), shot("b.jpg", "test", 2, large, size_px=(400, 200))]
    assert counts(check_alike(subject(*images))) == {"splits.near_leak": 1}


@pytest.mark.parametrize(
    "boxes", [[], BOXES[:1], [(1, 20, 20, 40, 30), (1, 100, 20, 40, 30)], [(0, 60, 20, 40, 30), (1, 100, 20, 40, 30)]]
)
def test_one_camera_with_other_things_before_it_is_a_warning(boxes: list[Labelled]) -> None:
    found = list(check_alike(subject(shot("a.jpg", "train"), shot("b.jpg", "val", 2, boxes))))
    assert counts(found) == {"splits.alike": 1}


def test_two_people_who_annotate_one_photo_agree_on_most_boxes() -> None:
    first: list[Labelled] = [(0, 20 * i, 20, 15, 30) for i in range(10)]
    second: list[Labelled] = [*((0, 20 * i + 2, 22, 15, 30) for i in range(8)), (0, 170, 60, 20, 20)]
    assert counts(check_alike(subject(shot("a.jpg", "train", 0, first), shot("b.jpg", "val", 5, second)))) == {
        "splits.near_leak": 1
    }
    assert counts(check_alike(subject(shot("a.jpg", "train", 0, first), shot("b.jpg", "val", 5, second[4:])))) == {
        "splits.alike": 1
    }


def test_the_frame_that_shows_the_same_is_named() -> None:
    images = [shot("near.jpg", "train", 1, []), shot("same.jpg", "train", 4), shot("b.jpg", "val", 0)]
    found = list(check_alike(subject(*images)))
    assert texts(found, "splits.near_leak") == ["same.jpg = b.jpg"]


def test_other_pictures_and_blank_ones_are_not_alike() -> None:
    blank = [entry(f"{s}.jpg", BOXES, s, picture=picture(f"{s}.jpg", looks=0)) for s in ("train", "val")]
    broken = [entry(f"{s}.png", BOXES, s, picture=picture(f"{s}.png")) for s in ("train", "val")]
    images = [shot("a.jpg", "train"), shot("b.jpg", "val", 20), *blank, *broken]
    assert counts(check_alike(subject(*images))) == {}


def test_within_a_split_each_content_counts_once() -> None:
    images = [shot("a.jpg", "train"), shot("b.jpg", "train", 1), shot("c.jpg", "train", 1, content="b.jpg")]
    found = list(check_alike(subject(*images)))
    assert texts(found, "images.alike") == ["a.jpg = b.jpg"]
    assert counts(found) == {"images.alike": 1}


def test_identical_files_are_left_to_the_check_of_copies() -> None:
    images = [shot("a.jpg", "train", content="x"), shot("b.jpg", "val", content="x")]
    assert counts(check_alike(subject(*images))) == {}


def test_augmented_copies_of_one_photo_are_left_to_the_check_of_sources() -> None:
    images = [shot(f"a_jpg.rf.{i}2345678.jpg", split, i) for i, split in enumerate(("train", "train", "val"))]
    assert counts(check_alike(subject(*images))) == {}


@pytest.mark.seconds
@pytest.mark.slow
def test_a_fixed_camera_is_not_compared_frame_by_frame() -> None:
    """Four times the frames take about four times as long, not sixteen."""

    def frames(count: int) -> Subject:
        boxes: list[list[Labelled]] = [[(0, (7 * i) % 150, 10, 20, 20)] for i in range(count)]
        splits = ["val" if i % 4 == 0 else "train" for i in range(count)]
        return subject(*[shot(f"{i:05}.jpg", splits[i], i % 3, boxes[i], f"{i}") for i in range(count)])

    def seconds(it: Subject) -> float:
        began = time.process_time()
        found = counts(check_alike(it))
        assert sum(found.values()) >= len(it.entries) - 2
        return time.process_time() - began

    few, many = frames(1500), frames(6000)
    seconds(few)
    assert seconds(many) < 8 * seconds(few)
