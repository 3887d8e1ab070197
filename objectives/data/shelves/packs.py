"""Packs on paper: a sheet to draw on in millimetres, and the five packs that the products come in.

Lengths are millimetres from the top left corner of a pack; colours are BGR in [0, 255].
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

PX_PER_MM = 2.5  # finer than any photograph of the shelves, so that a packshot is only ever shrunk
SUBPIXEL_BITS = 4  # fractional bits of the coordinates that OpenCV draws at
FONT = cv2.FONT_HERSHEY_DUPLEX

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
Point = tuple[float, float]

WHITE, INK, SILVER = (248, 248, 248), (40, 34, 30), (196, 190, 184)


class Sheet:
    """A pack under the pen: `bgr` (H, W, 3) and its silhouette `mask` (H, W), both uint8, drawn in mm."""

    def __init__(self, width_mm: float, height_mm: float, ground: Colour) -> None:
        shape = (round(height_mm * PX_PER_MM), round(width_mm * PX_PER_MM))
        self.bgr: Image = np.full((*shape, 3), ground, np.uint8)
        self.mask: Image = np.zeros(shape, np.uint8)

    @staticmethod
    def _fixed(points: Sequence[Point]) -> npt.NDArray[np.int32]:
        return np.asarray(np.round(np.array(points) * PX_PER_MM * 2**SUBPIXEL_BITS), np.int32)

    def cut(self, outline: Sequence[Point]) -> None:
        """Add the polygon `outline` to the silhouette."""
        cv2.fillPoly(self.mask, [self._fixed(outline)], (255,), cv2.LINE_AA, SUBPIXEL_BITS)

    def fill(self, outline: Sequence[Point], colour: Colour) -> None:
        """Paint the polygon `outline`."""
        cv2.fillPoly(self.bgr, [self._fixed(outline)], colour, cv2.LINE_AA, SUBPIXEL_BITS)

    def line(self, points: Sequence[Point], colour: Colour, width_mm: float) -> None:
        """Paint an open line of `width_mm`."""
        thickness = max(1, round(width_mm * PX_PER_MM))
        cv2.polylines(self.bgr, [self._fixed(points)], False, colour, thickness, cv2.LINE_AA, SUBPIXEL_BITS)

    def oval(self, centre: Point, radii: Point, colour: Colour, degrees: float = 0.0) -> None:
        """Paint a filled ellipse with half axes `radii`, turned clockwise by `degrees`."""
        (x, y), axes = self._fixed([centre])[0].tolist(), self._fixed([radii])[0].tolist()
        cv2.ellipse(self.bgr, (x, y), axes, degrees, 0, 360, colour, -1, cv2.LINE_AA, SUBPIXEL_BITS)

    def word(self, text: str, box: tuple[float, float, float, float], colour: Colour) -> None:
        """Print `text` so that its ink fills `box` (x, y, width, height), whatever the font's metrics."""
        (width, height), _ = cv2.getTextSize(text, FONT, 3.0, 5)
        stencil = np.zeros((height * 3, width + height * 2), np.uint8)
        cv2.putText(stencil, text, (height, height * 2), FONT, 3.0, (255,), 5, cv2.LINE_AA)
        x, y, w, h = cv2.boundingRect(stencil)
        left, top, across, down = (round(v * PX_PER_MM) for v in box)
        ink = cv2.resize(stencil[y : y + h, x : x + w], (across, down), interpolation=cv2.INTER_AREA)
        window = self.bgr[top : top + down, left : left + across]
        share = ink[: window.shape[0], : window.shape[1], None] / 255.0
        window[:] = np.round(window * (1 - share) + np.array(colour) * share).astype(np.uint8)

    def shade(self, factor: npt.NDArray[np.float64]) -> None:
        """Multiply the colours by `factor`, which broadcasts to (H, W)."""
        self.bgr = np.clip(self.bgr * np.broadcast_to(factor, self.mask.shape)[:, :, None], 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Patch:
    """Where the small mark of a pack stands: its centre and size in mm."""

    x: float
    y: float
    width: float
    height: float

    def at(self, u: float, v: float) -> Point:
        """Return the point at (u, v), both from -1 to 1 across the patch."""
        return self.x + u * self.width / 2, self.y + v * self.height / 2


def rectangle(x: float, y: float, width: float, height: float) -> list[Point]:
    """Return the corners of a rectangle, clockwise from the top left one."""
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def turned(middle: float, profile: Sequence[Point]) -> list[Point]:
    """Return the outline of a turned body: `profile` holds (distance from the top, radius), downwards."""
    return [(middle + r, y) for y, r in profile] + [(middle - r, y) for y, r in reversed(profile)]


@dataclass(frozen=True)
class Pack:
    """What the two products of a pair share.

    Attributes:
        family: name of the pair, the supercategory.
        width_mm: width.
        height_mm: height.
        ground: colour of the body, BGR.
        patch: where the mark stands; in a photograph, an icon is about 24 px wide, letters are 12 px high.
        stacks: whether a second one can stand on top.
        lean_deg: how far one may lean over on the shelf.
        draw: paints silhouette and label.
        finish: lays light and shade over the print.
    """

    family: str
    width_mm: float
    height_mm: float
    ground: Colour
    patch: Patch
    stacks: bool
    lean_deg: float
    draw: Callable[[Sheet, Patch], None]
    finish: Callable[[Sheet], None]


def _can(sheet: Sheet, patch: Patch) -> None:
    sheet.cut(turned(31, [(0, 25), (2, 27), (11, 31), (105, 31), (112, 27), (116, 26)]))
    sheet.fill([(0, 74), (62, 50), (62, 58), (0, 84)], (20, 14, 120))
    sheet.word("COLA", (9, 24, 44, 20), WHITE)
    sheet.fill(rectangle(0, 0, 62, 9), SILVER)
    sheet.fill(rectangle(0, 109, 62, 7), SILVER)
    _band(sheet, patch, 1.14, 1.5)


def _carton(sheet: Sheet, patch: Patch) -> None:
    sheet.cut([(8, 0), (62, 0), (62, 7), (70, 30), (70, 165), (0, 165), (0, 30), (8, 7)])
    sheet.fill([(0, 118), (20, 106), (45, 116), (70, 102), (70, 165), (0, 165)], (190, 96, 24))
    sheet.fill([(8, 7), (62, 7), (70, 30), (0, 30)], (214, 190, 160))
    sheet.fill(rectangle(8, 0, 54, 7), (190, 96, 24))
    sheet.word("MILK", (10, 44, 50, 22), (150, 62, 12))
    sheet.oval((patch.x, patch.y), (patch.width * 0.78, patch.width * 0.78), WHITE)


def _bottle(sheet: Sheet, patch: Patch) -> None:
    shoulder = [(0, 11), (14, 11), (15, 9.5), (32, 10.5), (50, 21), (64, 28)]
    sheet.cut(turned(28, [*shoulder, (112, 28), (118, 26.5), (126, 28), (180, 28), (185, 25)]))
    sheet.fill(rectangle(0, 0, 56, 14), (60, 120, 20))
    for y in (126, 142, 158):
        sheet.line([(0, y), (56, y)], (176, 186, 146), 3)
    sheet.fill(rectangle(0, 66, 56, 46), (72, 138, 22))
    sheet.word("AQUA", (8, 71, 40, 14), WHITE)
    _band(sheet, patch, 1.4, 1.3)


def _pouch(sheet: Sheet, patch: Patch) -> None:
    sheet.cut([(2, 0), (93, 0), (90, 12), (93, 70), (90, 124), (93, 136), (2, 136), (5, 124), (2, 70), (5, 12)])
    sheet.fill(rectangle(0, 0, 95, 10), (40, 128, 236))
    sheet.fill(rectangle(0, 126, 95, 10), (40, 128, 236))
    sheet.oval((47, 42), (39, 20), (34, 34, 190), -8)
    sheet.word("CHIPS", (15, 32, 64, 20), WHITE)
    for x, y, turn in ((26, 108, 20), (46, 114, -15), (68, 107, 30)):
        sheet.oval((x, y), (14, 9), (90, 190, 244), turn)
        sheet.oval((x - 1, y - 1), (11, 6), (128, 214, 252), turn)
    sheet.oval((patch.x, patch.y), (patch.width * 0.72, patch.width * 0.72), WHITE)


def _box(sheet: Sheet, patch: Patch) -> None:
    sheet.cut(rectangle(0.5, 0.5, 83, 124))
    sheet.fill(rectangle(0, 0, 84, 30), (96, 22, 84))
    sheet.word("CURRY", (9, 7, 66, 17), (120, 214, 250))
    sheet.oval((42, 64), (31, 25), (226, 232, 236))
    sheet.oval((42, 65), (25, 19), (24, 96, 196))
    sheet.oval((34, 60), (9, 7), (60, 150, 230), 20)
    sheet.oval((52, 70), (8, 6), (40, 130, 216), -20)
    sheet.fill(rectangle(76, 0, 8, 125), (110, 30, 96))
    _band(sheet, patch, 1.25, 1.4)


def _band(sheet: Sheet, patch: Patch, wider: float, higher: float) -> None:
    """Paint the white ground that a mark is printed on."""
    width, height = patch.width * wider, patch.height * higher
    sheet.fill(rectangle(patch.x - width / 2, patch.y - height / 2, width, height), WHITE)


def _finish_round(sheet: Sheet, darkest: float) -> None:
    """Shade a cylinder: dark at both sides, a soft highlight left of the middle."""
    across = np.linspace(-1, 1, sheet.mask.shape[1])
    body = darkest + (1 - darkest) * np.sqrt(1 - 0.97 * across**2)
    sheet.shade((body + 0.22 * np.exp(-(((across + 0.38) / 0.13) ** 2)))[None, :])


def _finish_flat(sheet: Sheet) -> None:
    """Shade a board pack: evenly darker towards the foot, and along the right edge."""
    down, across = np.linspace(1.04, 0.9, sheet.mask.shape[0]), np.linspace(0, 1, sheet.mask.shape[1])
    sheet.shade(down[:, None] * (1 - 0.25 * (across > 0.93))[None, :])


def _finish_pouch(sheet: Sheet) -> None:
    """Shade a pillow of foil: bulging, with creases running in from the seams."""
    down, across = (np.linspace(-1, 1, n) for n in sheet.mask.shape)
    bulge = 1.06 - 0.3 * across[None, :] ** 4 - 0.16 * down[:, None] ** 4
    creases = 0.1 * np.sin(across * 24)[None, :] * np.abs(down[:, None]) ** 3
    sheet.shade(bulge + creases)


CAN = Pack(
    "cola", 62, 116, (34, 24, 206), Patch(31, 91, 54, 13.5), True, 0.0, _can, partial(_finish_round, darkest=0.45)
)
CARTON = Pack("milk", 70, 165, (240, 236, 230), Patch(35, 89, 25.5, 25.5), False, 0.0, _carton, _finish_flat)
BOTTLE = Pack(
    "water", 56, 185, (204, 214, 176), Patch(28, 98, 45, 16.5), False, 1.0, _bottle, partial(_finish_round, darkest=0.6)
)
POUCH = Pack("chips", 95, 136, (30, 196, 246), Patch(47, 79, 25.5, 25.5), False, 3.0, _pouch, _finish_pouch)
BOX = Pack("curry", 84, 125, (130, 40, 116), Patch(39, 104, 54, 16.5), True, 0.0, _box, _finish_flat)
