"""The worst device of a detector: the one whose latency is the largest share of its bound."""

from dataclasses import replace

import pytest

from objectives.records.gate import Gate
from objectives.records.records import Latency
from objectives.records.trial_record import Phase, TrialRecord
from search.engine.steering import WorstDevice

ONE = Latency(10.0, 12.0, 9.9, 10.1, 8.0, 60, 1.0, True, "", "f", 10**8)


def latency(p50_ms: float) -> Latency:
    return replace(ONE, p50_ms=p50_ms, p95_ms=1.2 * p50_ms)


@pytest.mark.parametrize(
    ("gate", "pi_ms", "orin_ms", "expected_ms"),
    [
        (Gate(p50_ms_max=20, devices={"orin": {"p50_ms_max": 4}}), 10, 1, 10),  # the first: its own figure
        (Gate(p50_ms_max=20, devices={"orin": {"p50_ms_max": 4}}), 10, 3, 15),  # 3 of 4 ms, as 15 of 20
        (Gate(p50_ms_max=20, devices={"orin": {"p50_ms_max": 4}}), 10, 5, 25),  # beyond the bound of both
        (Gate(p95_ms_max=24, devices={"orin": {"p95_ms_max": 4.8}}), 10, 3, 18),  # by p95, 3.6 of 4.8 ms, of 24
        (Gate(throughput_min=50, devices={"orin": {"throughput_min": 250}}), 10, 3, 15),  # 1000 / 50 and / 250 ms
        (Gate(p95_ms_max=24, p50_ms_max=10, devices={"orin": {"p50_ms_max": 4}}), 9, 1, 9),  # the nearer of two bounds
    ],
)  # fmt: skip
def test_the_largest_share_of_a_bound_counts(gate: Gate, pi_ms: float, orin_ms: float, expected_ms: float) -> None:
    worst = WorstDevice.of(gate, ["orin"])
    found = worst.latency_ms(latency(pi_ms), {"orin": latency(orin_ms)})
    assert found == pytest.approx(expected_ms)


def test_a_trial_without_a_figure_of_a_device_has_none() -> None:
    worst = WorstDevice.of(Gate(p50_ms_max=20, devices={"orin": {"p50_ms_max": 4}}), ["orin"])
    trial = TrialRecord(0, Phase.FINISHED, latency=latency(10), objective_ms=10.0)
    assert worst.latency_of(trial) is None
    whole = replace(trial, latencies_untrained={"orin": latency(2)}, latencies={"orin": latency(3)})
    assert worst.latency_of(whole) == pytest.approx(15)  # the trained file's
    assert [seen.p50_ms for seen in worst.seen([whole])] == [pytest.approx(15)]
