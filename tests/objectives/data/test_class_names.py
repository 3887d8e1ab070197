"""Class names: by index, as written, each once; and as Ultralytics reads them back from the layout."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_data import boxes_of, coco, counts, draw, yolo
from ultralytics.data.utils import check_det_dataset

from objectives.data.readers import read_dataset
from objectives.data.yolo_layout import lay_out
from spaces.errors import DataError

HEAD = "train: train/images\nval: val/images\n"
BOX = "0.5 0.5 1 1"


def one_each(root: Path, indices: list[int], names: str) -> Path:
    """Write a YOLO data set with a training image of all these classes, in this order, and one to validate."""
    text = "".join(f"{index} 0.5 0.5 1 {0.9 - i / 20}\n" for i, index in enumerate(indices))
    return yolo(root, {"train/a": text, "val/b": f"{indices[0]} {BOX}"}, HEAD + names)


@pytest.mark.parametrize(
    ("names", "indices", "words"),
    [
        ("names: {1: can, 2: bottle, 3: crate}", [1, 2, 3], ["can", "bottle", "crate"]),
        ("names: {3: crate, 1: can}", [3, 1], ["crate", "can"]),
        ("names: {0: can, 7: jar}", [7, 0], ["jar", "can"]),
        ("names: {'0': n0, '1': n1, '10': n10, '2': n2}", [2, 10, 1, 0], ["n2", "n10", "n1", "n0"]),
        ("names: {'1': can, 0: jar}", [1, 0], ["can", "jar"]),
        ("names: [yes, no, on]", [0, 1, 2], ["yes", "no", "on"]),
        ("names: [1, 2.50, 007]", [0, 1, 2], ["1", "2.50", "007"]),
        ("names: [null, ~, NaN]", [0, 1, 2], ["null", "~", "NaN"]),
        ("names: {0: off, 1: 2024-01-31, 2: 12:30}", [0, 1, 2], ["off", "2024-01-31", "12:30"]),
        ("names:\n- 'true'\n- \"y\"\n- !!str no", [0, 1, 2], ["true", "y", "no"]),
        ("names: [größe, 'a: b', '# c', '[d]']", [0, 1, 2, 3], ["größe", "a: b", "# c", "[d]"]),
    ],
)
def test_keys_are_indices_and_names_are_as_written(
    tmp_path: Path, names: str, indices: list[int], words: list[str]
) -> None:
    found = read_dataset(one_each(tmp_path, indices, names))
    assert [name for name, _ in boxes_of(found, "train")] == words
    card = lay_out(found, tmp_path / "laid")
    as_trained = check_det_dataset(str(card), autodownload=False)["names"]
    assert as_trained == dict(enumerate(found.classes)) == yaml.safe_load(card.read_text())["names"]


def test_indices_that_do_not_count_from_zero_are_said(tmp_path: Path) -> None:
    found = read_dataset(one_each(tmp_path / "a", [1, 2, 3], "names: {1: can, 2: bottle, 3: crate}"))
    assert counts(found) == {"classes.gap": 1}
    assert "goes from 1 to 3" in found.notes[0]
    assert read_dataset(one_each(tmp_path / "b", [0, 1], "names: {1: can, 0: jar}")).notes == ()


@pytest.mark.parametrize("label", [0, 4])
def test_a_label_in_a_gap_is_a_finding(tmp_path: Path, label: int) -> None:
    found = read_dataset(one_each(tmp_path, [1, label], "names: {1: can, 2: bottle, 3: crate, 5: jar}"))
    unknown = next(finding for finding in found.findings if finding.code == "labels.unknown_class")
    assert (unknown.count, unknown.examples) == (1, (f"train/labels/a.txt: class {label}",))
    assert [name for name, _ in boxes_of(found, "train")] == ["can"]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("names: {0: can, 0: jar}", "'names' in '.*data.yaml' has class 0 twice"),
        ("names: {1: can, '01': jar}", "has class 1 twice"),
        ("names: {-1: can, 0: jar}", "keys of 'names' in '.*' must be class indices such as 0, 1, 2; got '-1'"),
        ("names: {can: 0, jar: 1}", "must be class indices such as 0, 1, 2; got 'can'"),
        ("names: {0.0: can}", "must be class indices such as 0, 1, 2; got '0.0'"),
        ("names: {? [0] : can}", "is not readable YAML"),
        ("names: can", "must be one list of class names, or names by index"),
        ("names: []", "must be one list of class names, or names by index"),
        ("names:", "must be one list of class names, or names by index"),
        ("names: [can]\nnames: [jar]", "must be one list of class names, or names by index"),
        ("names: [can, {1: jar}]", "class 1 of '.*data.yaml' must be one name; got a list or mapping"),
        ("names: [can, '']", "class 1 of '.*data.yaml' has no name; give it one"),
        ("names: {0: can, 1: }", "class 1 of '.*data.yaml' has no name; give it one"),
        ("names: [bolt, bolt, nut]", r"has several labelled classes of one name \(bolt\); rename them"),
        ("names: [bolt, ' bolt', nut]", r"has several labelled classes of one name \(bolt\); rename them"),
        ("valid: val/images\nnames: [can, jar]", "names the val split twice; keep one of the two keys"),
    ],
)
def test_unusable_names_are_one_clear_line(tmp_path: Path, names: str, told: str) -> None:
    with pytest.raises(DataError, match=rf"^data\.root: .*{told}") as caught:
        read_dataset(one_each(tmp_path, [0, 1], names))
    assert "\n" not in str(caught.value)


def test_a_name_that_stands_twice_does_no_harm_where_one_has_no_box(tmp_path: Path) -> None:
    found = read_dataset(one_each(tmp_path, [2, 1], "names: [bolt, bolt, nut]"))
    assert found.classes == ("bolt", "nut")
    assert counts(found) == {"classes.unused": 1}


def test_spaces_around_names_are_removed_and_case_is_said(tmp_path: Path) -> None:
    found = read_dataset(one_each(tmp_path, [0, 1, 2], "names: ['can ', Can, \"\\tjar\"]"))
    assert found.classes == ("can", "Can", "jar")
    assert counts(found) == {"classes.spaces": 2, "classes.case": 2}
    assert found.notes[1] == "2 classes whose names differ in case alone: kept apart (can and Can)"


# COCO


def coco_with(root: Path, categories: list[dict[str, Any]], boxes: list[tuple[Any, Any]]) -> Path:
    for split in ("train", "val"):
        draw(root / split / "a.jpg")
        coco(root / f"{split}.json", {"a.jpg": boxes}, {"categories": categories})
    return root


def test_ids_count_within_their_file_and_names_over_all(tmp_path: Path) -> None:
    one, two = (1, (0, 0, 10, 10)), (2, (5, 5, 12, 12))
    for split, names in (("train", ["can", "bottle"]), ("val", ["bottle", "can"]), ("test", ["jar", "can "])):
        draw(tmp_path / split / "a.jpg")
        categories = [{"id": i + 1, "name": name} for i, name in enumerate(names)]
        coco(tmp_path / split / "_annotations.coco.json", {"a.jpg": [one, two]}, {"categories": categories})
    found = read_dataset(tmp_path)
    words = {split: [name for name, _ in boxes_of(found, split)] for split in found.splits}
    assert words == {"train": ["can", "bottle"], "val": ["bottle", "can"], "test": ["jar", "can"]}
    assert found.classes == ("jar", "can", "bottle")  # by file name, then as listed
    assert counts(found) == {"classes.spaces": 1}
    assert read_dataset(tmp_path).fingerprint == found.fingerprint


def test_roboflows_project_name_is_no_second_class(tmp_path: Path) -> None:
    categories = [
        {"id": 0, "name": "can", "supercategory": "none"},
        {"id": 1, "name": "can", "supercategory": "can"},
        {"id": 2, "name": "jar", "supercategory": "can"},
    ]
    found = read_dataset(coco_with(tmp_path, categories, [(1, (0, 0, 10, 10)), (2, (5, 5, 12, 12))]))
    assert found.classes == ("can", "jar")
    assert counts(found) == {"classes.twice": 2}


def test_one_category_listed_twice_is_one(tmp_path: Path) -> None:
    categories = [{"id": 7, "name": "can"}, {"id": "7", "name": "can"}]
    found = read_dataset(coco_with(tmp_path, categories, [(7, (0, 0, 10, 10))]))
    assert (found.classes, found.notes) == (("can",), ())


@pytest.mark.parametrize(("name", "word"), [(True, "true"), (1, "1"), (2.5, "2.5"), ("yes", "yes")])
def test_names_in_json_are_as_written(tmp_path: Path, name: Any, word: str) -> None:
    found = read_dataset(coco_with(tmp_path, [{"id": 7, "name": name}], [(7, (0, 0, 10, 10))]))
    assert found.classes == (word,)


@pytest.mark.parametrize(
    ("categories", "told"),
    [
        ([{"id": 1, "name": "bolt"}, {"id": 2, "name": "bolt"}], r"several labelled classes of one name \(bolt\)"),
        ([{"id": 1, "name": "bolt"}, {"id": 1, "name": "nut"}], "category 1 of .* has two names, 'bolt' and 'nut'"),
        ([{"id": 1, "name": "bolt"}, {"id": "1", "name": "nut"}], "category 1 of .* has two names, 'bolt' and 'nut'"),
        ([{"id": 1, "name": None}], "category 1 of '.*' has no name"),
        ([{"id": 1, "name": " "}], "category 1 of '.*' has no name"),
        ([{"id": 1}], "category 1 of '.*' has no name"),
        ([{"name": "bolt"}], r"holds an entry that is not COCO \(KeyError: 'id'\)"),
        (["bolt"], "holds an entry that is not COCO"),
    ],
)
def test_unusable_categories_are_one_clear_line(tmp_path: Path, categories: list[Any], told: str) -> None:
    with pytest.raises(DataError, match=rf"^data\.root: .*{told}"):
        read_dataset(coco_with(tmp_path, categories, [(1, (0, 0, 10, 10)), (2, (5, 5, 12, 12))]))


@pytest.mark.parametrize("written", [str, float])
def test_ids_may_be_text_in_one_place_and_numbers_in_another(tmp_path: Path, written: Any) -> None:
    categories = [{"id": 7, "name": "can"}, {"id": 3, "name": "jar"}]
    root = coco_with(tmp_path, categories, [(written(7), (0, 0, 10, 10)), (3, (5, 5, 12, 12))])
    content = json.loads((root / "train.json").read_text())
    for image in content["images"]:
        image["id"] = str(image["id"])
    (root / "train.json").write_text(json.dumps(content))
    assert [name for name, _ in boxes_of(read_dataset(root), "train")] == ["can", "jar"]
