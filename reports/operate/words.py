"""What a pipeline watches, in words: names of figures, their changes, and performance with its interval."""

from collections.abc import Mapping
from typing import Any

from reports.table.words import ABSENT

FIGURE_LABELS = {
    "brightness": ("brightness", "mean, 0 to 1"),
    "contrast": ("contrast", "deviation of brightness"),
    "sharpness": ("sharpness", "log variance of the Laplacian"),
    "object_size": ("object size", "share of the image’s side"),
    "class_mix": ("class mix", "share of each class"),
    "count": ("count", "objects in an image"),
    "confidence": ("confidence", "of what is found"),
    "embedding": ("embedding", "distance"),
}
DISTANCES = ("class_mix", "embedding")  # figures whose change is a distance, not a share of the baseline


def figure_label(name: str) -> str:
    """Return the name of a figure of drift for people."""
    return FIGURE_LABELS.get(name, (name, ""))[0]


def figure_unit(name: str) -> str:
    """Return what a figure of drift is measured in."""
    return FIGURE_LABELS.get(name, (name, ""))[1]


def change_words(name: str, change: float | None, *, signed: bool = True) -> str:
    """Return '+23 %' or, of a distance, '0.31'."""
    if change is None:
        return ABSENT
    if name in DISTANCES:
        return f"{change:.2f}"
    percents = round(100 * change)
    return f"{percents:+d} %" if signed and percents else f"{percents:d} %"


def probability_words(value: float | None) -> str:
    """Return a probability: '0.031', or 'under 0.001'."""
    if value is None:
        return ABSENT
    return "under 0.001" if value < 0.001 else f"{value:.3f}"


def performance_words(rated: Mapping[str, Any]) -> str:
    """Return 'precision 0.912 (0.887 to 0.934), 120 images'."""
    span = f" ({rated['low']:.3f} to {rated['high']:.3f})" if rated.get("low") is not None else ""
    value = ABSENT if rated.get("value") is None else f"{rated['value']:.3f}"
    return f"{metric_label(str(rated['metric']))} {value}{span}, {rated['images']:,} images"


def metric_label(metric: str) -> str:
    """Return the name of a metric for people."""
    return {"map50": "mAP50", "map": "mAP", "f1": "F1"}.get(metric, metric.replace("_", " "))
