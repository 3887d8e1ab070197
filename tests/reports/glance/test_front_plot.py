"""The front drawn in letters: it fits, labels lie over nothing, marks differ without colour, ASCII is ASCII."""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from rich.console import Console
from rich.text import Text

from reports.glance.axes import axes_of, latency_names
from reports.glance.cut_text import shortened
from reports.glance.front_plot import LEAST_HEIGHT, LEAST_WIDTH, FrontPlot, draw_front
from reports.glance.marks import CHILD, PICK, POLISHED, RUNNING_MARK, STOCK_MARK, TRAINED
from reports.glance.points import FrontPoint, FrontPoints, Seen, front_points
from reports.table.row import Origin
from reports.table.table import StudyTable
from reports.table.verdict import judge

MakeTable = Callable[..., StudyTable]
FRONT = (
    FrontPoint(32, 1.57, 0.857),
    FrontPoint(31, 2.38, 0.912, Origin.CHILD),
    FrontPoint(28, 3.03, 0.947, Origin.POLISHED),
    FrontPoint(29, 4.44, 0.955),
)
POINTS = FrontPoints(
    "p95", "mAP50", FRONT, ((2.0, 0.8), (4.0, 0.9)), FrontPoint(0, 4.0, 0.9), "yolo26n", 29, 5.0, 0.87, False
)


def lines(points: FrontPoints, width: int = 80, height: int = 18, *, unicode: bool = True) -> list[str]:
    return [line.plain for line in draw_front(points, width, height, unicode=unicode)]


def test_marks_of_six_kinds_differ_by_their_shape() -> None:
    kinds = (TRAINED, CHILD, POLISHED, PICK, STOCK_MARK, RUNNING_MARK)
    assert len({mark.shape for mark in kinds}) == len(kinds)
    legend, *drawn = lines(replace(POINTS, running=(FrontPoint(40, 3.5, 0.88),)), 140)
    for mark in kinds:
        assert sum(row.count(mark.shape) for row in drawn) == 1
        assert f"{mark.shape} {mark.words}" in legend
    ascii_rows = lines(replace(POINTS, running=(FrontPoint(40, 3.5, 0.88),)), 140, unicode=False)[1:-2]
    for mark in "Oop*B>":
        assert sum(re.sub(r"yolo26n", "", row).count(mark) for row in ascii_rows) == 1


def test_the_gate_is_named_on_the_axes_and_drawn_where_it_is_near() -> None:
    legend, *rows = lines(POINTS)
    assert "gate >= 0.87, <= 5 ms" in legend
    assert any(row.startswith(" 0.87┤") for row in rows)
    assert re.search(r" 5\s*$", rows[-1])
    assert sum("┊" in row for row in rows) > 10
    far = lines(replace(POINTS, most_ms=250.0))
    assert "<= 250 ms" in far[0]
    assert not any("┊" in row for row in far[1:])


def test_the_staircase_rises_and_every_member_is_named_where_there_is_room() -> None:
    rows = lines(POINTS)[1:-2]
    text = "\n".join(rows)
    assert "29: 0.955 at 4.44 ms" in text
    assert "yolo26n 0.900" in text
    for number in ("32", "31", "28"):
        assert re.search(rf"(?<![\d.]){number}(?![\d.])", text)
    heights = [next(i for i, row in enumerate(rows) if mark.shape in row) for mark in (TRAINED, CHILD, POLISHED, PICK)]
    assert heights == sorted(heights, reverse=True)
    columns = [rows[i].index(mark.shape) for i, mark in zip(heights, (TRAINED, CHILD, POLISHED, PICK), strict=True)]
    assert columns == sorted(columns)


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("size", [(32, 7), (60, 12), (80, 18), (120, 22), (200, 40)])
@pytest.mark.parametrize("trials", [1, 3, 140])
def test_it_is_as_large_as_asked_for_and_no_number_is_cut(
    report_table: MakeTable, trials: int, size: tuple[int, int], unicode: bool
) -> None:
    table = report_table(trials)
    row = judge(table).row
    points = front_points(table, row.number if row else None)
    drawn = lines(points, *size, unicode=unicode)
    if not table.finished:
        assert drawn == []
        return
    assert len(drawn) == size[1]
    assert max(map(len, drawn)) <= size[0]
    assert unicode or "".join(drawn).isascii()
    known = {str(point.number) for point in points.front}
    for label in re.findall(r"(?<![\d.:])\d+(?![\d.])", " ".join(line[6:] for line in drawn[1:-2])):
        assert label in known


def test_too_little_room_or_nothing_to_draw_draws_nothing() -> None:
    assert lines(POINTS, LEAST_WIDTH - 1) == []
    assert lines(POINTS, 80, LEAST_HEIGHT - 1) == []
    assert lines(FrontPoints("p95", "mAP50", ())) == []


def test_ends_of_a_study_that_scatters_widely_are_counted_and_one_point_is_enough() -> None:
    outside = ((300.0, 0.01), (900.0, 0.02))
    assert "2 below" in lines(replace(POINTS, others=outside), 140)[0]
    one = replace(POINTS, front=FRONT[:1], others=(), baseline=None, pick=32, most_ms=None, least=None)
    assert any("32: 0.857" in row for row in lines(one))


def test_latencies_on_the_axis_leave_a_column_between_them() -> None:
    for width in (26, 54, 74, 114):
        names = latency_names(axes_of(POINTS), width, [5.0])
        assert "5" in [name for _, name in names]
        for (start, name), (after, _) in pairwise(names):
            assert start + len(name) < after


def test_it_prints_as_wide_as_the_console_and_in_its_letters() -> None:
    out = io.StringIO()
    Console(file=out, width=60).print(FrontPlot(POINTS, 12))
    assert max(map(len, out.getvalue().splitlines())) == 60
    assert "\x1b" not in out.getvalue()
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    Console(file=file, width=60).print(FrontPlot(POINTS, 12))
    assert "29: 0.955" in raw.getvalue().decode("ascii")


def test_places_are_found_once_for_all_tables_of_a_search(report_table: MakeTable) -> None:
    seen: Seen = {}
    table = report_table(60)
    first = front_points(table, None, seen)
    assert len(seen) == len(table.finished)
    number = table.front[0].number
    seen[number] = (*seen[number][:2], (1.0, 0.123))
    again = front_points(table, None, seen)
    assert [p.accuracy for p in again.front if p.number == number] == [0.123]
    assert len(again.others) == len(first.others)


@pytest.mark.parametrize(
    ("text", "width", "kept"),
    [
        ("yolo26n · pan 32x1 · nms · 160 px", 40, "yolo26n · pan 32x1 · nms · 160 px"),
        ("yolo26n · pan 32x1 · nms · 160 px", 20, "yolo26n · pan 32x1…"),
        ("yolo26n · pan 32x1 · nms · 160 px", 17, "yolo26n · pan…"),
        ("mAP 0.528  mAP50 0.687", 20, "mAP 0.528  mAP50…"),
        ("mobilenetv3_small_050", 12, "mobilenetv3…"),
        ("mobilenetv3_small_050", 21, "mobilenetv3_small_050"),
        ("resnet12345678", 10, "resnet…"),
    ],
)
def test_a_text_is_cut_behind_words_and_never_within_a_number(text: str, width: int, kept: str) -> None:
    assert shortened(Text(text), width).plain == kept
