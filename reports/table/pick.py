"""Choosing one detector of a study: by the gate, at the knee, at an end of the front, or by number."""

import math
from collections.abc import Sequence

from objectives.records.front import front_mask
from objectives.records.gate import Gate
from reports.table.gate_words import miss_words
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from spaces.errors import AutomlError, nearest

WAYS = ("gate", "knee", "fastest", "best")


def pick(table: StudyTable, how: str | int) -> TrialRow:
    """Return the chosen trial.

    Args:
        table: the study.
        how: `gate`, the highest mAP among those that pass the gate (of equals, the faster); `knee`, the
            member of the front farthest above the chord between its ends; `fastest` or `best`, an end of the
            front; or a number.

    Raises:
        AutomlError: no trial answers to it; the line says what comes nearest.
    """
    word = str(how).strip()
    if word.isdecimal():
        return _numbered(table, int(word))
    if word not in WAYS:
        raise AutomlError(
            f"pick: must be one of {', '.join(WAYS)} or a trial's number, got '{word}'{nearest(word, WAYS)}"
        )
    if not table.front:
        raise AutomlError(f"pick: study '{table.name}' has no finished trial yet; let the search run on")
    if word == "gate":
        return _through_gate(table)
    if word == "knee":
        return knee(table)
    return table.front[0] if word == "fastest" else max(table.front, key=_merit)


def knee(table: StudyTable) -> TrialRow:
    """Return the member of the front farthest above the chord between its ends; of equals the faster.

    The front must not be empty.
    """
    return bends(table.front)[0]


def bends(rows: Sequence[TrialRow]) -> list[TrialRow]:
    """Return the front of measured rows, the farthest above the chord between its ends first; of equals the faster.

    Measured in (log latency, mAP), both scaled to [0, 1].
    """
    mask = front_mask([row.map or 0.0 for row in rows], [row.p50_ms or 0.0 for row in rows])
    members = (row for row, member in zip(rows, mask, strict=True) if member)
    front = sorted(members, key=lambda row: (row.p50_ms or 0.0, row.number))
    if not front:
        return []
    xs = [math.log(row.p50_ms or 1.0) for row in front]
    ys = [row.map or 0.0 for row in front]
    width, height = xs[-1] - xs[0] or 1.0, ys[-1] - ys[0] or 1.0
    heights = [(y - ys[0]) / height - (x - xs[0]) / width for x, y in zip(xs, ys, strict=True)]
    order = sorted(range(len(heights)), key=lambda i: -heights[i])  # stable: the faster of equals stays first
    return [front[i] for i in order]


def misses(row: TrialRow, gate: Gate) -> tuple[str, ...]:
    """Return in words the bounds that a trial misses and by how much, in the gate's order."""
    return tuple(map(miss_words, gate.missed(row.figures_judged)))


def nearest_miss(table: StudyTable) -> TrialRow | None:
    """Return the finished trial that misses the gate by the least sum of shares; of equals the best."""
    return min(
        table.finished,
        key=lambda row: (
            sum(miss.relative for miss in table.gate.missed(row.figures_judged)),
            -(row.map or 0),
            row.p50_ms or 0,
        ),
        default=None,
    )


def _merit(row: TrialRow) -> tuple[float, float, int]:
    """Order by accuracy, then speed, then age."""
    return (row.map or 0.0, -(row.p50_ms or math.inf), -row.number)


def _through_gate(table: StudyTable) -> TrialRow:
    """Return the most accurate of those that pass."""
    passing = [row for row in table.finished if row.passes_gate]
    if passing:
        return max(passing, key=_merit)
    near = nearest_miss(table)
    words = f"trial {near.number} ({', '.join(misses(near, table.gate))})" if near else "none"
    raise AutomlError(
        f"pick: no finished trial of '{table.name}' passes the gate ({table.gate}); nearest: {words}; "
        "search on, loosen the gate, or pick knee, fastest, best or a number"
    )


def _numbered(table: StudyTable, number: int) -> TrialRow:
    """Return the finished trial of this number."""
    row = table.row(number)
    if not row.is_measured:
        why = f": {row.ending.reason}" if row.ending and row.ending.reason else ""
        raise AutomlError(f"pick: trial {number} is not finished but {row.status}{why}; pick a finished one")
    return row
