"""What the shelf photographs are of: stores, and what stands where in which week.

Lengths are mm from the top left of the scene.
"""

from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np

from objectives.data.shelves.packs import Colour
from objectives.data.shelves.products import PRODUCTS, Product

RAIL_MM = 26.0
BOARDS = 6  # of a planogram
ITEM_DEPTH = 0.92  # a product in the second row looks this much smaller
PX_PER_MM = (0.85, 1.05)  # of a photograph: at 0.95 a can is 59 px wide, a pouch 90 px
MISPLACED = 0.04  # probability that a facing holds a product of another run
GAP = 0.10  # probability that a facing is out of stock
OVERLAP = 0.10  # largest share of its width that a product stands in front of its neighbour


@dataclass(frozen=True)
class Store:
    """How one store's photographs look, whatever stands on its shelves.

    Attributes:
        name: such as "store-c".
        panel: colour of the back panel.
        rail: colour of the price rail.
        pitch_mm: height from one shelf board to the next.
        px_per_mm: scale of its photographs.
        eye_mm: how much of a board's top the camera sees; grows with the height of the camera.
        keystone: looking up (-1) or down (1) at the shelf.
        warmth: tint of the lamps, from -1 (cold) to 1 (warm).
        brightness: of the lamps, from -1 to 1.
        side: where the light comes from, from -1 (left) to 1 (right).
        blur: of its camera, from 0 to 1 through the span of `photo.DEFOCUS_PX`.
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


PANELS: tuple[Colour, ...] = ((206, 208, 206), (168, 176, 182), (120, 124, 130), (190, 200, 212), (92, 84, 80))
RAILS: tuple[Colour, ...] = ((228, 228, 228), (70, 64, 60), (90, 140, 60), (160, 110, 50), (60, 90, 190))


def make_stores(names: tuple[str, ...], rng: np.random.Generator) -> tuple[Store, ...]:
    """Return the stores of one split; each trait is spread evenly over them: no split is an easy one."""

    def spread(low: float, high: float) -> list[float]:
        places = (rng.permutation(len(names)) + rng.uniform(0.2, 0.8, len(names))) / len(names)
        return [float(low + (high - low) * place) for place in places]

    panels, rails = rng.permutation(len(PANELS)), rng.permutation(len(RAILS))
    traits = zip(
        spread(235, 275),
        spread(*PX_PER_MM),
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


def make_planogram(week: int, store: int, rng: np.random.Generator) -> Planogram:
    """Return the planogram of `week` in the `store`-th store of a split: 1 product delisted, 2 promoted."""
    delisted = PRODUCTS[(3 * week + store) % len(PRODUCTS)]  # another one in each store and week of a small split
    listed = [product for product in PRODUCTS if product != delisted]
    promoted = rng.choice(len(listed), 2, replace=False)
    prices = {product.name: f"{rng.integers(0, 5)}.{rng.integers(1, 10)}9" for product in listed}
    rows = tuple(_board(listed, rng) for _ in range(BOARDS))
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
        """Width of the standing product, mm."""
        return self.product.pack.width_mm * self.scale

    @property
    def height_mm(self) -> float:
        """Height of the standing product, mm."""
        return self.product.pack.height_mm * self.scale


@dataclass(frozen=True)
class Board:
    """One shelf board: where its top lies, its products from back to front, and where its runs begin."""

    top_mm: float
    items: tuple[Item, ...]
    runs: tuple[tuple[float, Product], ...]


def lay_out(rng: np.random.Generator, store: Store, planogram: Planogram, side_mm: float) -> list[Board]:
    """Return the boards that cross a scene of `side_mm`: a window of the store's planogram of the week."""
    tops = np.arange(rng.uniform(0.25, 1.0) * store.pitch_mm, side_mm + store.pitch_mm, store.pitch_mm)
    first = int(rng.integers(len(planogram.rows)))
    rows = islice(cycle(planogram.rows), first, first + len(tops))
    return [_stock(rng, row, float(top), store, side_mm) for top, row in zip(tops, rows, strict=True)]


def _stock(rng: np.random.Generator, row: tuple[Product, ...], top_mm: float, store: Store, side_mm: float) -> Board:
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
        product = row[rng.integers(len(row))] if rng.random() < MISPLACED else planned
        if rng.random() < GAP:
            back += _second_row(rng, product, x, top_mm, store, scale)
        else:
            front += _column(rng, product, x, top_mm, store, scale, room_mm)
        x += product.pack.width_mm * scale * (1 + rng.uniform(-OVERLAP, 0.05))
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
    rng: np.random.Generator, product: Product, x: float, top_mm: float, store: Store, scale: float, room_mm: float
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
