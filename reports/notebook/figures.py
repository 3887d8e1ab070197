"""A study's figures as Plotly objects, which notebooks show by themselves."""

from collections.abc import Callable
from typing import Literal

import plotly.graph_objects as go

from reports.analysis.curves import learning_curves
from reports.analysis.history import hypervolume_history
from reports.analysis.views import front_view
from reports.notebook.values import chosen
from reports.page.figures import class_figure, curves_figure, hypervolume_figure
from reports.page.front_figure import front_figure
from reports.table.on_device import on_device
from reports.table.table import StudyTable
from spaces.errors import AutomlError, nearest

FigureKind = Literal["front", "gate", "hypervolume", "curves", "classes"]
LEGEND = {"orientation": "h", "yanchor": "top", "y": -0.16, "x": 0}


def figure(study: StudyTable, what: FigureKind = "front", *, device: str | None = None) -> go.Figure:
    """Return a figure of a study, with a title and a legend.

    Args:
        study: as of `search.read_study`, or what a search returned.
        what: "front": mAP 0.5:0.95 against p50, every trial with figures; "gate": likewise mAP50 against p95;
            "hypervolume": how the front grew by trials; "curves": mAP by epoch; "classes": average precision by class
            of the trial that the gate picks, or else of the most accurate one.
        device: of a study of several devices: whose latencies, front and gate; None for the one named first.

    Raises:
        AutomlError: there is no such figure or device, or nothing to draw in it yet.
    """
    if what not in FIGURE_KINDS:
        raise AutomlError(
            f"figure: unknown figure '{what}'{nearest(what, FIGURE_KINDS)}; known: {', '.join(FIGURE_KINDS)}"
        )
    table = study if device is None else on_device(study, device)
    drawn, title = FIGURE_KINDS[what](table)
    drawn.update_layout(title={"text": title, "font": {"size": 15}}, margin={"t": 52}, autosize=True)
    if what != "hypervolume":  # a single line is named by its axis
        drawn.update_layout(showlegend=True, legend=LEGEND)
    return drawn


def _front(table: StudyTable, key: str) -> tuple[go.Figure, str]:
    winner = chosen(table)
    view = front_view(table, key, winner.number if winner else None)
    on = f" on {table.device_name}" if table.device_name else ""
    return front_figure(view), f"{_safe(table.name)}: {view.accuracy_name} against {view.latency_name}{_safe(on)}"


def _hypervolume(table: StudyTable) -> tuple[go.Figure, str]:
    return hypervolume_figure(hypervolume_history(table), "trials"), f"{_safe(table.name)}: how the front grew"


def _curves(table: StudyTable) -> tuple[go.Figure, str]:
    curves = learning_curves(table)
    shown, total = len(curves.shown), curves.total
    part = f", {shown} of {total} trials" if shown < total else ""
    return curves_figure(curves), f"{_safe(table.name)}: learning curves{part}"


def _classes(table: StudyTable) -> tuple[go.Figure, str]:
    row = chosen(table)
    if row is None or row.accuracy is None:
        raise AutomlError(f"figure: study '{table.name}' has no finished trial yet; let the search run on")
    return class_figure(row.accuracy.per_class), f"{_safe(table.name)}: classes of trial {row.number}"


def _safe(text: str) -> str:
    """Return a text without what Plotly would read as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


FIGURE_KINDS: dict[str, Callable[[StudyTable], tuple[go.Figure, str]]] = {
    "front": lambda table: _front(table, "objectives"),
    "gate": lambda table: _front(table, "gate"),
    "hypervolume": _hypervolume,
    "curves": _curves,
    "classes": _classes,
}
