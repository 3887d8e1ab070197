"""Pascal VOC as public sets keep it: wrong file names, several folders, two files for one image, lists of splits."""

import math
from pathlib import Path
from xml.etree.ElementTree import SubElement

import pytest
from small_data import counts, draw
from small_formats import SAMPLE, SIZE, labels_of, voc_xml, write_voc

from objectives.data.readers import read_dataset
from spaces.errors import DataError

BOX = (4, 6, 20, 12)


def places_of(root: Path) -> dict[str, list[str]]:
    found = read_dataset(root)
    return {split: [str(i.path.relative_to(root)) for i in images] for split, images in found.splits.items()}


def flat(root: Path, filenames: dict[str, str], pictures: str = "JPEGImages") -> Path:
    """Write XML files with what each says of its file name, and a picture with the name of each XML file."""
    (root / "Annotations").mkdir(parents=True, exist_ok=True)
    for stem, filename in filenames.items():
        draw(root / pictures / f"{stem}.jpg", SIZE)
        voc_xml("", [("can", BOX)], filename).write(root / "Annotations" / f"{stem}.xml")
    return root


@pytest.mark.parametrize("filename", ["{stem}", "{stem}.png", "C:\\data\\{stem}.jpg", "", "{stem}.JPG"])
def test_a_file_name_may_be_nearly_right(tmp_path: Path, filename: str) -> None:
    root = flat(tmp_path, {stem: filename.format(stem=stem) for stem in "abcde"})
    found = read_dataset(root)
    assert sorted(image.path.stem for images in found.splits.values() for image in images) == list("abcde")
    assert counts(found).keys() == {"splits.validation"}


@pytest.mark.parametrize("filename", ["picture.jpg", "b.jpg"])
def test_a_wrong_file_name_gives_way_to_the_files_own_and_that_is_said(tmp_path: Path, filename: str) -> None:
    """Some tools write the name of the last picture, or of another one, into every file."""
    root = flat(tmp_path, dict.fromkeys("abcde", filename))
    found = read_dataset(root)
    assert sorted(image.path.stem for images in found.splits.values() for image in images) == list("abcde")
    assert counts(found)["images.renamed"] == (4 if filename == "b.jpg" else 5)


def test_file_names_are_obeyed_where_they_are_right(tmp_path: Path) -> None:
    """Files counted 1, 2, ... beside pictures with names of their own."""
    (tmp_path / "Annotations").mkdir()
    for i, name in enumerate(("x.jpg", "y.jpg", "z.jpg")):
        draw(tmp_path / "images" / name, SIZE)
        voc_xml(name, [("can", BOX)]).write(tmp_path / "Annotations" / f"{i}.xml")
    found = read_dataset(tmp_path)
    assert sorted(i.path.name for images in found.splits.values() for i in images) == ["x.jpg", "y.jpg", "z.jpg"]
    assert "images.renamed" not in counts(found)


def test_two_files_for_one_image_are_put_together_and_that_is_said(tmp_path: Path) -> None:
    root = write_voc(tmp_path)
    voc_xml("a.jpg", [("bag", (50, 5, 10, 10)), *SAMPLE["train/a.jpg"]]).write(root / "Annotations" / "a_copy.xml")
    (root / "ImageSets/Main/train.txt").write_text("a\nb\nc\na_copy\n")
    found = read_dataset(root)
    assert [name for name, _ in labels_of(found)["train/a.jpg"]] == ["can", "jar", "bag"]
    assert counts(found) == {"images.joined": 1, "labels.duplicate_box": 2}


def test_two_annotation_folders_for_the_same_pictures_are_refused_by_name(tmp_path: Path) -> None:
    root = write_voc(tmp_path)
    (root / "Annotations_v2").mkdir()
    for key in SAMPLE:
        name = key.split("/")[1]
        voc_xml(name, [("bag", BOX)]).write(root / "Annotations_v2" / f"{name[:-4]}.xml")
    with pytest.raises(DataError, match=r"can be read in 2 ways; choose one by data.reading=NAME, or all") as caught:
        read_dataset(root)
    assert "voc:Annotations (" in str(caught.value)
    assert read_dataset(root, reading="voc:Annotations_v2").classes == ("bag",)
    assert read_dataset(root, reading="voc:Annotations").classes == ("can", "jar")
    assert read_dataset(root, reading="all").classes == ("can", "jar", "bag")


def test_annotation_folders_for_different_pictures_are_one_set(tmp_path: Path) -> None:
    for split, names in (("train", "ab"), ("valid", "cd")):
        for name in names:
            draw(tmp_path / split / f"{name}.jpg", SIZE)
            voc_xml(f"{name}.jpg", [("can", BOX)]).write(tmp_path / split / f"{name}.xml")
    assert places_of(tmp_path) == {"train": ["train/a.jpg", "train/b.jpg"], "val": ["valid/c.jpg", "valid/d.jpg"]}


def test_equal_names_in_two_splits_are_different_pictures(tmp_path: Path) -> None:
    for split in ("train", "test", "val"):
        draw(tmp_path / split / "images" / "1.jpg", SIZE)
        (tmp_path / split / "annotations").mkdir()
        voc_xml("1.jpg", [(split, BOX)]).write(tmp_path / split / "annotations" / "1.xml")
    found = read_dataset(tmp_path)
    assert labels_of(found) == {f"{split}/1.jpg": [(split, BOX)] for split in ("train", "test", "val")}


@pytest.mark.parametrize(
    ("lists", "splits"),
    [
        ({"trainval": "abc", "test": "de"}, {"test": 2, "train": 2, "val": 1}),
        ({"train": "ab", "val": "c", "trainval": "abc", "test": "de"}, {"train": 2, "val": 1, "test": 2}),
        ({"train": "ab", "val": "c", "dog_train": "de"}, {"train": 2, "val": 1}),
    ],
)
@pytest.mark.parametrize("line", ["{stem}", "{stem} 1", "{stem}.jpg", "JPEGImages/{stem}.jpg"])
def test_lists_of_image_sets_say_the_splits(
    tmp_path: Path, lists: dict[str, str], splits: dict[str, int], line: str
) -> None:
    root = flat(tmp_path, {stem: f"{stem}.jpg" for stem in "abcde"})
    (root / "ImageSets" / "Main").mkdir(parents=True)
    for name, stems in lists.items():
        text = "".join(line.format(stem=stem) + "\n" for stem in stems)
        (root / "ImageSets" / "Main" / f"{name}.txt").write_text(text)
    found = read_dataset(root)
    assert {split: len(images) for split, images in found.splits.items()} == splits
    assert counts(found).get("splits.unlisted", 0) == 5 - sum(splits.values())


def test_polygons_and_turned_boxes_become_upright_boxes(tmp_path: Path) -> None:
    root = write_voc(tmp_path, {**SAMPLE, "train/c.jpg": []})
    tree = voc_xml("c.jpg", [])
    for kind, numbers in (
        ("polygon", {"x1": 10, "y1": 10, "x2": 30, "y2": 12, "x3": 20, "y3": 40}),
        ("robndbox", {"cx": 40, "cy": 30, "w": 20, "h": 10, "angle": math.pi / 2}),
        ("neither", {}),
    ):
        item = SubElement(tree.getroot(), "object")  # type: ignore[arg-type]  # a root is there, sizes are as given
        SubElement(item, "name").text = "bag"
        shape = SubElement(item, kind)
        for key, value in numbers.items():
            SubElement(shape, key).text = str(value)
    tree.write(root / "Annotations" / "c.xml")
    found = read_dataset(root)
    assert labels_of(found)["train/c.jpg"] == [("bag", (10, 10, 20, 30)), ("bag", pytest.approx((35, 20, 10, 20)))]
    assert counts(found) == {"labels.polygon": 2, "labels.not_a_box": 1}


def test_a_part_of_an_object_is_no_object(tmp_path: Path) -> None:
    root = write_voc(tmp_path)
    path = root / "Annotations" / "a.xml"
    part = "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>3</xmax><ymax>3</ymax></bndbox></part>"
    path.write_text(path.read_text().replace("</object>", part + "</object>", 1))
    assert labels_of(read_dataset(root)) == SAMPLE


def test_a_file_that_contradicts_its_picture_is_left_out_and_the_others_are_used(tmp_path: Path) -> None:
    root = write_voc(tmp_path)
    voc_xml("a.jpg", SAMPLE["train/a.jpg"], size=(60, 80)).write(root / "Annotations" / "a.xml")
    found = read_dataset(root)
    assert {f.code: f.examples for f in found.findings} == {"images.other_shape": ("a.jpg",)}
    assert "train/a.jpg" not in labels_of(found)


@pytest.mark.parametrize("size", [(0, 0), (160, 120)])
def test_sizes_of_zero_are_the_pictures_and_others_are_scaled(tmp_path: Path, size: tuple[int, int]) -> None:
    root = write_voc(tmp_path)
    scale = max(1, size[0] // SIZE[0])
    labels = [(name, tuple(scale * v for v in box)) for name, box in SAMPLE["train/a.jpg"]]
    voc_xml("a.jpg", labels, size=size).write(root / "Annotations" / "a.xml")  # type: ignore[arg-type]  # a root is there, sizes are as given
    found = read_dataset(root)
    assert labels_of(found) == SAMPLE
    assert counts(found) == {"images.bad_size" if scale == 1 else "images.other_size": 1}


# XML


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "bomb",
    [
        '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(f'<!ENTITY b{i} "{"&a;" * 9}">' for i in range(9)) + "]>",
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://localhost:1/x.dtd">',
    ],
)
def test_entities_are_refused_before_they_are_parsed(tmp_path: Path, bomb: str, encoding: str) -> None:
    root = write_voc(tmp_path)
    text = f'<?xml version="1.0" encoding="{encoding}"?>{bomb}<annotation><filename>&a;</filename></annotation>'
    (root / "Annotations" / "a.xml").write_bytes(text.encode(encoding))
    found = read_dataset(root)
    assert {f.code: f.examples for f in found.findings} == {
        "files.unreadable": (
            "Annotations/a.xml: is refused: it declares a document type or entities; remove these lines",
        ),
        "images.unlabelled": ("JPEGImages/a.jpg",),
    }


def test_what_is_looked_at_is_what_is_parsed(tmp_path: Path) -> None:
    """A declared encoding in which the bytes of a document type look like something else."""
    root = write_voc(tmp_path)
    text = '<?xml version="1.0" encoding="cp037"?><!DOCTYPE x [<!ENTITY a "b">]><annotation>&a;</annotation>'
    (root / "Annotations" / "a.xml").write_bytes(text.encode("cp037"))
    assert counts(read_dataset(root)) == {"files.unreadable": 1, "images.unlabelled": 1}


@pytest.mark.parametrize("encoding", ["gbk", "latin-1", "utf-8"])
def test_declared_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    root = write_voc(tmp_path)
    name = "größe" if encoding == "latin-1" else "罐"
    tree = voc_xml("a.jpg", [(name, BOX)])
    tree.write(root / "Annotations" / "a.xml", encoding=encoding, xml_declaration=True)
    assert labels_of(read_dataset(root))["train/a.jpg"] == [(name, BOX)]


def test_deep_nesting_is_read(tmp_path: Path) -> None:
    root = write_voc(tmp_path)
    (root / "Annotations" / "a.xml").write_text("<annotation>" + "<a>" * 100_000 + "</a>" * 100_000 + "</annotation>")
    assert labels_of(read_dataset(root))["train/a.jpg"] == []
