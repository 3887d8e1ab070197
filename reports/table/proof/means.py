"""The mean of a trial over its trainings with several seeds, as a row that the gate can judge."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from objectives.records.bounds.quantities import Judged
from objectives.records.gate import Gate
from objectives.records.records import Latency, Record
from reports.table.row import TrialRow

RECALL, AP = "recall", "AP 0.5:0.95"


def missed_by_means(trainings: Sequence[TrialRow], gate: Gate) -> tuple[Judged, ...]:
    """Return the bounds of the gate that the means over trainings miss."""
    return gate.missed(mean_row(trainings).figures_judged)


def mean_row(trainings: Sequence[TrialRow]) -> TrialRow:
    """Return the first of these trainings with the mean of each of its figures over all of them."""
    first = trainings[0]
    accuracies = [row.accuracy for row in trainings if row.accuracy]
    latencies = [row.latency for row in trainings if row.latency]
    return replace(
        first,
        map=fmean(row.map or 0.0 for row in trainings),
        objective_ms=fmean(row.p50_ms or 0.0 for row in trainings),
        accuracy=_mean(accuracies) if accuracies else None,
        latency=_mean_latency(latencies) if latencies else None,
    )


def class_figure(trainings: Sequence[TrialRow]) -> str:
    """Return what is shown of each class: its recall as deployed where all trainings have it, else its AP."""
    found = [one for row in trainings if row.accuracy for one in row.accuracy.per_class.values() if one.boxes]
    return RECALL if found and all(one.recall is not None for one in found) else AP


def class_values(trainings: Sequence[TrialRow], figure: str) -> dict[str, list[float]]:
    """Return class name to its figure in each training; classes without a box in the split are left out."""
    found: dict[str, list[float]] = {}
    for row in trainings:
        for name, one in (row.accuracy.per_class if row.accuracy else {}).items():
            value = one.recall if figure == RECALL else one.map
            if value is not None and value >= 0:
                found.setdefault(name, []).append(value)
    return found


def _mean(found: Sequence[Record]) -> Any:
    return type(found[0]).from_json(_mean_json([one.to_json() for one in found]))


def _mean_latency(found: Sequence[Latency]) -> Latency:
    """Return the mean of latencies; memory that one of them did not measure is not known."""
    mean: Latency = _mean(found)
    return mean if all(one.peak_bytes for one in found) else replace(mean, peak_bytes=0)


def _mean_json(values: Sequence[Any]) -> Any:
    """Return the mean of JSON values of one shape: of numbers; anything else is taken from the first.

    What one of them lacks has no mean.
    """
    first = values[0]
    if any(value is None for value in values):
        return None
    if isinstance(first, dict):
        return {key: _mean_json([value.get(key) for value in values]) for key in first}
    if isinstance(first, bool) or not all(isinstance(value, int | float) for value in values):
        return first
    mean = fmean(values)
    return round(mean) if all(isinstance(value, int) for value in values) else mean
