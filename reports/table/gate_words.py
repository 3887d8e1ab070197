"""The gate in words: what a trial has of each bound, and by how much it misses one."""

from dataclasses import dataclass

from objectives.records.bounds.quantities import OF_ONE, Judged
from objectives.records.gate import Gate
from reports.table.row import TrialRow
from reports.table.words import number, share

ALWAYS_SHOWN = ("map50_min", "map_min", "p95_ms_max", "p50_ms_max")  # bounds whose quantities every row shows anyway


def amount(value: float, unit: str) -> str:
    """Return a value with its unit: '0.412', '9.10 ms', '31.2 images/s'."""
    if unit == OF_ONE:
        return share(value)
    return " ".join(part for part in (number(value), unit) if part)


def value_words(judged: Judged) -> str:
    """Return what a trial has of a bound's quantity; 'unknown' where it was not measured."""
    return "unknown" if judged.value is None else amount(judged.value, judged.bound.quantity.unit)


def miss_words(judged: Judged) -> str:
    """Return by how much a bound is missed: 'mAP50 0.010 short', 'p95 1.40 ms over', 'F1 unknown (why)'."""
    quantity = judged.bound.quantity
    if judged.value is None:
        why = f" ({quantity.unknown})" if quantity.unknown else ""
        return f"{quantity.name} unknown{why}"
    by = amount(judged.apart, quantity.unit)
    return f"{quantity.name} {by} {'short' if quantity.is_floor else 'over'}"


def judged_beside(row: TrialRow, gate: Gate) -> tuple[Judged, ...]:
    """Return the bounds of a gate whose quantities rows do not show anyway, held against a trial."""
    found: dict[str, Judged] = {}
    for judged in gate.judge(row.figures_judged):
        if judged.bound.setting not in ALWAYS_SHOWN:
            found.setdefault(judged.bound.quantity.name, judged)  # one that has a floor and a ceiling once
    return tuple(found.values())


@dataclass(frozen=True)
class BoundLine:
    """One bound and what a trial has of it, in words: "F1", "0.712", ">= 0.7"; and its name below `gate`."""

    name: str
    value: str
    limit: str
    is_kept: bool
    setting: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.value}, {self.limit}: {'kept' if self.is_kept else 'missed'}"


def bound_lines(row: TrialRow, gate: Gate) -> tuple[BoundLine, ...]:
    """Return every bound of a gate with what a trial has of it."""
    return tuple(
        BoundLine(
            judged.bound.quantity.name,
            value_words(judged),
            str(judged.bound).removeprefix(f"{judged.bound.quantity.name} "),
            judged.is_kept,
            judged.bound.setting,
        )
        for judged in gate.judge(row.figures_judged)
    )
