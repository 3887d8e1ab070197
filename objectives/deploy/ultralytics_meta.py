"""The metadata that Ultralytics writes into an exported file: written beside ours, and read where a file is its own."""

import ast
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from spaces.errors import DataError

TASK_KEYS = ("task", "names", "imgsz")  # that every detector has which Ultralytics has exported since 8.0
NMS_IOU = 0.7  # Ultralytics' default of `iou` when it predicts and validates; ours of `deploy.nms_iou`
DETECTIONS_MAX = 300  # its default of `max_det`; ours of an uncrowded data set (`objectives.data.crowds`)
DECODER = "RTDETRDecoder"
EXPORT_AGAIN = "export it again with `yolo export format=onnx imgsz=N batch=1`"


def ultralytics_properties(
    classes: tuple[str, ...], size_px: int, *, head: str, stride_px: int, end2end: bool, opset: int
) -> dict[str, str]:
    """Return the metadata by which `YOLO("model.onnx")` shows class names and reads the output.

    The keys are those of `ultralytics.engine.exporter.Exporter` 8.4; its loader (`BaseBackend.apply_metadata`) reads
    stride, batch, channels, imgsz, names, args, end2end and task, and `YOLO` the head. No date: the same network gives
    the same file.

    Args:
        classes: class names by index.
        size_px: side of the square input.
        head: name of the head's class in Ultralytics.
        stride_px: greatest stride of the network.
        end2end: whether the output holds final boxes, (1, boxes, 6).
        opset: of the file.
    """
    values: dict[str, Any] = {
        "description": "automl detector",
        "author": "automl",
        "version": version("ultralytics-opencv-headless"),
        "license": "AGPL-3.0-or-later",
        "stride": stride_px,
        "task": "detect",
        "head": head,
        "batch": 1,
        "imgsz": [size_px, size_px],
        "names": dict(enumerate(classes)),
        "args": {"batch": 1, "dynamic": False, "simplify": True, "opset": opset, "nms": None},
        "channels": 3,
        "end2end": end2end,
    }
    return {key: str(value) for key, value in values.items()}


def is_ultralytics(properties: Mapping[str, str]) -> bool:
    """Whether a file's metadata are those of an export by Ultralytics."""
    return all(key in properties for key in TASK_KEYS)


def read_ultralytics(properties: Mapping[str, str], path: Path) -> dict[str, Any]:
    """Return the values of an `ArtifactMeta` for a file that Ultralytics has exported.

    Its own defaults stand in for what the file does not say: NMS_IOU, and DETECTIONS_MAX boxes an image.

    Raises:
        DataError: the file is no detector of one square image of three channels, or its metadata cannot be read.
    """
    try:
        values = {key: _value(text) for key, text in properties.items()}
        args = values.get("args") or {}
        nms = args.get("nms")
        names = dict(values["names"])
        classes = tuple(str(names[i]) for i in range(len(names)))
        height_px, width_px = (int(side) for side in values["imgsz"])
    except (ValueError, SyntaxError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"artifact: the metadata of '{path}' cannot be read ({error}); {EXPORT_AGAIN}") from error
    _check(values, (height_px, width_px), args, path)
    head = str(values.get("head", ""))
    kind = "rtdetr" if head == DECODER else "end2end" if values.get("end2end") or nms else "nms"
    return {
        "size_px": height_px,
        "head": kind,
        "classes": classes,
        "nms_iou": NMS_IOU,
        "max_detections": DETECTIONS_MAX,
        "stretched": head == DECODER,
    }


def _value(text: str) -> Any:
    """Return a value that was written by `str`; what is no literal is a text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _check(values: Mapping[str, Any], size_px: tuple[int, int], args: Mapping[str, Any], path: Path) -> None:
    said = f"artifact: '{path}', exported by Ultralytics,"
    if values["task"] != "detect":
        raise DataError(f"{said} is made for the task '{values['task']}'; name a detector")
    if size_px[0] != size_px[1]:
        raise DataError(f"{said} takes images of {size_px[1]} x {size_px[0]} px; {EXPORT_AGAIN}, which is square")
    if int(values.get("batch", 1)) != 1 and not args.get("dynamic"):
        raise DataError(f"{said} takes {values['batch']} images at once; {EXPORT_AGAIN}")
    if int(values.get("channels", 3)) != 3:
        raise DataError(f"{said} takes images of {values['channels']} channels; name one of three")
    if "head" not in values and "rtdetr" in str(values.get("description", "")).lower().replace("-", ""):
        raise DataError(f"{said} is an RT-DETR of an older Ultralytics, whose output is another; {EXPORT_AGAIN} by 8.4")
