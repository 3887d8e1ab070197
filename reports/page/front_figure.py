"""The front as a figure, drawn with plotly from a view's plain data."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from reports.analysis.views import FrontView, Point, latency_ticks
from reports.page.family_marks import by_family, family_colours, family_lines, point_colours, symbol
from reports.page.figures import base_layout
from reports.page.palette import LIGHT, Palette

STAIRCASE = {"width": 1.6, "shape": "hv"}  # nothing measured lies above it
THREAD = {
    "width": 1.2,
    "shape": "linear",
    "dash": "dot",
}  # members seen in other quantities: a guide
CHILD_SIZE = 0.85  # of a child on the front, beside a detector that was trained
OPACITIES = {"finished": 0.75, "child": 0.5}
GL_LAYERS = ("child", "finished", "stopped", "running", "paused", "over")  # the front is few, and on top
CROWDED_POINTS = 1200  # from so many points on, marks are drawn smaller, and by WebGL: fewer are quicker without


def front_figure(view: FrontView, palette: Palette = LIGHT, *, gl: bool = False, labelled: bool = True) -> go.Figure:
    """Draw every trial of a view, the front joined, the gate's region shaded, the winner named.

    Args:
        view: what to draw.
        palette: its colours.
        gl: whether layers beside the front are drawn by WebGL where there are many points; by plotly's full bundle.
        labelled: whether points carry the text that is shown where one points at them.
    """
    figure = go.Figure(layout=base_layout(palette, view.latency_name, view.accuracy_name))
    families = bool(view.families)
    trained = "trained, beside the front" if families else "finished"
    on_front = "on the front of mAP and p50" + (": ● trained, ▲ child" if families else "")
    styles = {
        "over": ("over a bound, not trained", palette.over, "line-ns-open", 11),
        "child": ("children beside the front", palette.muted, "triangle-up", 8),
        "finished": (trained, palette.finished, "circle", 8),
        "stopped": ("stopped at a rung, last mAP seen", palette.stopped, "circle-open", 7),
        "running": ("running, last mAP seen", palette.running, "cross-open", 9),
        "paused": ("paused at a rung, last mAP seen", palette.paused, "square-open", 8),
        "front": (on_front, palette.front, "circle", 12),
    }
    crowded = sum(map(len, view.layers.values())) > CROWDED_POINTS
    for layer, (name, colour, mark, size) in styles.items():
        points = view.layers.get(layer, ())
        if layer == "finished":
            figure.add_traces(family_lines(view, palette))
        for group, of_group in by_family(points, view, palette) if layer == "child" else [("", points)] * bool(points):
            kind = go.Scattergl if gl and crowded and layer in GL_LAYERS else go.Scatter
            values = _values(layer, name, of_group, palette, colour, mark, size * (0.6 if crowded else 1), view)
            values |= _label_values(of_group) if labelled else {}
            figure.add_trace(kind(**values, legendgroup=group or None))
            name = ""  # the legend names a layer once
    figure.add_traces(_baseline_mark(view, palette))
    figure.add_traces(_proven_marks(view, palette))
    low, high = view.latency_range_ms
    ticks = latency_ticks(low, high)
    figure.update_xaxes(
        type="log",
        range=log_range(low, high),
        tickvals=ticks,
        ticktext=[f"{tick:g} ms" for tick in ticks],
    )
    figure.update_yaxes(range=list(view.accuracy_range))
    figure.update_layout(height=500, yaxis2={"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True})
    _shade_gate(figure, view, palette)
    _name_winner(figure, view, palette)
    return figure


def _values(
    layer: str,
    name: str,
    points: Sequence[Point],
    palette: Palette,
    colour: str,
    mark: str,
    size: float,
    view: FrontView,
) -> dict[str, Any]:
    """Return one layer; points that pass the gate are rimmed, members of families have their family's colour."""
    colours = point_colours(points, family_colours(view, palette), colour)
    sizes = [size * (CHILD_SIZE if point.is_child and layer == "front" else 1) for point in points]
    rims = [
        palette.gate_rim if point.passes_gate else (own if "open" in mark else palette.card)
        for point, own in zip(points, colours, strict=True)
    ]
    shape = STAIRCASE if view.key == "objectives" else THREAD
    return {
        "x": [point.latency_ms for point in points],
        "y": [0.018 if layer == "over" else point.accuracy for point in points],
        "yaxis": "y2" if layer == "over" else "y",
        "name": name,
        "mode": "lines+markers" if layer == "front" else "markers",
        "line": {"color": colour, **shape} if layer == "front" else {"color": colour},
        "marker": {
            "color": colours if view.families else colour,
            "size": sizes if view.families else size,
            "symbol": mark if layer == "over" else [symbol(point, mark) for point in points],
            "line": {
                "color": rims,
                "width": [own * _rim(point) for point, own in zip(points, sizes, strict=True)],
            },
            "opacity": OPACITIES.get(layer, 1),
        },
        "error_x": _intervals(points, palette.front) if layer == "front" else None,
        "customdata": [point.number for point in points],
        "meta": layer,
    }


def _label_values(points: Sequence[Point]) -> dict[str, Any]:
    return {
        "text": [escape(point.label, quote=False).replace("\n", "<br>") for point in points],
        "hovertemplate": "<b>trial %{customdata}</b><br>%{text}<extra></extra>",
    }


def _intervals(points: Sequence[Point], colour: str) -> dict[str, Any] | None:
    """Return the intervals of the median latencies as bars beside the points; None where none is known."""
    if not any(point.ends_ms for point in points):
        return None
    ends = [point.ends_ms or (point.latency_ms, point.latency_ms) for point in points]
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(0.0, high - point.latency_ms) for point, (_, high) in zip(points, ends, strict=True)],
        "arrayminus": [max(0.0, point.latency_ms - low) for point, (low, _) in zip(points, ends, strict=True)],
        "color": colour,
        "thickness": 1.4,
        "width": 4,
    }


def _proven_marks(view: FrontView, palette: Palette) -> list[go.Scatter]:
    """Return the contestants of a proof at their means, with intervals of both figures; nothing without a proof."""
    if not view.proven:
        return []
    bars = {"type": "data", "color": palette.ink, "thickness": 1.4, "width": 5}
    return [
        go.Scatter(
            x=[one.latency_ms for one in view.proven],
            y=[one.accuracy for one in view.proven],
            error_x={**bars, "array": [one.latency_half_ms for one in view.proven]},
            error_y={**bars, "array": [one.accuracy_half for one in view.proven]},
            name="proof: means over seeds, with intervals",
            mode="markers",
            marker={"symbol": "square", "size": 8, "color": palette.ink, "line": {"color": palette.card, "width": 1}},
            customdata=[one.number for one in view.proven],
            hovertemplate="<b>trial %{customdata}</b><br>mean over seeds: %{y:.3f} at %{x:.3~g} ms<extra></extra>",
            meta="proven",
        )
    ]


def _baseline_mark(view: FrontView, palette: Palette) -> list[go.Scatter]:
    """Return a star over the baseline's point, named in the legend; nothing in a study without one."""
    if view.baseline is None:
        return []
    point, name = view.baseline
    mark = {"symbol": "star", "size": 17, "color": palette.baseline, "line": {"color": palette.card, "width": 1}}
    return [
        go.Scatter(
            x=[point.latency_ms],
            y=[point.accuracy],
            name=f"baseline {name}",
            mode="markers",
            marker=mark,
            customdata=[point.number],
            text=[escape(point.label, quote=False).replace("\n", "<br>")],
            hovertemplate="<b>trial %{customdata}</b><br>%{text}<extra></extra>",
            meta="baseline",
        )
    ]


def _rim(point: Point) -> float:
    """Return the width of a point's rim as a share of its size; a child's leaves room for its family's colour."""
    return 0.1 if point.is_child else 0.24 if point.passes_gate else 0.14


def _shade_gate(figure: go.Figure, view: FrontView, palette: Palette) -> None:
    """Shade what the gate admits in this view's quantities; an open side reaches beyond any zoom."""
    if view.gate_ms is None and view.gate_accuracy is None:
        return
    left, right = 1e-6, view.gate_ms or 1e9
    bottom, top = (-1.0 if view.gate_accuracy is None else view.gate_accuracy), 2.0
    figure.add_shape(
        type="rect",
        x0=left,
        x1=right,
        y0=bottom,
        y1=top,
        layer="below",
        fillcolor=palette.gate_fill,
        line={"width": 0},
    )
    edge = {"color": palette.gate, "width": 1.2, "dash": "dot"}
    if view.gate_ms is not None:
        figure.add_shape(type="line", x0=right, x1=right, y0=bottom, y1=top, line=edge)
    if view.gate_accuracy is not None:
        figure.add_shape(type="line", x0=left, x1=right, y0=bottom, y1=bottom, line=edge)
    figure.add_annotation(
        text="the gate, in these two quantities alone" if view.gate_has_more else "the gate",
        xref="paper",
        yref="paper",
        x=0.008,
        y=0.99,
        showarrow=False,
        font={"color": palette.gate},
    )


def _name_winner(figure: go.Figure, view: FrontView, palette: Palette) -> None:
    """Write the winner's number beside its point."""
    points = [point for layer in ("front", "finished") for point in view.layers.get(layer, ())]
    for point in points:
        if point.number == view.winner and point.accuracy is not None:
            figure.add_annotation(
                x=log_range(point.latency_ms, 1)[0],
                y=point.accuracy,
                text=f"<b>trial {point.number}</b>",
                ax=-34,
                ay=-30,
                arrowcolor=palette.ink,
                arrowwidth=1,
                standoff=8,
                arrowhead=0,
                font={"color": palette.ink, "size": 13},
            )


def log_range(low: float, high: float) -> list[float]:
    """Return a range in plotly's terms for a log axis: decades."""
    return [math.log10(low), math.log10(high)]
