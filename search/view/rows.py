"""Rows of a terminal, shared out: each section states how many rows it can fill and how many it needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from objectives.records.even_sample import evenly
from reports.glance.cut_text import Words

Cells = Sequence[RenderableType]


@dataclass(frozen=True)
class Section:
    """A part of a frame that takes as many rows as the frame allots.

    Attributes:
        rows: number of rows that the section can fill.
        least: number of rows below which the section is left out.
        draw: returns what takes exactly so many rows.
        eager: whether the section is filled before the others grow.
    """

    rows: int
    least: int
    draw: Callable[[int], RenderableType]
    eager: bool = True


@dataclass(frozen=True)
class TableColumn:
    """A column of a table's section; one of width 0 takes what the others leave."""

    title: str = ""
    width: int = 0
    right: bool = False


def fit(sections: Sequence[Section], height: int) -> RenderableType:
    """Return as much of the sections as fits into so many rows; with blank rows between them if there is room."""
    given = allot(sections, height)
    parts = [section.draw(rows) for section, rows in zip(sections, given, strict=True) if rows]
    if sum(given) + len(parts) - 1 <= height:
        parts = [row for part in parts for row in (part, Text())][:-1]
    return Group(*parts)


def allot(sections: Sequence[Section], height: int) -> list[int]:
    """Return the rows of each section: the least of each, the first ones first; then all of the eager ones; then
    the others grow by turns."""
    given = [0] * len(sections)
    for i, section in enumerate(sections):
        least = min(section.least, section.rows)
        given[i] = least if sum(given) + least <= height else 0
    for i, section in enumerate(sections):
        if given[i] and section.eager:
            given[i] += min(section.rows - given[i], height - sum(given))
    while growing := [i for i, section in enumerate(sections) if 0 < given[i] < section.rows]:
        for i in growing:
            if sum(given) == height:
                return given
            given[i] += 1
    return given


def lines(texts: Sequence[Text], least: int = 1) -> Section:
    """Return a section of plain lines, each cut to one row; the section is left out if fewer than `least` lines fit."""
    return Section(len(texts), least, lambda rows: Group(*map(cut, texts[:rows])))


def cut(text: Text) -> Words:
    """Return a text that takes one row, however long the text is."""
    return Words(text)


def table(
    columns: Sequence[TableColumn],
    rows: Sequence[Cells],
    *,
    least: int = 3,
    eager: bool = False,
    thin_out: bool = False,
    counted: bool = False,
) -> Section:
    """Return a section of a row of titles and one row for each of `rows`.

    Args:
        columns: titles and widths of the columns.
        rows: cells of each row.
        least: rows below which the section is left out, that of the titles included.
        eager: whether the section is filled before the others grow.
        thin_out: whether rows that do not fit are left out evenly, instead of the last ones.
        counted: whether the last row says how many do not fit.
    """

    def draw(count: int) -> Table:
        drawn = Table.grid(expand=True, padding=(0, 1, 0, 0))
        for column in columns:
            side: JustifyMethod = "right" if column.right else "left"
            width, ratio = (column.width, None) if column.width else (None, 1)
            drawn.add_column(justify=side, no_wrap=True, overflow="ellipsis", width=width, ratio=ratio)
        drawn.add_row(*(Text(column.title, style="dim") for column in columns))
        shown = _thinned(rows, count - 1) if thin_out else rows[: count - 1]
        if counted and len(shown) < len(rows) and count > 2:
            shown = [*shown[:-1], _and_more(columns, len(rows) - len(shown) + 1)]
        for cells in shown:
            drawn.add_row(*(Words(cell) if isinstance(cell, Text) else cell for cell in cells))
        return drawn

    return Section(len(rows) + 1 if rows else 0, least, draw, eager)


def _and_more(columns: Sequence[TableColumn], count: int) -> Cells:
    """Return the cells of a row that counts those that do not fit, in the widest column."""
    return [Text("" if column.width else f"and {count:,} more", style="dim") for column in columns]


def _thinned(rows: Sequence[Cells], count: int) -> Sequence[Cells]:
    """Return so many of the rows at even distances; a single one is the last."""
    return rows[-1:] if count == 1 else evenly(rows, count)
