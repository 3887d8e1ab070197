"""Predicted against final mAP as a figure, drawn with plotly from a calibration's plain data."""

from collections.abc import Sequence

import plotly.graph_objects as go

from objectives.records.even_sample import evenly
from reports.analysis.calibration import Calibration, Prediction
from reports.page.figures import base_layout
from reports.page.palette import LIGHT, Palette

MARKS_MAX = 1500  # of one kind; of more an even sample is drawn
CROWDED_PREDICTIONS = 60  # from so many points on, marks and bars are drawn fainter


def calibration_figure(calibration: Calibration, palette: Palette = LIGHT) -> go.Figure:
    """Draw predictions with their standard deviations; predictions on the diagonal held."""
    figure = go.Figure(layout=base_layout(palette, "predicted mAP 0.5:0.95", "final mAP 0.5:0.95"))
    series = (
        ("rung", "at a rung", calibration.at_rungs.predictions, palette.stopped, "diamond-open", 7),
        ("proposal", "at proposal, ± 1 sd", calibration.at_proposal.predictions, palette.front, "circle", 9),
    )
    low, high = _range([prediction for _, _, predictions, *_ in series for prediction in predictions])
    line = {"color": palette.muted, "width": 1.2, "dash": "dot"}
    figure.add_trace(go.Scatter(x=[low, high], y=[low, high], mode="lines", line=line, hoverinfo="skip"))
    for kind, name, predictions, colour, symbol, size in series:
        if predictions:
            figure.add_trace(_points(kind, name, evenly(predictions, MARKS_MAX), colour, symbol, size))
    figure.update_xaxes(range=[low, high], nticks=7)
    figure.update_yaxes(range=[low, high], nticks=7)
    return figure.update_layout(height=430)


def _points(kind: str, name: str, predictions: Sequence[Prediction], colour: str, symbol: str, size: int) -> go.Scatter:
    """Return one series; bars show the beliefs at proposal; beliefs at rungs are shown on hovering."""
    crowded = len(predictions) > CROWDED_PREDICTIONS
    bars = {
        "array": [prediction.sd or 0.0 for prediction in predictions],
        "color": colour,
        "thickness": 0.8 if crowded else 1.2,
        "width": 0,
    }
    return go.Scatter(
        x=[prediction.expected for prediction in predictions],
        y=[prediction.came for prediction in predictions],
        error_x=bars if kind == "proposal" else None,
        name=name,
        mode="markers",
        marker={
            "color": colour,
            "size": size * (0.7 if crowded else 1),
            "symbol": symbol,
            "line": {"color": colour, "width": 1.4 if symbol.endswith("open") else 0},
        },
        opacity=0.55 if crowded else 0.9,
        customdata=[prediction.number for prediction in predictions],
        text=[_label(prediction) for prediction in predictions],
        hovertemplate="<b>trial %{customdata}</b><br>%{text}<extra></extra>",
        meta=kind,
    )


def _label(prediction: Prediction) -> str:
    """Return two lines for a hover: what was expected, what came."""
    moment = f"at epoch {prediction.epoch:g}" if prediction.epoch else "at proposal"
    belief = f" ± {prediction.sd:.3f}" if prediction.sd else ""
    return f"{prediction.expected:.3f}{belief} expected {moment}<br>{prediction.came:.3f} came"


def _range(predictions: Sequence[Prediction]) -> tuple[float, float]:
    """Return one range for both axes around every point; bars may reach beyond it."""
    values = [value for prediction in predictions for value in (prediction.expected, prediction.came)] or [0.0, 1.0]
    pad = 0.08 * (max(values) - min(values)) or 0.05
    return min(values) - pad, max(values) + pad
