"""Sampling: files timed in turn, each image right after the reference network, until each median is known."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from objectives.latency.protocol import LatencyProtocol, Samples, median_interval
from objectives.machine.other_load import Others

TURN = 10  # images of one file before the next file's turn
WARM = 3  # least untimed runs of a file
WAITED_MOST = 3  # times the cap that may pass where a process has to wait for the processor


class Timing(NamedTuple):
    """Times of one image, in ms: by the clock of the session, the network alone, and as the time passed."""

    total_ms: float
    network_ms: float
    wall_ms: float


Run = Callable[[int], Timing]  # times image number i


def sample(
    runs: Sequence[Run],
    reference: Callable[[], float],
    protocol: LatencyProtocol,
    clock: Callable[[], float] = time.perf_counter,
    *,
    relative: bool = True,
) -> list[Samples | Exception]:
    """Time files in one go: a few images of the first, of the second, ... until each is known well enough.

    What the machine does meanwhile meets all of them alike.

    Args:
        runs: one a file.
        reference: times the reference network once, in ms, by the same clock.
        protocol: when a file is done; its cap counts the seconds of that file's own turns, by the clock.
        clock: of the session, in seconds.
        relative: whether figures are ratios to the reference.

    Returns:
        for each file its samples, or what it raised.
    """
    courses = [_Course(run, clock, relative) for run in runs]
    for course in courses:
        course.guard(_warm_up, reference, protocol.warmup_s if course is courses[0] else 0.0)
    others = Others()
    while waiting := [course for course in courses if not course.done]:
        for course in waiting:
            course.guard(_turn, reference, protocol, len(courses) > 1)
    cores = others.cores()
    return [course.error or course.samples(cores) for course in courses]


@dataclass
class _Course:
    """The samples of one file, as they come in."""

    run: Run
    clock: Callable[[], float]
    relative: bool
    timings: list[Timing] = field(default_factory=list)
    references: list[float] = field(default_factory=list)
    spent_s: float = 0.0  # by the clock
    passed_s: float = 0.0
    done: bool = False
    error: Exception | None = None

    def guard(self, step: Callable[..., None], *args: object) -> None:
        """Take a step; what the file raises ends its course and no other's."""
        if self.done:
            return
        try:
            step(self, *args)
        except Exception as error:  # of the runtime: its classes differ by version and provider
            self.error, self.done = error, True

    def samples(self, others_cores: float) -> Samples:
        total, network, wall = np.array(self.timings).T
        return Samples(total, network, np.array(self.references), wall, others_cores, self.relative)

    def width(self) -> float:
        """Return the relative width of the 95 % interval of the median, so far."""
        samples = self.samples(0.0)
        figures = np.sort(samples.total * samples.scale(1.0))
        low, high = median_interval(figures)
        return (high - low) / float(np.median(figures))


def _warm_up(course: _Course, reference: Callable[[], float], seconds: float) -> None:
    end = time.perf_counter() + seconds
    runs = 0
    while time.perf_counter() < end or runs < WARM:
        course.run(runs)
        reference()
        runs += 1


def _turn(course: _Course, reference: Callable[[], float], protocol: LatencyProtocol, shared: bool) -> None:
    """Time the next images of a file; where the process is `shared`, other files have emptied the caches before."""
    if shared:
        course.run(len(course.timings))
    for _ in range(TURN):
        counted, passed = course.clock(), time.perf_counter()
        course.references.append(reference())
        course.timings.append(course.run(len(course.timings)))
        course.spent_s += course.clock() - counted
        course.passed_s += time.perf_counter() - passed
        spent_s = max(course.spent_s, course.passed_s / WAITED_MOST)
        if spent_s > protocol.cap_s and len(course.timings) >= 5:
            course.done = True
            return
    course.done = len(course.timings) >= protocol.images_min and course.width() <= protocol.interval
