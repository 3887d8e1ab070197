"""The frame in which boxes lie: pixels of the picture as decoded, its EXIF turn applied, whatever a file claims.

OpenCV turns pictures by their EXIF tag when it decodes them, in training (Ultralytics) and in scoring, so boxes must
lie on the turned picture. Tools that ignore the tag write the stored size, and draw on stored pixels.
"""

import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from objectives.data.findings import Findings
from spaces.errors import DataError

Size = tuple[float, float]
Boxes = NDArray[np.float64]  # (n, 4) left, top, width, height

ORIENTATION = 0x0112
ASPECT_SLACK = 0.01  # of the smaller of two sizes that are held to be the same picture; and a pixel, by rounding
OUTSIDE_SLACK = 0.02  # of a side: boxes are often drawn a little over the edge


@dataclass(frozen=True)
class Header:
    """What the header of an image file says of its frame.

    Attributes:
        stored_px: width and height of the stored pixels.
        orientation: EXIF orientation, 1 (none) to 8.
    """

    stored_px: tuple[int, int]
    orientation: int = 1

    @property
    def shown_px(self) -> tuple[int, int]:
        """Width and height as decoded."""
        width, height = self.stored_px
        return (height, width) if self.orientation >= 5 else (width, height)


def read_header(path: Path) -> Header:
    """Read size and EXIF turn of an image without decoding it, as OpenCV obeys them.

    Raises:
        DataError: the file is missing or no image.
    """
    try:
        # Pillow warns of broken EXIF, which OpenCV passes over in silence.
        with warnings.catch_warnings(action="ignore", category=UserWarning), Image.open(path) as image:
            return header_of(image, path)
    except (OSError, ImportError, KeyError) as error:  # once Ultralytics is imported, Pillow asks for a HEIF plugin
        raise DataError(f"data.root: '{path}' is not a readable image: {error}") from None
    except Image.DecompressionBombError as error:
        raise DataError(f"data.root: '{path}' is too large an image; cut it into tiles: {error}") from None


def header_of(image: Image.Image, path: Path) -> Header:
    """Return size and EXIF turn of an image that Pillow has opened and not decoded.

    Args:
        image: as `Image.open` gives it.
        path: its file.

    Raises:
        OSError, KeyError: its tags cannot be read.
    """
    if image.format == "TIFF":  # Pillow gives the size turned already, in some versions
        tags = image.tag_v2  # type: ignore[attr-defined]  # of TIFF images alone
        return Header((int(tags[256]), int(tags[257])), _orientation(tags.get(ORIENTATION)))
    # `getexif` would decode a whole PNG that lacks the tag, and obeys XMP, which OpenCV does not.
    exif = image.info.get("exif") or (_late_exif(path) if image.format == "PNG" else None)
    return Header(image.size, _exif_orientation(exif) if exif else 1)


def _late_exif(path: Path) -> bytes | None:
    """Return the EXIF that a PNG holds behind its pixels, where Pillow looks only after decoding."""
    with path.open("rb", buffering=0) as stream:
        stream.seek(8)
        while len(head := stream.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind == b"eXIf":
                return stream.read(length)
            stream.seek(length + 4, 1)  # and its checksum
    return None


def _exif_orientation(exif: bytes) -> int:
    try:
        tags = Image.Exif()
        tags.load(exif)
        return _orientation(tags.get(ORIENTATION))
    except (OSError, ValueError, SyntaxError, KeyError, struct.error):
        return 1


def _orientation(value: object) -> int:
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def turn(boxes: Boxes, header: Header) -> Boxes:
    """Map boxes on the stored pixels to boxes on the picture as decoded."""
    width, height = header.stored_px
    x, y, w, h = boxes.T
    right, bottom = width - x - w, height - y - h  # distances from the far edges
    return np.column_stack(
        {
            1: (x, y, w, h),
            2: (right, y, w, h),
            3: (right, bottom, w, h),
            4: (x, bottom, w, h),
            5: (y, x, h, w),
            6: (bottom, x, h, w),
            7: (bottom, right, h, w),
            8: (y, right, h, w),
        }[header.orientation]
    )


class Fit(Enum):
    """Which frame of a picture has the size that a file claims."""

    SHOWN = "shown"
    STORED = "stored"
    EITHER = "either"
    NEITHER = "neither"


@dataclass(frozen=True, eq=False)
class Claim:
    """Boxes of one picture, and the size of the picture on which they were drawn, as a file claims it.

    Attributes:
        path: image file.
        header: its header.
        claimed_px: width and height by the file; None where it gives none.
        boxes: pixels of the claimed frame.
    """

    path: Path
    header: Header
    claimed_px: Size | None
    boxes: Boxes

    @property
    def fit(self) -> Fit:
        """Say which frame the claimed size belongs to; the exact size goes before the mere aspect."""
        if self.claimed_px is None:
            return Fit.SHOWN if self.header.orientation == 1 else Fit.EITHER
        shown, stored = self.header.shown_px, self.header.stored_px
        exact = self.claimed_px == shown, self.claimed_px == stored
        fits = exact if any(exact) else (_same_aspect(self.claimed_px, shown), _same_aspect(self.claimed_px, stored))
        if self.header.orientation == 1:
            return Fit.SHOWN if fits[0] else Fit.NEITHER
        return {(True, True): Fit.EITHER, (True, False): Fit.SHOWN, (False, True): Fit.STORED}.get(fits, Fit.NEITHER)

    def frame_px(self, stored: bool) -> tuple[int, int]:
        """Return the size of the stored picture, or of the one as shown."""
        return self.header.stored_px if stored else self.header.shown_px

    def is_scaled(self, stored: bool) -> bool:
        """Whether the claimed size is another than that of the frame."""
        return self.claimed_px is not None and self.claimed_px != self.frame_px(stored)

    @property
    def is_contradicted(self) -> bool:
        """Whether a box lies outside the claimed frame, but inside the picture as shown."""
        if self.claimed_px is None or self.claimed_px == self.header.shown_px:
            return False
        return bool((~_inside(self.boxes, self.claimed_px) & _inside(self.boxes, self.header.shown_px)).any())

    def settled(self, stored: bool) -> Boxes:
        """Return the boxes in pixels of the picture as decoded."""
        boxes = self.boxes
        if self.claimed_px is not None and self.is_scaled(stored):
            boxes = boxes * (np.array(self.frame_px(stored)) / np.array(self.claimed_px))[[0, 1, 0, 1]]
        return turn(boxes, self.header) if stored else boxes


def settle(claims: Sequence[Claim], source: Path, findings: Findings, *, file_each: bool = False) -> list[Boxes | None]:
    """Bring the boxes of one export into the frames of the decoded pictures; record what was scaled, turned or assumed.

    Where sizes do not say whether a turned picture's boxes lie on stored pixels, the other pictures of the export do.

    Args:
        claims: pictures with their boxes.
        source: the export, for the error.
        findings: takes what is found.
        file_each: whether each picture has a file of its own: one that contradicts its picture is left out (None in
            its place). A file for all of them that contradicts some was not made for these pictures.

    Raises:
        DataError: a picture has another shape than the file for all of them claims, or boxes lie outside the claimed
            one.
    """
    wrong = _contradictions(claims, source)
    for claim, why in wrong.items():
        if not file_each:
            raise DataError(why)
        findings.add("images.other_shape", claim.path.name)
    good = [claim for claim in claims if claim not in wrong]
    fits = {claim: claim.fit for claim in good}
    turned = {fit for claim, fit in fits.items() if claim.header.orientation >= 5}
    ignores_exif = Fit.STORED in turned and Fit.SHOWN not in turned
    stored = {claim: fit is Fit.STORED or (fit is Fit.EITHER and ignores_exif) for claim, fit in fits.items()}
    for claim, fit in fits.items():
        if len(claim.boxes):
            for code in _assumed(claim, fit, stored[claim]):
                findings.add(code, claim.path.name)
    return [claim.settled(stored[claim]) if claim in stored else None for claim in claims]


def _contradictions(claims: Sequence[Claim], source: Path) -> dict[Claim, str]:
    """Return the claims that cannot be true, each with the reason for all that have it."""
    labelled = [claim for claim in claims if len(claim.boxes)]
    misfits = [claim for claim in labelled if claim.fit is Fit.NEITHER]
    outside = [claim for claim in labelled if claim.is_contradicted and claim not in misfits]
    found: dict[Claim, str] = {}
    if misfits:
        why = _refusal(misfits, source, "have another shape than it says", "export the annotations again")
        found |= dict.fromkeys(misfits, why)
    if outside:
        why = _refusal(outside, source, "have boxes outside the size that it says", "correct width and height")
        found |= dict.fromkeys(outside, why)
    return found


def _assumed(claim: Claim, fit: Fit, on_stored: bool) -> list[str]:
    """Return the codes of what was done to the boxes of a picture, or assumed of them."""
    codes = []
    if claim.is_scaled(on_stored):
        codes.append("images.other_size")
    if on_stored:
        codes.append("images.exif_turned")
    elif fit is Fit.EITHER:
        codes.append("images.exif_assumed")
    return codes


def _refusal(claims: Sequence[Claim], source: Path, what: str, remedy: str) -> str:
    first = claims[0]
    width, height = first.claimed_px or (0, 0)
    shown = "{} x {}".format(*first.header.shown_px)
    return (
        f"data.root: {len(claims)} images of '{source}' {what} "
        f"('{first.path.name}' is {shown}, not {width:g} x {height:g}); {remedy}, or leave these images out"
    )


def _same_aspect(first: Size, second: Size) -> bool:
    """Whether one size is the other, scaled and rounded."""
    small, large = sorted((first, second), key=lambda size: size[0] * size[1])
    scale = max(small) / max(large)
    return all(abs(a - b * scale) <= max(1.0, ASPECT_SLACK * a) for a, b in zip(small, large, strict=True))


def _inside(boxes: Boxes, size_px: Size) -> NDArray[np.bool_]:
    size = np.array(size_px)
    slack = size * OUTSIDE_SLACK + 1
    ends = np.hstack([-boxes[:, :2], boxes[:, :2] + boxes[:, 2:] - size])  # beyond the edges, if above 0
    return np.asarray(np.all(ends <= np.hstack([slack, slack]), axis=1), dtype=np.bool_)
