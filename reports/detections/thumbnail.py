"""A validation image as a small JPEG, upright, without boxes: the page draws these over it."""

from pathlib import Path

import cv2

from objectives.data.pictures.decode import read_image

SIDES_ALLOWED_PX = (160, 240, 320, 480, 640, 960)  # of the longer side
THUMBNAIL_QUALITY = 78


def side_for(px: int) -> int:
    """Return the smallest side that is allowed and not below `px`; the largest for more."""
    return next((side for side in SIDES_ALLOWED_PX if side >= px), SIDES_ALLOWED_PX[-1])


def thumbnail_jpeg(path: Path, side_px: int) -> bytes:
    """Return an image as a JPEG whose longer side is at most `side_px`; a smaller image stays as large as it is.

    Raises:
        DataError: the file is gone, or cannot be decoded.
    """
    pixels = read_image(path)  # turned by its EXIF tag
    ratio = min(1.0, side_px / max(pixels.shape[:2]))
    if ratio < 1:
        size = max(1, round(pixels.shape[1] * ratio)), max(1, round(pixels.shape[0] * ratio))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]  # 8-bit stays
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY])
    return encoded.tobytes()
