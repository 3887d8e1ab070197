"""Packshots of ten products: five pairs, each sharing one pack and told apart by one small mark.

The two marks of a pair stand in the same place and hold about the same amount of ink; the second one is printed in
a colour of its own. So a pair is told apart by the shape of the print in a sharp photograph, by a hint of colour in a
smaller one, and not at all in a tiny one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from objectives.data.shelves.packs import BOTTLE, BOX, CAN, CARTON, INK, POUCH, WHITE, Colour, Image, Pack, Patch, Sheet

RED, GREEN, BLUE = (30, 20, 190), (40, 120, 20), (190, 70, 10)  # BGR


@dataclass(frozen=True)
class Product:
    """One product: its class name, its pack and the printer of its mark."""

    name: str
    pack: Pack
    mark: Callable[[Sheet, Patch], None]


def _print_word(text: str, share: float = 1.0, ink: Colour = INK) -> Callable[[Sheet, Patch], None]:
    """Return the printer of `text` over `share` of the patch's width: heavier letters take less of it."""

    def mark(sheet: Sheet, patch: Patch) -> None:
        sheet.word(text, (*patch.at(-share, -1), patch.width * share, patch.height), ink)

    return mark


def _print_fat(whole: str, share: float, ink: Colour = INK) -> Callable[[Sheet, Patch], None]:
    """Return the printer of a fat content: `whole` over `share` of the patch's width, a small `.5` beside."""

    def mark(sheet: Sheet, patch: Patch) -> None:
        sheet.word(whole, (*patch.at(0.24 - 2 * share, -1), patch.width * share, patch.height), ink)
        sheet.word(".5", (*patch.at(0.3, 0), patch.width * 0.4, patch.height * 0.5), ink)

    return mark


def _print_crystals(sheet: Sheet, patch: Patch) -> None:
    corners = ((0, -0.5), (0.5, 0), (0, 0.5), (-0.5, 0))
    for u, v in ((-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)):
        sheet.fill([patch.at(u + a, v + b) for a, b in corners], INK)


def _print_ring(sheet: Sheet, patch: Patch) -> None:
    for radius, colour in ((0.96, GREEN), (0.45, WHITE)):
        sheet.oval((patch.x, patch.y), (patch.width * radius / 2, patch.height * radius / 2), colour)


def _print_waves(sheet: Sheet, patch: Patch) -> None:
    steps = np.linspace(-1, 1, 33)
    for v in (-0.55, 0.55):
        crest = v + 0.2 * np.sin(steps * 3 * np.pi)
        edges = [patch.at(u, c - 0.24) for u, c in zip(steps, crest, strict=True)]
        edges += [patch.at(u, c + 0.24) for u, c in zip(steps[::-1], crest[::-1], strict=True)]
        sheet.fill(edges, INK)


def _print_bubbles(sheet: Sheet, patch: Patch) -> None:
    for u in np.linspace(-0.85, 0.85, 5):
        for v in (-0.55, 0.55):
            sheet.oval(patch.at(u, v), (patch.height * 0.205, patch.height * 0.205), BLUE)


def _print_pods(degrees: float, ink: Colour = INK) -> Callable[[Sheet, Patch], None]:
    """Return the printer of three pods, turned by `degrees`: beans one way, chilies the other."""

    def mark(sheet: Sheet, patch: Patch) -> None:
        for u in (-0.68, 0.0, 0.68):
            sheet.oval(patch.at(u, 0), (patch.height * 0.6, patch.height * 0.2), ink, degrees)

    return mark


PRODUCTS = (
    Product("cola-classic", CAN, _print_word("CLASSIC")),
    Product("cola-zero", CAN, _print_word("ZERO", 0.88, RED)),
    Product("milk-low-fat", CARTON, _print_fat("1", 0.62)),
    Product("milk-whole", CARTON, _print_fat("3", 0.56, RED)),
    Product("water-still", BOTTLE, _print_waves),
    Product("water-sparkling", BOTTLE, _print_bubbles),
    Product("chips-salt", POUCH, _print_crystals),
    Product("chips-onion", POUCH, _print_ring),
    Product("curry-mild", BOX, _print_pods(45)),
    Product("curry-hot", BOX, _print_pods(-45, RED)),
)


@cache
def packshot(product: Product) -> Image:
    """Return the picture of `product`: (H, W, 4) uint8, BGR and silhouette (0 to 255), `PX_PER_MM` px a mm."""
    pack = product.pack
    sheet = Sheet(pack.width_mm, pack.height_mm, pack.ground)
    pack.draw(sheet, pack.patch)
    product.mark(sheet, pack.patch)
    pack.finish(sheet)
    shot = np.dstack([sheet.bgr, sheet.mask])
    shot.flags.writeable = False
    return shot
