"""The figures of a lineage as metrics of MLflow: flat names, intervals as `NAME_low` and `NAME_high`."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

RECORDS = ("automl.accuracy", "automl.latency", "automl.resources")
OF_PROOF = "proof/baseline/"
# Other parts of a lineage that hold figures; the baseline has some of the search and some of the proof.
PREFIXES = {"test": "test/", "proof": "", "baseline": "baseline/", OF_PROOF: OF_PROOF}
CENTRE = "mean"  # a mapping that has it is an interval
PER_CLASS = "per_class"
NO_BOXES = -1.0  # average precision of a class that the split holds no box of
NAME_MOST = 250  # characters of a name, as MLflow's servers allow
NOT_OF_NAMES = re.compile(r"[^\w\-. /]")


def figures(lineage: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics of a lineage; a latency by the full protocol stands in place of a quick one.

    `map/NAME` is the average precision of a class, `test/map` a figure of the test split, `baseline/map` one of the
    stock detector. Of a proof `map_mean`, `map_low`, `map_high`, `map_level`, `map_n`: `map` stays that of the file.
    What is no finite number is left to the lineage itself.
    """
    parts = {key: lineage.get(key) for key in RECORDS}
    if lineage.get("latency_full"):
        parts["automl.latency"] = lineage["latency_full"]
    found: dict[str, float] = {}
    for part in parts.values():
        _add(found, _flat(part, ""))
    parts, proof = dict(lineage), lineage.get("proof")
    if isinstance(proof, Mapping):
        parts["proof"] = {key: value for key, value in proof.items() if key != "baseline"}
        parts[OF_PROOF] = proof.get("baseline")
    for key, prefix in PREFIXES.items():
        _add(found, _flat(parts.get(key), prefix))
    return found


def metric_name(name: str) -> str:
    """Return a name as MLflow takes it: letters, digits, `_`, `-`, `.`, blanks, and `/` between parts."""
    plain = NOT_OF_NAMES.sub("_", name)[:NAME_MOST]
    parts = [part if part.strip(".") else "_" * len(part) for part in plain.split("/") if part]
    return "/".join(parts) or "_"


def _add(found: dict[str, float], new: Iterator[tuple[str, float]]) -> None:
    """Add figures; of two whose names MLflow cannot distinguish, the second gets a number."""
    for name, value in new:
        plain = metric_name(name)
        key, count = plain, 1
        while key in found:
            count += 1
            key = f"{plain[: NAME_MOST - 6]}_{count}"
        found[key] = value


def _flat(values: Any, prefix: str) -> Iterator[tuple[str, float]]:
    """Yield name and value of each number in nested mappings."""
    if not isinstance(values, Mapping):
        return
    for key, value in values.items():
        if key == PER_CLASS:
            yield from _of_classes(value, prefix)
        elif isinstance(value, Mapping) and CENTRE in value:
            yield from ((f"{prefix}{key}_{end}", number) for end, number in _flat(value, ""))
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}/")
        elif _is_figure(value):
            yield f"{prefix}{key}", float(value)


def _of_classes(classes: Any, prefix: str) -> Iterator[tuple[str, float]]:
    for name, record in classes.items() if isinstance(classes, Mapping) else ():
        one = str(name).replace("/", "_") or "_"
        for key, value in _flat(record, ""):
            if value != NO_BOXES:
                yield f"{prefix}{key}/{one}", value


def _is_figure(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
