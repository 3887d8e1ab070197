"""Whether an image file is all there: decoders fill what is missing with grey, some without a word."""

from io import BytesIO
from typing import Literal

from PIL import Image

JPEG_SOI, JPEG_EOI, JPEG_SOS = 0xD8, 0xD9, 0xDA  # markers of JPEG
STANDALONE = frozenset({0x01, JPEG_SOI, *range(0xD0, 0xD8)})  # without a length
PADDING_MAX = 64  # zeros behind a picture; more are a file whose rest never came


def is_truncated(data: bytes, kind: str) -> bool:
    """Whether a file ends before its picture does.

    Args:
        data: all bytes of the file.
        kind: as of `kinds.kind_of`.
    """
    if kind == ".jpg":
        return _is_cut_jpeg(data)
    if kind == ".png":
        return b"IEND" not in data[-4096:]  # some programs append to files
    if kind == ".webp":
        return len(data) < 8 + int.from_bytes(data[4:8], "little")
    return (kind == ".tif" and _lacks_directory(data)) or _breaks_off(data)


def _lacks_directory(data: bytes) -> bool:
    """Whether the directory of a TIFF, which many programs write last, lies beyond the end of the file."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    is_big = data[2:4] in (b"+\0", b"\0+")
    return int.from_bytes(data[8:16] if is_big else data[4:8], order) >= len(data)


def _is_cut_jpeg(data: bytes) -> bool:
    """Whether the end marker of a JPEG is missing, and pixels or a run of zeros show that more is."""
    scan = _first_scan(data)
    if scan < 0 or data.find(bytes((0xFF, JPEG_EOI)), scan) >= 0:
        return scan < 0
    return len(data) - len(data.rstrip(b"\0")) > PADDING_MAX or _breaks_off(data)


def _first_scan(data: bytes) -> int:
    """Return where the pixels of a JPEG begin, behind its headers and their thumbnails; -1 if they never do."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return -1
        marker = data[at + 1]
        if marker == JPEG_SOS:
            return at
        if marker == 0xFF:  # a fill byte
            at += 1
        else:
            at += 2 if marker in STANDALONE else 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    return -1


def _breaks_off(data: bytes) -> bool:
    """Whether Pillow runs out of bytes while it decodes."""
    try:
        with Image.open(BytesIO(data)) as image:
            image.load()
    except OSError as error:
        return any(word in str(error).lower() for word in ("truncated", "broken data stream", "unexpected end"))
    except Exception:  # plugins raise what they like on broken files; that is another fault
        return False
    return False
