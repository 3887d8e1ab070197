"""CSV tables: a row for each box, in the common sets of columns."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from objectives.data.files.folder import Folder, shown
from objectives.data.files.split_names import set_folder, split_of, split_sets, variant
from objectives.data.files.text import number
from objectives.data.formats.contract import Entry, Gathered, RawBox, Reading
from objectives.data.formats.csv_table import OBJECT, Layout, Table, read_table, sizes_of
from objectives.data.raw import RawSet
from spaces.errors import DataError

SUFFIXES = (".csv", ".tsv")
COLUMNS = "for picture and box (such as filename, class, xmin, ymin, xmax, ymax)"


def sniff(folder: Folder) -> list[Reading]:
    """Return a reading for each set of tables with columns for a picture and a box."""
    sets: dict[Path, dict[Path, str | None]] = {}
    for path in sorted(folder.annotations(*SUFFIXES)):
        try:
            table = read_table(path, rows_most=50)
            question = table.question if table.is_annotation else f"data.root: '{path}' has no columns {COLUMNS}"
            is_meant = table.is_annotation or folder.only is not None
        except DataError as error:
            question, is_meant = str(error), True
        if is_meant:
            sets.setdefault(set_folder(path.parent, folder.root), {})[path] = question
    return [reading for base, tables in sets.items() for reading in _readings(folder, base, tables)]


def _readings(folder: Folder, base: Path, tables: dict[Path, str | None]) -> Iterator[Reading]:
    for files in [((None, next(iter(tables))),)] if folder.only else split_sets(list(tables), folder.root):
        names = ", ".join(shown(path, folder.root) for _, path in files)
        part = files[0][1].stem if len(files) == 1 else variant(files[0][1])
        problem = next((text for _, path in files if (text := tables[path])), None)
        yield Reading(folder, base, files, f"CSV: {names}", problem, part=part)


def read(reading: Reading) -> RawSet:
    """Read a set of tables.

    Raises:
        DataError: a table is no text, or its numbers can be read in two ways.
    """
    gathered = Gathered(reading)
    for split, path in reading.files:
        table = read_table(path)
        if table.question:
            raise DataError(table.question)
        if table.guessed_class:
            gathered.findings.add("files.column", f"{gathered.place(path)}: {table.guessed_class}")
        if table.layout.class_ is None:
            gathered.findings.add("classes.unnamed", gathered.place(path))
        gathered.entries += _entries(table, split, gathered)
    return gathered.raw("csv")


def _entries(table: Table, split: str | None, gathered: Gathered) -> list[Entry]:
    """Return an entry for each picture and split, its rows together."""
    rows: dict[tuple[str, str | None], list[list[str]]] = {}
    for row in table.rows:
        name = table.text(row, table.layout.image)
        if not name:
            gathered.findings.add("images.not_an_image", gathered.place(table.path, repr(row)))
            continue
        own = split_of(table.text(row, table.layout.split)) if table.layout.split is not None else None
        rows.setdefault((name, own or split), []).append(row)
    pictures = {key: gathered.picture(key[0], table.path, _bases(table.path, gathered), key[1]) for key in rows}
    found = {key: Entry(path, (), key[1], source=table.path) for key, path in pictures.items() if path is not None}
    sizes = {key: _size(table, rows[key], gathered) for key in found}
    layout = table.settled({key: sizes_of(found[key].path, sizes[key]) for key in found}, rows)
    return [
        replace(entry, boxes=_boxes(table, layout, rows[key], gathered), size_px=sizes[key], relative=layout.relative)
        for key, entry in found.items()
    ]


def _bases(path: Path, gathered: Gathered) -> tuple[Path, ...]:
    base = gathered.reading.base
    return (path.parent, path.parent / "images", path.parent.parent / "images", base / "images", base)


def _size(table: Table, rows: list[list[str]], gathered: Gathered) -> tuple[float, float] | None:
    """Return the picture's width and height as the first row has them."""
    layout = table.layout
    if layout.image_width is None or layout.image_height is None:
        return None
    try:
        width, height = (number(table.text(rows[0], i)) for i in (layout.image_width, layout.image_height))
    except ValueError:
        width = height = 0.0
    if width >= 1 and height >= 1:
        return width, height
    gathered.findings.add("images.bad_size", gathered.place(table.path, table.text(rows[0], layout.image)))
    return None


def _boxes(table: Table, layout: Layout, rows: list[list[str]], gathered: Gathered) -> tuple[RawBox, ...]:
    boxes: list[RawBox] = []
    for row in rows:
        if table.is_background(row):
            continue
        place = gathered.place(table.path, ",".join(row))
        name: str | None = OBJECT
        if layout.class_ is not None:
            name = gathered.name(table.text(row, layout.class_), place)
        try:
            box = layout.box(table.numbers(row))
        except ValueError:
            gathered.findings.add("labels.not_a_box", place)
            continue
        if name is not None:
            boxes.append((name, *box))
    return tuple(boxes)
