"""The views and curves behind the figures, and the figures drawn from them."""

from collections.abc import Callable

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.records.gate import Gate
from objectives.records.records import ClassAccuracy
from reports.analysis.calibration import Calibration, Held, agreement, calibrate
from reports.analysis.curves import CURVES_MAX, learning_curves
from reports.analysis.history import HypervolumePoint, hypervolume_history
from reports.analysis.importance import Importance, importances
from reports.analysis.shares.accuracy import ChoiceShare
from reports.analysis.views import POINTS_MAX, default_view, front_view, latency_ticks
from reports.page.calibration_figure import calibration_figure
from reports.page.figures import class_figure, curves_figure, hypervolume_figure, importance_figure, share_words
from reports.page.front_figure import front_figure
from reports.page.palette import CSS, DARK, LIGHT, colours, css_variables
from reports.table.table import StudyTable, read_study


@pytest.fixture(scope="module")
def table(report_study: Callable[..., optuna.Study]) -> StudyTable:
    return read_study(report_study(140))


def test_every_trial_with_figures_stands_in_one_layer(table: StudyTable) -> None:
    for key in ("gate", "objectives"):
        layers = front_view(table, key).layers
        numbers = [point.number for points in layers.values() for point in points]
        assert len(numbers) == len(set(numbers)) == 140 - table.counts["failed"]
        assert {point.number for point in layers["front"]} == {row.number for row in table.front}


def test_a_view_is_in_its_own_quantities(table: StudyTable) -> None:
    gate, objectives = front_view(table, "gate"), front_view(table, "objectives")
    row = table.front[0]
    point = next(point for point in gate.layers["front"] if point.number == row.number)
    assert (point.latency_ms, point.accuracy) == (row.p95_ms, row.map50)
    point = next(point for point in objectives.layers["front"] if point.number == row.number)
    assert (point.latency_ms, point.accuracy) == (row.p50_ms, row.map)
    assert (gate.gate_ms, gate.gate_accuracy) == (10.0, 0.62)
    assert (objectives.gate_ms, objectives.gate_accuracy) == (None, None)
    assert gate.latency_range_ms[0] < 10.0 < gate.latency_range_ms[1]


def test_the_view_to_open_with_is_the_gate_s_where_it_bounds_something() -> None:
    assert default_view(Gate(map50_min=0.9)) == default_view(Gate(p95_ms_max=9)) == "gate"
    assert default_view(Gate()) == default_view(Gate(map_min=0.5, p50_ms_max=3)) == "objectives"


def test_stopped_trials_show_their_last_rung(table: StudyTable) -> None:
    point = front_view(table, "objectives").layers["stopped"][0]
    row = table.row(point.number)
    assert point.accuracy == row.rungs[-1].map
    assert row.latency_untrained is not None
    assert point.latency_ms == row.latency_untrained.p50_ms


@pytest.mark.slow
@pytest.mark.seconds
def test_of_very_many_trials_the_front_the_winner_and_a_sample_are_drawn(
    report_study: Callable[..., optuna.Study],
) -> None:
    table = read_study(report_study(5000))
    winner = min(table.finished, key=lambda row: row.map or 0)
    view = front_view(table, "objectives", winner.number)
    assert view.total == 5000 - table.counts["failed"]
    assert POINTS_MAX <= view.drawn < 1.1 * POINTS_MAX
    assert {point.number for point in view.layers["front"]} == {row.number for row in table.front}
    best = sorted((row.map or 0 for row in table.finished), reverse=True)[:500]
    assert set(best) <= {point.accuracy for layer in ("front", "finished") for point in view.layers[layer]}
    assert winner.number in {point.number for point in view.layers["finished"]}
    assert all(view.layers[layer] for layer in ("over", "stopped"))


@given(st.floats(0.02, 500), st.floats(1.02, 500))
def test_ticks_are_few_and_inside(low_ms: float, ratio: float) -> None:
    ticks = latency_ticks(low_ms, low_ms * ratio)
    assert 2 <= len(ticks) <= 14
    assert ticks == sorted(set(ticks))
    assert all(low_ms * 0.999 <= tick <= low_ms * ratio * 1.001 for tick in ticks)


def test_ticks_by_hand() -> None:
    assert latency_ticks(0.9, 31) == [1, 3, 10, 30]
    assert latency_ticks(0.9, 25) == [1, 2, 5, 10, 20]
    assert latency_ticks(4.1, 5.2) == [4.2, 4.4, 4.6, 4.8, 5.0, 5.2]


def test_the_front_is_drawn_with_its_gate_and_its_winner(table: StudyTable) -> None:
    figure = front_figure(front_view(table, "gate", winner=table.front[-1].number))
    assert {trace.meta for trace in figure.data} == {"over", "finished", "stopped", "front"}
    assert figure.layout.xaxis.type == "log"
    assert [shape.type for shape in figure.layout.shapes] == ["rect", "line", "line"]
    assert f"trial {table.front[-1].number}" in figure.layout.annotations[-1].text
    bare = front_figure(front_view(table, "objectives"))
    assert bare.layout.shapes == ()
    assert [trace.line.shape for trace in bare.data if trace.meta == "front"] == ["hv"]


def test_learning_curves_keep_the_front_and_stay_few(report_study: Callable[..., optuna.Study]) -> None:
    table = read_study(report_study(2 * CURVES_MAX))
    curves = learning_curves(table)
    assert len(curves.shown) == len({curve.number for curve in curves.shown}) == CURVES_MAX
    assert CURVES_MAX < curves.total == sum(bool(row.rungs) for row in table.rows)
    assert {row.number for row in table.front} <= {curve.number for curve in curves.shown}
    assert curves.deciding_epochs == (3, 6, 12)


def test_curves_are_marked_where_trials_were_stopped(table: StudyTable) -> None:
    figure = curves_figure(learning_curves(table))
    stops = figure.data[-1]
    assert len(stops.x) == table.counts["stopped at a rung"]
    assert set(stops.x) <= {3, 6, 12}


@pytest.fixture(scope="module")
def reasoned(report_study: Callable[..., optuna.Study]) -> StudyTable:
    return read_study(report_study(140, reasons=True))


def test_paused_trials_have_a_layer_and_a_mark_of_their_own(reasoned: StudyTable) -> None:
    paused = {row.number for row in reasoned.rows if row.paused}
    assert len(paused) == reasoned.counts["paused"] > 3
    assert {point.number for point in front_view(reasoned, "gate").layers["paused"]} == paused
    assert "paused" in {trace.meta for trace in front_figure(front_view(reasoned, "gate")).data}
    figure = curves_figure(learning_curves(reasoned))
    squares = next(trace for trace in figure.data if trace.name == "paused here")
    assert set(squares.customdata) == paused
    assert figure.data[-1].name == "stopped here"
    assert len(figure.data[-1].x) == reasoned.counts["stopped at a rung"]


def test_predictions_are_drawn_around_the_diagonal(reasoned: StudyTable) -> None:
    calibration = calibrate(reasoned)
    figure = calibration_figure(calibration, CSS)
    diagonal, rungs, proposals = figure.data
    assert tuple(diagonal.x) == tuple(diagonal.y) == figure.layout.xaxis.range == figure.layout.yaxis.range
    assert (rungs.meta, proposals.meta) == ("rung", "proposal")
    told = calibration.at_proposal.predictions
    assert list(proposals.x) == [item.expected for item in told]
    assert list(proposals.y) == [item.came for item in told]
    assert list(proposals.error_x.array) == [item.sd for item in told]
    assert rungs.error_x.array is None
    assert "expected at epoch 3<br>" in rungs.text[0]
    one = told[:1]
    alone = calibration_figure(Calibration(Held(one, agreement(one)), Held(), Held()))
    assert [trace.meta for trace in alone.data] == [None, "proposal"]
    assert alone.layout.xaxis.range[0] < min(one[0].expected, one[0].came)


@pytest.fixture(scope="module")
def with_families(report_study: Callable[..., optuna.Study]) -> StudyTable:
    return read_study(report_study(40, families=3, children=12))


@pytest.mark.parametrize("key", ["gate", "objectives"])
def test_each_family_has_its_children_and_a_line_through_those_on_the_front(
    with_families: StudyTable, key: str
) -> None:
    view = front_view(with_families, key)
    children = {row.number for row in with_families.rows if row.is_child}
    on_front = {row.number for row in with_families.front}
    assert {point.number for point in view.layers["child"]} == children - on_front
    assert [family.number for family in view.families] == [family.number for family in with_families.families]
    for line, family in zip(view.families, with_families.families, strict=True):
        assert line.children == 12
        assert {point.number for point in line.points} == {family.number, *(row.number for row in family.on_front)}
        latencies = [point.latency_ms for point in line.points]
        assert latencies == sorted(latencies)
    for points in view.layers.values():
        for point in points:
            row = with_families.row(point.number)
            assert point.is_child is row.is_child
            assert point.family == (row.parent if row.is_child else row.number if row.family else None)
            assert (f"\nchild of trial {row.parent}" in point.label) is row.is_child


def test_families_have_colours_marks_and_places_in_the_legend(with_families: StudyTable) -> None:
    view = front_view(with_families, "objectives")
    figure = front_figure(view, CSS)
    numbers = [family.number for family in view.families]
    colours = dict(zip(numbers, CSS.families, strict=False))
    lines = [trace for trace in figure.data if str(trace.meta).startswith("family-")]
    assert [trace.meta for trace in lines] == [f"family-{number}" for number in reversed(numbers)]
    assert [trace.name for trace in lines] == [f"trial {number} and 12 children" for number in reversed(numbers)]
    for trace, number in zip(lines, reversed(numbers), strict=True):
        assert trace.line.color == colours[number]
        assert [text for text in trace.text if text] == [f" {number}"]  # the parent is named at its point
    children = [trace for trace in figure.data if trace.meta == "child"]
    assert {trace.legendgroup for trace in children} == {f"family-{number}" for number in numbers}
    assert sum(bool(trace.name) for trace in children) == 1  # one place in the legend
    for trace in (*children, *(trace for trace in figure.data if trace.meta == "front")):
        for number, colour, mark in zip(trace.customdata, trace.marker.color, trace.marker.symbol, strict=True):
            row = with_families.row(number)
            assert mark.startswith("triangle") is row.is_child
            family = row.parent if row.is_child else number
            assert colour == colours.get(family, CSS.front)


def test_of_many_families_the_smallest_share_a_colour(report_study: Callable[..., optuna.Study]) -> None:
    table = read_study(report_study(60, families=12, children=2))
    lines = [trace for trace in front_figure(front_view(table, "gate")).data if str(trace.meta).startswith("family-")]
    assert len(lines) == 11
    assert (lines[0].meta, lines[0].name) == ("family-others", "4 children of 2 other trainings")
    assert len({trace.line.color for trace in lines}) == 11


def test_without_families_the_front_is_drawn_as_ever(table: StudyTable) -> None:
    view = front_view(table, "gate")
    assert view.families == view.layers["child"] == ()
    names = [trace.name for trace in front_figure(view).data]
    assert "finished" in names
    assert "on the front of mAP and p50" in names


def test_hypervolume_over_trials_and_over_time(table: StudyTable) -> None:
    history = hypervolume_history(table)
    over_trials, over_time = hypervolume_figure(history, "trials"), hypervolume_figure(history, "time")
    assert over_trials.data[0].x[-1] == 140
    assert over_time.layout.xaxis.title.text == "hours of work"
    assert over_time.data[0].x[-1] == history[-1].seconds / 3600
    assert hypervolume_figure([HypervolumePoint(0, 0, 0)], "time").layout.xaxis.title.text == "seconds of work"


def test_importances_are_drawn_greatest_first(table: StudyTable) -> None:
    found = importances(table)[0]
    figure = importance_figure(found)
    assert figure.data[0].y[0] == found.shares[0][0]
    bars, part = figure.data[0].error_x, found.parts[0]
    assert part.low is not None
    assert part.high is not None
    assert (bars.array[0], bars.arrayminus[0]) == (part.high - part.share, part.share - part.low)
    assert figure.layout.annotations[0].text == share_words(part)
    assert share_words(ChoiceShare("x", 0.62, 0.41, 0.78)) == "62 % (41 to 78)"
    assert importance_figure(importances(table)[1]).data[0].error_x.array is None  # no interval is stated
    many = Importance("latency", tuple(ChoiceShare(f"d{index}", 0.05) for index in range(20)), 99)
    assert len(importance_figure(many).data[0].y) == 12


def test_classes_are_drawn_best_first_without_those_that_have_no_box() -> None:
    per_class = {
        "a": ClassAccuracy(0.2, 0.4, 19),
        "<b>": ClassAccuracy(0.6, 0.8, 20),
        "none": ClassAccuracy(-1, -1, 0),
    }
    figure = class_figure(per_class)
    assert list(figure.data[0].y) == ["&lt;b&gt;  (20)", "a  (19 ≈)"]
    assert list(figure.data[0].x) == [0.6, 0.2]


def test_the_palettes_have_the_same_roles_and_legible_text() -> None:
    assert set(colours(LIGHT)) == set(colours(DARK))
    assert CSS.gate_fill == "var(--gate-fill)"
    assert "--gate-fill: rgba(" in css_variables(LIGHT)
    for palette in (LIGHT, DARK):
        for role in ("ink", "muted", "front", "gate", "stopped", "paused", "failed"):
            assert contrast(getattr(palette, role), palette.card) > (4.5 if role in ("ink", "muted", "front") else 3.9)
        assert len(set(palette.families)) == 10
        assert all(contrast(colour, palette.card) > 3.9 for colour in palette.families)


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2 between two colours #rrggbb."""

    def luminance(colour: str) -> float:
        parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)
