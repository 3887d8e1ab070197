"""Whose files are needed least: of the finished trials, of the paused ones, and what children are cut from."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable

from objectives.records.records import Outcome
from reports.table.on_device import tables_of
from reports.table.proof.shipped import needed_by_proof
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.verdict import judge
from spaces.network.family import Family


def promise(row: TrialRow, table: StudyTable) -> float:
    """Return how far above the front a waiting trial is expected, in mAP at its latency; mostly below 0.

    What the pruner last expected counts; where the pruner expects nothing, the mAP at the last rung.
    """
    foretold = [decision.predicted_map for decision in row.decisions if decision.predicted_map is not None]
    expected = foretold[-1] if foretold else row.rungs[-1].map if row.rungs else 0.0
    not_slower = [member for member in table.front if row.p50_ms is None or (member.p50_ms or 0.0) <= row.p50_ms]
    return expected - max((member.map or 0.0 for member in not_slower), default=0.0)


def least_needed(table: StudyTable, rows: Iterable[TrialRow]) -> list[TrialRow]:
    """Return the finished trials that nobody would pick: children first, and the one that most others dominate.

    What a polish that has not ended goes on from is needed, what a proof is made of, and the baseline.
    """
    tables = tables_of(table)
    picks = [judge(one).row for one in tables]  # of the gate, or nearest to it; the others are members of the front
    above = _dominated_by(table.finished)
    needed = {row.polishes for row in table.rows if row.is_polish and row.outcome is None} | needed_by_proof(table)
    needed |= {row.number for row in table.rows if row.is_baseline}
    needed |= {pick.number for pick in picks if pick is not None}
    needed |= {row.number for one in tables for row in one.front}
    finished = (row for row in rows if row.outcome is Outcome.FINISHED)
    kept = [row for row in finished if row.number not in needed]
    return sorted(kept, key=lambda row: (not row.is_child, -above.get(row.number, 0), row.map or 0.0, row.number))


def cut_from(table: StudyTable) -> set[int]:
    """Return the elastic trainings whose weights are needed: children may still be scored, or are on the front."""
    scored = Counter(row.parent for row in table.rows if row.is_child)
    kept = {row.parent for one in tables_of(table) for row in (*one.front, judge(one).row) if row and row.is_child}
    most = {row.number: Family.from_json(row.family).size - 1 for row in table.rows if row.family and not row.is_child}
    return {number for number, children in most.items() if number in kept or scored[number] < children}


def _dominated_by(finished: Iterable[TrialRow]) -> dict[int, int]:
    """Return number of a trial -> how many are as fast and as accurate, in O(n log n) comparisons."""
    maps: list[float] = []  # of those not slower, rising
    counts = {}
    for row in sorted(finished, key=lambda row: (row.p50_ms or 0.0, -(row.map or 0.0))):
        counts[row.number] = len(maps) - bisect_left(maps, row.map or 0.0)
        insort(maps, row.map or 0.0)
    return counts
