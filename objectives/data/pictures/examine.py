"""One image file, examined: what a trainer and a scorer would meet when they open it."""

import hashlib
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from objectives.data.frame import Header, header_of
from objectives.data.pictures.decode import decode, has_heif
from objectives.data.pictures.hashes import content_hash, looks_of
from objectives.data.pictures.kinds import HEAD_BYTES, MIN_SIDE_PX, kind_of
from objectives.data.pictures.picture import Picture
from objectives.data.pictures.wholeness import is_truncated

FILE_BYTES_MAX = 1 << 30  # of a file that is read whole, as decoders need it
JPEG_END = b"\xff\xd9"
TURNED, TURNED_FROM = 6, 5  # EXIF orientations: one that swaps the sides, and the least that does
HASHED_PX = 64  # least side of a JPEG that is decoded at a part of its size, for its hash
# Side that is decoded, as a part of the whole -> OpenCV's flag. Entropy decoding, which finds faults, is done whole.
_REDUCED = {
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    1: cv2.IMREAD_GRAYSCALE,
}


@dataclass(frozen=True)
class _Seen:
    """What Pillow says of a file without decoding it."""

    header: Header
    format: str
    mode: str
    frames: int


def examine(path: Path) -> Picture:
    """Examine one file; whatever is wrong with it becomes the picture's problem, and nothing is raised."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return _flawed(path, "images.missing")
    except (OSError, ValueError):  # no right to look, a circle of links, a name that no file can have
        return _flawed(path, "images.unreadable")
    if not stat.S_ISREG(status.st_mode):  # a folder; a pipe, which would wait for ever
        return _flawed(path, "images.unreadable")
    try:
        with _quiet():
            return _examine_bytes(path, status.st_size)
    except MemoryError:
        return _flawed(path, "images.too_large")
    except OSError:
        return _flawed(path, "images.unreadable")


def _flawed(path: Path, problem: str, content: str = "") -> Picture:
    return Picture(path, None, content, None, problem=problem)


def _examine_bytes(path: Path, size_bytes: int) -> Picture:
    if size_bytes > FILE_BYTES_MAX:
        return _flawed(path, "images.too_large", content_hash(path))
    raw = path.read_bytes()
    content = hashlib.sha256(raw).hexdigest()
    if not raw:
        return _flawed(path, "images.empty_file", content)
    kind = kind_of(raw[:HEAD_BYTES])
    if kind == ".heic" and not has_heif():
        return _flawed(path, "images.no_decoder", content)
    try:
        seen = _look_inside(raw, path)
    except Image.DecompressionBombError:
        return _flawed(path, "images.too_large", content)
    except MemoryError:
        raise
    except Exception:  # Pillow's plugins raise what they like on broken files
        return _flawed(path, "images.truncated" if kind and is_truncated(raw, kind) else "images.unreadable", content)
    return _decoded(path, content, raw, kind, seen)


def _look_inside(raw: bytes, path: Path) -> _Seen:
    with Image.open(BytesIO(raw)) as image:
        header = header_of(image, path)
        mode = image.mode + (";16" if ";16" not in image.mode and _is_deep(image, raw) else "")
        frames = int(getattr(image, "n_frames", 1))
        format_ = str(image.format)
    return _Seen(header, format_, mode, frames)


def _is_deep(image: Image.Image, raw: bytes) -> bool:
    """Whether a channel has more than 8 bits, which Pillow's mode of a colour picture does not show."""
    if image.format == "PNG":
        return raw[24] == 16
    if image.format == "TIFF":
        return max(image.tag_v2.get(258, (8,)), default=8) > 8  # type: ignore[attr-defined]  # BitsPerSample
    return False


def _decoded(path: Path, content: str, raw: bytes, kind: str, seen: _Seen) -> Picture:
    """Decode as the trainer will, and name what keeps it from training."""
    problem, looks, header = None, None, seen.header
    if is_truncated(raw, kind):
        problem = "images.truncated"
    elif not _is_taken(raw, kind, seen):  # before it is decoded: a broken length may ask for gigabytes
        problem = "images.unreadable"
    else:
        grey, part = _grey(np.frombuffer(raw, np.uint8), kind, header)
        shown = None if grey is None else _as_decoded(header, grey, part)
        if grey is None or shown is None:
            problem = "images.unreadable"
        else:
            header, looks = shown, looks_of(grey)
            small = min(header.shown_px) < MIN_SIDE_PX
            problem = "images.format" if not kind else "images.too_small" if small else None
    return Picture(path, header, content, looks, seen.mode, seen.frames, problem)


def _is_taken(raw: bytes, kind: str, seen: _Seen) -> bool:
    """Whether the trainer takes a file whose first picture may be sound.

    It checks the checksums of a PNG, and decodes all pages of a TIFF. A JPEG that does not end with its end marker it
    writes anew, and leaves out if Pillow cannot decode it.
    """
    rewritten = seen.format == "JPEG" and not raw.endswith(JPEG_END)
    try:
        if kind == ".tif" and seen.frames > 1:
            cv2.imdecodemulti(np.frombuffer(raw, np.uint8), cv2.IMREAD_UNCHANGED)
        if kind == ".png" or rewritten:
            with Image.open(BytesIO(raw)) as image:
                image.load() if rewritten else image.verify()
    except Exception:  # OpenCV does for pages that are too large, and Pillow raises what it likes on broken files
        return False
    return True


def _grey(data: NDArray[np.uint8], kind: str, header: Header) -> tuple[NDArray[np.uint8] | None, int]:
    """Return the picture in grey, upright, for its hash, and what part of its size that is: 1 for the whole, 2, 4, 8.

    The picture is None if the decoder does not open it.
    """
    if kind == ".jpg":
        part = next((part for part in _REDUCED if min(header.stored_px) >= HASHED_PX * part), 1)
        try:
            return cv2.imdecode(data, _REDUCED[part]), part  # type: ignore[return-value]  # 8 bit
        except cv2.error:
            return None, part
    pixels = decode(data)
    grey = None if pixels is None else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    return grey, 1  # type: ignore[return-value]  # 8 bit


def _as_decoded(header: Header, grey: NDArray[np.uint8], part: int) -> Header | None:
    """Return the header with the turn that the decoder made, which reads broken EXIF in its own way.

    None where the decoded picture has another size than the header says.
    """
    decoded = grey.shape[1], grey.shape[0]
    for orientation in (header.orientation, TURNED if header.orientation < TURNED_FROM else 1):
        tried = Header(header.stored_px, orientation)
        if all(abs(side - whole / part) < 1 for side, whole in zip(decoded, tried.shown_px, strict=True)):
            return tried
    return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the decoders' own warnings from the terminal: what they mean becomes the picture's problem."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        cv2.utils.logging.setLogLevel(level)
