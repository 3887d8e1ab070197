"""Means over the trainings of a proof, as the gate judges them."""

from collections.abc import Callable
from dataclasses import replace

from objectives.records.gate import Gate
from reports.table.proof.means import mean_row, missed_by_means
from reports.table.row import TrialRow
from reports.table.table import StudyTable

OWN = Gate(own=[{"_target_": "m.f", "name": "f", "min": 0.5}])


def measured(row: TrialRow, own: float | None, peak_bytes: int) -> TrialRow:
    assert row.accuracy is not None
    assert row.latency is not None
    latency = replace(row.latency, peak_bytes=peak_bytes)
    return replace(row, accuracy=row.accuracy.with_own({"f": own}), latency=latency)


def test_what_one_training_lacks_has_no_mean(report_table: Callable[..., StudyTable]) -> None:
    row = report_table(6).finished[0]
    for values, missed in (((0.9, 0.7), False), ((0.9, None), True), ((None, 0.9), True)):
        trainings = [measured(row, own, 10) for own in values]
        assert bool(missed_by_means(trainings, OWN)) == missed
    assert mean_row([measured(row, 1.0, 10), measured(row, 1.0, 30)]).figures_judged.memory_bytes == 20
    assert mean_row([measured(row, 1.0, 10), measured(row, 1.0, 0)]).figures_judged.memory_bytes == 0
