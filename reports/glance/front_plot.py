"""The front drawn in letters: accuracy upwards, log latency to the right; the live view, `automl show` and the summary
draw it by the same function.

plotext (6.1) was tried on the same data and is not used. It draws in 4 ms, scales by logarithm and has dots in braille,
but it writes each label over the marks that lie there (of six members of a front three were legible), its ticks on a
log axis are 1.7, 2.5 and 3.5, and the one figure that its module holds is shared by all threads, while a live view is
drawn by a thread of its own. What it would have saved is `canvas.py`.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise, product

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from reports.glance.axes import Axes, accuracy_ticks, axes_of, bound_text, latency_names, latency_words
from reports.glance.canvas import Canvas
from reports.glance.marks import (
    BOUND,
    CARRIED_MARK,
    CHILD,
    OTHER_STYLE,
    PICK,
    POLISHED,
    RUNNING_MARK,
    STAIRS,
    STOCK_MARK,
    TRAINED,
    PointMark,
)
from reports.glance.points import FrontPoint, FrontPoints
from reports.table.console import writable
from reports.table.row import Origin
from reports.table.words import share

GUTTER = 6  # columns left of the drawing: an accuracy and the axis
LEAST_WIDTH, LEAST_HEIGHT = 32, 7
NUMBERED_MOST = 24  # members with their number; more of them say nothing
MARKS = {Origin.TRAINED: TRAINED, Origin.CHILD: CHILD, Origin.POLISHED: POLISHED, Origin.CARRIED: CARRIED_MARK}
LABEL_RANK, STAIRS_RANK, BOUND_RANK, DOTS_RANK = 2, 1, 0, -1


class FrontPlot:
    """The drawing as a part of what is printed: as wide as there is room, in the letters that the terminal has."""

    def __init__(self, points: FrontPoints, height: int, width_most: int = 120) -> None:
        """Take what is drawn, in how many lines, and the width that it never exceeds."""
        self.points, self.height, self.width_most = points, height, width_most

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        width = min(options.max_width, self.width_most)
        yield from draw_front(self.points, width, self.height, unicode=not options.ascii_only)


def draw_front(points: FrontPoints, width: int, height: int, *, unicode: bool = True) -> list[Text]:
    """Return the drawing as `height` lines of at most `width` columns; none where that is too small for one.

    Args:
        points: what is drawn.
        width: columns, all that stands beside the drawing included.
        height: lines, those of the legend and of the axis included.
        unicode: whether the terminal has more letters than ASCII's.
    """
    if width < LEAST_WIDTH or height < LEAST_HEIGHT or not (points.front or points.others):
        return []
    axes, inner = axes_of(points), width - GUTTER
    canvas = Canvas(inner, height - 3, OTHER_STYLE)
    _draw_others(canvas, axes, points, unicode=unicode)
    _draw_bounds(canvas, axes, points)
    _draw_stairs(canvas, axes, points)
    _draw_marks(canvas, axes, points)
    _name_marks(canvas, axes, points)
    names = _row_names(axes, points, canvas.height)
    rows = [
        Text.assemble((f"{names.get(i, ''):>{GUTTER - 1}}", "dim"), ("┤" if i in names else "│", "dim"), row)
        for i, row in enumerate(canvas.rows())
    ]
    lines = [_legend(points, axes, width), *rows, *_latency_axis(axes, points, inner)]
    return lines if unicode else [_as_ascii(line) for line in lines]


def _cell(canvas: Canvas, axes: Axes, latency_ms: float, accuracy: float) -> tuple[int, int]:
    return round(axes.x(latency_ms) * (canvas.width - 1)), round(axes.y(accuracy) * (canvas.height - 1))


def _draw_others(canvas: Canvas, axes: Axes, points: FrontPoints, *, unicode: bool) -> None:
    for latency_ms, accuracy in points.others:
        if not axes.holds(latency_ms, accuracy):
            continue
        if unicode:
            canvas.dot(axes.x(latency_ms), axes.y(accuracy))
        else:
            canvas.put(*_cell(canvas, axes, latency_ms, accuracy), ".", OTHER_STYLE, DOTS_RANK)


def _draw_bounds(canvas: Canvas, axes: Axes, points: FrontPoints) -> None:
    """Draw the gate's bounds as lines through the whole drawing, where they are inside."""
    if points.least is not None and axes.low <= points.least <= axes.high:
        row = round(axes.y(points.least) * (canvas.height - 1))
        for column in range(canvas.width):
            canvas.put(column, row, "┈", BOUND, BOUND_RANK)
    if points.most_ms is not None and axes.low_ms <= points.most_ms <= axes.high_ms:
        column = round(axes.x(points.most_ms) * (canvas.width - 1))
        for row in range(canvas.height):
            canvas.put(column, row, "┊", BOUND, BOUND_RANK)


def _draw_stairs(canvas: Canvas, axes: Axes, points: FrontPoints) -> None:
    """Draw what the front offers at each latency: level from a member to the next better one, then up to it."""
    rising = list(_rising(points.front))
    cells = [_cell(canvas, axes, point.latency_ms, point.accuracy) for point in rising]
    for (column, row), (to_column, to_row) in pairwise(cells):
        for at in range(column, to_column):
            canvas.put(at, row, "─", STAIRS, STAIRS_RANK)
        for at in range(to_row, row):
            canvas.put(to_column, at, "│", STAIRS, STAIRS_RANK)
        if to_row < row:
            canvas.put(to_column, row, "┘", STAIRS, STAIRS_RANK)
    for column in range(cells[-1][0], canvas.width) if cells else ():
        canvas.put(column, cells[-1][1], "─", STAIRS, STAIRS_RANK)


def _rising(front: Sequence[FrontPoint]) -> Iterator[FrontPoint]:
    """Yield the members that are better than all faster ones: in the gate's terms not all of a front need be."""
    best = -1.0
    for point in front:
        if point.accuracy > best:
            best = point.accuracy
            yield point


def _draw_marks(canvas: Canvas, axes: Axes, points: FrontPoints) -> None:
    for point in points.running:
        _put(canvas, axes, point, RUNNING_MARK)
    for point in points.front:
        _put(canvas, axes, point, MARKS[point.origin])
    if points.baseline is not None:
        _put(canvas, axes, points.baseline, STOCK_MARK)
    if (pick := _pick(points)) is not None:
        _put(canvas, axes, pick, PICK)


def _put(canvas: Canvas, axes: Axes, point: FrontPoint, mark: PointMark) -> None:
    canvas.put(*_cell(canvas, axes, point.latency_ms, point.accuracy), mark.shape, mark.style, 10 + mark.rank)


def _pick(points: FrontPoints) -> FrontPoint | None:
    """Return the member of the front that is put first, unless it is the baseline, which has a mark of its own."""
    if points.baseline is not None and points.baseline.number == points.pick:
        return None
    return next((point for point in points.front if point.number == points.pick), None)


def _name_marks(canvas: Canvas, axes: Axes, points: FrontPoints) -> None:
    """Write numbers beside the marks, the important first, wherever there is room; none lies over anything."""
    pick, stock = _pick(points), points.baseline
    if pick is not None:
        figures = f"{pick.number}: {share(pick.accuracy)} at {latency_words(pick.latency_ms)}"
        _name(canvas, axes, pick, (figures, str(pick.number)), PICK.style)
    if stock is not None:
        texts = f"{points.baseline_name} {share(stock.accuracy)}", str(stock.number)
        _name(canvas, axes, stock, texts, STOCK_MARK.style)
    named = {one.number for one in (pick, stock) if one is not None}
    inner = points.front[1:-1] if len(points.front) <= NUMBERED_MOST else ()
    ends = [*points.front[:1], *points.front[-1:]]
    for point in dict.fromkeys([*points.running, *ends, *inner]):
        if point.number not in named:
            _name(canvas, axes, point, (str(point.number),), "")


def _name(canvas: Canvas, axes: Axes, point: FrontPoint, texts: Sequence[str], style: str) -> None:
    """Write the first of these texts that has room above, beside or below a mark, if need be over dots and bounds."""
    column, row = _cell(canvas, axes, point.latency_ms, point.accuracy)
    for text, clear in product(texts, (True, False)):
        width = len(text)
        above = ((column - width + 1, row - 1), (column, row - 1), (column - width // 2, row - 1))
        beside = ((column + 2, row), (column - width - 1, row))
        below = ((column + 1, row + 1), (column - width // 2, row + 1))
        for start, at in (*above, *beside, *below):
            if canvas.is_free(start - 1, at, width + 2, above=DOTS_RANK if clear else BOUND_RANK):
                canvas.write(start, at, text, style, LABEL_RANK)
                return


def _row_names(axes: Axes, points: FrontPoints, height: int) -> dict[int, str]:
    """Return row to the accuracy that it stands for: the gate's bound, and round ones that leave it room."""
    names: dict[int, str] = {}
    if points.least is not None and axes.low <= points.least <= axes.high:
        names[round(axes.y(points.least) * (height - 1))] = bound_text(points.least)
    for tick in accuracy_ticks(axes, height):
        row = round(axes.y(tick) * (height - 1))
        if not {row - 1, row, row + 1} & names.keys():
            names[row] = f"{tick:g}"
    return names


def _latency_axis(axes: Axes, points: FrontPoints, width: int) -> list[Text]:
    """Return the axis below the drawing, and the latencies under it with what they are of."""
    first = [] if points.most_ms is None else [points.most_ms]
    ruler, below = ["─"] * width, [" "] * width
    for start, name in latency_names(axes, width, first):
        ruler[start + (len(name) - 1) // 2] = "┬"
        below[start : start + len(name)] = name
    title = f"{points.latency_name} ms"
    return [
        Text(f"{'':{GUTTER - 1}}└{''.join(ruler)}", style="dim"),
        Text(f"{title:{GUTTER}}{''.join(below)}", style="dim"),
    ]


def _legend(points: FrontPoints, axes: Axes, width: int) -> Text:
    """Return what is drawn and by which marks, as far as a line has room; the gate before the marks."""
    line = Text(f"{points.accuracy_name} over {points.latency_name}", style="bold", no_wrap=True)
    for text, style in [*_gate_legend(points), *_mark_legend(points, axes)]:
        if line.cell_len + 2 + len(text) <= width:
            line.append("  ").append(text, style)
    return line


def _gate_legend(points: FrontPoints) -> list[tuple[str, str]]:
    least = [] if points.least is None else [f">= {bound_text(points.least)}"]
    most = [] if points.most_ms is None else [f"<= {bound_text(points.most_ms)} ms"]
    more = ["more"] if points.gate_has_more else []
    return [("┊ gate " + ", ".join(least + most + more), f"not bold {BOUND}")] if least or most else []


def _mark_legend(points: FrontPoints, axes: Axes) -> list[tuple[str, str]]:
    origins = {point.origin for point in points.front if point.number != points.pick}
    shown = [PICK] if _pick(points) is not None else []
    shown += [STOCK_MARK] if points.baseline is not None else []
    shown += [mark for origin, mark in MARKS.items() if origin in origins]
    shown += [RUNNING_MARK] if points.running else []
    found = [(f"{mark.shape} {mark.words}", mark.style.replace("bold", "not bold")) for mark in shown]
    outside = sum(not axes.holds(*place) for place in points.others)
    found += [(f"{outside:,} below", "not bold dim")] if outside else []
    return found


def _as_ascii(line: Text) -> Text:
    """Return a line with the same styles in ASCII's letters, which are as wide."""
    plain = line.copy()
    plain.plain = writable(line.plain, "ascii")
    plain.spans = line.spans
    return plain
