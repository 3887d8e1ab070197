"""The measuring process: sampling ends when the median is known, or at the cap."""

import itertools
import os
import time

from defaults import protocol_of

from objectives.latency.probe import sample
from objectives.latency.protocol import summarise


def steady(i: int) -> tuple[float, float]:
    time.sleep(0.0005)
    return 10 + 0.001 * (i % 7), 8.0


def test_sampling_ends_when_the_median_is_known() -> None:
    protocol = protocol_of(images_min=50, cap_s=20, warmup_s=0)
    began = time.perf_counter()
    found = sample(steady, lambda: 2.0, protocol)
    assert len(found.total) == 50
    assert time.perf_counter() - began < 10
    assert len(found.total) == len(found.network) == len(found.reference)


def test_sampling_ends_at_the_cap() -> None:
    numbers = itertools.cycle([1.0, 100.0, 3.0, 50.0])
    protocol = protocol_of(images_min=20, cap_s=0.3, warmup_s=0)

    def wild(_: int) -> tuple[float, float]:
        time.sleep(0.0005)
        return next(numbers), 1.0

    began = time.perf_counter()
    found = sample(wild, lambda: 2.0, protocol)
    assert 0.3 <= time.perf_counter() - began < 5
    assert len(found.total) > 20
    assert not summarise(found, protocol, 2.0, "d", peak_bytes=5).stable


def test_a_slow_network_is_still_timed_a_few_times() -> None:
    def slow(_: int) -> tuple[float, float]:
        time.sleep(0.02)
        return 20.0, 20.0

    assert len(sample(slow, lambda: 2.0, protocol_of(cap_s=0.01, warmup_s=0)).total) >= 5


def test_images_are_taken_in_turn_after_the_warm_up() -> None:
    seen: list[int] = []

    def run(i: int) -> tuple[float, float]:
        seen.append(i)
        return 1.0, 1.0

    sample(run, lambda: 1.0, protocol_of(images_min=10, warmup_s=0))
    assert seen[3:] == list(range(10))  # three to warm up


def test_own_work_is_not_that_of_others() -> None:
    def busy(_: int) -> tuple[float, float]:
        end = time.perf_counter() + 0.01
        while time.perf_counter() < end:
            pass
        return 10.0, 10.0

    began, used = time.perf_counter(), time.process_time()
    found = sample(busy, lambda: 2.0, protocol_of(images_min=20, cap_s=2, warmup_s=0))
    share = (time.process_time() - used) / (time.perf_counter() - began)
    assert found.others_cores <= max(0.3, (os.cpu_count() or 1) - share + 0.3)
