"""What the shelf photographs are of: stores, what stands where in which week, and how hard it is to see.

Lengths are mm from the top left of the scene.
"""

import dataclasses
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np

from objectives.data.shelves.packs import Colour
from objectives.data.shelves.products import PRODUCTS, Product
from spaces.errors import DataError

Span = tuple[float, float]
RAIL_MM = 26.0
ITEM_DEPTH = 0.92  # a product in the second row looks this much smaller
MOST = {  # what a knob of `Difficulty` may be at most
    **dict.fromkeys(("misplaced", "gap", "promotion", "foreground", "motion", "glare", "shadow"), 1.0),
    "overlap": 0.5,
    "tilt_deg": 45.0,
    "perspective": 0.25,
    "white_balance": 0.5,
    "jpeg_quality": 100.0,
}


@dataclass(frozen=True)
class Difficulty:
    """Every knob of how hard the photographs are. Spans are (low, high); px are those of a 480 px image.

    Attributes:
        px_per_mm: scale of the products; at 0.95 a can is 59 px wide, a pouch 90 px.
        mark_scale: size of the mark that tells a pair apart; at 1.5 an icon is about 24 px, letters 12 px high.
        misplaced: probability that a facing holds a product of another run.
        gap: probability that a facing is out of stock.
        overlap: largest share of its width that a product stands in front of its neighbour, at most 0.5.
        promotion: probability that a run carries a hanging sign or a wobbler, which covers products.
        foreground: probability that a basket or a hand covers a part of the photograph.
        tilt_deg: largest rotation of the camera, degrees.
        perspective: largest shift of an image corner by perspective, share of the image side.
        defocus_px: sigma of the Gaussian blur, px.
        motion: probability of motion blur.
        motion_px: length of the motion blur, px.
        noise: sigma of the sensor noise in the mid tones, of 255.
        exposure_stops: largest error of exposure, stops (factors of 2) either way.
        white_balance: largest gain of red against blue and the reverse, share.
        shadow: darkness under a shelf board, share of the light taken away.
        glare: probability of highlights on the photograph.
        glare_strength: brightness added in the middle of a highlight, share of white.
        jpeg_quality: JPEG quality, 1 to 100.
    """

    px_per_mm: Span = (0.85, 1.05)
    mark_scale: float = 1.5
    misplaced: float = 0.04
    gap: float = 0.10
    overlap: float = 0.10
    promotion: float = 0.12
    foreground: float = 0.25
    tilt_deg: float = 3.0
    perspective: float = 0.04
    defocus_px: Span = (0.3, 0.7)
    motion: float = 0.2
    motion_px: Span = (1.5, 3.0)
    noise: Span = (2.0, 6.0)
    exposure_stops: float = 0.4
    white_balance: float = 0.10
    shadow: Span = (0.25, 0.55)
    glare: float = 0.4
    glare_strength: Span = (0.15, 0.45)
    jpeg_quality: Span = (60, 92)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            low, high = value if isinstance(value, tuple) else (value, value)
            most = MOST.get(field.name, float("inf"))
            if not 0 <= low <= high <= most:
                raise DataError(f"{field.name}: must be from 0 to {most:g}, the lower end first; got {value}")
        if self.mark_scale == 0 or self.px_per_mm[0] == 0:
            raise DataError(f"mark_scale and px_per_mm: must be above 0; got {self.mark_scale}, {self.px_per_mm}")


@dataclass(frozen=True)
class Store:
    """How one store's photographs look, whatever stands on its shelves.

    Attributes:
        name: such as "store-c".
        panel: colour of the back panel.
        rail: colour of the price rail.
        pitch_mm: height from one shelf board to the next.
        px_per_mm: scale of its photographs at 480 px.
        eye_mm: how much of a board's top the camera sees; grows with the height of the camera.
        keystone: looking up (-1) or down (1) at the shelf.
        warmth: tint of the lamps, from -1 (cold) to 1 (warm).
        brightness: of the lamps, from -1 to 1.
        side: where the light comes from, from -1 (left) to 1 (right).
        blur: of its camera, from 0 to 1 through the span of `Difficulty.defocus_px`.
    """

    name: str
    panel: Colour
    rail: Colour
    pitch_mm: float
    px_per_mm: float
    eye_mm: float
    keystone: float
    warmth: float
    brightness: float
    side: float
    blur: float


PANELS: tuple[Colour, ...] = (
    (206, 208, 206),
    (168, 176, 182),
    (120, 124, 130),
    (190, 200, 212),
    (92, 84, 80),
)
RAILS: tuple[Colour, ...] = ((228, 228, 228), (70, 64, 60), (90, 140, 60), (160, 110, 50), (60, 90, 190))


def make_stores(names: tuple[str, ...], rng: np.random.Generator, difficulty: Difficulty) -> tuple[Store, ...]:
    """Return the stores of one split; each trait is spread evenly over them: no split is an easy one."""

    def spread(low: float, high: float) -> list[float]:
        places = (rng.permutation(len(names)) + rng.uniform(0.2, 0.8, len(names))) / len(names)
        return [float(low + (high - low) * place) for place in places]

    panels, rails = rng.permutation(len(PANELS)), rng.permutation(len(RAILS))
    traits = zip(
        spread(235, 275),
        spread(*difficulty.px_per_mm),
        spread(6, 22),
        *(spread(-1, 1) for _ in range(4)),
        spread(0, 1),
        strict=True,
    )
    return tuple(
        Store(name, PANELS[panels[i % len(PANELS)]], RAILS[rails[i % len(RAILS)]], *values)
        for i, (name, values) in enumerate(zip(names, traits, strict=True))
    )


@dataclass(frozen=True)
class Planogram:
    """What stands where in one store in one week.

    Attributes:
        rows: facings of each shelf board, left to right; after the last one comes the first again.
        promoted: names of the products on promotion.
        prices: product name to its price tag.
    """

    rows: tuple[tuple[Product, ...], ...]
    promoted: frozenset[str]
    prices: dict[str, str]


def make_planogram(week: int, store: int, rng: np.random.Generator, boards: int = 6) -> Planogram:
    """Return the planogram of `week` in the `store`-th store of a split: 1 product delisted, 2 promoted."""
    delisted = PRODUCTS[(3 * week + store) % len(PRODUCTS)]  # another one in each store and week of a small split
    listed = [product for product in PRODUCTS if product != delisted]
    promoted = rng.choice(len(listed), 2, replace=False)
    prices = {product.name: f"{rng.integers(0, 5)}.{rng.integers(1, 10)}9" for product in listed}
    rows = tuple(_board(listed, rng) for _ in range(boards))
    return Planogram(rows, frozenset(listed[i].name for i in promoted), prices)


def _board(listed: list[Product], rng: np.random.Generator) -> tuple[Product, ...]:
    """Return the facings of one board: families in any order, pairs side by side, in runs of 2 to 4."""
    families = sorted({product.pack.family for product in listed})
    facings: list[Product] = []
    for family in rng.permutation(families):
        pair = [product for product in listed if product.pack.family == family]
        for i in rng.permutation(len(pair)):
            facings += [pair[i]] * int(rng.integers(2, 5))
    return tuple(facings)


@dataclass(frozen=True)
class Item:
    """One product on a shelf: its left edge, its foot, its scale, its brightness and its lean."""

    product: Product
    x_mm: float
    foot_mm: float
    scale: float
    shade: float
    lean_deg: float

    @property
    def width_mm(self) -> float:
        """Width as it stands, mm."""
        return self.product.pack.width_mm * self.scale

    @property
    def height_mm(self) -> float:
        """Height as it stands, mm."""
        return self.product.pack.height_mm * self.scale


@dataclass(frozen=True)
class Board:
    """One shelf board: where its top lies, its products from back to front, and where its runs begin."""

    top_mm: float
    items: tuple[Item, ...]
    runs: tuple[tuple[float, Product], ...]


def lay_out(
    rng: np.random.Generator, store: Store, planogram: Planogram, difficulty: Difficulty, side_mm: float
) -> list[Board]:
    """Return the boards that cross a scene of `side_mm`: a window of the store's planogram of the week."""
    tops = np.arange(rng.uniform(0.25, 1.0) * store.pitch_mm, side_mm + store.pitch_mm, store.pitch_mm)
    first = int(rng.integers(len(planogram.rows)))
    rows = islice(cycle(planogram.rows), first, first + len(tops))
    return [_stock(rng, row, float(top), store, difficulty, side_mm) for top, row in zip(tops, rows, strict=True)]


def _stock(
    rng: np.random.Generator,
    row: tuple[Product, ...],
    top_mm: float,
    store: Store,
    difficulty: Difficulty,
    side_mm: float,
) -> Board:
    """Fill one board from a random facing on, as the planogram says, with what goes wrong in a shop."""
    back: list[Item] = []
    front: list[Item] = []
    runs: list[tuple[float, Product]] = []
    room_mm = store.pitch_mm - RAIL_MM
    x, start, scale = -rng.uniform(0, 60), int(rng.integers(len(row))), float(rng.uniform(0.97, 1.03))
    for planned in cycle(row[start:] + row[:start]):
        if x > side_mm:
            break
        if not runs or runs[-1][1] != planned:
            runs.append((x + 8, planned))
        product = row[rng.integers(len(row))] if rng.random() < difficulty.misplaced else planned
        if rng.random() < difficulty.gap:
            back += _second_row(rng, product, x, top_mm, store, scale)
        else:
            front += _column(rng, product, x, top_mm, store, scale, room_mm)
        x += product.pack.width_mm * scale * (1 + rng.uniform(-difficulty.overlap, 0.05))
    order = rng.permutation(len(front))  # either neighbour may stand in front of the other
    return Board(top_mm, (*back, *(front[i] for i in order)), tuple(runs))


def _second_row(
    rng: np.random.Generator, product: Product, x: float, top_mm: float, store: Store, scale: float
) -> list[Item]:
    """Return what a gap lets one see: often the next product, darker and partly behind its neighbours."""
    if rng.random() < 0.4:
        return []
    shift = rng.uniform(-0.4, 0.4) * product.pack.width_mm
    shade = float(rng.uniform(0.55, 0.75))
    return [Item(product, x + shift, top_mm - store.eye_mm, scale * ITEM_DEPTH, shade, 0.0)]


def _column(
    rng: np.random.Generator,
    product: Product,
    x: float,
    top_mm: float,
    store: Store,
    scale: float,
    room_mm: float,
) -> list[Item]:
    """Return the product of one facing, and one on top where it stacks and there is room."""
    pack, foot = product.pack, top_mm - rng.uniform(0.0, 0.5) * store.eye_mm
    high = 2 if pack.stacks and 2.1 * pack.height_mm * scale < room_mm and rng.random() < 0.6 else 1
    lean = float(rng.normal(0, pack.lean_deg)) if pack.lean_deg else 0.0
    shade = float(rng.uniform(0.88, 1.06))
    return [
        Item(product, x + rng.uniform(-1.5, 1.5), foot - i * pack.height_mm * scale, scale, shade, lean)
        for i in range(high)
    ]
