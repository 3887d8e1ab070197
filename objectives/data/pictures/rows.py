"""A picture as a row: for the index on disk, and between processes."""

from pathlib import Path

from objectives.data.frame import Header
from objectives.data.pictures.picture import LOOKS_BITS, Picture

# width, height, orientation, content, looks, mode, frames, problem
Row = tuple[int | None, int | None, int | None, bytes, int | None, str, int, str | None]

_HALF = 1 << (LOOKS_BITS - 1)  # SQLite's integers are signed


def to_row(picture: Picture) -> Row:
    """Return a picture without its path."""
    header, looks = picture.header, picture.looks
    return (
        header.stored_px[0] if header else None,
        header.stored_px[1] if header else None,
        header.orientation if header else None,
        bytes.fromhex(picture.content),
        None if looks is None else looks - _HALF,
        picture.mode,
        picture.frames,
        picture.problem,
    )


def to_picture(path: Path, row: Row) -> Picture:
    """Return the picture of a path and its row."""
    width, height, orientation, content, looks, mode, frames, problem = row
    known = width is not None and height is not None and orientation is not None
    header = Header((width, height), orientation) if known else None  # type: ignore[arg-type]  # known
    return Picture(path, header, content.hex(), None if looks is None else looks + _HALF, mode, frames, problem)
