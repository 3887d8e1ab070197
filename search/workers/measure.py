"""Latency of a candidate before it is trained, measured where trials run."""

from collections.abc import Callable
from dataclasses import replace

from objectives.records.failures import Failure
from objectives.records.records import Ending, Latency, Outcome
from objectives.trial.job import SilentListener, TrialJob
from search.workers.backend import Backend
from search.workers.limits import Limits


class _LatencyListener(SilentListener):
    """Keeps the latency."""

    def __init__(self) -> None:
        self.found: Latency | None = None

    def latency(self, latency: Latency, trained: bool) -> None:
        """Keep the latency of the untrained network."""
        self.found = latency


def measure(
    backend: Backend, job: TrialJob, limits: Limits | None = None, tick: Callable[[], None] = lambda: None
) -> Latency | Ending:
    """Return the untrained latency of a job's candidate, or how measuring it failed.

    Args:
        backend: where to measure.
        job: of the candidate; it is only measured, whatever the job says.
        limits: of the measurement.
        tick: called again and again meanwhile.
    """
    listener = _LatencyListener()
    ending = backend.run(replace(job, measure_only=True), listener, limits, tick)
    if listener.found is not None:
        return listener.found
    return ending or Ending(Outcome.FAILED, "the trial ended without a figure", Failure.NOT_MEASURABLE)
