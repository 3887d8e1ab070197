"""Sampling: files timed in turn, each image right after the reference network, until each median is known."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from objectives.latency.protocol import LatencyProtocol, Samples, median_interval
from objectives.machine.other_load import Others

TURN = 10  # images of one file before the next file's turn
WARM = 3  # least untimed runs of a file

Run = Callable[[int], tuple[float, float]]  # times image number i: end to end and network alone, in ms


def sample(run: Run, reference: Callable[[], float], protocol: LatencyProtocol) -> Samples:
    """Time images and the reference network in turn until the protocol ends it.

    Args:
        run: times image number i: end to end and network alone, in ms.
        reference: times the reference network once, in ms.
        protocol: when to end.
    """
    (found,) = sample_in_turn([run], reference, protocol)
    if isinstance(found, Exception):
        raise found
    return found


def sample_in_turn(
    runs: Sequence[Run], reference: Callable[[], float], protocol: LatencyProtocol
) -> list[Samples | Exception]:
    """Time several files in one go: a few images of the first, of the second, ... until each is known well enough.

    What the machine does meanwhile meets all of them alike.

    Args:
        runs: one a file.
        reference: times the reference network once, in ms.
        protocol: when a file is done; its cap counts the seconds of that file's own turns.

    Returns:
        for each file its samples, or what it raised.
    """
    courses = [_Course(run) for run in runs]
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
    total: list[float] = field(default_factory=list)
    network: list[float] = field(default_factory=list)
    references: list[float] = field(default_factory=list)
    spent_s: float = 0.0
    done: bool = False
    error: Exception | None = None

    def guard(self, step: Callable[..., None], *args: object) -> None:
        """Take a step; what the file raises ends its course and no other's."""
        if not self.done:
            try:
                step(self, *args)
            except Exception as error:  # of the runtime: its classes differ by version and provider
                self.error, self.done = error, True

    def samples(self, others_cores: float) -> Samples:
        return Samples(np.array(self.total), np.array(self.network), np.array(self.references), others_cores)


def _warm_up(course: _Course, reference: Callable[[], float], seconds: float) -> None:
    end = time.perf_counter() + seconds
    runs = 0
    while time.perf_counter() < end or runs < WARM:
        course.run(runs)
        reference()
        runs += 1


def _turn(course: _Course, reference: Callable[[], float], protocol: LatencyProtocol, shared: bool) -> None:
    """Time the next images of one file; `shared`: other files have emptied the caches of this one's weights."""
    if shared:
        course.run(len(course.total))
    for _ in range(TURN):
        start = time.perf_counter()
        course.references.append(reference())
        end_to_end, alone = course.run(len(course.total))
        course.total.append(end_to_end)
        course.network.append(alone)
        course.spent_s += time.perf_counter() - start
        if course.spent_s > protocol.cap_s and len(course.total) >= 5:
            course.done = True
            return
    if len(course.total) >= protocol.images_min:
        ratios = np.sort(np.array(course.total) / np.array(course.references))
        low, high = median_interval(ratios)
        course.done = high - low <= protocol.interval * float(np.median(ratios))
