"""Shelves before the camera: a picture, painted together with a map of which product each pixel shows.

Lengths are mm from the top left of the scene. It is painted `SUPERSAMPLE` times finer than the photograph:
silhouettes are hard there, and smooth once shrunk.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from objectives.data.shelves.packs import FONT, INK, WHITE, Colour, Image
from objectives.data.shelves.products import Product, packshot
from objectives.data.shelves.stores import RAIL_MM, Board, Item, Planogram, Store

SUPERSAMPLE = 2
PROMOTION = 0.12  # probability that a run carries a hanging sign or a wobbler, which covers products
SHADOW = (0.25, 0.55)  # darkness under a shelf board, share of the light taken away
OFFERS: tuple[tuple[str, Colour], ...] = (("2 FOR 3", (36, 36, 210)), ("-20%", (30, 140, 240)), ("SALE", (150, 40, 40)))


@dataclass
class Scene:
    """A painted scene.

    Attributes:
        bgr: (S, S, 3) the picture.
        empty: (S, S, 3) the picture of the shelves without products.
        ids: (S, S) which product each pixel shows: its place in `seen` + 1, or 0.
        light: down and across, each (S / SUPERSAMPLE,): shares whose product multiplies the picture.
        px_per_mm: pixels of `bgr` a mm.
        seen: product, silhouette in px, and window (x, y, x, y) of each product that was painted.
    """

    bgr: Image
    empty: Image
    ids: npt.NDArray[np.int16]
    px_per_mm: float
    light: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
    seen: list[tuple[Product, int, tuple[int, int, int, int]]] = field(default_factory=list)

    def px(self, *lengths_mm: float) -> tuple[int, ...]:
        """Return lengths in px."""
        return tuple(round(length * self.px_per_mm) for length in lengths_mm)

    def cover(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """Paint a rectangle (mm) in front of what is there."""
        corners = self.px(x, y), self.px(x + width, y + height)
        cv2.rectangle(self.bgr, *corners, colour, -1)
        cv2.rectangle(self.ids, *corners, (0,), -1)

    def take_off(self, ids: list[int]) -> None:
        """Paint the empty shelf where products `ids` are seen."""
        gone = np.zeros(len(self.seen) + 1, np.uint8)
        gone[ids] = 1
        mask = gone[self.ids]
        cv2.copyTo(self.empty, mask, self.bgr)
        self.ids[mask > 0] = 0

    def letter(self, text: str, box: tuple[float, float, float, float], colour: Colour) -> None:
        """Write `text` from the lower left corner of `box` (x, y, width, height, mm), as large as fits."""
        x, y, width, height = box
        (across, down), _ = cv2.getTextSize(text, FONT, 1.0, 1)
        scale = min(width * self.px_per_mm / across, height * self.px_per_mm / down)
        foot = self.px(x, y + height)
        cv2.putText(self.bgr, text, foot, FONT, scale, colour, max(1, round(scale * 1.5)), cv2.LINE_AA)


def paint(
    rng: np.random.Generator, boards: list[Board], store: Store, planogram: Planogram, side: int, px_per_mm: float
) -> Scene:
    """Paint the boards into a scene of (side, side) px, from the back panel to what hangs in front."""
    light = _light(rng, boards, store, side // SUPERSAMPLE, px_per_mm / SUPERSAMPLE)
    panel = np.full((side, side, 3), store.panel, np.uint8)
    scene = Scene(panel, panel, np.zeros((side, side), np.int16), px_per_mm, light)
    _paint_back(scene, boards, store)
    _paint_shadows(scene, boards)
    scene.empty = scene.bgr.copy()
    for board in boards:
        for item in board.items:
            _paint_item(scene, item)
    for board in boards:
        _paint_rail(scene, board, store, planogram)
        _hang_promotions(rng, scene, board, store)
    return scene


def _light(
    rng: np.random.Generator, boards: list[Board], store: Store, side: int, px_per_mm: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return light down the scene, with a shadow under every board, and across it, brighter on one side."""
    down, dark = np.ones(side), rng.uniform(*SHADOW)
    reach = rng.uniform(0.15, 0.3) * store.pitch_mm
    for board in boards:
        ceiling, top = ((board.top_mm - store.pitch_mm + RAIL_MM) * px_per_mm, board.top_mm * px_per_mm)
        rows = np.arange(max(0, round(ceiling)), min(side, max(0, round(top))))
        down[rows] = 1 - dark * np.exp(-(rows - ceiling) / (reach * px_per_mm))
    return down, 1 + 0.15 * store.side * np.linspace(-1, 1, side)


def _paint_back(scene: Scene, boards: list[Board], store: Store) -> None:
    """Paint the slots of the back panel and the top of every board."""
    side_mm = scene.bgr.shape[0] / scene.px_per_mm
    darker = tuple(round(v * 0.8) for v in store.panel)
    for x in np.arange(20, side_mm, 50):
        scene.cover(float(x), 0, 3, side_mm, (darker[0], darker[1], darker[2]))
    for board in boards:
        scene.cover(0, board.top_mm - store.eye_mm, side_mm, store.eye_mm, (176, 180, 182))


def _paint_shadows(scene: Scene, boards: list[Board]) -> None:
    """Darken what lies behind and under the products, softly: drawn coarse, blurred, then laid over."""
    coarse = 4
    side, k = scene.bgr.shape[0] // coarse, scene.px_per_mm / coarse
    layer = np.full((side, side), 255, np.uint8)
    for item in (item for board in boards for item in board.items):
        left, right = round((item.x_mm - 2) * k), round((item.x_mm + item.width_mm + 5) * k)
        head, foot = round((item.foot_mm - 0.75 * item.height_mm) * k), round((item.foot_mm + 3) * k)
        cv2.rectangle(layer, (left, head), (right, foot), (120,), -1)
    layer = cv2.resize(cv2.GaussianBlur(layer, (0, 0), 5 * k), scene.bgr.shape[:2], interpolation=cv2.INTER_LINEAR)
    scene.bgr[:] = cv2.multiply(scene.bgr, cv2.cvtColor(layer, cv2.COLOR_GRAY2BGR), scale=1 / 255)


def _paint_item(scene: Scene, item: Item) -> None:
    """Paint one product and write it into the map of products."""
    bgr, solid = _stand(item, scene.px(item.width_mm, item.height_mm))
    height, width = solid.shape
    x = round((item.x_mm + item.width_mm / 2) * scene.px_per_mm - width / 2)
    y = round(item.foot_mm * scene.px_per_mm) - height
    side = scene.bgr.shape[0]
    left, top, right, foot = max(x, 0), max(y, 0), min(x + width, side), min(y + height, side)
    if left >= right or top >= foot:
        return
    scene.seen.append((item.product, cv2.countNonZero(solid), (left, top, right, foot)))
    part, window = np.s_[top - y : foot - y, left - x : right - x], np.s_[top:foot, left:right]
    cv2.copyTo(cv2.convertScaleAbs(bgr[part], alpha=item.shade), solid[part], scene.bgr[window])
    scene.ids[window][solid[part] > 0] = len(scene.seen)


@lru_cache(maxsize=64)  # the facings of a board share a size, and shrinking is the slowest step of all
def _shrunk(product: Product, size: tuple[int, ...]) -> Image:
    return np.asarray(cv2.resize(packshot(product), size, interpolation=cv2.INTER_AREA), np.uint8)


def _stand(item: Item, size: tuple[int, ...]) -> tuple[Image, Image]:
    """Return the product as it stands and leans, (H, W, 3), and its silhouette (H, W), 0 or 255."""
    shot = _shrunk(item.product, size)
    bgr, mask = shot[:, :, :3], shot[:, :, 3]
    if item.lean_deg:
        height, width = mask.shape
        spare = int(np.ceil(height * np.sin(np.radians(abs(item.lean_deg))))) + 1
        turn = cv2.getRotationMatrix2D((width / 2, height), item.lean_deg, 1.0)
        turn[0, 2] += spare
        frame = (width + 2 * spare, height)
        bgr = np.asarray(cv2.warpAffine(bgr, turn, frame, borderMode=cv2.BORDER_REPLICATE), np.uint8)
        mask = np.asarray(cv2.warpAffine(mask, turn, frame), np.uint8)
    _, solid = cv2.threshold(mask, 127, 255, cv2.THRESH_BINARY)
    return bgr, np.asarray(solid, np.uint8)


def _paint_rail(scene: Scene, board: Board, store: Store, planogram: Planogram) -> None:
    """Paint the edge of the board, with a price tag where a run begins; promoted prices stand on yellow."""
    scene.cover(0, board.top_mm, scene.bgr.shape[0] / scene.px_per_mm, RAIL_MM, store.rail)
    for x, product in board.runs:
        promoted = product.name in planogram.promoted
        ground, ink = ((40, 214, 250), (30, 30, 200)) if promoted else (WHITE, INK)
        scene.cover(x, board.top_mm + 3, 38, 20, ground)
        scene.letter(planogram.prices[product.name], (x + 4, board.top_mm + 6, 30, 14), ink)


def _hang_promotions(rng: np.random.Generator, scene: Scene, board: Board, store: Store) -> None:
    """Cover products with signs hanging from the board above and wobblers standing out from the rail."""
    for x, _ in board.runs:
        if rng.random() >= PROMOTION:
            continue
        text, colour = OFFERS[rng.integers(len(OFFERS))]
        x_mm = x + float(rng.uniform(0, 60))
        if rng.random() < 0.5:
            _sign(scene, x_mm, board.top_mm - store.pitch_mm + RAIL_MM, float(rng.uniform(70, 130)), text, colour)
        else:
            _wobbler(scene, x_mm, board.top_mm - float(rng.uniform(0, 25)), float(rng.uniform(20, 30)), text, colour)


def _sign(scene: Scene, x: float, y: float, height: float, text: str, colour: Colour) -> None:
    """Paint a pennant that hangs from (x, y), mm."""
    scene.cover(x, y, 58, height, colour)
    scene.cover(x + 3, y + 3, 52, height - 6, WHITE)
    scene.cover(x + 3, y + height * 0.35, 52, height * 0.4, colour)
    scene.letter(text, (x + 6, y + height * 0.44, 46, height * 0.22), WHITE)


def _wobbler(scene: Scene, x: float, y: float, radius: float, text: str, colour: Colour) -> None:
    """Paint a disc (mm) on a strip of film that stands out from the rail."""
    centre, (across,) = scene.px(x, y), scene.px(radius)
    for picture, paint_ in ((scene.bgr, colour), (scene.ids, (0,))):
        cv2.circle(picture, centre, across, paint_, -1)
    cv2.circle(scene.bgr, centre, round(across * 0.86), WHITE, max(1, across // 14), cv2.LINE_AA)
    scene.letter(text, (x - radius * 0.66, y - radius * 0.3, radius * 1.32, radius * 0.6), WHITE)


def cover_foreground(rng: np.random.Generator, scene: Scene) -> None:
    """Cover a part of the scene with a shopper's basket or arm: near the lens, so out of focus."""
    side, coarse = scene.bgr.shape[0], 4
    layer = np.zeros((side // coarse, side // coarse, 3), np.uint8)
    mask = np.zeros((side // coarse, side // coarse), np.uint8)
    (_basket if rng.random() < 0.5 else _arm)(rng, layer, mask)
    blur = side / coarse / 240
    layer, mask = (cv2.GaussianBlur(v, (0, 0), blur) for v in (layer, mask))
    layer, mask = (cv2.resize(v, (side, side), interpolation=cv2.INTER_LINEAR) for v in (layer, mask))
    share = cv2.cvtColor(mask, cv2.COLOR_GRAY2BGR)
    kept = cv2.multiply(scene.bgr, 255 - share, scale=1 / 255)
    scene.bgr[:] = cv2.add(kept, layer)  # the layer is black where it is not painted: it carries its own share
    scene.ids[mask > 127] = 0


def _basket(rng: np.random.Generator, layer: Image, mask: Image) -> None:
    """Paint the rim and the bars of a basket that stands before the lower edge."""
    side = layer.shape[0]
    colour = ((40, 40, 190), (150, 90, 30), (60, 130, 40))[rng.integers(3)]
    left, width = side * float(rng.uniform(0.0, 0.6)), side * float(rng.uniform(0.3, 0.45))
    top = side * float(rng.uniform(0.66, 0.78))
    bars = [((left, top), (left + width, top), 0.045)]
    bars += [
        ((left + width * step, top), (left + width * (0.08 + 0.84 * step), float(side)), 0.018)
        for step in np.linspace(0.03, 0.97, 8).tolist()
    ]
    hoops = [top + side * drop for drop in (0.08, 0.15, 0.22)]
    bars += [((left + 0.05 * width, y), (left + 0.95 * width, y), 0.018) for y in hoops]
    for start, end, thick in bars:
        _stroke(layer, mask, start, end, colour, thick)


def _arm(rng: np.random.Generator, layer: Image, mask: Image) -> None:
    """Paint a sleeve, a hand and its fingers that reach in from the lower edge."""
    side = layer.shape[0]
    tone = ((150, 178, 222), (100, 136, 190), (58, 84, 128))[rng.integers(3)]
    sleeve = tuple(int(v) for v in rng.integers(30, 150, 3))
    hand = np.array([rng.uniform(0.25, 0.75), rng.uniform(0.6, 0.8)]) * side
    elbow = np.array([hand[0] / side + rng.uniform(-0.3, 0.3), 1.1]) * side
    wrist = hand + 0.35 * (elbow - hand)
    away = np.arctan2(*(hand - elbow)[::-1])
    strokes = [(elbow, wrist, sleeve, 0.13), (wrist, hand, tone, 0.075), (hand, hand, tone, 0.115)]
    for spread in (-0.5, -0.17, 0.17, 0.5):
        tip = hand + 0.105 * side * np.array([np.cos(away + spread), np.sin(away + spread)])
        strokes.append((hand, tip, tone, 0.03))
    for start, end, colour, thick in strokes:
        _stroke(layer, mask, start.tolist(), end.tolist(), colour, thick)


def _stroke(
    layer: Image, mask: Image, start: Sequence[float], end: Sequence[float], colour: Sequence[int], share: float
) -> None:
    """Paint a line, in the picture and in its mask; it is as wide as a share of their side."""
    ends, thick = [(round(x), round(y)) for x, y in (start, end)], round(layer.shape[0] * share)
    for picture, paint_ in ((layer, colour), (mask, (255,))):
        cv2.line(picture, ends[0], ends[1], paint_, thick, cv2.LINE_AA)
