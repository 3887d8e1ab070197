"""Figures of the report beside the front, drawn with plotly from plain data."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from objectives.records.records import ClassAccuracy
from reports.analysis.curves import Curve, Curves
from reports.analysis.doubts import MARK, class_doubt
from reports.analysis.history import HypervolumePoint
from reports.analysis.importance import Importance
from reports.analysis.shares.accuracy import ChoiceShare
from reports.page.palette import LIGHT, Palette

FONT_FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
IMPORTANCES_MAX = 12
CURVE_STYLES = {  # kind: name, line width, opacity
    "other": ("running or failed", 1.2, 0.5),
    "finished": ("finished", 1.2, 0.5),
    "stopped": ("stopped at a rung", 1.2, 0.65),
    "paused": ("paused at a rung", 1.6, 0.9),
    "front": ("on the front", 2.2, 1.0),
}


def hypervolume_figure(points: Sequence[HypervolumePoint], over: str, palette: Palette = LIGHT) -> go.Figure:
    """Draw the hypervolume as steps over `trials` that ended, or over `time` that was worked."""
    longest = points[-1].seconds if points else 0.0
    unit, divisor = ("hours", 3600) if longest > 7200 else ("minutes", 60) if longest > 120 else ("seconds", 1)
    title = "trials ended" if over == "trials" else f"{unit} of work"
    figure = go.Figure(layout=base_layout(palette, title, "hypervolume"))
    figure.add_trace(
        go.Scatter(
            x=[point.trials if over == "trials" else point.seconds / divisor for point in points],
            y=[point.hypervolume for point in points],
            mode="lines",
            line={"color": palette.front, "width": 2, "shape": "hv"},
            hovertemplate="%{y:.4f} after %{x:.4~g} " + title + "<extra></extra>",
        )
    )
    figure.update_yaxes(rangemode="tozero")
    return figure.update_layout(height=330)


def curves_figure(curves: Curves, palette: Palette = LIGHT) -> go.Figure:
    """Draw mAP by epoch: dots where the pruner decided, crosses where it stopped a trial, squares where one waits."""
    figure = go.Figure(layout=base_layout(palette, "epochs trained", "validator’s mAP 0.5:0.95"))
    colours = {
        "front": palette.front,
        "finished": palette.finished,
        "stopped": palette.stopped,
        "paused": palette.paused,
        "other": palette.muted,
    }
    for kind, (name, width, opacity) in CURVE_STYLES.items():
        chosen = [curve for curve in curves.shown if curve.kind == kind]
        if chosen:
            figure.add_trace(_lines(kind, name, chosen, colours[kind], width, opacity))
    for kind, symbol, size in (("paused", "square-open", 7), ("stopped", "x-thin", 8)):
        ends = [curve for curve in curves.shown if curve.kind == kind]
        if ends:
            figure.add_trace(_ends(ends, kind, colours[kind], symbol, size))
    for epoch in curves.deciding_epochs[:24]:
        figure.add_vline(x=epoch, line={"color": palette.line, "width": 1}, layer="below")
    figure.update_xaxes(rangemode="tozero")
    return figure.update_layout(height=330).update_yaxes(rangemode="tozero")


def _lines(kind: str, name: str, curves: Iterable[Curve], colour: str, width: float, opacity: float) -> go.Scatter:
    """Return many curves as one trace with gaps between them: plotly is slow with many traces."""
    xs: list[int | None] = []
    ys: list[float | None] = []
    sizes: list[int] = []
    numbers: list[int] = []
    for curve in curves:
        xs += [*curve.epochs, None]
        ys += [*curve.maps, None]
        sizes += [*(5 if decides else 0 for decides in curve.decides), 0]
        numbers += [curve.number] * (len(curve.epochs) + 1)
    return go.Scatter(
        x=xs,
        y=ys,
        name=name,
        customdata=numbers,
        mode="lines+markers",
        line={"color": colour, "width": width},
        marker={"color": colour, "size": sizes, "line": {"width": 0}},
        opacity=opacity,
        hovertemplate="<b>trial %{customdata}</b><br>mAP %{y:.3f} at epoch %{x}<extra></extra>",
        meta=kind,
    )


def _ends(curves: Sequence[Curve], kind: str, colour: str, symbol: str, size: int) -> go.Scatter:
    """Return a mark at the last rung of each trial that was stopped or waits."""
    return go.Scatter(
        x=[curve.epochs[-1] for curve in curves],
        y=[curve.maps[-1] for curve in curves],
        name=f"{kind} here",
        customdata=[curve.number for curve in curves],
        mode="markers",
        marker={"color": colour, "size": size, "symbol": symbol, "line": {"color": colour, "width": 1.8}},
        hovertemplate=f"<b>trial %{{customdata}}</b><br>{kind} at epoch %{{x}}, mAP %{{y:.3f}}<extra></extra>",
        meta=kind,
    )


def importance_figure(importance: Importance, palette: Palette = LIGHT) -> go.Figure:
    """Draw the shares as bars, the greatest on top, with their intervals where there are any."""
    parts = importance.parts[:IMPORTANCES_MAX]
    figure = go.Figure(layout=base_layout(palette, "", ""))
    ends = [part.share if part.high is None else max(part.high, part.share) for part in parts]
    names = [escape(part.name, quote=False) for part in parts]
    known = [part for part in parts if part.low is not None and part.high is not None]
    figure.add_trace(
        go.Bar(
            x=[part.share for part in parts],
            y=names,
            orientation="h",
            marker={
                "color": palette.front if importance.objective == "mAP" else palette.stopped,
                "line": {"width": 0},
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [(part.high or 0.0) - part.share for part in parts],
                "arrayminus": [part.share - (part.low or 0.0) for part in parts],
                "color": palette.ink,
                "thickness": 1.2,
                "width": 4,
            }
            if known
            else None,
            hoverinfo="skip",
        )
    )
    for name, part, end in zip(names, parts, ends, strict=True):
        figure.add_annotation(
            x=end, y=name, text=share_words(part), xanchor="left", xshift=6, showarrow=False, font={"size": 13}
        )
    figure.update_xaxes(visible=False, range=[0, (1.45 if known else 1.18) * max(ends)] if parts else None)
    figure.update_yaxes(autorange="reversed", showgrid=False, ticks="", automargin=True)
    return figure.update_layout(height=24 + 27 * len(parts), bargap=0.38, margin={"t": 8, "b": 8})


def share_words(part: ChoiceShare) -> str:
    """Return '62 %', or with an interval '62 % (41 to 78)'."""
    ends = "" if part.low is None or part.high is None else f" ({100 * part.low:.0f} to {100 * part.high:.0f})"
    return f"{100 * part.share:.0f} %{ends}"


def class_figure(per_class: dict[str, ClassAccuracy], palette: Palette = LIGHT) -> go.Figure:
    """Draw each class's AP at 0.5 and 0.5:0.95, the best on top; classes without a box are left out."""
    found = sorted((item for item in per_class.items() if item[1].map >= 0), key=lambda item: (-item[1].map, item[0]))
    marks = [f" {MARK}" if class_doubt(accuracy.boxes) else "" for _, accuracy in found]
    names = [
        f"{escape(name, quote=False)}  ({one.boxes:,}{mark})" for (name, one), mark in zip(found, marks, strict=True)
    ]
    figure = go.Figure(layout=base_layout(palette, "average precision", ""))
    for label, key, colour in (("AP 0.5:0.95", "map", palette.front), ("AP50", "map50", palette.finished)):
        values: list[float] = [getattr(accuracy, key) for _, accuracy in found]
        figure.add_trace(
            go.Bar(
                x=values,
                y=names,
                orientation="h",
                name=label,
                marker={"color": colour, "line": {"width": 0}},
                text=[f"{value:.2f}" if len(found) <= 30 else "" for value in values],
                textposition="outside",
                cliponaxis=False,
                hovertemplate=f"%{{y}}: {label} %{{x:.3f}}<extra></extra>",
                meta=key,
            )
        )
    figure.update_xaxes(range=[0, 1.18], tickvals=[0, 0.25, 0.5, 0.75, 1])
    figure.update_yaxes(autorange="reversed", showgrid=False, ticks="", automargin=True, tickmode="linear")
    return figure.update_layout(height=90 + (38 if len(found) <= 30 else 20) * len(found), bargap=0.3, bargroupgap=0.08)


def base_layout(palette: Palette, x_title: str, y_title: str) -> dict[str, Any]:
    """Return what all figures share: no frame, thin grid, the page's font and ground."""
    title = {"color": palette.muted, "size": 13}
    axis = {
        "gridcolor": palette.line,
        "linecolor": palette.line,
        "tickfont": {"color": palette.muted},
        "zeroline": False,
        "automargin": True,
    }
    return {
        "template": go.layout.Template(),
        "paper_bgcolor": palette.card,
        "plot_bgcolor": palette.card,
        "font": {"family": FONT_FAMILY, "size": 13, "color": palette.ink},
        "margin": {"l": 56, "r": 18, "t": 14, "b": 48},
        "showlegend": False,
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": palette.card, "bordercolor": palette.line, "font": {"color": palette.ink}},
        "xaxis": {**axis, "title": {"text": x_title, "font": title}},
        "yaxis": {**axis, "title": {"text": y_title, "font": title}},
    }
