"""Hostile input: bombs, loops, paths that lead away, numbers that would fill the memory."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from small_data import counts, draw, yolo
from small_formats import SAMPLE, SIZE, WRITERS, labels_of, write_coco

from objectives.data.files.folder import Folder
from objectives.data.files.text import read_json, read_xml
from objectives.data.readers import FORMATS, read_dataset
from spaces.errors import DataError

HUGE = 1_000_000_000
MEMORY_MB = 400  # more than a process that reads a small set comes to use
READ = """
import resource, sys
from pathlib import Path
from objectives.data.readers import read_dataset
from spaces.errors import DataError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    found = read_dataset(Path(sys.argv[1]))
    print(found.notes)
except DataError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("box", [(-HUGE, -HUGE, 2 * HUGE, 2 * HUGE), (HUGE, HUGE, HUGE, HUGE), (0, 0, HUGE, 5)])
def test_huge_boxes_are_clipped_or_left_out_and_that_is_said(tmp_path: Path, name: str, box: Any) -> None:
    root = WRITERS[name](tmp_path, {**SAMPLE, "train/c.jpg": [("can", box)]})
    found = read_dataset(root)
    inside = [label for _, label in labels_of(found)["train/c.jpg"]]
    assert inside == ([] if box[0] > 0 else [pytest.approx((0, 0, SIZE[0], SIZE[1] if box[1] < 0 else 5), abs=0.1)])
    assert counts(found) == {"labels.no_size" if box[0] > 0 else "labels.outside": 1}


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize(
    "card",
    [
        f"train: train/images\nval: val/images\nnc: {HUGE}\n",
        f"train: train/images\nval: val/images\nkpt_shape: [{HUGE}, 3]\nnames: [can]\n",
        f"train: train/images\nval: val/images\nnames: {{0: can, {HUGE - 1}: jar}}\n",
        "a0: &a0 {k: v}\n" + "".join(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}\n" for i in range(1, 12)),
    ],
)
def test_huge_counts_take_no_memory(tmp_path: Path, card: str) -> None:
    root = yolo(tmp_path, {"train/a": "0 0.5 0.5 1 1", "val/b": "0 0.5 0.5 1 1"}, card)
    line = [sys.executable, "-c", READ, str(root)]
    done = subprocess.run(line, capture_output=True, text=True, check=True, timeout=60, cwd=Path(__file__).parents[4])
    assert int(done.stdout.splitlines()[-1]) < MEMORY_MB, done.stdout


def test_a_path_that_leads_away_is_read_and_nothing_is_written(tmp_path: Path) -> None:
    outside = draw(tmp_path / "outside" / "x.jpg", SIZE)
    before = outside.stat().st_mtime_ns, sorted(tmp_path.rglob("*"))
    root = write_coco(tmp_path / "set")
    content = json.loads((root / "train" / "_annotations.coco.json").read_text())
    content["images"][0]["file_name"] = "../../outside/x.jpg"
    content["images"][1]["file_name"] = "../../../../../../../../../../etc/passwd"
    content["images"][2]["file_name"] = "/dev/zero"
    (root / "train" / "_annotations.coco.json").write_text(json.dumps(content))
    found = read_dataset(root)
    assert [image.path for image in found.splits["train"]] == [outside]
    assert counts(found)["images.unreadable"] == 1  # a password file is no image
    assert counts(found)["images.missing"] == 1  # a device is no file
    assert (outside.stat().st_mtime_ns, sorted(p for p in tmp_path.rglob("*") if "set" not in p.parts)) == before


def test_what_is_no_plain_file_is_not_opened(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    os.mkfifo(root / "train.json")  # reading it would wait for ever
    (root / "data.yaml").symlink_to("/dev/zero")
    os.mkfifo(root / "train" / "x.jpg")
    assert labels_of(read_dataset(root)) == SAMPLE


def test_many_links_to_each_other_end(tmp_path: Path) -> None:
    """Each of twelve folders links to all others: there are more paths than anyone can walk."""
    for i in range(12):
        (tmp_path / f"{i}").mkdir()
        draw(tmp_path / f"{i}" / f"{i}.jpg")
        for j in range(12):
            (tmp_path / f"{i}" / f"to{j}").symlink_to(tmp_path / f"{j}")
    assert len(Folder(tmp_path).pictures) == 12


def test_a_study_in_the_folder_is_no_second_data_set(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    study = root / "runs" / "first"
    (study / "data").mkdir(parents=True)
    (study / "study.sqlite3").touch()
    yolo(study, {"train/a": "0 0.5 0.5 1 1", "val/b": "0 0.5 0.5 1 1"}, "train: train\nval: val\nnames: [x]\n")
    assert labels_of(read_dataset(root)) == SAMPLE


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"a": 1' + "0" * 5000 + "}", "\ufeff", "NaN,"])
def test_json_that_breaks_parsers_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="is not readable JSON"):
        read_json(path)


@pytest.mark.parametrize("text", ["", "<a>", "<a/><b/>", "<a>&b;</a>", "<a x='1' x='2'/>", "\0", "<a>\x01</a>"])
def test_xml_that_is_none_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(DataError, match="is not readable XML"):
        read_xml(path)


# COCO entries of other types


@pytest.mark.parametrize("value", [None, 3, "x", [], [1], {}, {"id": [1]}, {"id": None, "file_name": "a.jpg"}, True])
@pytest.mark.parametrize(("key", "code"), [("images", "images.not_an_image"), ("annotations", "labels.no_image")])
def test_coco_entries_that_are_none_are_findings(tmp_path: Path, key: str, code: str, value: Any) -> None:
    root = write_coco(tmp_path)
    path = root / "train" / "_annotations.coco.json"
    content = json.loads(path.read_text())
    content[key].append(value)
    path.write_text(json.dumps(content))
    found = read_dataset(root)
    assert labels_of(found) == SAMPLE
    assert counts(found) == {code: 1}


@pytest.mark.parametrize("value", [None, 3, "x", {}])
@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
def test_coco_lists_that_are_none_are_one_line(tmp_path: Path, key: str, value: Any) -> None:
    root = write_coco(tmp_path)
    path = root / "train" / "_annotations.coco.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(DataError, match=f"is not a COCO detection file: its {key} are no list"):
        read_dataset(root)


@pytest.mark.parametrize("value", [[1], {"a": 1}, None])
def test_a_category_without_a_usable_id_is_one_line(tmp_path: Path, value: Any) -> None:
    root = write_coco(tmp_path)
    path = root / "train" / "_annotations.coco.json"
    content = json.loads(path.read_text())
    content["categories"][0]["id"] = value
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="holds an entry that is not COCO"):
        read_dataset(root)
