"""Copies of one file: between splits, within one, and with other boxes."""

from pathlib import Path

import pytest
from small_data import draw
from subjects import counts, entry, picture, subject, texts

from objectives.data.check.copies import check_copies
from objectives.data.check.subject import CheckedImage, Subject

BOX = (0, 5, 5, 20, 10)


def copied(root: Path, *names: str) -> None:
    """Write one picture under several names."""
    draw(root / names[0])
    for name in names[1:]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes((root / names[0]).read_bytes())


def indexed(it: Subject) -> Subject:
    """Return the subject with the contents of its files known, as after a look at the index."""
    entries = []
    for one in it.entries:
        content = one.path.read_bytes().hex()
        entries.append(CheckedImage(**{**vars(one), "picture": picture(one.path.name, content)}))
    return Subject(it.root, it.classes, tuple(entries))


@pytest.mark.parametrize("is_indexed", [False, True])
def test_an_image_of_two_splits_is_a_leak(tmp_path: Path, is_indexed: bool) -> None:
    copied(tmp_path, "train/a.jpg", "val/x.jpg", "val/y.jpg", "test/z.jpg")
    draw(tmp_path / "val" / "other.jpg")
    images = [("train/a.jpg", "train"), ("val/x.jpg", "val"), ("val/y.jpg", "val"), ("test/z.jpg", "test")]
    images += [("val/other.jpg", "val")]
    it = subject(*[entry(name, [BOX], split, root=tmp_path) for name, split in images], root=tmp_path)
    found = list(check_copies(indexed(it) if is_indexed else it))
    assert counts(found) == {"splits.leak": 3, "images.duplicate": 1}
    assert texts(found, "splits.leak") == [
        "train/a.jpg = val/x.jpg",
        "train/a.jpg = val/y.jpg",
        "train/a.jpg = test/z.jpg",
    ]
    assert texts(found, "images.duplicate") == ["val/x.jpg = val/y.jpg"]
    assert [mark.split for mark in found[0].marks] == ["train", "val"]


def test_one_file_that_two_splits_list_is_a_leak(tmp_path: Path) -> None:
    draw(tmp_path / "a.jpg")
    images = [entry("a.jpg", [BOX], split, root=tmp_path) for split in ("train", "test")]
    assert counts(check_copies(subject(*images, root=tmp_path))) == {"splits.leak": 1}


def test_copies_with_other_boxes_disagree(tmp_path: Path) -> None:
    copied(tmp_path, "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    boxes = {
        "a.jpg": [BOX, (1, 1, 1, 9, 9)],
        "b.jpg": [(1, 1, 1, 9, 9), BOX],
        "c.jpg": [BOX],
        "d.jpg": [BOX, (0, 1, 1, 9, 9)],
    }
    found = list(check_copies(subject(*[entry(n, b, root=tmp_path) for n, b in boxes.items()], root=tmp_path)))
    assert counts(found) == {"images.duplicate": 3, "labels.disagree": 2}
    assert texts(found, "labels.disagree") == [
        "a.jpg = c.jpg: 2 and 1 boxes",
        "a.jpg = d.jpg: boxes in other places, or of other classes",
    ]


def test_files_that_are_alike_at_first_are_no_copies(tmp_path: Path) -> None:
    """Same size, same first bytes: only the whole shows it."""
    for name in "ab":
        (tmp_path / f"{name}.bin").write_bytes(bytes(9000) + name.encode())
    images = [entry(f"{name}.bin", [BOX], split, root=tmp_path) for name, split in (("a", "train"), ("b", "val"))]
    assert counts(check_copies(subject(*images, root=tmp_path))) == {}


def test_empty_and_missing_files_are_no_copies(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).touch()
    images = [entry(name, [BOX], split, root=tmp_path) for name in "abcd" for split in ("train", "val")][::3]
    assert counts(check_copies(subject(*images, root=tmp_path))) == {}
