"""COCO JSON as public sets have it: polygons alone, paths of other machines, a test split without annotations."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_data import counts, draw
from small_formats import SAMPLE, SIZE, labels_of, write_coco

from objectives.data.readers import read_dataset, read_raw
from spaces.errors import DataError


def changed(root: Path, change: Callable[[dict[str, Any]], object], split: str = "train") -> Path:
    path = write_coco(root) / split / "_annotations.coco.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return root


def polygon(x: float, y: float, w: float, h: float) -> list[float]:
    return [x, y, x + w, y, x + w, y + h, x, y + h]


@pytest.mark.parametrize("empty", ["absent", None, []])
def test_boxes_come_from_polygons_where_there_is_no_other(tmp_path: Path, empty: Any) -> None:
    def change(content: dict[str, Any]) -> None:
        for annotation in content["annotations"]:
            x, y, w, h = annotation["bbox"]
            halves = [polygon(x, y, w / 2, h), polygon(x + w / 2, y, w / 2, h)]
            annotation |= {"segmentation": halves, "bbox": empty}
            if empty == "absent":
                del annotation["bbox"]

    found = read_dataset(changed(tmp_path, change))
    assert labels_of(found) == SAMPLE
    assert counts(found) == {"labels.polygon": 3}


@pytest.mark.parametrize(
    "segmentation", [[], None, [[1, 2, 3, 4]], [[1, 2, 3]], {"counts": "abc", "size": [9, 9]}, [["x"] * 6], 7, [7]]
)
def test_an_annotation_without_box_and_polygon_is_a_finding(tmp_path: Path, segmentation: Any) -> None:
    def change(content: dict[str, Any]) -> None:
        content["annotations"].append({"image_id": 0, "category_id": 0, "segmentation": segmentation})

    found = read_dataset(changed(tmp_path, change))
    assert labels_of(found) == SAMPLE
    assert counts(found) == {"labels.not_a_box": 1}


@pytest.mark.parametrize(
    "path", ["{name}", "images/{name}", "train\\{name}", "C:\\set\\train\\{name}", "/home/x/train/{name}", "{stem}.PNG"]
)
def test_pictures_are_found_by_what_of_the_path_is_alike(tmp_path: Path, path: str) -> None:
    def change(content: dict[str, Any]) -> None:
        for image in content["images"]:
            image["file_name"] = path.format(name=image["file_name"], stem=image["file_name"][:-4])

    draw(tmp_path / "val" / "a.jpg", SIZE)  # of the same name, in the other split's folder
    found = read_dataset(changed(tmp_path, change))
    assert labels_of(found) == SAMPLE
    assert counts(found) == {"images.unlabelled": 1} | ({"images.renamed": 3} if "PNG" in path else {})


def test_a_name_that_fits_several_pictures_is_left_out_and_said(tmp_path: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["images"][0]["file_name"] = "x/1.jpg"

    for place in ("day", "night"):
        draw(tmp_path / place / "1.jpg", SIZE)
    found = read_dataset(changed(tmp_path, change))
    assert counts(found)["images.ambiguous"] == 1
    assert len(found.splits["train"]) == 2


@pytest.mark.parametrize("name", ["größe.jpg", "GRÖSSE.JPG"])
def test_accents_and_case_may_be_written_otherwise(tmp_path: Path, name: str) -> None:
    """Archives of a Mac have accents as marks of their own."""

    def change(content: dict[str, Any]) -> None:
        content["images"][0]["file_name"] = name

    root = changed(tmp_path, change)
    (root / "train" / "a.jpg").rename(root / "train" / "gro\u0308ße.jpg")
    found = read_dataset(root)
    assert (len(found.splits["train"]), found.findings) == (3, ())


@pytest.mark.parametrize("missing", [["annotations"], ["annotations", "categories"]])
def test_a_test_split_without_annotations_is_left_out_and_said(tmp_path: Path, missing: list[str]) -> None:
    root = write_coco(tmp_path, {**SAMPLE, "test/t.jpg": []})
    path = root / "test" / "_annotations.coco.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in content.items() if key not in missing} | {"info": {}}))
    found = read_dataset(root)
    assert labels_of(found) == SAMPLE
    assert counts(found) == {"splits.unlabelled" if len(missing) == 1 else "images.unlabelled": 1}


def test_another_split_without_annotations_is_refused(tmp_path: Path) -> None:
    root = changed(tmp_path, lambda content: content.pop("annotations"), "val")
    with pytest.raises(DataError, match=r"val/_annotations\.coco\.json' is not a COCO detection file: it lacks annot"):
        read_dataset(root)


def test_a_class_is_its_name_in_raw_entries_too(tmp_path: Path) -> None:
    def swap(content: dict[str, Any]) -> None:
        content["categories"] = [{"id": 1, "name": "can"}, {"id": 0, "name": "jar"}]
        for annotation in content["annotations"]:
            annotation["category_id"] = 1 - annotation["category_id"]

    raw = read_raw(changed(tmp_path, swap, "val"))
    names = {image.path.name: [raw.classes[i] for i in image.classes] for image in raw.images}
    assert names == {key.split("/")[1]: [name for name, _ in labels] for key, labels in SAMPLE.items()}
