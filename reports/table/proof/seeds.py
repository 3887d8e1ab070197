"""Figures of all contestants over the seeds, side by side: what is picked from, and what lies above the baseline."""

from collections.abc import Mapping, Sequence

from objectives.records.proof import ProofRecord
from reports.table.proof.intervals import SeedsInterval, picked_differences, picked_intervals, t_interval
from reports.table.row import TrialRow


def picked_of(record: ProofRecord, done: Mapping[int, Sequence[TrialRow]], name: str) -> dict[int, SeedsInterval]:
    """Return the intervals of the finalists, of which one is picked, and the baseline's, which is not."""
    values = {number: values_of(done[number], name) for number in record.finalists}
    base = [] if record.baseline is None else values_of(done[record.baseline], name)
    found = picked_intervals(values, record.level, base)
    alone = None if record.baseline is None else t_interval(base, record.level)
    return found | ({record.baseline: alone} if record.baseline is not None and alone else {})


def over_baseline(record: ProofRecord, done: Mapping[int, Sequence[TrialRow]]) -> dict[int, SeedsInterval]:
    """Return how far the finalists' mAP lies above the baseline's, paired by seed."""
    if record.baseline is None:
        return {}
    by_seed = {number: {row.seed or 0: row.map or 0.0 for row in rows} for number, rows in done.items()}
    finalists = {number: by_seed[number] for number in record.finalists if len(by_seed[number]) >= 2}
    return picked_differences(finalists, by_seed[record.baseline], record.level)


def values_of(rows: Sequence[TrialRow], name: str) -> list[float]:
    """Return one figure of some trainings, as far as it is known."""
    return [value for row in rows if (value := getattr(row, name)) is not None]
