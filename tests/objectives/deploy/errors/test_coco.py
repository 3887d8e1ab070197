"""COCO JSON of suspects and detections: read by pycocotools, with the images' own names."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from made_errors import CLASSES, analysed, detected, labelled
from pycocotools.coco import COCO

from objectives.data.dataset import Dataset, LabelledImage
from objectives.deploy.errors.analysis import Analysis, images_for
from objectives.deploy.errors.coco import common_folder, predictions_coco, suspects_coco
from spaces.errors import DataError

CAN, JAR = (100, 100, 100, 100), (500, 500, 50, 50)
FOUND = detected([(*CAN, 0.9, 1), (900, 900, 200, 50, 0.8, 0), (*JAR, 0.7, 1), (0, 0, 9, 9, 0.1, 0)])


@pytest.fixture
def analysis(tmp_path: Path) -> Analysis:
    one = labelled([CAN, JAR], [0, 1], str(tmp_path / "a" / "é 1.jpg"))
    clean = labelled([CAN], [0], str(tmp_path / "b" / "c" / "2.jpg"))
    return analysed([one, clean], [FOUND, detected([(*CAN, 0.9, 0)])])


def loaded(content: dict[str, object], folder: Path) -> COCO:
    path = folder / "coco.json"
    path.write_text(json.dumps(content))
    return COCO(str(path))


def test_predictions_are_all_detections_at_the_confidence(analysis: Analysis, tmp_path: Path) -> None:
    coco = loaded(predictions_coco(analysis), tmp_path)
    assert [image["file_name"] for image in coco.loadImgs(coco.getImgIds())] == ["a/é 1.jpg", "b/c/2.jpg"]
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == list(CLASSES)
    kinds = [(a["image_id"], a["category_id"], a["score"], a["kind"]) for a in coco.loadAnns(coco.getAnnIds())]
    assert kinds == [
        (1, 2, 0.9, "confused"),
        (1, 1, 0.8, "background"),
        (1, 2, 0.7, "correct"),
        (2, 1, 0.9, "correct"),
    ]
    assert coco.loadAnns([2])[0]["bbox"] == [900, 900, 100, 50]  # clipped to the image
    assert coco.loadAnns([2])[0]["area"] == 5000


def test_suspects_hold_what_is_proposed_and_what_is_there(analysis: Analysis, tmp_path: Path) -> None:
    coco = loaded(suspects_coco(analysis), tmp_path)
    assert [image["file_name"] for image in coco.loadImgs(coco.getImgIds())] == ["a/é 1.jpg"]
    annotations = {a["kind"]: a for a in coco.loadAnns(coco.getAnnIds())}
    assert set(annotations) == {"missing label", "wrong class"}
    wrong = annotations["wrong class"]
    assert (wrong["category_id"], wrong["bbox"], wrong["label"]) == (2, [*CAN], {"class": "can", "bbox": [*CAN]})
    assert annotations["missing label"]["label"] is None
    assert all(a["trained_on"] is False and 0 <= a["score"] <= 1 and a["why"] for a in annotations.values())
    assert coco.dataset["info"]["images"] == str(tmp_path)
    assert coco.dataset["info"]["description"] == "trial 3 of retail on val of shelves"


def test_the_common_folder_is_what_file_names_are_relative_to() -> None:
    assert common_folder([Path("/a/b/1.jpg"), Path("/a/b/2.jpg")]) == Path("/a/b")
    assert common_folder([Path("/a/b/1.jpg"), Path("/a/bc/2.jpg")]) == Path("/a")


# Class indices of another data set


def of(classes: tuple[str, ...], image: LabelledImage) -> Dataset:
    return Dataset("other", Path("other"), classes, {"val": (image,)})


def test_classes_go_by_name() -> None:
    image = labelled([CAN, JAR], [0, 1])
    (renumbered,) = images_for(of(("box", "can"), image), "val", CLASSES)
    assert renumbered.classes.tolist() == [2, 0]
    assert renumbered.path == image.path
    assert image.classes.tolist() == [0, 1]  # the data set's own stay


def test_what_the_detector_does_not_know_is_refused() -> None:
    image = labelled([CAN], [0])
    with pytest.raises(DataError, match=r"does not know the classes cup, lid; it was made for can, jar, box"):
        images_for(of(("cup", "lid"), image), "val", CLASSES)
    with pytest.raises(DataError, match=r"split: the data set has no 'vla'; nearest: val; it has val"):
        images_for(of(CLASSES, image), "vla", CLASSES)


def test_an_image_without_anything_is_no_obstacle() -> None:
    empty = replace(labelled([], []), path=Path("/a/empty.jpg"))
    one = labelled([CAN], [0], "/a/one.jpg")
    analysis = analysed([empty, one], [detected([]), detected([])])
    assert len(predictions_coco(analysis)["images"]) == 2
    assert [image["file_name"] for image in suspects_coco(analysis)["images"]] == ["one.jpg"]
