"""Missing pairs, both ways."""

from pathlib import Path

from small_data import draw
from subjects import counts, entry, subject, texts

from objectives.data.check.files import check_files
from objectives.data.check.subject import CheckedImage

BOX = (0, 5, 5, 20, 10)


def labelled(root: Path, name: str, split: str = "train") -> CheckedImage:
    """Write an image and its label file, and return its entry."""
    label = f"{split}/labels/{Path(name).stem}.txt"
    draw(root / split / "images" / name)
    (root / label).parent.mkdir(exist_ok=True)
    (root / label).touch()
    return entry(f"{split}/images/{name}", [BOX], split, source=label, root=root)


def test_a_whole_set_is_silent(tmp_path: Path) -> None:
    images = [labelled(tmp_path, f"{i}.jpg", split) for split in ("train", "val") for i in range(3)]
    for name in (
        "train/labels/classes.txt",
        "train/labels.cache",
        "README.txt",
        "logo.png",
        ".DS_Store",
        "train/images/.x.jpg",
    ):
        (tmp_path / name).touch()
    assert counts(check_files(subject(*images, root=tmp_path))) == {}


def test_missing_images_and_files_that_are_none(tmp_path: Path) -> None:
    images = [labelled(tmp_path, f"{i}.jpg") for i in range(3)]
    images[0].path.unlink()
    draw(tmp_path / "train" / "images" / "more.png")
    (tmp_path / "train" / "images" / "clip.mp4").touch()
    found = list(check_files(subject(*images, root=tmp_path)))
    assert texts(found, "images.missing") == ["train/images/0.jpg"]
    assert texts(found, "images.unsupported") == ["train/images/clip.mp4"]
    assert counts(found) == {"images.missing": 1, "images.unsupported": 1}


def test_images_without_labels_and_labels_without_images(tmp_path: Path) -> None:
    images = [labelled(tmp_path, f"{i}.jpg") for i in range(3)]
    draw(tmp_path / "train" / "images" / "bare.jpg")
    (tmp_path / "train" / "labels" / "gone.txt").touch()
    images.append(entry("train/images/bare.jpg", source=None, root=tmp_path))
    found = list(check_files(subject(*images, root=tmp_path)))
    assert counts(found) == {"labels.missing": 1, "labels.orphan": 1}
    assert texts(found, "labels.orphan") == ["train/labels/gone.txt"]


def test_labels_that_lie_in_another_splits_folder(tmp_path: Path) -> None:
    images = [labelled(tmp_path, f"{i}.jpg") for i in range(3)] + [labelled(tmp_path, "v.jpg", "val")]
    for name in "ab":
        draw(tmp_path / "train" / "images" / f"{name}.jpg")
        (tmp_path / "val" / "labels" / f"{name}.txt").touch()
        images.append(entry(f"train/images/{name}.jpg", source=None, root=tmp_path))
    found = list(check_files(subject(*images, root=tmp_path)))
    assert texts(found, "labels.elsewhere") == [
        "train/images/a.jpg: val/labels/a.txt",
        "train/images/b.jpg: val/labels/b.txt",
    ]
    assert counts(found) == {"labels.elsewhere": 2}


def test_a_label_of_the_same_name_that_has_its_image_is_not_elsewhere(tmp_path: Path) -> None:
    images = [labelled(tmp_path, "1.jpg", "val"), labelled(tmp_path, "2.jpg")]
    draw(tmp_path / "train" / "images" / "1.jpg")
    images.append(entry("train/images/1.jpg", source=None, root=tmp_path))
    assert counts(check_files(subject(*images, root=tmp_path))) == {"labels.missing": 1}


def test_two_images_with_one_label_file(tmp_path: Path) -> None:
    images = [labelled(tmp_path, "a.jpg"), labelled(tmp_path, "a.png"), labelled(tmp_path, "b.png")]
    found = list(check_files(subject(*images, root=tmp_path)))
    assert texts(found, "labels.shared") == ["train/images/a.jpg, train/images/a.png: train/labels/a.txt"]
    assert counts(found) == {"labels.shared": 2}


def test_one_annotation_file_for_all_says_nothing_of_pairs(tmp_path: Path) -> None:
    for name in "ab":
        draw(tmp_path / f"{name}.jpg")
    (tmp_path / "labels.json").touch()
    (tmp_path / "a.json").touch()
    images = [entry(f"{name}.jpg", [BOX], source="labels.json", root=tmp_path) for name in "ab"]
    assert counts(check_files(subject(*images, root=tmp_path))) == {}
