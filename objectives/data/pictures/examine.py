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
    return _Seen(header, mode, frames)


def _is_deep(image: Image.Image, raw: bytes) -> bool:
    """Whether a channel has more than 8 bits, which Pillow's mode of a colour picture does not show."""
    if image.format == "PNG":
        return raw[24] == 16
    if image.format == "TIFF":
        return max(image.tag_v2.get(258, (8,)), default=8) > 8  # type: ignore[attr-defined]  # BitsPerSample
    return False


def _decoded(path: Path, content: str, raw: bytes, kind: str, seen: _Seen) -> Picture:
    """Decode as the trainer will, and name what keeps it from training."""
    grey = _grey(np.frombuffer(raw, np.uint8), kind, seen)
    problem, looks = None, None
    if not kind:
        problem = "images.format"
    elif is_truncated(raw, kind):
        problem = "images.truncated"
    elif grey is None or (kind == ".png" and not _is_sound(raw)):
        problem = "images.unreadable"
    elif min(seen.header.shown_px) < MIN_SIDE_PX:
        problem = "images.too_small"
    if grey is not None and problem != "images.truncated":
        looks = looks_of(grey)
    return Picture(path, seen.header, content, looks, seen.mode, seen.frames, problem)


def _grey(data: NDArray[np.uint8], kind: str, seen: _Seen) -> NDArray[np.uint8] | None:
    """Return the picture in grey, upright, for its hash; None if the decoder does not open it."""
    if kind == ".jpg":
        side = min(seen.header.stored_px)
        part = next((part for part in _REDUCED if side >= HASHED_PX * part), 1)
        try:
            return cv2.imdecode(data, _REDUCED[part])  # type: ignore[return-value]  # 8 bit
        except cv2.error:
            return None
    pixels = decode(data)
    return None if pixels is None else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)  # type: ignore[return-value]  # 8 bit


def _is_sound(raw: bytes) -> bool:
    """Whether the checksums of a PNG are right: the trainer does not take it otherwise."""
    try:
        with Image.open(BytesIO(raw)) as image:
            image.verify()
    except Exception:  # Pillow raises what it likes on broken files
        return False
    return True


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
