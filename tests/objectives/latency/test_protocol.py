"""The latency protocol: an interval that covers, figures that say when they are not to be trusted."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from defaults import PROTOCOL, protocol_of

from objectives.latency.protocol import Samples, agree, combine, median_interval, summarise
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


def samples(total: Any, reference: Any = 2.0, others: float = 0.0, *, relative: bool = True) -> Samples:
    total = np.asarray(total, dtype=np.float64)
    references = np.full(len(total), reference) if np.isscalar(reference) else np.asarray(reference)
    return Samples(total, 0.8 * total, references, 1.5 * total, others, relative)


STEADY = 10 + 0.001 * np.arange(200)
WIDE = np.linspace(5, 15, 200)


def test_a_steady_session_is_stable() -> None:
    figure = summarise(samples(STEADY), PROTOCOL, calm_ms=1.98, device="d", peak_bytes=5)
    assert (figure.stable, figure.note, figure.load) == (True, "", "")
    assert figure.p50_ms == pytest.approx(0.99 * 10.0995)
    assert figure.p95_ms == pytest.approx(0.99 * np.quantile(STEADY, 0.95))
    assert figure.p50_low_ms < figure.p50_ms < figure.p50_high_ms < figure.p95_ms
    assert (figure.samples, figure.reference_ms, figure.calm_ms, figure.device) == (200, 2.0, 1.98, "d")
    assert figure.peak_bytes == 5
    assert figure.network_ms == pytest.approx(0.8 * figure.p50_ms)
    assert figure.raw_p50_ms == pytest.approx(1.5 * 10.0995)
    assert figure.raw_p95_ms == pytest.approx(1.5 * np.quantile(STEADY, 0.95))


def test_what_slows_image_and_reference_alike_cancels_out() -> None:
    speed = RNG.uniform(1, 2, 200)
    figure = summarise(samples(STEADY * speed, 2.0 * speed), PROTOCOL, calm_ms=2.0, device="d", peak_bytes=5)
    calm = summarise(samples(STEADY), PROTOCOL, calm_ms=2.0, device="d", peak_bytes=5)
    assert (figure.p50_ms, figure.p95_ms) == (pytest.approx(calm.p50_ms), pytest.approx(calm.p95_ms))
    assert figure.stable
    raw = summarise(samples(STEADY * speed, 2.0 * speed, relative=False), PROTOCOL, 2.0, "d", peak_bytes=5)
    assert raw.p50_ms > 1.3 * calm.p50_ms
    assert (raw.stable, raw.calm_ms) == (False, 0.0)


LOADS = [
    (samples(STEADY, reference=2.2), "the reference network ran 10% slower than when calm"),
    (samples(STEADY, reference=1.7), "the reference network ran 15% faster than when calm"),
    (samples(STEADY, others=1.2), "other processes used 1.2 cores"),
    (samples(STEADY, 2.2, 1.2), "the reference network ran 10% slower than when calm; other processes used 1.2 cores"),
]


@pytest.mark.parametrize(("session", "load"), LOADS)
def test_load_is_noted_and_marks_what_is_no_ratio(session: Samples, load: str) -> None:
    figure = summarise(session, PROTOCOL, 2.0, "d", peak_bytes=5)
    assert (figure.stable, figure.note, figure.load) == (True, "", load)
    figure = summarise(replace(session, relative=False), PROTOCOL, 2.0, "d", peak_bytes=5)
    assert (figure.stable, figure.note, figure.load) == (False, load, load)


@pytest.mark.parametrize("relative", [True, False])
def test_a_wide_interval_makes_a_figure_unstable(*, relative: bool) -> None:
    figure = summarise(samples(WIDE, relative=relative), PROTOCOL, 2.0, "d", peak_bytes=5)
    assert not figure.stable
    assert re.fullmatch(r"the median is known to \d+\.\d% only", figure.note)


def test_records_of_older_versions_are_read() -> None:
    new = summarise(samples(STEADY, others=1.2), PROTOCOL, 2.0, "d", peak_bytes=5).to_json()
    added = ("raw_p50_ms", "raw_p95_ms", "calm_ms", "load")
    old = Latency.from_json({name: value for name, value in new.items() if name not in added})
    assert [getattr(old, name) for name in added] == [0.0, 0.0, 0.0, ""]
    assert Latency.from_json(new).load == "other processes used 1.2 cores"


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


def test_load_is_noted_if_most_processes_met_it() -> None:
    quiet, busy, busier = (replace(figure_of(2.0), load=load, raw_p50_ms=raw) for load, raw in CROWD)
    assert combine([quiet, busy, busier], PROTOCOL).load == "busy"
    assert combine([quiet, quiet, busy], PROTOCOL).load == ""
    assert combine([quiet, busy, busier], PROTOCOL).raw_p50_ms == 2.5


CROWD = (("", 2.0), ("busy", 2.5), ("busy, too", 3.0))


def test_it_ends_when_enough_processes_agree_or_there_are_no_more() -> None:
    def ended(*p50_ms: float) -> bool:
        return agree([figure_of(v) for v in p50_ms], PROTOCOL)

    assert [ended(2.0), ended(2.0, 2.0), ended(2.0, 2.0, 2.01)] == [False, False, True]
    assert [ended(2.0, 2.2, 2.4), ended(2.0, 2.2, 2.4, 2.6), ended(2.0, 2.2, 2.21, 2.22)] == [False, False, True]
    assert ended(2.0, 2.2, 2.4, 2.6, 2.8)


def test_processes_that_differ_or_were_disturbed_make_an_unstable_one() -> None:
    figure = combine([figure_of(v) for v in (2.0, 2.2, 2.4)], PROTOCOL)
    assert (figure.stable, figure.note) == (False, "3 processes differ by 20.0%")
    figure = combine([figure_of(2.0, "busy"), figure_of(2.0, "busy; late"), figure_of(2.0)], PROTOCOL)
    assert (figure.stable, figure.note) == (False, "busy; late")


def test_of_notes_that_differ_in_their_figures_the_worst_is_said_once() -> None:
    known = [figure_of(2.0, f"the median is known to {share}% only; busy") for share in ("2.1", "11.8", "4.0")]
    assert combine(known, PROTOCOL).note == "busy; the median is known to 11.8% only"
