"""Hashes of pictures: of the bytes, equal for copies of a file; and of the looks, near for copies of a picture."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

CHUNK_BYTES = 1 << 20
THUMB_PX = 32  # of the thumbnail that is hashed
KEPT = 8  # lowest frequencies, by axis
FLAT_GREY_LEVELS = 1.5  # standard deviation below which a thumbnail shows nothing that could be compared
FLAT = 0  # looks of a picture that shows nothing: blank, black, over-exposed


def content_hash(path: Path) -> str:
    """Return the sha256 of a file's bytes.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _cosines() -> NDArray[np.float64]:
    """Return the first KEPT rows of the discrete cosine transform (type II) of THUMB_PX values."""
    rows, columns = np.arange(KEPT)[:, None], np.arange(THUMB_PX)[None, :]
    return np.cos(np.pi * rows * (2 * columns + 1) / (2 * THUMB_PX))


_BASIS = _cosines()
_WEIGHTS = np.left_shift(np.uint64(1), np.arange(KEPT * KEPT, dtype=np.uint64))


def looks_of(grey: NDArray[np.uint8]) -> int:
    """Return the perceptual hash of a picture (pHash): the signs of its low frequencies, 64 bits.

    Scaling, recoding and changes of brightness move a few bits; pictures of other things differ in about half of them.
    A picture that shows nothing is FLAT, for its frequencies are those of noise. Source: C. Zauner, Implementation and
    benchmarking of perceptual image hash functions, 2010, section 3.2.

    Args:
        grey: (H, W), of any size.
    """
    small = cv2.resize(grey, (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA).astype(np.float64)
    if small.std() < FLAT_GREY_LEVELS:
        return FLAT
    frequencies = (_BASIS @ small @ _BASIS.T).ravel()
    bits = frequencies > np.median(frequencies[1:])  # the first is the mean brightness
    return int(_WEIGHTS[bits].sum())
