"""A table of boxes: which column holds what, and how its four numbers are meant."""

import csv
import io
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from objectives.data.files.folder import is_picture
from objectives.data.files.text import number, read_text
from objectives.data.frame import read_header
from spaces.errors import DataError

OBJECT = "object"  # class of boxes where no column names one
Key = tuple[str, str | None]  # name of a picture, split
LOOKED_AT = 200  # rows by which two meanings of four numbers are distinguished
_IMAGE = "filename file file_name image image_name imagename image_path img img_path img_name path filepath file_path "
_IMAGE += "image_id imageid image_file image_filename images"
_CLASS = (
    "class label class_name classname category category_name label_name labelname object_name object classes labels"
)
_NAMES: dict[str, str] = {
    "image": _IMAGE,
    "class_": _CLASS,
    "split": "split set subset usage partition dataset_split",
    "left": "xmin x_min x1 left bbox_xmin bbox_x1 x_left x0",
    "top": "ymin y_min y1 top bbox_ymin bbox_y1 y_top y0",
    "right": "xmax x_max x2 right bbox_xmax bbox_x2 x_right",
    "bottom": "ymax y_max y2 bottom bbox_ymax bbox_y2 y_bottom",
    "x": "x bbox_x",
    "y": "y bbox_y",
    "centre_x": "x_center x_centre xcenter cx xc center_x centre_x",
    "centre_y": "y_center y_centre ycenter cy yc center_y centre_y",
    "box_width": "w box_width bbox_width bbox_w box_w",
    "box_height": "h box_height bbox_height bbox_h box_h",
    "image_width": "image_width img_width im_width width imagewidth img_w",
    "image_height": "image_height img_height im_height height imageheight img_h",
    "bbox": "bbox box bounding_box boundingbox",
    "bbox_xywh": "bbox_xywh",
    "bbox_xyxy": "bbox_xyxy",
}
_ROLE = {word: role for role, words in _NAMES.items() for word in words.split()}


class Meaning(Enum):
    """How four numbers are meant."""

    CORNERS = "xmin, ymin, xmax, ymax"
    CORNER_AND_SIZE = "left, top, box_width, box_height"
    CENTRE_AND_SIZE = "x_center, y_center, box_width, box_height"


@dataclass(frozen=True)
class Layout:
    """Which column holds what, by index.

    Attributes:
        image: the picture's name.
        class_: the class; None if there is none.
        split: the split; None if there is none.
        box: the four numbers, or one column with all of them.
        meanings: how the four may be meant; one where it is sure.
        image_width: the picture's width; None if there is none.
        image_height: the picture's height.
        relative: whether boxes are shares of the sides; known when the table is settled.
    """

    image: int
    class_: int | None
    split: int | None
    columns: tuple[int, ...]
    meanings: tuple[Meaning, ...]
    image_width: int | None = None
    image_height: int | None = None
    relative: bool = False

    def box(self, numbers: Sequence[float]) -> tuple[float, float, float, float]:
        """Return left, top, width, height."""
        return _box(self.meanings[0], numbers)


def _box(meaning: Meaning, numbers: Sequence[float]) -> tuple[float, float, float, float]:
    a, b, c, d = numbers
    if meaning is Meaning.CORNERS:
        return a, b, c - a, d - b
    return (a, b, c, d) if meaning is Meaning.CORNER_AND_SIZE else (a - c / 2, b - d / 2, c, d)


@dataclass(frozen=True, eq=False)
class Table:
    """A table as read.

    Attributes:
        path: the file.
        header: names of the columns; empty for a table without a header.
        rows: the rows below it.
        layout: which column holds what; a table that is none of boxes has no columns of a box in it.
        question: what must be known to read it, one line; None if nothing.
        guessed_class: name of the column that was taken as the class, being the only text.
    """

    path: Path
    header: tuple[str, ...]
    rows: tuple[list[str], ...]
    layout: Layout
    question: str | None = None
    guessed_class: str = ""

    @property
    def is_annotation(self) -> bool:
        """Whether the table has a picture and a box in a row."""
        return self.layout.image >= 0 and bool(self.layout.columns)

    def text(self, row: Sequence[str], column: int | None) -> str:
        """Return a cell without spaces around it; empty if the row is short."""
        return row[column].strip() if column is not None and 0 <= column < len(row) else ""

    def is_background(self, row: Sequence[str]) -> bool:
        """Whether a row names a picture and no box."""
        return not any(self.text(row, column) for column in self.layout.columns)

    def numbers(self, row: Sequence[str]) -> list[float]:
        """Return the four numbers of a row.

        Raises:
            ValueError: there are not four numbers.
        """
        cells = [self.text(row, column) for column in self.layout.columns]
        found = [number(cell) for cell in (re.findall(r"[^\s,;\[\]()]+", cells[0]) if len(cells) == 1 else cells)]
        if len(found) != 4:
            raise ValueError(f"a box has 4 numbers, not {len(found)}")
        return found

    def settled(self, sizes: Mapping[Key, tuple[float, float] | None], rows: Mapping[Key, list[list[str]]]) -> Layout:
        """Return the layout with one meaning: the one by which all boxes lie in their pictures.

        Args:
            sizes: width and height of the picture of each group of rows; None where unknown.
            rows: the groups.

        Raises:
            DataError: several meanings fit.
        """
        known = [(n, sizes[key]) for key in sizes for row in rows[key] if (n := self._numbers_or_none(row))]
        relative = bool(known) and max(abs(value) for numbers, _ in known for value in numbers) <= 1
        fitting = list(self.layout.meanings)
        for numbers, size in known if len(fitting) > 1 else ():
            width, height = (1.0, 1.0) if relative else size or (float("inf"), float("inf"))
            fitting = [m for m in fitting if _fits(_box(m, numbers), width, height)] or fitting
        if len(fitting) > 1:
            named = "; or ".join(meaning.value for meaning in fitting)
            raise DataError(
                f"data.root: the boxes of '{self.path}' can be read in {len(fitting)} ways; name the columns {named}"
            )
        return replace(self.layout, meanings=tuple(fitting), relative=relative)

    def _numbers_or_none(self, row: Sequence[str]) -> list[float] | None:
        try:
            return self.numbers(row)
        except ValueError:
            return None


def _fits(box: tuple[float, float, float, float], width: float, height: float) -> bool:
    left, top, w, h = box
    slack = 0.01 * min(width, height) if width < float("inf") else 1.0
    inside = left >= -slack and top >= -slack and left + w <= width + slack and top + h <= height + slack
    return w >= 0 and h >= 0 and inside


def sizes_of(path: Path, claimed: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return the size of a picture: as claimed, or of the file; None if neither is known."""
    try:
        return claimed or read_header(path).shown_px
    except DataError:
        return None


# Reading


def read_table(path: Path, rows_most: int | None = None) -> Table:
    """Read a table.

    Args:
        path: the file.
        rows_most: rows to read, where the columns alone are asked for.

    Raises:
        DataError: it is no table of text.
    """
    text = read_text(path)
    first = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t|", key=first.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        lines = [line for line in itertools.islice(reader, rows_most) if any(cell.strip() for cell in line)]
    except csv.Error as error:
        raise DataError(f"data.root: '{path}' is not a readable table: {error}") from None
    if not lines:
        return Table(path, (), (), Layout(-1, None, None, (), ()))
    return _without_header(path, lines) or _with_header(path, lines)


def _without_header(path: Path, lines: list[list[str]]) -> Table | None:
    """Return the table of path, x1, y1, x2, y2, class, which has no header."""
    first = [cell.strip() for cell in lines[0]]
    numbers = [bool(re.fullmatch(r"-?\d+(\.\d*)?", cell)) for cell in first]
    if len(first) != 6 or not is_picture(Path(first[0])) or not (all(numbers[1:5]) or not any(first[1:])):
        return None
    return Table(path, (), tuple(lines), Layout(0, 5, None, (1, 2, 3, 4), (Meaning.CORNERS,)))


def _with_header(path: Path, lines: list[list[str]]) -> Table:
    header, rows = tuple(cell.strip() for cell in lines[0]), tuple(lines[1:])
    roles: dict[str, int] = {}
    for i, name in enumerate(header):
        role = _ROLE.get(re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_"))
        if role and role not in roles:
            roles[role] = i
    columns, meanings = _columns(roles)
    layout = Layout(
        roles.get("image", -1),
        roles.get("class_"),
        roles.get("split"),
        columns,
        meanings,
        None if roles.get("image_width") in columns else roles.get("image_width"),
        None if roles.get("image_height") in columns else roles.get("image_height"),
    )
    table = Table(path, header, rows, layout)
    return table if layout.class_ is not None or not table.is_annotation else _with_class(table, set(roles.values()))


def _columns(roles: Mapping[str, int]) -> tuple[tuple[int, ...], tuple[Meaning, ...]]:
    """Return the columns of the box, and how they may be meant."""

    def have(*names: str) -> bool:
        return all(name in roles for name in names)

    sizes = ("box_width", "box_height") if have("box_width", "box_height") else ("image_width", "image_height")
    for names, meanings in (
        (("left", "top", "right", "bottom"), (Meaning.CORNERS,)),
        (("left", "top", *sizes), (Meaning.CORNER_AND_SIZE,)),
        (("centre_x", "centre_y", *sizes), (Meaning.CENTRE_AND_SIZE,)),
        (("x", "y", *sizes), (Meaning.CORNER_AND_SIZE, Meaning.CENTRE_AND_SIZE)),
        (("bbox_xywh",), (Meaning.CORNER_AND_SIZE,)),
        (("bbox_xyxy",), (Meaning.CORNERS,)),
        (("bbox",), (Meaning.CORNER_AND_SIZE, Meaning.CORNERS)),
    ):
        if have(*names):
            return tuple(roles[name] for name in names), meanings
    return (), ()


def _with_class(table: Table, taken: set[int]) -> Table:
    """Return the table with its only column of text as the class; a question if there are several."""
    free = [i for i in range(len(table.header)) if i not in taken and _is_text(table, i)]
    if not free:
        return table
    if len(free) > 1:
        named = ", ".join(table.header[i] for i in free)
        return replace(
            table,
            question=f"data.root: '{table.path}' has several columns that may be the class: {named}; "
            "name the one that is 'class'",
        )
    layout = replace(table.layout, class_=free[0])
    return replace(table, layout=layout, guessed_class=table.header[free[0]] or f"column {free[0] + 1}")


def _is_text(table: Table, column: int) -> bool:
    cells = [cell for row in table.rows[:LOOKED_AT] if (cell := table.text(row, column))]
    for cell in cells:
        try:
            number(cell)
        except ValueError:
            return True
    return False
