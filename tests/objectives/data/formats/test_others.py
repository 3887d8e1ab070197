"""LabelMe, KITTI, CVAT and Label Studio: shapes that become boxes, and how each names its pictures."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from small_data import counts, draw
from small_formats import SAMPLE, SIZE, labels_of, write_cvat, write_kitti, write_label_studio, write_labelme

from objectives.data.readers import read_dataset
from spaces.errors import DataError

# LabelMe


def shape(points: list[list[float]], kind: str = "polygon", **more: Any) -> dict[str, Any]:
    return {"label": "bag", "shape_type": kind, "points": points, **more}


IN_TWO_PARTS = [
    shape([[10, 20], [30, 25], [15, 26]], group_id=1),
    shape([[12, 30], [20, 40], [12, 40]], group_id=1),
]


def labelme_with(root: Path, shapes: list[Any], **changes: Any) -> Path:
    """Write the sample with other shapes for c.jpg, which has none."""
    path = write_labelme(root) / "train" / "c.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "shapes": shapes, **changes}))
    return root


@pytest.mark.parametrize(
    ("shapes", "box"),
    [
        ([shape([[30, 40], [10, 20]], "rectangle")], (10, 20, 20, 20)),
        ([shape([[10, 20], [30, 20], [30, 40], [10, 40]], "rectangle")], (10, 20, 20, 20)),
        ([shape([[10, 20], [30, 25], [15, 40]])], (10, 20, 20, 20)),
        ([shape([[20, 30], [20, 40]], "circle")], (10, 20, 20, 20)),
        (
            [shape([[10, 20], [30, 25], [15, 26]], group_id=1), shape([[12, 30], [20, 40], [12, 40]], group_id=1)],
            (10, 20, 20, 20),
        ),
        ([shape([[10, 20], [30, 40]], "mask", mask="x")], (10, 20, 20, 20)),
    ],
)
def test_labelme_shapes_become_boxes(tmp_path: Path, shapes: list[Any], box: tuple[float, ...]) -> None:
    found = read_dataset(labelme_with(tmp_path, shapes))
    assert labels_of(found)["train/c.jpg"] == [("bag", box)]


@pytest.mark.parametrize(
    "bad",
    [
        shape([[1, 2]], "point"),
        shape([[1, 2], [3, 4]], "line"),
        {"label": "bag"},
        "bag",
        None,
        shape([[1, "x"]]),
        [[1]],
    ],
)
def test_labelme_shapes_without_area_are_findings(tmp_path: Path, bad: Any) -> None:
    found = read_dataset(labelme_with(tmp_path, [bad, shape([[1, 2], [11, 22]], "rectangle")]))
    assert len(labels_of(found)["train/c.jpg"]) == 1
    assert counts(found) == {"labels.not_a_box": 1}


@pytest.mark.parametrize("said", ["..\\pictures\\c.jpg", "/home/x/c.jpg", "c.png", None, 3, "other.jpg", "c"])
def test_labelme_finds_its_picture_beside_it(tmp_path: Path, said: Any) -> None:
    found = read_dataset(labelme_with(tmp_path, [shape([[1, 2], [11, 22]], "rectangle")], imagePath=said))
    assert labels_of(found)["train/c.jpg"] == [("bag", (1, 2, 10, 20))]
    assert counts(found) == ({"images.renamed": 1} if said == "other.jpg" else {})


# KITTI


def test_kittis_regions_to_ignore_are_left_out_and_said(tmp_path: Path) -> None:
    root = write_kitti(tmp_path)
    with (root / "train" / "label_2" / "a.txt").open("a") as stream:
        stream.write("DontCare -1 -1 -10 1 1 9 9 -1 -1 -1 -1000 -1000 -1000 -10\nvan\n")
    found = read_dataset(root)
    assert labels_of(found) == SAMPLE
    assert counts(found) == {"labels.ignored": 1, "labels.not_a_box": 1}


def test_kittis_right_camera_is_no_second_picture(tmp_path: Path) -> None:
    root = write_kitti(tmp_path)
    for split in ("train", "val"):
        for picture in (root / split / "image_2").iterdir():
            draw(root / split / "image_3" / picture.name, SIZE)
    found = read_dataset(root)
    assert {image.path.parent.name for images in found.splits.values() for image in images} == {"image_2"}
    assert counts(found) == {"images.unlabelled": 5}


# CVAT


def cvat_with(root: Path, text: str) -> Path:
    path = write_cvat(root) / "annotations.xml"
    path.write_text(
        path.read_text().replace(
            'name="c.jpg" subset="train" width="80" height="60" />',
            f'name="c.jpg" subset="train" width="80" height="60">{text}</image>',
        )
    )
    return root


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ('<polygon label="bag" points="10,20;30,25;15,40"/>', (10, 20, 20, 20)),
        ('<ellipse label="bag" cx="20" cy="30" rx="10" ry="10"/>', (10, 20, 20, 20)),
        ('<box label="bag" xtl="10" ytl="25" xbr="30" ybr="35" rotation="90"/>', (15, 20, 10, 20)),
        ('<mask label="bag" left="10" top="20" width="20" height="20" rle="1"/>', (10, 20, 20, 20)),
    ],
)
def test_cvats_shapes_become_boxes_and_that_is_said(tmp_path: Path, text: str, box: tuple[float, ...]) -> None:
    found = read_dataset(cvat_with(tmp_path, text))
    assert labels_of(found)["train/c.jpg"] == [("bag", pytest.approx(box))]
    assert counts(found) == {"labels.polygon": 1}


@pytest.mark.parametrize(
    "text", ['<points label="bag" points="1,2"/>', '<polygon label="bag" points="1,2"/>', '<box label="bag" xtl="1"/>']
)
def test_cvats_shapes_without_area_are_findings(tmp_path: Path, text: str) -> None:
    assert counts(read_dataset(cvat_with(tmp_path, text + '<tag label="x"/>'))) == {"labels.not_a_box": 1}


def test_cvats_labels_give_the_order_of_classes(tmp_path: Path) -> None:
    path = write_cvat(tmp_path) / "annotations.xml"
    labels = "".join(f"<label><name>{name}</name></label>" for name in ("jar", "can", "never"))
    meta = f"<meta><task><labels>{labels}</labels></task></meta>"
    path.write_text(path.read_text().replace("<annotations>", f"<annotations>{meta}"))
    found = read_dataset(tmp_path)
    assert (found.classes, counts(found)) == (("jar", "can"), {"classes.unused": 1})


def test_cvats_tracks_are_read_by_the_numbers_of_frames(tmp_path: Path) -> None:
    for frame in range(10):
        draw(tmp_path / "images" / f"frame_{frame:06d}.png", SIZE)
    boxes = "".join(
        f'<box frame="{i}" outside="{int(i == 9)}" xtl="{i}" ytl="5" xbr="{i + 20}" ybr="25"/>' for i in range(10)
    )
    text = f'<annotations><track id="0" label="can">{boxes}<box frame="x" xtl="1"/></track></annotations>'
    (tmp_path / "video.xml").write_text(text)
    found = read_dataset(tmp_path)
    labels = {key.split("/")[1]: label for key, label in labels_of(found).items()}
    assert labels == {f"frame_{i:06d}.png": [("can", (i, 5, 20, 20))] for i in range(9)}
    assert counts(found)["labels.no_image"] == 1


# Label Studio


def label_studio_with(root: Path, value: dict[str, Any], **changes: Any) -> Path:
    path = write_label_studio(root) / "train.json"
    tasks = json.loads(path.read_text())
    task = next(task for task in tasks if task["data"]["image"].endswith("c.jpg"))
    result = {"original_width": SIZE[0], "original_height": SIZE[1], "value": value}
    task["annotations"] = [{"result": [result, {"type": "choices", "value": {"choices": ["x"]}}]}]
    task |= changes
    path.write_text(json.dumps(tasks))
    return root


@pytest.mark.parametrize(
    ("value", "box", "polygon"),
    [
        ({"x": 12.5, "y": 50, "width": 25, "height": 25, "rectanglelabels": ["bag"]}, (10, 30, 20, 15), 0),
        (
            {"x": 50, "y": 20, "width": 25, "height": 25, "rotation": 90, "rectanglelabels": ["bag"]},
            (25, 12, 15, 20),
            1,
        ),
        ({"points": [[12.5, 50], [37.5, 60], [20, 75]], "polygonlabels": ["bag"]}, (10, 30, 20, 15), 1),
        ({"x": 25, "y": 62.5, "radiusX": 12.5, "radiusY": 12.5, "ellipselabels": ["bag"]}, (10, 30, 20, 15), 1),
    ],
)
def test_label_studios_shapes_become_boxes(
    tmp_path: Path, value: dict[str, Any], box: tuple[float, ...], polygon: int
) -> None:
    found = read_dataset(label_studio_with(tmp_path, value))
    assert labels_of(found)["train/c.jpg"] == [("bag", pytest.approx(box))]
    assert counts(found).get("labels.polygon", 0) == polygon


def test_label_studio_turns_about_the_left_top_corner_in_pixels() -> None:
    """By the formula of its documentation, for an angle at which the order of scaling and turning matters."""
    from objectives.data.formats.label_studio import _box

    angle = math.radians(30)
    (left, top, width, height), upright = _box(
        {"x": 50, "y": 10, "width": 20, "height": 10, "rotation": 30}, (200, 100)
    )
    across, down = 40, 10
    assert not upright
    assert left == pytest.approx(100 - down * math.sin(angle))
    assert top == pytest.approx(10)
    assert width == pytest.approx(across * math.cos(angle) + down * math.sin(angle))
    assert height == pytest.approx(across * math.sin(angle) + down * math.cos(angle))


@pytest.mark.parametrize(
    "image",
    [
        "/data/local-files/?d=set/train/c.jpg",
        "http://localhost:8080/data/upload/1/0a1b2c3d-c.jpg?x=1",
        "s3://bucket/train/c.jpg",
        "c.jpg",
        "train%2Fc.jpg",
    ],
)
def test_label_studios_addresses_lead_to_the_picture(tmp_path: Path, image: str) -> None:
    value = {"x": 12.5, "y": 50, "width": 25, "height": 25, "rectanglelabels": ["bag"]}
    found = read_dataset(label_studio_with(tmp_path, value, data={"image": image}))
    assert labels_of(found)["train/c.jpg"] == [("bag", (10, 30, 20, 15))]


def test_label_studios_short_form_is_read(tmp_path: Path) -> None:
    draw(tmp_path / "a.jpg", SIZE)
    draw(tmp_path / "b.jpg", SIZE)
    label = {"x": 12.5, "y": 50, "width": 25, "height": 25, "rectanglelabels": ["bag"]}
    label |= {"original_width": SIZE[0], "original_height": SIZE[1]}
    tasks = [{"image": f"/x/{n}.jpg", "id": 1, "label": [label], "annotator": 1, "annotation_id": 1} for n in "ab"]
    (tmp_path / "min.json").write_text(json.dumps(tasks))
    found = read_dataset(tmp_path)
    assert list(labels_of(found).values()) == [[("bag", (10, 30, 20, 15))]] * 2


def test_label_studios_annotators_are_said_and_cancelled_work_is_not_used(tmp_path: Path) -> None:
    value = {"x": 12.5, "y": 50, "width": 25, "height": 25, "rectanglelabels": ["bag"]}
    root = label_studio_with(tmp_path, value)
    tasks = json.loads((root / "train.json").read_text())
    (task,) = [task for task in tasks if "c.jpg" in task["data"]["image"]]
    own = task["annotations"][0]
    task["annotations"] = [{"result": [], "was_cancelled": True}, own, {"result": []}]
    tasks[0]["annotations"] = []
    (root / "train.json").write_text(json.dumps(tasks))
    found = read_dataset(root)
    assert labels_of(found)["train/c.jpg"] == [("bag", (10, 30, 20, 15))]
    assert counts(found) == {"images.unlabelled": 2, "labels.annotators": 1}


def test_label_studio_json_that_is_no_list_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    path.write_text("{}")
    with pytest.raises(DataError, match="found no Label Studio JSON"):
        read_dataset(path, "label_studio")
