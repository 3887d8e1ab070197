"""What a deployable file says of itself: what it needs to run, kept in its metadata."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from objectives.deploy.ultralytics_meta import DETECTIONS_MAX, NMS_IOU, is_ultralytics, read_ultralytics
from spaces.errors import DataError

if TYPE_CHECKING:  # boards may have Python 3.10, which lacks it
    from typing import Self

META_KEY = "automl"
CONFIDENCE_KEY = "automl_confidence"  # beside it: older versions read files that have it
PRECISION_KEY = "automl_precision"  # of a file that is not in fp32
ENDING_BYTES = 1_000_000  # of an ONNX file, in which its metadata lie: they are written last


@dataclass(frozen=True)
class ArtifactMeta:
    """What a deployable file says of itself, kept in its metadata.

    Attributes:
        size_px: side of the square input.
        head: "nms" (raw boxes, NMS follows), "end2end" or "rtdetr" (final boxes).
        classes: class names by index.
        nms_iou: IoU above which the lesser of two boxes of one class falls.
        max_detections: most boxes returned for an image.
        stretched: whether an image is stretched to the square, not letterboxed: RT-DETR as Ultralytics exports it.
        confidence: score that detections must exceed, where it was chosen for this file; else None.
    """

    size_px: int
    head: str
    classes: tuple[str, ...]
    nms_iou: float = NMS_IOU
    max_detections: int = DETECTIONS_MAX
    stretched: bool = False
    confidence: float | None = None

    def dump(self) -> str:
        """Return the text kept in the file; older versions read it too, which know no `stretched`.

        The confidence has a key of its own.
        """
        values = asdict(self)
        del values["confidence"]
        return json.dumps({key: value for key, value in values.items() if key != "stretched" or value})

    @classmethod
    def load(cls, text: str) -> "Self":
        """Read the text kept in the file."""
        values = json.loads(text)
        return cls(**{**values, "classes": tuple(values["classes"])})


@dataclass(frozen=True)
class MadeFor:
    """The precision of a file that is not in fp32, and the runtime that the file was made for."""

    precision: str
    runtime: str

    @classmethod
    def load(cls, text: str) -> "Self":
        """Read the text kept in the file."""
        values = json.loads(text)
        return cls(values["precision"], values["runtime"])

    @classmethod
    def of_onnx(cls, path: Path) -> "Self | None":
        """Read it from an ONNX file without its graph, on a board without onnx too; None of a file in fp32."""
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - ENDING_BYTES))
            _, found, rest = stream.read().rpartition(PRECISION_KEY.encode())
        if not found:
            return None
        text = rest[rest.find(b"{") :].decode("utf-8", "replace")
        values, _ = json.JSONDecoder().raw_decode(text)
        return cls(values["precision"], values["runtime"])


def read_meta(properties: Mapping[str, str], path: Path) -> ArtifactMeta:
    """Read what a file says of itself.

    Args:
        properties: the file's metadata.
        path: the file, for the message.

    Raises:
        DataError: the file was written neither by this project nor by Ultralytics' export of a detector.
    """
    if META_KEY in properties:
        meta = ArtifactMeta.load(properties[META_KEY])
        chosen = properties.get(CONFIDENCE_KEY)
        return meta if chosen is None else replace(meta, confidence=float(chosen))
    if is_ultralytics(properties):
        return ArtifactMeta(**read_ultralytics(properties, path))
    raise DataError(
        f"artifact: '{path}' was not exported by automl or Ultralytics (its metadata lack '{META_KEY}' and 'names')"
    )
