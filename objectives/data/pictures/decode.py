"""The one decoder of pictures: what the index opens, the trainer opens and the scorer opens, pixel by pixel the same.

A file is what its first bytes say, whatever it is called. For each kind the steps are those of Ultralytics' `imread`
(`ultralytics/utils/patches.py`, 8.4), which goes by the suffix: the trainer's links have the suffix of their content
(`objectives.data.yolo_layout`), and a test holds the two decoders equal on every kind.
"""

from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from objectives.data.pictures.kinds import HEAD_BYTES, kind_of
from spaces.errors import DataError

Pixels = NDArray[np.uint8]  # (H, W, 3), BGR

HEIF_PACKAGE = "pi_heif"  # the one that Ultralytics asks for


@cache
def has_heif() -> bool:
    """Whether HEIC files can be decoded here: the package is optional, and Pillow knows it from the first call on."""
    if find_spec(HEIF_PACKAGE) is None:
        return False
    from pi_heif import register_heif_opener  # type: ignore[import-not-found, unused-ignore]  # optional

    register_heif_opener()
    return True


def decode(data: NDArray[np.uint8]) -> Pixels | None:
    """Return the first picture of a file's bytes as (H, W, 3) BGR, turned by its EXIF tag; None if it has none."""
    if not data.size:
        return None
    kind = kind_of(data[:HEAD_BYTES].tobytes())
    pixels = _decode_pillow(data) if kind in {".avif", ".heic"} else None
    try:
        if kind == ".tif":
            pixels = _decode_tiff(data)
        if pixels is None:
            pixels = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:  # too large, or no picture at all
        return None
    if pixels is not None and pixels.dtype == np.uint16:
        pixels = (pixels // 256).astype(np.uint8)
    return pixels if pixels is not None and pixels.dtype == np.uint8 else None  # type: ignore[return-value]  # 8 bits were asked just before


def _decode_tiff(data: NDArray[np.uint8]) -> NDArray[np.number[Any]] | None:
    """Return the first page of a colour TIFF, whatever its depth and bands; None of a grey one."""
    found, pages = cv2.imdecodemulti(data, cv2.IMREAD_UNCHANGED, range=(0, 1))
    if not found or not len(pages) or pages[0].ndim != 3:
        return None
    return np.ascontiguousarray(pages[0][..., :3])


def _decode_pillow(data: NDArray[np.uint8]) -> NDArray[np.number[Any]] | None:
    has_heif()
    try:
        with Image.open(BytesIO(data.tobytes())) as image, ImageOps.exif_transpose(image) as upright:
            return cv2.cvtColor(np.asarray(upright.convert("RGB")), cv2.COLOR_RGB2BGR)
    except Exception:  # plugins raise what they like on broken files; Ultralytics goes on to OpenCV likewise
        return None


def read_image(path: Path) -> Pixels:
    """Decode an image file as (H, W, 3) BGR, turned by its EXIF tag.

    Raises:
        DataError: it is missing, or cannot be decoded.
    """
    try:
        pixels = decode(np.fromfile(path, np.uint8))
    except (OSError, ValueError):
        pixels = None
    if pixels is None:
        raise DataError(f"data.root: '{path}' cannot be decoded; replace or remove it")
    return pixels
