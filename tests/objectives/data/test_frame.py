"""Frames of boxes: what is read lies on the object in the picture that the scorer and the trainer decode."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_data import CARD, boxes_of, coco, counts, draw, yolo
from ultralytics.cfg import get_cfg
from ultralytics.data import YOLODataset
from ultralytics.data.utils import check_det_dataset
from ultralytics.utils.patches import imread

from objectives.data.dataset import Dataset
from objectives.data.frame import read_header
from objectives.data.pictures.decode import read_image
from objectives.data.readers import read_dataset
from objectives.data.yolo_layout import lay_out
from spaces.errors import DataError

STORED = (60, 40)
OBJECT = (30, 4, 16, 10)  # left, top, width, height on the stored pixels
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)
SCALED, TURNED, ASSUMED = "images.other_size", "images.exif_turned", "images.exif_assumed"


def photograph(path: Path, orientation: int = 1, size: tuple[int, int] = STORED, **options: Any) -> Path:
    """Write a dark picture with a bright object at OBJECT, turned by a tag."""
    path.parent.mkdir(parents=True, exist_ok=True)
    x, y, w, h = OBJECT
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[y : y + h, x : x + w] = 255
    exif = Image.Exif()
    if orientation > 1:
        exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif, **options)
    return path


def bright_box(image: np.ndarray[Any, Any]) -> list[int]:
    rows, columns = np.nonzero(image.mean(axis=2) > 128)
    left, top = int(columns.min()), int(rows.min())
    return [left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top]


def shown(box: tuple[int, ...], orientation: int, size: tuple[int, int] = STORED) -> list[int]:
    """Bounding box on the turned picture, by Pillow's own turn of a mask."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    mask[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = 255
    image = Image.fromarray(mask)
    image.getexif()[0x0112] = orientation
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # EXIF orientation to Image.Transpose
    turned = image.transpose(Image.Transpose(turns[orientation])) if orientation > 1 else image
    return bright_box(np.asarray(turned.convert("RGB")))


def train_and_val(root: Path, entries: dict[str, dict[str, Any]], boxes: dict[str, Any]) -> Dataset:
    """Read COCO JSON of pictures in train/ with changed image entries, and one plain picture in val/."""
    draw(root / "val" / "z.jpg", (60, 40))
    coco(root / "val.json", {"z.jpg": [(7, (1, 2, 10, 12))]}, {"images": [{"id": 10, "file_name": "z.jpg"}]})
    content = coco(root / "train.json", {name: [(7, box) for box in boxes[name]] for name in entries})
    for entry in content["images"]:
        entry |= entries[entry["file_name"]]
    (root / "train.json").write_text(json.dumps(content))
    return read_dataset(root, "coco")


def loaded_by_trainer(dataset: Dataset, folder: Path) -> list[tuple[list[int], list[float]]]:
    """Return the bright box of each training picture as Ultralytics decodes it, and the label's, both in its pixels."""
    data = check_det_dataset(str(lay_out(dataset, folder)), autodownload=False)
    images = YOLODataset(data["train"], data=data, task="detect", augment=False, hyp=get_cfg(), imgsz=64)
    found = []
    for i, label in enumerate(images.labels):
        image, _, (height, width) = images.load_image(i)
        x, y, w, h = label["bboxes"][0] * [width, height, width, height]
        found.append((bright_box(image), [x - w / 2, y - h / 2, w, h]))
    return found


# The header


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "bmp"])
def test_header_scorer_and_trainer_agree_on_the_size(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = photograph(tmp_path / f"a.{suffix}", orientation)
    height, width, _ = read_image(path).shape
    assert read_header(path).shown_px == (width, height)
    assert imread(str(path)).shape == (height, width, 3)
    assert (width, height) == (STORED if orientation < 5 or suffix == "bmp" else STORED[::-1])


def test_xmp_is_not_obeyed_as_opencv_does_not(tmp_path: Path) -> None:
    path = photograph(tmp_path / "xmp.jpg", xmp=XMP)
    with Image.open(path) as image:
        assert image.getexif()[0x0112] == 6
    assert read_header(path).shown_px == read_image(path).shape[1::-1] == STORED


def test_a_tag_behind_the_pixels_of_a_png_is_obeyed_as_opencv_does(tmp_path: Path) -> None:
    path = photograph(tmp_path / "late.png", 6)
    data, chunks, at = path.read_bytes(), [], 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        chunks.append(data[at : at + 12 + length])
        at += 12 + length
    path.write_bytes(data[:8] + b"".join(sorted(chunks, key=lambda c: (c[4:8] == b"IEND", c[4:8] == b"eXIf"))))
    assert read_header(path).shown_px == read_image(path).shape[1::-1] == STORED[::-1]


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0nothing", b"Exif\0\0II*\0\xff\xff\0\0", b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12"]
)
def test_broken_exif_is_none(tmp_path: Path, exif: bytes) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", STORED).save(path, exif=exif)
    assert read_header(path).shown_px == STORED == read_image(path).shape[1::-1]


def test_no_pixel_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:5000])  # decoding this one fails
    assert read_header(path).shown_px == (300, 200)


def test_an_image_too_large_for_pillow_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = draw(tmp_path / "a.jpg", (60, 40))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(DataError, match=r"a\.jpg' is too large an image; cut it into tiles"):
        read_header(path)


# Boxes on turned pictures


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_boxes_on_stored_pixels_are_turned_along(tmp_path: Path, orientation: int, scale: int, suffix: str) -> None:
    name = f"a.{suffix}"
    path = photograph(tmp_path / "train" / name, orientation, quality=100)
    claim = {"width": STORED[0] * scale, "height": STORED[1] * scale}
    found = train_and_val(tmp_path, {name: claim}, {name: [tuple(scale * v for v in OBJECT)]})
    [(_, box)] = boxes_of(found, "train")
    assert box == pytest.approx(bright_box(read_image(path)))
    assert box == pytest.approx(shown(OBJECT, orientation))
    assert counts(found)[TURNED] == 1
    assert counts(found).get(SCALED, 0) == (scale > 1)
    [(object_, label)] = loaded_by_trainer(found, tmp_path / "laid")
    assert label == pytest.approx(object_, abs=1.5)  # pixels, in a picture resized to 64


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_boxes_on_the_turned_picture_stay(tmp_path: Path, orientation: int) -> None:
    path = photograph(tmp_path / "train" / "a.jpg", orientation)
    claim = {"width": STORED[1], "height": STORED[0]}
    found = train_and_val(tmp_path, {"a.jpg": claim}, {"a.jpg": [shown(OBJECT, orientation)]})
    assert [box for _, box in boxes_of(found, "train")] == [bright_box(read_image(path))]
    assert not counts(found).keys() & {SCALED, TURNED, ASSUMED}


@pytest.mark.parametrize("orientation", [2, 3, 4])
@pytest.mark.parametrize("tool_ignores_exif", [True, False])
def test_a_turn_that_keeps_the_size_follows_the_other_pictures(
    tmp_path: Path, orientation: int, tool_ignores_exif: bool
) -> None:
    half = photograph(tmp_path / "train" / "a.jpg", orientation)
    quarter = photograph(tmp_path / "train" / "b.jpg", 6)
    sizes = STORED if tool_ignores_exif else STORED[::-1]
    boxes = {
        "a.jpg": [OBJECT if tool_ignores_exif else shown(OBJECT, orientation)],
        "b.jpg": [OBJECT if tool_ignores_exif else shown(OBJECT, 6)],
    }
    entries = {
        "a.jpg": {"width": STORED[0], "height": STORED[1]},
        "b.jpg": {"width": sizes[0], "height": sizes[1]},
    }
    found = train_and_val(tmp_path, entries, boxes)
    assert [box for _, box in boxes_of(found, "train")] == [bright_box(read_image(path)) for path in (half, quarter)]
    assert ((TURNED, 2) if tool_ignores_exif else (ASSUMED, 1)) in counts(found).items()


@pytest.mark.parametrize("size", [STORED, (48, 48)])
def test_a_turn_that_nothing_settles_is_taken_as_shown_and_counted(tmp_path: Path, size: tuple[int, int]) -> None:
    path = photograph(tmp_path / "train" / "a.jpg", 3, size)
    box = shown(OBJECT, 3, size)
    found = train_and_val(tmp_path, {"a.jpg": {"width": size[0], "height": size[1]}}, {"a.jpg": [box]})
    assert [box for _, box in boxes_of(found, "train")] == [bright_box(read_image(path))]
    assert counts(found)[ASSUMED] == 1


def test_yolo_labels_of_turned_pictures_are_counted(tmp_path: Path) -> None:
    yolo(tmp_path, {"train/a": "0 0.5 0.25 1 0.5", "train/b": "", "val/b": "1 0.5 0.5 1 1"}, CARD)
    for name in ("a", "b"):
        draw(tmp_path / "train" / "images" / f"{name}.jpg", (40, 30), orientation=6)
    assert counts(read_dataset(tmp_path)) == {ASSUMED: 1}


# Sizes that a JSON claims


@pytest.mark.parametrize(("width", "height"), [(120, 80), (30, 20), (90.0, 60.0), ("600", "400"), (91, 60)])
def test_a_json_of_another_size_is_scaled(tmp_path: Path, width: Any, height: Any) -> None:
    path = photograph(tmp_path / "train" / "a.png")
    scale = np.array([float(width), float(height)] * 2) / [*STORED, *STORED]
    box = (np.array(OBJECT) * scale).tolist()
    found = train_and_val(tmp_path, {"a.png": {"width": width, "height": height}}, {"a.png": [box]})
    [(_, box)] = boxes_of(found, "train")
    assert box == pytest.approx(bright_box(read_image(path)))
    assert counts(found)[SCALED] == 1


@pytest.mark.parametrize("change", [{"width": "60", "height": "40"}, {"width": 60.0, "height": 40}])
def test_a_size_written_otherwise_is_the_same_size(tmp_path: Path, change: dict[str, Any]) -> None:
    photograph(tmp_path / "train" / "a.png")
    found = train_and_val(tmp_path, {"a.png": change}, {"a.png": [OBJECT]})
    assert boxes_of(found, "train") == [("can", list(OBJECT))]
    assert counts(found) == {"classes.unused": 2}


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0, "height": 0},
        {"width": "wide", "height": 40},
        {"width": float("nan"), "height": 40},
        {"width": -60, "height": 40},
        {"width": 60, "height": None},
        {"width": float("inf"), "height": 40},
        {"width": 10**400, "height": 40},
        {"width": [60], "height": 40},
    ],
)
def test_an_unusable_size_is_the_pictures(tmp_path: Path, change: dict[str, Any]) -> None:
    photograph(tmp_path / "train" / "a.png")
    found = train_and_val(tmp_path, {"a.png": change}, {"a.png": [OBJECT]})
    assert boxes_of(found, "train") == [("can", list(OBJECT))]
    assert found.splits["train"][0].width_px == 60
    assert counts(found)["images.bad_size"] == 1


def test_a_json_of_another_shape_is_refused_once_for_all(tmp_path: Path) -> None:
    names = ["a.png", "b.png", "c.png", "d.png"]
    for name in names:
        photograph(tmp_path / "train" / name)
    other = {"width": 40, "height": 60}
    entries = {"a.png": other, "b.png": {"width": 60, "height": 40}, "c.png": other, "d.png": other}
    boxes = {"a.png": [OBJECT], "b.png": [OBJECT], "c.png": [OBJECT], "d.png": []}  # d: nothing to misplace
    told = r"2 images of '.*train\.json' have another shape than it says \('a\.png' is 60 x 40, not 40 x 60\); export"
    with pytest.raises(DataError, match=told):
        train_and_val(tmp_path, entries, boxes)


@pytest.mark.parametrize(("orientation", "claim"), [(6, STORED), (1, (30, 20))])
def test_boxes_outside_the_claimed_size_are_refused(tmp_path: Path, orientation: int, claim: tuple[int, int]) -> None:
    """Sizes from the header, boxes drawn on the picture as shown: nothing says which to believe."""
    photograph(tmp_path / "train" / "a.png", orientation)
    box = (10, 45, 20, 14) if orientation == 6 else (35, 5, 20, 10)
    with pytest.raises(DataError, match=r"1 images of .* have boxes outside the size that it says .*correct width"):
        train_and_val(tmp_path, {"a.png": {"width": claim[0], "height": claim[1]}}, {"a.png": [box]})
