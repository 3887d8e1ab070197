"""The latency protocol: an interval that covers, figures that say when they are not to be trusted."""

import re
from typing import Any

import numpy as np
import pytest
from defaults import PROTOCOL, protocol_of

from objectives.latency.protocol import Samples, combine, median_interval, summarise
from objectives.records.records import Latency

RNG = np.random.default_rng(4)


@pytest.mark.parametrize("count", [30, 100, 301])
@pytest.mark.parametrize("law", ["exponential", "normal"])
def test_the_interval_covers_the_median(count: int, law: str) -> None:
    median = {"exponential": np.log(2), "normal": 0.0}[law]
    draws = np.sort(getattr(RNG, f"standard_{law}")((2000, count)), axis=1)
    intervals = np.array([median_interval(row) for row in draws])
    covered = ((intervals[:, 0] <= median) & (median <= intervals[:, 1])).mean()
    assert 0.93 <= covered <= 0.985


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_samples_give_their_whole_range(count: int) -> None:
    row = np.arange(float(count))
    low, high = median_interval(row)
    assert (low, high) == (0, count - 1) or count == 5
    assert 0 <= low <= high <= count - 1


def samples(total: Any, reference: float = 2.0, others: float = 0.0) -> Samples:
    total = np.asarray(total, dtype=np.float64)
    return Samples(total, 0.8 * total, np.full(len(total), reference), others)


STEADY = 10 + 0.001 * np.arange(200)


def test_a_steady_session_is_stable() -> None:
    figure = summarise(samples(STEADY), PROTOCOL, best_reference_ms=1.98, device="d", peak_bytes=5)
    assert figure.stable
    assert figure.note == ""
    assert figure.p50_ms == pytest.approx(10.0995)
    assert figure.p95_ms == pytest.approx(np.quantile(STEADY, 0.95))
    assert figure.p50_low_ms < figure.p50_ms < figure.p50_high_ms < figure.p95_ms
    assert (figure.samples, figure.reference_ms, figure.device) == (200, 2.0, "d")
    assert figure.peak_bytes == 5
    assert figure.network_ms == pytest.approx(0.8 * figure.p50_ms)


@pytest.mark.parametrize(
    ("session", "best", "note"),
    [
        (samples(np.linspace(5, 15, 200)), 2.0, r"the median is known to \d+\.\d% only"),
        (samples(STEADY, reference=2.2), 2.0, "the reference network ran 10% slower than at its best"),
        (samples(STEADY, others=1.2), 2.0, "other processes used 1.2 cores"),
        (samples(np.linspace(5, 15, 200), 2.2, 1.2), 2.0, ".*only; the reference .*; other processes .*"),
    ],
)
def test_a_doubtful_session_says_why(session: Samples, best: float, note: str) -> None:
    figure = summarise(session, PROTOCOL, best, "d", peak_bytes=5)
    assert not figure.stable
    assert re.fullmatch(note, figure.note)


def test_the_first_session_is_its_own_reference() -> None:
    assert summarise(samples(STEADY), PROTOCOL, float("inf"), "d", peak_bytes=5).stable
    assert summarise(samples(STEADY, reference=1.5), PROTOCOL, 2.0, "d", peak_bytes=5).stable  # a new best


def test_the_quick_protocol_is_shorter() -> None:
    quick = protocol_of(confidence=0.4, cap_s=9, warmup_s=0.1).quick()
    assert (quick.interval, quick.images_min, quick.cap_s, quick.processes) == (0.05, 30, 3, 1)
    assert (quick.confidence, quick.warmup_s) == (0.4, 0.1)


def figure_of(p50_ms: float, note: str = "") -> Latency:
    return Latency(p50_ms, 1.1 * p50_ms, p50_ms, p50_ms, p50_ms, 60, 0.5, not note, note, "d3vice", 10)


def test_processes_that_agree_make_a_stable_figure() -> None:
    figure = combine([figure_of(2.0), figure_of(2.04), figure_of(2.02, "busy")], PROTOCOL)
    assert (figure.p50_ms, figure.stable, figure.samples) == (2.02, True, 180)
    figure = combine([figure_of(v) for v in (2.0, 2.5, 2.04, 1.7, 2.02)], PROTOCOL)
    assert (figure.p50_ms, figure.stable) == (2.02, True)  # three of five lie together


def test_processes_that_differ_or_were_disturbed_make_an_unstable_one() -> None:
    figure = combine([figure_of(v) for v in (2.0, 2.2, 2.4)], PROTOCOL)
    assert (figure.stable, figure.note) == (False, "3 processes differ by 20.0%")
    figure = combine([figure_of(2.0, "busy"), figure_of(2.0, "busy; late"), figure_of(2.0)], PROTOCOL)
    assert (figure.stable, figure.note) == (False, "busy; late")
