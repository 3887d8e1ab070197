"""Small pictures of images that a pipeline has kept, as `data:` addresses."""

from base64 import b64encode
from pathlib import Path

import cv2

from objectives.data.pictures.decode import read_image
from spaces.errors import DataError

STRIP_PX = 300  # of the longer side
STRIP_QUALITY = 80


def thumbnail(path: Path) -> str:
    """Return an image small; empty where it is gone or cannot be decoded."""
    try:
        image = read_image(path)
    except (DataError, OSError):
        return ""
    ratio = min(1.0, STRIP_PX / max(image.shape[:2]))
    size = max(1, round(image.shape[1] * ratio)), max(1, round(image.shape[0] * ratio))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, STRIP_QUALITY])
    return f"data:image/jpeg;base64,{b64encode(encoded.tobytes()).decode()}"
