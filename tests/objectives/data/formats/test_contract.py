"""The contract of formats, one suite over all of them: told apart by looking, raw entries, nothing lost in silence."""

import hashlib
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from small_data import counts
from small_formats import SAMPLE, SIZE, WRITERS, Sample, labels_of

from objectives.data.files.folder import Folder
from objectives.data.readers import FORMATS, read_dataset, read_raw
from spaces.errors import DataError

EVERY = pytest.mark.parametrize("name", FORMATS)
ANNOTATIONS = (".json", ".xml", ".csv", ".txt", ".yaml")
FILE_EACH = ("yolo", "voc", "labelme", "kitti")  # formats with an annotation file for each picture
ODD = ["größe 2", "a, b", 'the "best"', "it's", "no", "yes", "1", "null", "[x]", "<b> & c", "日本"]


def same(found: Sample, expected: Sample, within_px: float = 0.01) -> bool:
    """Whether two samples have the same boxes, in any order in an image."""
    if found.keys() != expected.keys():
        return False
    for key, labels in expected.items():
        one, other = sorted(found[key]), sorted(labels)
        if [name for name, _ in one] != [name for name, _ in other]:
            return False
        if any(np.abs(np.subtract(a, b)).max() > within_px for (_, a), (_, b) in zip(one, other, strict=True)):
            return False
    return True


def contents(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def annotation_files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.suffix in ANNOTATIONS and "ImageSets" not in path.parts)


def test_every_format_has_a_writer_here() -> None:
    assert WRITERS.keys() == FORMATS.keys()


@EVERY
def test_a_folder_is_read_as_what_it_is_and_as_nothing_else(tmp_path: Path, name: str) -> None:
    root = WRITERS[name](tmp_path / "set")
    before = contents(root)
    found = read_dataset(root)
    assert same(labels_of(found), SAMPLE)
    assert found.findings == ()
    assert (found.name, found.root) == ("set", root)
    folder = Folder(root)
    assert {other: len(format_.sniff(folder)) for other, format_ in FORMATS.items() if format_.sniff(folder)} == {
        name: 1
    }
    assert contents(root) == before
    assert same(labels_of(read_dataset(root, name)), SAMPLE)


@EVERY
def test_raw_entries_are_as_written(tmp_path: Path, name: str) -> None:
    """A box beyond its image, one without size and one that is there twice are all there before the mending."""
    beyond, flat, twice = (60, 40, 40, 40), (5, 5, 0, 10), (10, 10, 12, 12)
    labels = [("can", box) for box in (beyond, flat, twice, twice)]
    sample = {**SAMPLE, "train/c.jpg": labels}
    root = WRITERS[name](tmp_path, sample)
    raw = read_raw(root)
    (image,) = [image for image in raw.images if image.path.name == "c.jpg"]
    size = np.tile(SIZE, 2) if image.relative else 1
    assert (image.boxes * size).tolist() == [pytest.approx(box, abs=0.01) for _, box in labels]
    found = read_dataset(root)
    assert labels_of(found)["train/c.jpg"] == [
        ("can", pytest.approx((60, 40, 20, 20), abs=0.01)),
        ("can", pytest.approx(twice, abs=0.01)),
    ]
    assert counts(found) == {"labels.outside": 1, "labels.no_size": 1, "labels.duplicate_box": 1}


@EVERY
@pytest.mark.parametrize("above", ["dataset", "shop/dataset"])
def test_one_or_two_levels_too_high_is_read(tmp_path: Path, name: str, above: str) -> None:
    WRITERS[name](tmp_path / above)
    assert same(labels_of(read_dataset(tmp_path)), SAMPLE)


@EVERY
def test_three_levels_too_high_is_refused_by_what_was_seen(tmp_path: Path, name: str) -> None:
    place = WRITERS[name](tmp_path / "one/two/three")
    with pytest.raises(DataError, match=rf"holds no data set itself; seen: .*, 3 folders down; give data.root={place}"):
        read_dataset(tmp_path)


@EVERY
def test_a_missing_image_is_a_finding_and_the_others_are_used(tmp_path: Path, name: str) -> None:
    root = WRITERS[name](tmp_path)
    next(root.rglob("a.jpg")).unlink()
    found = read_dataset(root)
    code = "labels.orphan" if name == "yolo" else "images.missing"
    assert counts(found) == {code: 1}
    assert same(labels_of(found), {key: labels for key, labels in SAMPLE.items() if key != "train/a.jpg"})


@EVERY
def test_an_image_that_is_none_is_a_finding(tmp_path: Path, name: str) -> None:
    root = WRITERS[name](tmp_path)
    next(root.rglob("a.jpg")).write_bytes(b"no image")
    found = read_dataset(root)
    assert counts(found) == {"images.unreadable": 1}
    assert "train/a.jpg" not in labels_of(found)


@EVERY
def test_a_picture_that_nothing_names_is_a_finding(tmp_path: Path, name: str) -> None:
    root = WRITERS[name](tmp_path)
    shutil.copy(next(root.rglob("a.jpg")), next(root.rglob("a.jpg")).with_name("extra.jpg"))
    found = read_dataset(root)
    if name == "yolo":  # there, a picture of a split without a label file is background
        assert counts(found) == {"labels.missing": 1}
        assert labels_of(found)["train/extra.jpg"] == []
    else:
        assert counts(found) == {"images.unlabelled": 1}
        assert "train/extra.jpg" not in labels_of(found)


@EVERY
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_byte_order_marks_and_utf_16_are_read(tmp_path: Path, name: str, encoding: str) -> None:
    root = WRITERS[name](tmp_path)
    for path in annotation_files(root):
        text = path.read_text(encoding="utf-8").replace("encoding='utf-8'", "encoding='utf-16'")
        path.write_bytes(text.encode(encoding))
    assert same(labels_of(read_dataset(root)), SAMPLE)


@EVERY
@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_line_ends_are_read(tmp_path: Path, name: str, end: str) -> None:
    root = WRITERS[name](tmp_path)
    for path in [*annotation_files(root), *root.rglob("ImageSets/Main/*.txt")]:
        text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
        path.write_bytes(text.replace("\n", end).encode())
    assert same(labels_of(read_dataset(root)), SAMPLE)


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "kitti"])  # whose classes are single words
def test_names_are_as_written(tmp_path: Path, name: str) -> None:
    labels = [(word, (float(i), float(i), 10.0, 10.0)) for i, word in enumerate(ODD)]
    sample = {"train/a 1.jpg": labels, "train/ä.jpg": labels[:3], "val/b.jpg": labels}
    found = read_dataset(WRITERS[name](tmp_path, sample))
    assert same(labels_of(found), sample)
    assert sorted(found.classes) == sorted(ODD)


@EVERY
def test_an_annotation_file_that_is_no_text_is_said(tmp_path: Path, name: str) -> None:
    root = WRITERS[name](tmp_path)
    broken = next(path for path in annotation_files(root) if path.suffix != ".yaml")
    broken.write_bytes(b"\xff\xfe\xff\x00\xd8" * 9)
    if name in FILE_EACH:
        assert counts(read_dataset(root))["files.unreadable"] == 1
    else:
        with pytest.raises(DataError, match=re.escape(broken.name)) as caught:
            read_dataset(root)
        assert "\n" not in str(caught.value)


@EVERY
def test_a_link_that_leads_in_a_circle_ends(tmp_path: Path, name: str) -> None:
    root = WRITERS[name](tmp_path / "set")
    for place in [root, next(root.rglob("a.jpg")).parent]:
        (place / "loop").symlink_to(root)
        (place / "again").symlink_to(place)
        (place / "gone.jpg").symlink_to(root / "nowhere.jpg")
    assert same(labels_of(read_dataset(root)), SAMPLE)


@EVERY
def test_a_folder_that_may_not_be_read_is_said(tmp_path: Path, name: str) -> None:
    root = WRITERS[name](tmp_path)
    (root / "closed").mkdir(mode=0)
    if os.access(root / "closed", os.R_OK):
        pytest.skip("this user may read everything")
    assert counts(read_dataset(root)) == {"files.closed": 1}


@EVERY
def test_a_foreign_yaml_and_json_beside_do_no_harm(tmp_path: Path, name: str) -> None:
    root = WRITERS[name](tmp_path)
    (root / "docker-compose.yml").write_text("services: {web: {image: x}}\n")
    (root / "template.yaml").write_text("Role: !Ref Worker\nother: {{ jinja }}\n")
    (root / "package.json").write_text('{"name": "shop", "images": 3}')
    (root / "results.csv").write_text("epoch,loss\n1,0.5\n")
    (root / "pom.xml").write_text("<project><name>x</name></project>")
    (root / "README.txt").write_text("1 2 3\n")
    found = read_dataset(root)
    assert same(labels_of(found), SAMPLE)
    assert found.findings == ()


def test_the_page_and_the_config_name_every_format() -> None:
    root = Path(__file__).parents[4]
    rows = re.findall(r"^\| `(\w+)` \|", (root / "docs" / "formats.md").read_text(), re.MULTILINE)
    assert rows == list(FORMATS)
    (comment,) = re.findall(r"^format: auto +# auto, (.*)$", (root / "conf/data/folder.yaml").read_text(), re.MULTILINE)
    assert comment.split(", ") == list(FORMATS)
