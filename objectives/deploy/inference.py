"""The detector as deployed: letterbox, one ONNX file in the device's runtime, NMS. No torch in here."""

import json
import time
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from objectives.deploy.device import Device
from objectives.training.arguments import MAX_DETECTIONS
from spaces.errors import DataError, DeviceError

META_KEY = "automl"
PAD_VALUE = 114  # grey of the letterbox, as in training
MAX_NMS = 5000  # scored boxes that enter NMS for an image, best first

Image = NDArray[np.uint8]  # (H, W, 3), BGR


@dataclass(frozen=True)
class ArtifactMeta:
    """What a deployable file says of itself, kept in its metadata.

    Attributes:
        size_px: side of the square input.
        head: "nms" (raw boxes, NMS follows), "end2end" or "rtdetr" (final boxes).
        classes: class names by index.
        nms_iou: IoU above which the lesser of two boxes of one class falls.
        max_detections: most boxes returned for an image.
    """

    size_px: int
    head: str
    classes: tuple[str, ...]
    nms_iou: float = 0.7
    max_detections: int = MAX_DETECTIONS

    def dump(self) -> str:
        """Return the text kept in the file."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Self:
        """Read the text kept in the file."""
        values = json.loads(text)
        return cls(**{**values, "classes": tuple(values["classes"])})


@dataclass(frozen=True, eq=False)
class Detections:
    """Boxes found in one image, best first.

    Attributes:
        boxes_xyxy: (n, 4) left, top, right, bottom in pixels of the original image. They may reach beyond its edges
            and are scored so, as Ultralytics' validator does; clipping would add up to 0.03 mAP on cut objects.
        scores: (n,) in [0, 1].
        classes: (n,) class indices.
    """

    boxes_xyxy: NDArray[np.float64]
    scores: NDArray[np.float64]
    classes: NDArray[np.int64]


class Network(ABC):
    """The file in a runtime: image batch in, raw output out."""

    meta: ArtifactMeta

    @abstractmethod
    def run(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map (1, 3, size, size) RGB in [0, 1] to the first output of the file."""


class OnnxRuntimeNetwork(Network):
    """The file in ONNX Runtime."""

    def __init__(self, path: Path, device: Device) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = device.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(
                str(path),
                options,
                providers=[(device.provider, {k: str(v) for k, v in device.options.items()})],
            )
        except Exception as error:  # the runtime's own classes of error differ by version and provider
            raise DeviceError(f"device={device.name}: cannot load '{path}': {str(error).splitlines()[0]}") from error
        self.meta = _meta(self.session.get_modelmeta().custom_metadata_map, path)
        self._input = self.session.get_inputs()[0].name

    def run(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the session."""
        output: NDArray[np.float32] = self.session.run(None, {self._input: blob})[0]
        return output


class OpenVinoNetwork(Network):
    """The file in OpenVINO."""

    def __init__(self, path: Path, device: Device) -> None:
        import onnx
        import openvino

        options = {"PERFORMANCE_HINT": "LATENCY", **device.options}
        if device.threads:
            options["INFERENCE_NUM_THREADS"] = device.threads
        properties = onnx.load(str(path), load_external_data=False).metadata_props
        self.meta = _meta({p.key: p.value for p in properties}, path)
        self._compiled = openvino.Core().compile_model(str(path), device.provider, options)
        self._request = self._compiled.create_infer_request()

    def run(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run one request."""
        self._request.infer([blob], share_inputs=True)
        output: NDArray[np.float32] = self._request.get_output_tensor(0).data
        return output


def open_network(path: Path, device: Device) -> Network:
    """Open a deployable file on a device.

    Raises:
        DataError: there is no such file, or it was not written by this project.
        DeviceError: the runtime is not usable.
    """
    if not path.is_file():
        raise DataError(f"artifact: '{path}' is no file; name an ONNX file that this project exported")
    device.check()
    return (OpenVinoNetwork if device.runtime == "openvino" else OnnxRuntimeNetwork)(path, device)


class Detector:
    """Image in, detections out, as the deployed program does it."""

    def __init__(self, network: Network, confidence: float) -> None:
        """Wrap a network; boxes scored below `confidence` are dropped before NMS."""
        self.network = network
        self.meta = network.meta
        self.confidence = confidence
        self.network_s = 0.0  # seconds of the network alone in the last call

    def __call__(self, image: Image) -> Detections:
        """Find the objects of one image (H, W, 3) BGR."""
        blob, scale, pad = letterbox(image, self.meta.size_px)
        start = time.perf_counter()
        output = self.network.run(blob)
        self.network_s = time.perf_counter() - start
        boxes, scores, classes = self._decode(output)
        boxes[:, 0::2] = (boxes[:, 0::2] - pad[0]) / scale[0]
        boxes[:, 1::2] = (boxes[:, 1::2] - pad[1]) / scale[1]
        return Detections(boxes, scores, classes)

    def _decode(self, output: NDArray[np.float32]) -> tuple[Any, Any, Any]:
        """Map the network's output to boxes (xyxy, pixels of the input), scores and classes, best first."""
        meta = self.meta
        if meta.head == "nms":
            return suppress(output[0], self.confidence, meta.nms_iou, meta.max_detections)
        rows = output[0]
        rows = rows[rows[:, 4] > self.confidence]
        rows = rows[np.argsort(-rows[:, 4], kind="stable")][: meta.max_detections].astype(np.float64)
        boxes = rows[:, :4]
        if meta.head == "rtdetr":
            boxes = _centre_to_corners(boxes * meta.size_px)
        return boxes, rows[:, 4], rows[:, 5].astype(np.int64)


def letterbox(image: Image, size_px: int) -> tuple[NDArray[np.float32], tuple[float, float], tuple[int, int]]:
    """Fit an image into a square, aspect kept, grey around it, the way Ultralytics validates.

    Returns:
        blob (1, 3, size, size) RGB in [0, 1]; scale by axis (x, y); left and top padding in pixels.
    """
    height, width = image.shape[:2]
    ratio = size_px / max(height, width)
    new = min(int(np.ceil(width * ratio)), size_px), min(int(np.ceil(height * ratio)), size_px)
    if new != (width, height):
        image = cv2.resize(image, new, interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]  # 8-bit stays 8-bit
    spare = (size_px - new[0]) / 2, (size_px - new[1]) / 2
    left, top = round(spare[0] - 0.1), round(spare[1] - 0.1)
    if spare != (0, 0):
        right, bottom = size_px - new[0] - left, size_px - new[1] - top
        sides, border = (top, bottom, left, right), (PAD_VALUE,) * 3
        image = cv2.copyMakeBorder(image, *sides, cv2.BORDER_CONSTANT, value=border)  # type: ignore[assignment]  # 8-bit stays 8-bit
    blob = cv2.dnn.blobFromImage(image, 1 / 255, swapRB=True)
    return blob, (new[0] / width, new[1] / height), (left, top)  # type: ignore[return-value]  # 32-bit floats


def suppress(
    output: NDArray[np.float32], confidence: float, iou: float, most: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Non-maximum suppression within each class; a box may be found under several classes.

    Args:
        output: (4 + classes, anchors): centre x, centre y, width, height, then a score for each class.
        confidence: least score.
        iou: overlap above which the lesser box falls.
        most: most boxes returned.

    Returns:
        boxes (n, 4) as corners, scores (n,), classes (n,), best first.
    """
    classes, anchors = np.nonzero(output[4:] > confidence)
    scores = output[4:][classes, anchors].astype(np.float64)
    if len(scores) > MAX_NMS:
        best = np.argpartition(-scores, MAX_NMS)[:MAX_NMS]
        classes, anchors, scores = classes[best], anchors[best], scores[best]
    boxes = _centre_to_corners(output[:4, anchors].T.astype(np.float64))
    sized = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    kept = [np.zeros(0, dtype=np.int64)]
    for label in np.unique(classes):  # by class: NMS is quadratic in the number of boxes
        index = np.flatnonzero(classes == label)
        # OpenCV's stubs ask for sequences; arrays are taken as they are.
        survivors = cv2.dnn.NMSBoxes(sized[index], scores[index], confidence, iou)  # type: ignore[arg-type]
        kept.append(index[np.asarray(survivors, dtype=np.int64)])
    chosen = np.concatenate(kept)
    chosen = chosen[np.argsort(-scores[chosen], kind="stable")][:most]
    return boxes[chosen], scores[chosen], classes[chosen]


def read_image(path: Path) -> Image:
    """Decode an image as (H, W, 3) BGR, orientation tags applied.

    Raises:
        DataError: it cannot be decoded.
    """
    try:  # from bytes: `imread` cannot decode a turned TIFF, which the trainer decodes so
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):  # missing, or empty
        image = None
    if image is None:
        raise DataError(f"data.root: '{path}' cannot be decoded; replace or remove it")
    return image  # type: ignore[return-value]  # 8-bit colour


def _centre_to_corners(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    half = boxes[:, 2:] / 2
    return np.hstack([boxes[:, :2] - half, boxes[:, :2] + half])


def _meta(properties: dict[str, str], path: Path) -> ArtifactMeta:
    if META_KEY not in properties:
        raise DataError(f"artifact: '{path}' was not exported by automl (its metadata lack '{META_KEY}')")
    return ArtifactMeta.load(properties[META_KEY])
