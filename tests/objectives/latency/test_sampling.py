"""Sampling: it ends when the median is known, or at the cap; files are timed in turn, and spoil no other."""

import itertools
import os
import time
from collections.abc import Callable

import numpy as np
import pytest
from defaults import protocol_of

from objectives.latency.protocol import LatencyProtocol, Samples, summarise
from objectives.latency.sampling import TURN, WAITED_MOST, WARM, Run, Timing, sample


def alone(run: Run, reference: Callable[[], float], protocol: LatencyProtocol, *, relative: bool = True) -> Samples:
    (found,) = sample([run], reference, protocol, relative=relative)
    assert isinstance(found, Samples)
    return found


def timing(ms: float) -> Timing:
    return Timing(ms, 0.8 * ms, 1.5 * ms)


def steady(i: int) -> Timing:
    time.sleep(0.0005)
    return timing(10 + 0.001 * (i % 7))


def test_sampling_ends_when_the_median_is_known() -> None:
    protocol = protocol_of(images_min=50, cap_s=20, warmup_s=0)
    began = time.perf_counter()
    found = alone(steady, lambda: 2.0, protocol)
    assert len(found.total) == 50
    assert time.perf_counter() - began < 10
    assert len(found.total) == len(found.network) == len(found.reference) == len(found.wall)
    assert found.wall == pytest.approx(1.5 * found.total)


def test_sampling_ends_at_the_cap() -> None:
    numbers = itertools.cycle([1.0, 100.0, 3.0, 50.0])
    protocol = protocol_of(images_min=20, cap_s=0.3, warmup_s=0)

    def wild(_: int) -> Timing:
        time.sleep(0.0005)
        return timing(next(numbers))

    began = time.perf_counter()
    found = alone(wild, lambda: 2.0, protocol)
    assert 0.3 <= time.perf_counter() - began < 5
    assert len(found.total) > 20
    assert not summarise(found, protocol, 2.0, "d", peak_bytes=5).stable


@pytest.mark.parametrize("relative", [True, False])
def test_it_is_the_ratio_that_must_be_known(*, relative: bool) -> None:
    """The machine runs at two speeds in turn, for detector and reference alike."""
    speeds = [1.0, 1.0, 1.6, 1.6, 1.0, 1.6]
    count = itertools.count()
    protocol = protocol_of(images_min=20, cap_s=0.2, warmup_s=0)

    def run(_: int) -> Timing:
        time.sleep(0.001)
        return timing(10 * speeds[next(count) % 6])

    def reference() -> float:
        return 2 * speeds[next(count_reference) % 6]

    count_reference = itertools.count()
    found = alone(run, reference, protocol, relative=relative)
    assert (len(found.total) == 20) == relative
    assert summarise(found, protocol, 1.5, "d", peak_bytes=5).stable == relative


def test_waiting_for_the_processor_is_not_of_the_cap() -> None:
    """A process that gets a tenth of the time takes as many images, up to a bound of the time that passes."""

    def waiting(_: int) -> Timing:
        time.sleep(0.005)
        return timing(next(numbers))

    numbers = itertools.cycle([1.0, 100.0, 3.0, 50.0])
    protocol = protocol_of(images_min=20, cap_s=0.1, warmup_s=0)
    (by_wall,) = sample([waiting], lambda: 2.0, protocol)
    (by_own,) = sample([waiting], lambda: 2.0, protocol, clock=lambda: time.perf_counter() / 10)
    assert isinstance(by_wall, Samples)
    assert isinstance(by_own, Samples)
    assert len(by_wall.total) <= 21
    assert 2 * len(by_wall.total) < len(by_own.total) <= 20 * WAITED_MOST + 1


def test_a_slow_network_is_still_timed_a_few_times() -> None:
    def slow(_: int) -> Timing:
        time.sleep(0.02)
        return timing(20.0)

    assert len(alone(slow, lambda: 2.0, protocol_of(cap_s=0.01, warmup_s=0)).total) >= 5


def test_images_are_taken_in_turn_after_the_warm_up() -> None:
    seen: list[int] = []

    def run(i: int) -> Timing:
        seen.append(i)
        return timing(1.0)

    alone(run, lambda: 1.0, protocol_of(images_min=10, warmup_s=0))
    assert seen[WARM:] == list(range(10))


def test_files_take_turns() -> None:
    """Each in blocks, of which the first image is not timed: the other files have emptied the caches."""
    order: list[str] = []

    def named(name: str) -> Run:
        def run(_: int) -> Timing:
            order.append(name)
            return timing(1.0)

        return run

    found = sample([named("a"), named("b")], lambda: 1.0, protocol_of(images_min=30, warmup_s=0))
    assert [len(one.total) for one in found if isinstance(one, Samples)] == [30, 30]
    blocks = [(name, len(list(group))) for name, group in itertools.groupby(order)]
    assert blocks == [("a", WARM), ("b", WARM), *[("a", TURN + 1), ("b", TURN + 1)] * 3]


def test_drift_meets_all_files_alike() -> None:
    """The machine gets slower all the while: the second of two equal files is no slower than the first."""
    speed = itertools.count(1000)

    def run(_: int) -> Timing:
        return timing(next(speed) / 100)

    protocol = protocol_of(images_min=100, interval=9.0, warmup_s=0)
    first, second = sample([run, run], lambda: 1.0, protocol, relative=False)
    assert isinstance(first, Samples)
    assert isinstance(second, Samples)
    assert np.median(second.total) / np.median(first.total) - 1 < 0.02


@pytest.mark.parametrize("good_runs", [0, WARM + 5])
def test_a_file_that_fails_spoils_no_other(good_runs: int) -> None:
    left = itertools.count(good_runs, -1)

    def bad(_: int) -> Timing:
        if not next(left):
            raise RuntimeError("non-zero status code")
        return timing(1.0)

    error, good = sample([bad, steady], lambda: 1.0, protocol_of(images_min=20, warmup_s=0))
    assert isinstance(error, RuntimeError)
    assert isinstance(good, Samples)
    assert len(good.total) == 20


def test_own_work_is_not_that_of_others() -> None:
    def busy(_: int) -> Timing:
        end = time.perf_counter() + 0.01
        while time.perf_counter() < end:
            pass
        return timing(10.0)

    began, used = time.perf_counter(), time.process_time()
    found = alone(busy, lambda: 2.0, protocol_of(images_min=20, cap_s=2, warmup_s=0))
    share = (time.process_time() - used) / (time.perf_counter() - began)
    assert found.others_cores <= max(0.3, (os.cpu_count() or 1) - share + 0.3)
