"""Groups: what shows one photo or one scene is one group, by name, bytes, looks or the user's pattern."""

from pathlib import Path

import pytest
from picture_files import blobs
from PIL import Image

from objectives.data.pictures.index import look
from objectives.data.pictures.picture import Picture
from objectives.data.splits.groups import group_images, photo_of
from spaces.errors import DataError

ROOT = Path("/set")


def together(names: list[str], pattern: str | None = None, pictures: dict[Path, Picture] | None = None) -> list[str]:
    """Return the groups of two images and more, their names joined."""
    groups = group_images([ROOT / name for name in names], pictures or {}, ROOT, pattern)
    return [" ".join(names[i] for i in group) for group in groups.members() if len(group) > 1]


@pytest.mark.parametrize(
    ("name", "photo"),
    [
        ("shelf_png.rf.0a1b2c3d4e5f.jpg", "shelf_png"),
        ("a_aug_12.jpg", "a"),
        ("a-augmented.jpg", "a"),
        ("a_aug.jpg", "a"),
        ("a_flip.jpg", "a"),
        ("a_hflip_rot90.jpg", "a"),
        ("a.mirrored.jpg", "a"),
        ("IMG 7 rotated 2.jpg", None),
        ("august_3.jpg", None),
        ("flip.jpg", None),
        ("parrot90.jpg", None),
        ("car_1.jpg", None),
        ("car (1).jpg", None),
        ("a.rf.jpg", None),
    ],
)
def test_names_of_augmentations(name: str, photo: str | None) -> None:
    assert photo_of(Path(name)) == ((photo, True) if photo else (Path(name).stem, False))


def test_augmentations_of_a_photo_are_together_wherever_they_lie() -> None:
    names = [
        "train/a.jpg",
        "train/b.jpg",
        "aug/a_aug_1.jpg",
        "valid/a_flip.jpg",
        "train/c.rf.00aa11bb22.jpg",
        "d/c.rf.33cc44dd55.jpg",
    ]
    assert together(names) == [
        "train/a.jpg aug/a_aug_1.jpg valid/a_flip.jpg",
        "train/c.rf.00aa11bb22.jpg d/c.rf.33cc44dd55.jpg",
    ]


def test_equal_names_in_two_folders_are_two_photos() -> None:
    assert together(["camera1/0001.jpg", "camera2/0001.jpg"]) == []


def test_equal_bytes_and_looks_are_together(tmp_path: Path) -> None:
    pixels = {
        "a.jpg": blobs(1, (120, 80)),
        "copy.jpg": blobs(1, (120, 80)),
        "b.jpg": blobs(2, (240, 160)),
        "black.png": 0 * blobs(),
    }
    for name, picture in pixels.items():
        Image.fromarray(picture).save(tmp_path / name)
    Image.fromarray(pixels["b.jpg"]).resize((120, 80)).save(tmp_path / "small.webp")
    Image.fromarray(pixels["black.png"]).save(tmp_path / "black too.png")
    Image.fromarray(pixels["black.png"][:20]).save(tmp_path / "black of another size.png")
    paths = sorted(tmp_path.iterdir())
    groups = group_images(paths, look(paths, tmp_path / "index"), tmp_path)
    found = [[paths[i].name for i in group] for group in groups.members() if len(group) > 1]
    assert found == [["a.jpg", "copy.jpg"], ["b.jpg", "small.webp"], ["black too.png", "black.png"]]


def test_a_pattern_names_scenes_by_its_groups_or_by_all_of_it() -> None:
    names = ["store1/mon_1.jpg", "store1/mon_2.jpg", "store1/tue_1.jpg", "store2/mon_9.jpg"]
    assert together(names, r"store\d+") == [" ".join(names[:3])]
    assert together(names, r"(store\d+)/(\w+)_") == [" ".join(names[:2])]
    assert together(names, r"/(mon|tue)") == ["store1/mon_1.jpg store1/mon_2.jpg store2/mon_9.jpg"]


def test_images_that_a_pattern_does_not_match_are_counted() -> None:
    paths = [ROOT / name for name in ("s1/a.jpg", "s1/b.jpg", "other.jpg")]
    (finding,) = group_images(paths, {}, ROOT, r"s\d").findings
    assert (finding.code, finding.count, finding.examples) == ("splits.no_group", 1, ("other.jpg",))


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("(", "is no regular expression"), ("nowhere", "matches none of 1 images, such as 's1/a.jpg'")],
)
def test_a_pattern_of_no_use_is_an_error(pattern: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        group_images([ROOT / "s1" / "a.jpg"], {}, ROOT, pattern)


def test_no_images_are_no_groups() -> None:
    assert group_images([], {}, ROOT).members() == []


def test_groups_are_numbered_by_appearance() -> None:
    names = ["z_aug_1.jpg", "a.jpg", "z.jpg", "b.jpg"]
    assert group_images([ROOT / name for name in names], {}, ROOT).of.tolist() == [0, 1, 0, 2]
