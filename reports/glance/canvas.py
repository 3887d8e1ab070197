"""A drawing in letters: cells of a shape and a style, with dots of a quarter of a cell's width and height between."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.text import Text

DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # of a braille letter: column, then row from the top
BRAILLE = 0x2800


@dataclass
class Canvas:
    """Cells of a drawing, `width` by `height`; a cell keeps the shape of the highest rank that was put there."""

    width: int
    height: int
    style_of_dots: str = "dim"
    _cells: dict[tuple[int, int], tuple[str, str, int]] = field(default_factory=dict)
    _dots: dict[tuple[int, int], int] = field(default_factory=dict)

    def put(self, column: int, row: int, shape: str, style: str, rank: int) -> None:
        """Put one shape into a cell, unless something of a higher rank is there or the cell is outside."""
        known = self._cells.get((column, row))
        if 0 <= column < self.width and 0 <= row < self.height and (known is None or known[2] <= rank):
            self._cells[column, row] = (shape, style, rank)

    def dot(self, x: float, y: float) -> None:
        """Put a dot at a place of the drawing: x from the left and y from the top, both in [0, 1]."""
        across, down = round(x * (2 * self.width - 1)), round(y * (4 * self.height - 1))
        cell = across // 2, down // 4
        self._dots[cell] = self._dots.get(cell, 0) | DOTS[across % 2][down % 4]

    def is_free(self, column: int, row: int, length: int, *, above: int) -> bool:
        """Whether so many cells of a row are inside, and hold nothing of a rank over `above`; dots have rank -1.

        From rank 0 on, dots count as nothing; at rank -1, cells with dots are taken.
        """
        if column < 0 or column + length > self.width or not 0 <= row < self.height:
            return False
        cells = [(at, row) for at in range(column, column + length)]
        if above < 0 and any(cell in self._dots or cell in self._cells for cell in cells):
            return False
        return all(self._cells[cell][2] <= above for cell in cells if cell in self._cells)

    def write(self, column: int, row: int, text: str, style: str, rank: int) -> None:
        """Put a text into a row, one letter a cell."""
        for i, letter in enumerate(text):
            self.put(column + i, row, letter, style, rank)

    def rows(self) -> Iterator[Text]:
        """Yield the rows from the top, each of the drawing's width."""
        for row in range(self.height):
            line = Text(no_wrap=True)
            for column in range(self.width):
                shape, style = self._at(column, row)
                line.append(shape, style)
            yield line

    def _at(self, column: int, row: int) -> tuple[str, str]:
        if (cell := self._cells.get((column, row))) is not None:
            return cell[0], cell[1]
        dots = self._dots.get((column, row))
        return (" ", "") if dots is None else (chr(BRAILLE + dots), self.style_of_dots)
