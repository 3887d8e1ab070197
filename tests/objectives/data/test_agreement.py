"""Trainer and scorer count the same: what Ultralytics loads from the layout, and what mAP is computed on."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_data import CARD, boxes_of, coco, counts, draw, yolo
from ultralytics.cfg import get_cfg
from ultralytics.data import YOLODataset
from ultralytics.data.utils import IMG_FORMATS, check_det_dataset
from ultralytics.models.rtdetr.val import RTDETRDataset

from objectives.data.dataset import Dataset, make_noted_image
from objectives.data.findings import Findings
from objectives.data.pictures.kinds import MIN_SIDE_PX, PICTURE_SUFFIXES, TRAINED_KINDS
from objectives.data.readers import read_dataset
from objectives.data.yolo_layout import lay_out
from objectives.deploy.accuracy import score
from objectives.deploy.detector import Detections
from spaces.errors import DataError

TWICE = "labels.duplicate_box"


def counted_by_trainer(dataset: Dataset, split: str, folder: Path, kind: Any = YOLODataset) -> list[int]:
    """Return boxes an image, in the order of the layout; an image that the trainer passes over is missing."""
    data = check_det_dataset(str(lay_out(dataset, folder)), autodownload=False)
    images = kind(img_path=data[split], data=data, augment=False, hyp=get_cfg(), imgsz=64)
    labels: list[dict[str, Any]] = sorted(images.labels, key=lambda label: str(label["im_file"]))
    return [len(label["cls"]) for label in labels]


def counted_by_scorer(dataset: Dataset, split: str) -> list[int]:
    """Return boxes an image; a detector that finds each of them once must reach mAP 1."""
    images = dataset.splits[split]
    perfect = []
    for image in images:
        corners = np.hstack([image.boxes_xywh[:, :2], image.boxes_xywh[:, :2] + image.boxes_xywh[:, 2:]])
        places = np.column_stack([corners.round(3), image.classes])
        _, first = np.unique(places, axis=0, return_index=True)
        perfect.append(Detections(corners[first], np.ones(len(first)), image.classes[first]))
    assert score(perfect, images, dataset.classes, split).map == pytest.approx(1)
    return [len(image.classes) for image in images]


def agree(dataset: Dataset, folder: Path) -> dict[str, list[int]]:
    counts = {split: counted_by_scorer(dataset, split) for split in dataset.splits}
    for split, count in counts.items():
        for kind in (YOLODataset, RTDETRDataset):
            assert counted_by_trainer(dataset, split, folder, kind) == count
    return counts


def test_repeated_yolo_lines_count_once(tmp_path: Path) -> None:
    line, other = "0 0.5 0.5 0.5 0.4\n", "1 0.5 0.5 0.5 0.4\n"
    same = "0 0.50 5e-1 0.5 0.4\n0 0.25 0.3 0.75 0.3 0.75 0.7 0.25 0.7\n"  # the same box in other words
    labels = {"train/a": (line + other) * 2, "train/b": line + same, "train/c": "", "val/d": other * 3}
    found = read_dataset(yolo(tmp_path / "set", labels, CARD))
    assert counts(found) == {"labels.polygon": 1, TWICE: 2 + 2 + 2}
    assert [name for name, _ in boxes_of(found, "train")] == ["can", "jar", "can"]
    assert agree(found, tmp_path / "laid") == {"train": [2, 1, 0], "val": [1]}


def test_repeated_coco_boxes_count_once(tmp_path: Path) -> None:
    box, near = (1, 2, 10, 12), (1, 2, 10, 13)
    for split in ("train", "val"):
        draw(tmp_path / split / "a.jpg")
        coco(tmp_path / f"{split}.json", {"a.jpg": [(7, box), (3, box), (7, near), (7, box), (7, box)]})
    found = read_dataset(tmp_path)
    assert boxes_of(found, "val") == [("can", list(box)), ("jar", list(box)), ("can", list(near))]
    assert counts(found)[TWICE] == 4
    assert agree(found, tmp_path / "laid") == {"train": [3], "val": [3]}


def test_boxes_that_become_one_by_clipping_count_once(tmp_path: Path) -> None:
    for split in ("train", "val"):
        draw(tmp_path / split / "a.jpg")
        coco(tmp_path / f"{split}.json", {"a.jpg": [(7, (-5, 0, 20, 10)), (7, (-9, -3, 24, 13))]})
    assert agree(read_dataset(tmp_path), tmp_path / "laid") == {"train": [1], "val": [1]}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_boxes_that_are_nearly_one_are_counted_alike(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / f"{len(list(tmp_path.iterdir())):03d}"
    width, height = data.draw(st.integers(10, 4000)), data.draw(st.integers(10, 4000))
    place = st.tuples(*[st.floats(0, 0.5)] * 2, *[st.floats(0.2, 0.5)] * 2)
    step = st.sampled_from([0.0, 1e-9, 4e-7, 1e-6, 2e-6, 1e-3])
    chosen = data.draw(st.lists(st.tuples(place, step, st.integers(0, 1)), min_size=1, max_size=4))
    boxes = [[x * width, y * height, w * width, h * height] for (x, y, w, h), _, _ in chosen]
    boxes += [[x + s * width, y, w, h] for (x, y, w, h), (_, s, _) in zip(boxes, chosen, strict=True)]
    labels = [label for _, _, label in chosen] * 2
    path = draw(folder / "a.jpg", (width, height))
    image = make_noted_image(path, (width, height), boxes, labels, Findings())
    splits = {"train": (image,), "val": (image,)}
    count = counted_by_trainer(Dataset("one", folder, ("can", "jar"), splits), "train", folder / "laid")
    assert count == [len(image.classes)]


def test_images_that_the_trainer_passes_over_are_left_out(tmp_path: Path) -> None:
    labels = {f"{split}/{name}": "0 0.5 0.5 0.9 0.9" for split in ("train", "val") for name in ("a", "b", "c")}
    yolo(tmp_path / "set", labels, CARD)
    for split in ("train", "val"):
        draw(tmp_path / "set" / split / "images" / "a.jpg", (MIN_SIDE_PX - 1, 50))
        draw(tmp_path / "set" / split / "images" / "b.jpg", (50, MIN_SIDE_PX))
    found = read_dataset(tmp_path / "set")
    assert counts(found) == {"images.too_small": 2, "classes.unused": 1}
    assert found.notes[0] == (
        "2 images of under 10 pixels a side, which the trainer does not take: left out (train/images/a.jpg)"
    )
    assert agree(found, tmp_path / "laid") == {"train": [1, 1], "val": [1, 1]}


def test_kinds_are_those_of_the_trainer(tmp_path: Path) -> None:
    assert {kind.removeprefix(".") for kind in TRAINED_KINDS} <= IMG_FORMATS
    assert {f".{suffix}" for suffix in IMG_FORMATS} <= PICTURE_SUFFIXES
    boxes = [(7, (1, 2, 10, 12))]
    for split in ("train", "val"):
        for name in ("a.jpg", "b.gif"):
            draw(tmp_path / split / name)
        coco(tmp_path / f"{split}.json", {"a.jpg": boxes, "b.gif": boxes})
    found = read_dataset(tmp_path)
    assert counts(found)["images.format"] == 2
    assert agree(found, tmp_path / "laid") == {"train": [1], "val": [1]}


# Entries that are there twice, or belong to nothing


def test_images_listed_twice_are_read_once(tmp_path: Path) -> None:
    card = "train: [list.txt, train/images]\nval: val/images\nnames: [can, jar]\n"
    yolo(tmp_path, {"train/a": "0 0.5 0.5 1 1", "train/b": "1 0.5 0.5 1 1", "val/c": "1 0.5 0.5 1 1"}, card)
    (tmp_path / "list.txt").write_text("./train/images/b.jpg\ntrain/images/b.jpg\n")
    found = read_dataset(tmp_path)
    assert [image.path.stem for image in found.splits["train"]] == ["b", "a"]
    assert counts(found) == {"images.listed_twice": 2}


def entries_changed(root: Path, change: Any) -> Path:
    """Write COCO of two pictures, let `change` edit the content of train.json."""
    for split in ("train", "val"):
        for name in ("a.jpg", "b.jpg"):
            draw(root / split / name)
        content = coco(root / f"{split}.json", {"a.jpg": [(7, (1, 2, 10, 12))], "b.jpg": [(3, (5, 5, 9, 9))]})
    change(content)
    (root / "train.json").write_text(json.dumps(content))
    return root


def test_an_image_entry_that_is_there_twice_is_read_once(tmp_path: Path) -> None:
    found = read_dataset(entries_changed(tmp_path, lambda content: content["images"].append(content["images"][0])))
    assert len(found.splits["train"]) == 2
    assert len(boxes_of(found, "train")) == 2
    assert counts(found)["images.listed_twice"] == 1


def test_two_entries_of_one_file_are_one_image(tmp_path: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["images"].append({"id": 99, "file_name": "a.jpg", "width": 80, "height": 60})
        content["annotations"] += [
            {"image_id": 99, "category_id": 3, "bbox": [40, 20, 20, 20]},
            {"image_id": 99, "category_id": 7, "bbox": [2, 4, 20, 24]},  # the one that the first entry has
        ]

    found = read_dataset(entries_changed(tmp_path, change))
    assert [image.path.name for image in found.splits["train"]] == ["a.jpg", "b.jpg"]
    assert boxes_of(found, "train")[:2] == [("can", [1, 2, 10, 12]), ("jar", [20, 10, 10, 10])]
    assert counts(found)["images.joined"] == counts(found)[TWICE] == 1


def test_one_id_of_two_files_is_refused(tmp_path: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["images"][1]["id"] = "10"

    with pytest.raises(DataError, match=r"image id 10 of '.*train\.json' has two files, 'a\.jpg' and 'b\.jpg'"):
        read_dataset(entries_changed(tmp_path, change))


def test_boxes_of_an_unlisted_image_are_counted(tmp_path: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["annotations"] += [{"image_id": i, "category_id": 7, "bbox": [1, 2, 10, 12]} for i in (98, "99")]

    found = read_dataset(entries_changed(tmp_path, change))
    assert len(boxes_of(found, "train")) == 2
    assert counts(found)["labels.no_image"] == 2


@pytest.mark.parametrize(("flag", "count"), [(0, 2), ("0", 2), (False, 2), (None, 2), (1, 1), ("1", 1), (True, 1)])
def test_crowds_may_be_flagged_in_text(tmp_path: Path, flag: Any, count: int) -> None:
    found = read_dataset(entries_changed(tmp_path, lambda content: content["annotations"][0].update(iscrowd=flag)))
    assert len(boxes_of(found, "train")) == count
    assert counts(found).get("labels.crowd", 0) == 2 - count


@pytest.mark.parametrize("boxes", [[[1, 2, 3, 4, 5, 6, 7, 8]], [[1, 2], [3, 4]], [[10**400, 1, 2, 3]], [3], [None]])
def test_a_box_without_four_numbers_is_a_finding(tmp_path: Path, boxes: list[Any]) -> None:
    def change(content: dict[str, Any]) -> None:
        content["annotations"] += [{"image_id": 10, "category_id": 7, "bbox": box} for box in boxes]

    found = read_dataset(entries_changed(tmp_path, change))
    assert len(boxes_of(found, "train")) == 2
    assert counts(found)["labels.not_a_box"] == len(boxes)
