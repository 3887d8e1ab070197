"""Kinds of image files, by their first bytes, and what the trainer takes."""

from pathlib import Path

MIN_SIDE_PX = 10  # of what the trainer takes
HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})
AVIF_BRANDS = frozenset({b"avif", b"avis"})
HEAD_BYTES = 64  # in which the kind shows
# Suffix of a kind, as Ultralytics knows it -> what its files begin with.
_MAGIC: dict[str, tuple[bytes, ...]] = {
    ".jpg": (b"\xff\xd8\xff",),
    ".png": (b"\x89PNG\r\n\x1a\n",),
    ".tif": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    ".bmp": (b"BM",),
    ".jp2": (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
}
TRAINED_KINDS = frozenset({*_MAGIC, ".webp", ".avif", ".heic"})
# Of files that may be pictures, when a folder is walked; those that the trainer cannot take become findings.
PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".png", ".apng", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".avif"}
    | {".heic", ".heif", ".hif", ".jp2", ".j2k", ".jpf", ".jpx", ".mpo", ".dng", ".gif"}
    | {".pgm", ".pnm", ".ppm"}
)


def kind_of(head: bytes) -> str:
    """Return the suffix of what a file's first HEAD_BYTES say that it is (".jpg"); empty if the trainer has none."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    if head[4:8] == b"ftyp":
        brands = {head[8:12], *(head[i : i + 4] for i in range(16, min(len(head), _box_bytes(head)) - 3, 4))}
        return ".avif" if brands & AVIF_BRANDS else ".heic" if brands & HEIF_BRANDS else ""
    return next((kind for kind, starts in _MAGIC.items() if head.startswith(starts)), "")


def _box_bytes(head: bytes) -> int:
    return int.from_bytes(head[:4], "big")


def kind_of_file(path: Path) -> str:
    """Return the kind of a file; empty if it cannot be read or is of none."""
    try:
        with path.open("rb", buffering=0) as stream:
            return kind_of(stream.read(HEAD_BYTES))
    except (OSError, ValueError):
        return ""
