"""Latency of a candidate before it is trained, measured where trials run."""

from collections.abc import Callable
from dataclasses import replace

from objectives.latency.hosts.queue import Answer, Ask, Order
from objectives.records.failures import Failure
from objectives.records.records import Ending, Latency, Outcome
from objectives.trial.job import SilentListener, TrialJob
from search.engine.steering import OnDevices
from search.workers.backend import Backend
from search.workers.limits import Limits


class _LatencyListener(SilentListener):
    """Keeps the latency."""

    def __init__(self, ask: Ask | None) -> None:
        self._ask = ask
        self.found: Latency | None = None
        self.others: dict[str, Latency] = {}

    def latency(self, latency: Latency, trained: bool) -> None:
        """Keep the latency of the untrained network."""
        self.found = latency

    def measured(self, order: Order) -> Answer | None:
        """Pass an order on."""
        return super().measured(order) if self._ask is None else self._ask(order)

    def latency_on(self, device: str, latency: Latency, trained: bool) -> None:
        """Keep the latency of the untrained network on a further device."""
        self.others[device] = latency


def measure(
    backend: Backend,
    job: TrialJob,
    limits: Limits | None = None,
    tick: Callable[[], None] = lambda: None,
    ask: Ask | None = None,
) -> Latency | OnDevices | Ending:
    """Return the untrained latency of a job's candidate on its devices, or how measuring it failed.

    Args:
        backend: where to measure.
        job: of the candidate; it is only measured, whatever the job says.
        limits: of the measurement.
        tick: called again and again meanwhile.
        ask: passes on orders for devices that another machine has.
    """
    listener = _LatencyListener(ask)
    ending = backend.run(replace(job, measure_only=True), listener, limits, tick)
    if listener.found is not None:
        return OnDevices(listener.found, listener.others) if job.more_devices else listener.found
    return ending or Ending(Outcome.FAILED, "the trial ended without a figure", Failure.NOT_MEASURABLE)
