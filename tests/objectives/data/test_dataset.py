"""Data sets as people keep them: COCO and YOLO, with the flaws that they have."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_data import CARD, Box, boxes_of, coco, counts, draw, yolo

from objectives.data.dataset import make_image
from objectives.data.frame import read_header
from objectives.data.pictures.decode import read_image
from objectives.data.readers import read_dataset
from spaces.errors import DataError

# COCO


def test_roboflows_coco(tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        draw(tmp_path / split / "a.jpg")
        coco(tmp_path / split / "_annotations.coco.json", {"a.jpg": [(7, (1, 2, 10, 12)), (3, (5, 5, 4, 4))]})
    found = read_dataset(tmp_path)
    assert list(found.splits) == ["test", "train", "val"]
    assert boxes_of(found, "val") == [("can", [1, 2, 10, 12]), ("jar", [5, 5, 4, 4])]
    assert found.splits["val"][0].path == tmp_path / "valid" / "a.jpg"
    assert found.classes == ("can", "jar")
    assert found.notes == ("1 classes without a box: left out (unused)",)
    assert found.name == tmp_path.name


@pytest.mark.parametrize("images", ["images", "train2017", "images/train", "."])
def test_coco_with_annotations_apart(tmp_path: Path, images: str) -> None:
    draw(tmp_path / images / "a.jpg")
    draw(tmp_path / images.replace("train", "val") / "b.jpg")
    coco(tmp_path / "annotations" / "instances_train2017.json", {"a.jpg": [(7, (1, 2, 10, 12))]})
    coco(tmp_path / "annotations" / "instances_val2017.json", {"b.jpg": [(3, (1, 2, 10, 12))]})
    coco(tmp_path / "annotations" / "captions_train2017.json", {})
    found = read_dataset(tmp_path, "coco", name="shop")
    assert (found.name, set(found.splits), found.classes) == ("shop", {"train", "val"}, ("can", "jar"))


def test_a_single_json_is_split_by_whole_photos(tmp_path: Path) -> None:
    names = [f"photo{i}.rf.{j}.jpg" for i in range(10) for j in range(3)]
    for name in names:
        draw(tmp_path / name)
    coco(tmp_path / "labels.json", {name: [(7, (1, 2, 10, 12))] for name in names})
    for root in (tmp_path, tmp_path / "labels.json"):
        found = read_dataset(root)
        photos = {split: {i.path.name.split(".rf.")[0] for i in images} for split, images in found.splits.items()}
        assert len(photos["val"]) == 2
        assert len(photos["train"]) == 8
        assert not photos["val"] & photos["train"]
        assert len(found.splits["val"]) == 6
        assert counts(found)["splits.validation"] == 6
    assert read_dataset(tmp_path).fingerprint == found.fingerprint  # the same split each time


def test_flawed_boxes_are_left_out_and_told(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "a.jpg")
    draw(tmp_path / "val" / "b.jpg")
    flawed: list[tuple[int, Box]] = [
        (7, (1, 1, 0, 5)),
        (7, (1, 1, 0.4, 5)),
        (7, (50, 50, 5, 5)),
        (7, (5, 5, -4, 4)),
        (7, (1, 1, float("nan"), 5)),
        (99, (1, 1, 5, 5)),
    ]
    content = coco(tmp_path / "train.json", {"a.jpg": [(7, (-5, -5, 20, 100)), (3, (1, 1, 2, 2)), *flawed]})
    crowd = {"id": 9, "image_id": 10, "category_id": 7, "bbox": [0, 0, 9, 9], "iscrowd": 1}
    (tmp_path / "train.json").write_text(json.dumps({**content, "annotations": [*content["annotations"], crowd]}))
    coco(tmp_path / "val.json", {"b.jpg": [(7, (1, 1, 2, 2))]})
    found = read_dataset(tmp_path)
    assert boxes_of(found, "train") == [("can", [0, 0, 15, 30]), ("jar", [1, 1, 2, 2])]
    assert counts(found) == {
        "labels.no_size": 4,
        "labels.not_a_box": 1,
        "labels.outside": 1,
        "labels.unknown_class": 1,
        "labels.crowd": 1,
        "classes.unused": 1,
    }


def test_images_without_boxes_stay(tmp_path: Path) -> None:
    for name in ("train/a.jpg", "train/b.jpg", "val/c.jpg"):
        draw(tmp_path / name)
    coco(tmp_path / "train.json", {"a.jpg": [(7, (1, 2, 10, 12))], "b.jpg": []})
    coco(tmp_path / "val.json", {"c.jpg": [(7, (1, 2, 10, 12))]})
    found = read_dataset(tmp_path)
    assert [len(i.classes) for i in found.splits["train"]] == [1, 0]
    assert found.to_json()["splits"] == {"train": {"images": 2, "boxes": 1}, "val": {"images": 1, "boxes": 1}}
    assert found.splits["train"][1].boxes_xywh.shape == (0, 4)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"images": [{"id": 10, "file_name": "gone.jpg"}]},
            "none of the 1 images of '.*' is there and can be read; image 'gone.jpg'",
        ),
        ({"annotations": [{"image_id": 10, "category_id": 7}]}, "no box; .*; found 1 lines or entries that are no box"),
        ({"annotations": [{"image_id": 10, "category_id": 7, "bbox": [1, 2]}]}, "found 1 lines or entries that are no"),
        ({"annotations": []}, "holds 1 images and no box"),
    ],
)
def test_unusable_coco_is_told(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    draw(tmp_path / "a.jpg")
    coco(tmp_path / "train.json", {"a.jpg": [(7, (1, 2, 10, 12))]}, changes)
    with pytest.raises(DataError, match=rf"^data\.root: .*{told}"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"), [("{", "is not readable JSON"), ("[]", "lacks annotations, categories, images"), ("3", "lacks")]
)
def test_json_that_is_no_coco_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "train.json").write_text(text)
    with pytest.raises(DataError, match=told):
        read_dataset(tmp_path)


# YOLO


@pytest.mark.parametrize(
    "card",
    [
        CARD,
        "train: ../train/images\nval: ../val/images\nnames: [can, jar]\nnc: 2\nroboflow: {license: x}\n",
        "path: .\ntrain: train/images\nvalid: val/images\nnames: {1: jar, 0: can}\n",
        "train: [train/images]\nval: val\ntest:\nnames: {0: can, 1: jar}\n",
        "train: train.txt\nval: val.txt\nnames: [can, jar]\n",
    ],
)
def test_yolo_cards(tmp_path: Path, card: str) -> None:
    yolo(tmp_path / "set", {"train/a": "0 0.5 0.5 0.5 0.2\n\n1 0.25 0.5 0.5 1\n", "val/b": "1 0.5 0.5 1 1"}, card)
    for split, name in (("train", "a"), ("val", "b")):
        (tmp_path / "set" / f"{split}.txt").write_text(f"./{split}/images/{name}.jpg\n")
    for root in (tmp_path / "set", tmp_path / "set" / "data.yaml"):
        found = read_dataset(root)
        assert found.name == "set"
        assert boxes_of(found, "train") == [("can", [10, 12, 20, 6]), ("jar", [0, 0, 20, 30])]
        assert boxes_of(found, "val") == [("jar", [0, 0, 40, 30])]
        assert found.notes == ()


def test_polygons_become_boxes(tmp_path: Path) -> None:
    polygon = "0 0.25 0.5 0.5 0.1 0.75 0.9"
    found = read_dataset(yolo(tmp_path, {"train/a": polygon, "val/b": "1 0.5 0.5 1 1"}, CARD))
    (name, box), *_ = boxes_of(found, "train")
    assert name == "can"
    assert box == pytest.approx([10, 3, 20, 24])


def test_an_unused_class_is_dropped_and_the_rest_move_up(tmp_path: Path) -> None:
    card = CARD.replace("[can, jar]", "[bag, can, box, jar]")
    found = read_dataset(yolo(tmp_path, {"train/a": "3 0.5 0.5 1 1", "val/b": "1 0.5 0.5 1 1"}, card))
    assert found.classes == ("can", "jar")
    assert found.splits["train"][0].classes.tolist() == [1]
    assert found.splits["val"][0].classes.tolist() == [0]
    assert found.notes == ("2 classes without a box: left out (bag, box)",)


@pytest.mark.parametrize(
    ("label", "code", "said"),
    [
        ("2 0.5 0.5 1 1", "labels.unknown_class", "class 2"),
        ("-1 0.5 0.5 1 1", "labels.unknown_class", "class -1"),
        ("0.5 0.5 0.5 1 1", "labels.unknown_class", "class 0.5"),
        ("0 0.5 0.5 1", "labels.not_a_box", "'0 0.5 0.5 1'"),
        ("0 0.1 0.1 0.2 0.2 0.3", "labels.not_a_box", "'0 0.1 0.1 0.2 0.2 0.3'"),
        ("can 0.5 0.5 1 1", "labels.not_a_box", "'can 0.5 0.5 1 1'"),
        ("nan 0.5 0.5 1 1", "labels.not_a_box", "'nan 0.5 0.5 1 1'"),
        ("inf 0.5 0.5 1 1", "labels.not_a_box", "'inf 0.5 0.5 1 1'"),
        ("0 0.5 0.5 1e400 1", "labels.not_a_box", "'0 0.5 0.5 1e400 1'"),
        ("0 0.5 0_5 1 1", "labels.not_a_box", "'0 0.5 0_5 1 1'"),
    ],
)
def test_bad_labels_are_findings_and_the_rest_is_read(tmp_path: Path, label: str, code: str, said: str) -> None:
    yolo(tmp_path, {"train/a": f"{label}\n0 0.5 0.5 0.5 0.2\n", "val/b": "1 0.5 0.5 1 1"}, CARD)
    found = read_dataset(tmp_path)
    assert boxes_of(found, "train") == [("can", [10, 12, 20, 6])]
    assert [(f.code, f.count, f.examples) for f in found.findings] == [(code, 1, (f"train/labels/a.txt: {said}",))]


@pytest.mark.parametrize(
    ("card", "told"),
    [
        (
            "train: other/images\nval: val\nnames: [can, jar]\n",
            "names 'other/images' for train, which does not exist",
        ),
        ("train: list.txt\nnames: [can]\n", "needs two labelled photos or more"),
        ("names: [can\n", "is not readable YAML"),
        ("val: val/images\nnames: [can, jar]\n", "has no labelled training image"),
        ("train: train/images\nval: empty\nnames: [can, jar]\n", "has no box in its validation split"),
        ("train: train/images\nnames: [can, jar]\n", "needs two labelled photos or more"),
        ("nc: x\nhello\n", "is not readable YAML"),
    ],
)
def test_unusable_yolo_is_told(tmp_path: Path, card: str, told: str) -> None:
    yolo(tmp_path, {"train/a": "0 0.5 0.5 1 1", "val/b": "1 0.5 0.5 1 1"}, card)
    draw(tmp_path / "empty" / "c.jpg")
    (tmp_path / "list.txt").write_text("train/images/a.jpg\ngone.jpg\n")
    if "other/images" in card:
        shutil.rmtree(tmp_path / "train")
    with pytest.raises(DataError, match=told):
        read_dataset(tmp_path)


def test_nothing_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_dataset(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"found no COCO JSON in '.*'; seen: no file; known formats: yolo, coco"):
        read_dataset(tmp_path, "coco")
    with pytest.raises(DataError, match=r"data\.format: 'cocoa' is unknown; nearest: coco, voc; known: auto, yolo"):
        read_dataset(tmp_path, "cocoa")


# Images


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sizes_are_those_of_the_decoded_image(tmp_path: Path, orientation: int) -> None:
    path = draw(tmp_path / "a.jpg", (40, 30), orientation)
    height, width, _ = read_image(path).shape
    assert read_header(path).shown_px == (width, height)
    assert (width, height) == ((40, 30) if orientation < 5 else (30, 40))


def test_a_turned_photo_has_its_boxes_as_seen(tmp_path: Path) -> None:
    yolo(tmp_path, {"train/a": "0 0.5 0.25 1 0.5", "val/b": "1 0.5 0.5 1 1"}, CARD)
    draw(tmp_path / "train" / "images" / "a.jpg", (40, 30), orientation=6)
    assert boxes_of(read_dataset(tmp_path), "train") == [("can", [0, 0, 30, 20])]


def test_broken_images_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_text("no image")
    with pytest.raises(DataError, match="is not a readable image"):
        read_header(path)
    with pytest.raises(DataError, match="cannot be decoded"):
        read_image(path)


# Fingerprint and boxes


def test_the_fingerprint_follows_content_and_not_place(tmp_path: Path) -> None:
    labels = {"train/a": "0 0.5 0.5 0.5 0.2", "train/b": "1 0.5 0.5 0.5 0.2", "val/b": "1 0.5 0.5 1 1"}
    yolo(tmp_path / "one", labels, CARD)
    shutil.copytree(tmp_path / "one", tmp_path / "deeper" / "two")
    first, second = read_dataset(tmp_path / "one").fingerprint, read_dataset(tmp_path / "deeper" / "two").fingerprint
    assert first == second
    changes = [
        {**labels, "train/a": "1 0.5 0.5 0.5 0.2"},
        {**labels, "train/a": "0 0.5 0.5 0.5 0.3"},
        {**labels, "train/c": ""},
    ]
    prints = {read_dataset(yolo(tmp_path / f"{i}", change, CARD)).fingerprint for i, change in enumerate(changes)}
    prints.add(read_dataset(yolo(tmp_path / "names", labels, CARD.replace("jar", "tin"))).fingerprint)
    prints.add(read_dataset(yolo(tmp_path / "size", labels, CARD, size=(48, 30))).fingerprint)
    assert len(prints | {first}) == 6


def test_the_fingerprint_is_of_bytes_and_neither_of_names_nor_of_order(tmp_path: Path) -> None:
    labels = {
        "train/a": "0 0.5 0.5 0.5 0.2\n1 0.5 0.5 0.2 0.2",
        "train/b": "1 0.5 0.5 0.5 0.2",
        "val/b": "1 0.5 0.5 1 1",
    }
    first = read_dataset(yolo(tmp_path / "one", labels, CARD))
    swapped = {
        "train/b": "1 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.5 0.2",
        "train/z": labels["train/b"],
        "val/c": labels["val/b"],
    }
    second = read_dataset(yolo(tmp_path / "two", swapped, CARD))
    assert second.fingerprint == first.fingerprint
    assert second.fingerprint_by_sizes != first.fingerprint_by_sizes
    picture = tmp_path / "one" / "train" / "images" / "a.jpg"
    changed, size = bytearray(picture.read_bytes()), picture.stat().st_size
    changed[-20] ^= 1
    picture.write_bytes(changed)
    third = read_dataset(tmp_path / "one")
    assert picture.stat().st_size == size
    assert third.fingerprint != first.fingerprint
    assert third.fingerprint_by_sizes == first.fingerprint_by_sizes


def test_a_stored_fingerprint_of_either_kind_means_its_data_set(tmp_path: Path) -> None:
    labels = {"train/a": "0 0.5 0.5 0.5 0.2", "val/b": "1 0.5 0.5 1 1"}
    found = read_dataset(yolo(tmp_path / "one", labels, CARD))
    other = read_dataset(yolo(tmp_path / "two", {**labels, "train/a": "1 0.5 0.5 0.5 0.2"}, CARD))
    for fingerprint in (found.fingerprint, found.fingerprint_by_sizes):
        assert found.is_meant_by(fingerprint)
        assert not other.is_meant_by(fingerprint)


def test_an_image_that_went_away_after_reading_is_an_error_of_one_line(tmp_path: Path) -> None:
    found = read_dataset(yolo(tmp_path / "one", {"train/a": "0 0.5 0.5 0.5 0.2", "val/b": "1 0.5 0.5 1 1"}, CARD))
    found.splits["val"][0].path.unlink()
    with pytest.raises(DataError, match=r"1 images cannot be read; mend or remove '.*b\.jpg'"):
        _ = found.fingerprint


coordinate = st.floats(-50, 150, allow_nan=False)


@given(st.lists(st.tuples(coordinate, coordinate, coordinate, coordinate), max_size=6))
def test_boxes_lie_inside_the_image(found: list[Box]) -> None:
    image, dropped = make_image(Path("a.jpg"), (100, 80), found, range(len(found)))
    assert dropped == len(found) - len(image.classes)
    left, top, width, height = image.boxes_xywh.T
    assert (left >= 0).all()
    assert (top >= 0).all()
    assert (left + width <= 100 + 1e-9).all()
    assert (top + height <= 80 + 1e-9).all()
    assert (np.minimum(width, height) >= 1).all()
    for label, box in zip(image.classes, image.boxes_xywh, strict=True):
        x, y, w, h = found[label]
        if x >= 0 and y >= 0 and x + w <= 100 and y + h <= 80:
            assert box.tolist() == pytest.approx([x, y, w, h], abs=1e-9)
