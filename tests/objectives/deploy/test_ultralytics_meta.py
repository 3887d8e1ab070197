"""Files that both read: ours as Ultralytics predicts with them, and Ultralytics' own as our deployed program does."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import torch
from defaults import CPU
from plain_ultralytics import plainly
from window_detector import write_windows

from objectives.deploy.artifact import META_KEY, ArtifactMeta, read_meta
from objectives.deploy.detector import Detector
from objectives.deploy.export_onnx import export_onnx, head_of
from objectives.deploy.runtimes.open import open_artifact
from objectives.deploy.ultralytics_meta import ultralytics_properties
from spaces.candidate import Candidate
from spaces.errors import DataError
from spaces.network.description import describe
from spaces.network.detector import build_detector

CONFIDENCE, IOU = 0.25, 0.6
PREDICT = """
from ultralytics import YOLO
if export:
    model = YOLO("own.yaml")
    import os, torch
    seeded = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for _ in range(40):
            model.model.train()(torch.rand(4, 3, 64, 64, generator=seeded))
        for branch in model.model.model[-1].cv3:
            torch.nn.init.normal_(branch[-1].weight, std=0.5, generator=seeded)
            torch.nn.init.constant_(branch[-1].bias, -1)
        for branch in model.model.model[-1].cv2:
            branch[-1].bias.view(4, -1)[:] = 1.0 - torch.arange(16)
    os.rename(model.export(format="onnx", imgsz=64, dynamic=True), "dynamic.onnx")
    os.rename(model.export(format="onnx", imgsz=64), "raw.onnx")
    model.export(format="onnx", imgsz=64, nms=True, conf=confidence, iou=iou)
result = {}
for file in files:
    (found,) = YOLO(file, task="detect").predict(image, conf=confidence, iou=iou, device="cpu", save=False)
    result[file] = {"names": list(found.names.values()), "rows": found.boxes.data.tolist()}
"""


def picture(path: Path, size_px: tuple[int, int] = (160, 120)) -> np.ndarray:
    """Write an image of patches: any network finds something else in each of them."""
    patches = np.random.default_rng(4).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    image = cv2.resize(patches, size_px, interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(path), image)
    return image


def exported(candidate: Candidate, classes: tuple[str, ...], path: Path) -> Path:
    """Export a network whose scores differ from place to place."""
    model: Any = build_detector(describe(candidate, classes), 0)
    head = model.model[-1]
    if hasattr(head, "cv3"):
        seeded = torch.Generator().manual_seed(2)
        with torch.no_grad():
            for _ in range(40):  # statistics with which signals come through
                model(torch.rand(4, 3, 64, 64, generator=seeded))
            for branch in [*head.cv3, *getattr(head, "one2one_cv3", [])]:
                torch.nn.init.normal_(branch[-1].weight, std=0.5, generator=seeded)
                torch.nn.init.constant_(branch[-1].bias, -1)
            for branch in [
                *head.cv2,
                *getattr(head, "one2one_cv2", []),
            ]:  # boxes of some pixels, not of the whole image
                branch[-1].bias.view(4, -1)[:] = 1.0 - torch.arange(head.reg_max)
    return export_onnx(model, ArtifactMeta(64, head_of(model), classes, IOU), path)


def ours(path: Path, image: np.ndarray) -> np.ndarray:
    """Return rows of box, score and class, boxes clipped to the image as Ultralytics shows them."""
    runtime = open_artifact(path, CPU)
    detector = Detector(runtime, CONFIDENCE)
    detector.meta = replace(runtime.meta, nms_iou=IOU)
    found = detector(image)
    height, width = image.shape[:2]
    boxes = np.clip(found.boxes_xyxy, 0, [width, height, width, height])
    return np.column_stack([boxes, found.scores, found.classes])


def assert_same(theirs: list[list[float]], own: np.ndarray) -> None:
    """Compare rows in any order: of equal scores either may come first."""
    rows = np.array(theirs).reshape(-1, 6)
    assert len(rows) == len(own) > 3
    apart = np.abs(rows[:, None] - own[None]).max(axis=2)
    assert apart.min(axis=0).max() < 2e-2
    assert apart.min(axis=1).max() < 2e-2
    assert np.median(apart) > 0.3  # rows differ: the match is no accident


@pytest.mark.slow
@pytest.mark.seconds
def test_ultralytics_predicts_with_our_files_what_we_do(
    make_candidate: Callable[..., Candidate], tmp_path: Path
) -> None:
    image = picture(tmp_path / "image.png")
    # One class with NMS: Ultralytics gives a box its best class alone, our program each class that is sure enough.
    cases = {"nms": ("can",), "end2end": ("can", 'a "jar"', "Flasche ü")}
    for head, classes in cases.items():
        exported(make_candidate({"head.kind": head}), classes, tmp_path / f"{head}.onnx")
    files = [f"{head}.onnx" for head in cases]
    theirs = plainly(PREDICT, tmp_path, files=files, image="image.png", confidence=CONFIDENCE, iou=IOU, export=False)
    for head, classes in cases.items():
        found = theirs[f"{head}.onnx"]
        assert found["names"] == list(classes)
        assert_same(found["rows"], ours(tmp_path / f"{head}.onnx", image))


@pytest.mark.slow
@pytest.mark.seconds
def test_we_detect_with_their_files_what_ultralytics_does(
    make_candidate: Callable[..., Candidate], tmp_path: Path
) -> None:
    """Raw output, NMS in the file, any size, and a decoder that takes stretched images; all by their metadata alone."""
    image = picture(tmp_path / "image.png")
    (tmp_path / "own.yaml").write_text(
        "nc: 1\nscales: {n: [0.33, 0.125, 512]}\nbackbone:\n"
        + "".join(f"  - [-1, 1, Conv, [{c}, 3, 2]]\n" for c in (32, 64, 128, 256, 512))
        + "head:\n  - [[2, 3, 4], 1, Detect, [nc]]\n"
    )
    decoder = exported(make_candidate({"head.kind": "rtdetr"}), ("can", "jar"), tmp_path / "decoder.onnx")
    proto = onnx.load(str(decoder))
    kept = [prop for prop in proto.metadata_props if prop.key != META_KEY]
    del proto.metadata_props[:]
    proto.metadata_props.extend(kept)
    onnx.save(proto, str(decoder))
    files = ["raw.onnx", "own.onnx", "dynamic.onnx", "decoder.onnx"]
    theirs = plainly(PREDICT, tmp_path, files=files, image="image.png", confidence=0.25, iou=IOU, export=True)
    heads = {}
    for file in ("raw.onnx", "own.onnx", "decoder.onnx"):
        meta = open_artifact(tmp_path / file, CPU).meta
        heads[file] = meta.head
        assert meta.size_px == 64
        assert_same(theirs[file]["rows"], ours(tmp_path / file, image))
    assert heads == {"raw.onnx": "nms", "own.onnx": "end2end", "decoder.onnx": "rtdetr"}
    raw, dynamic = ours(tmp_path / "raw.onnx", image), ours(tmp_path / "dynamic.onnx", image)
    assert dynamic == pytest.approx(raw, abs=1e-2)  # at the size that its metadata name


PROPERTIES = ultralytics_properties(("can", "jar"), 64, head="Detect", stride_px=32, end2end=False, opset=18)
THERE = Path("x.onnx")


def test_our_own_metadata_come_first(tmp_path: Path) -> None:
    own = ArtifactMeta(96, "end2end", ("tin",), 0.4)
    assert read_meta({**PROPERTIES, META_KEY: own.dump()}, THERE) == own
    assert read_meta(PROPERTIES, THERE) == ArtifactMeta(64, "nms", ("can", "jar"), 0.7, 300)
    assert "stretched" not in own.dump()  # an older automl reads it too
    stretched = replace(own, stretched=True)
    assert ArtifactMeta.load(stretched.dump()) == stretched
    path = write_windows(tmp_path / "windows.onnx", properties=PROPERTIES)
    assert open_artifact(path, CPU).meta.classes == ("can", "jar")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "segment"}, r"is made for the task 'segment'; name a detector"),
        ({"imgsz": "[480, 640]"}, r"takes images of 640 x 480 px; export it again"),
        ({"batch": "8"}, r"takes 8 images at once; export it again"),
        ({"channels": "1"}, r"takes images of 1 channels"),
        ({"names": "can"}, r"^artifact: the metadata of 'x.onnx' cannot be read"),
        ({"names": "{1: 'can', 2: 'jar'}"}, r"^artifact: the metadata of 'x.onnx' cannot be read"),
        ({"imgsz": "wide"}, r"^artifact: the metadata of 'x.onnx' cannot be read"),
    ],
)
def test_what_is_no_detector_of_one_square_image_is_refused(change: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        read_meta({**PROPERTIES, **change}, THERE)
    assert "\n" not in str(error.value)


def test_an_older_decoder_whose_output_is_another_is_refused() -> None:
    older = {key: text for key, text in PROPERTIES.items() if key not in ("head", "end2end", "channels")}
    assert read_meta(older, THERE).head == "nms"
    with pytest.raises(DataError, match=r"is an RT-DETR of an older Ultralytics"):
        read_meta({**older, "description": "Ultralytics RT-DETR-l model trained on coco.yaml"}, THERE)
