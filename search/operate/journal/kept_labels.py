"""Labels of an image of the stream, as they are kept beside it: one file an image, the later labels in place."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from objectives.machine.files import write_text
from search.operate.paths import PipelinePaths

KeptBox = tuple[str, float, float, float, float]  # class name; left, top, width, height in pixels of the kept image


@dataclass(frozen=True)
class KeptLabels:
    """Labels of one image; no box says that nothing is there.

    Attributes:
        sha256: of the image as it arrived.
        width_px, height_px: of the image as it is kept.
        boxes: see KeptBox; inside the image.
        source: where they came from: file or folder in `stream.labels`.
        at: when they were taken back, in UTC.
    """

    sha256: str
    width_px: int
    height_px: int
    boxes: tuple[KeptBox, ...]
    source: str
    at: datetime

    def to_json(self) -> dict[str, Any]:
        """Return them as JSON values."""
        return {
            "sha256": self.sha256,
            "width_px": self.width_px,
            "height_px": self.height_px,
            "boxes": [{"label": label, "box_xywh": box} for label, *box in self.boxes],
            "source": self.source,
            "at": self.at.isoformat(),
        }


def write_labels(paths: PipelinePaths, labels: KeptLabels) -> bool:
    """Keep labels, whole, in place of earlier ones; return whether they say something new."""
    path = paths.kept_labels(labels.sha256)
    before = _read(path)
    if before is not None and before.boxes == labels.boxes:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(labels.to_json(), ensure_ascii=False))
    return True


def read_labels(paths: PipelinePaths, sha256: str) -> KeptLabels | None:
    """Return the labels of an image; None if it has none."""
    return _read(paths.kept_labels(sha256))


def _read(path: Path) -> KeptLabels | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    boxes = tuple((str(box["label"]), *map(float, box["box_xywh"])) for box in values["boxes"])
    at = datetime.fromisoformat(values["at"])
    return KeptLabels(values["sha256"], values["width_px"], values["height_px"], boxes, values["source"], at)  # type: ignore[arg-type]  # four numbers, as they were written
