"""By whose latency the engine steers in a study of several devices: the first one's, or the worst one's.

The worst device of a detector is the one whose latency is the largest share of its bound. The engine knows one latency
of each candidate: there it is that share, times what the first device's bound is in milliseconds. So up to that bound
all devices keep theirs, and a candidate that is slow on one of them counts as slow.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from objectives.records.bounds.quantities import throughput
from objectives.records.gate import Gate
from objectives.records.records import Latency
from objectives.records.trial_record import TrialRecord


@dataclass(frozen=True)
class OnDevices:
    """A candidate's latency on several devices: the first, and the further ones by their names."""

    first: Latency
    others: Mapping[str, Latency]


@dataclass(frozen=True)
class WorstDevice:
    """Steers by the device that is nearest to its bound, or farthest beyond.

    Attributes:
        first: gate of the device that is named first.
        others: name of a further device -> its gate. Each of all these bounds latency.
    """

    first: Gate
    others: Mapping[str, Gate]

    @classmethod
    def of(cls, gate: Gate, others: list[str]) -> Self:
        """Return the steering by the gate of a study and the names of its further devices."""
        return cls(gate.of_first, {name: gate.on(name) for name in others})

    @property
    def bound_ms(self) -> float:
        """What stands for the bounds of all devices: the least of the first one's, in ms."""
        return min(_limits_ms(self.first))

    def latency_ms(self, first: Latency | None, others: Mapping[str, Latency]) -> float | None:
        """Return the latency that the engine goes by; None where a device has none."""
        if first is None or not self.others.keys() <= others.keys():
            return None
        shares = [_share(first, self.first), *(_share(others[name], gate) for name, gate in self.others.items())]
        return self.bound_ms * max(shares)

    def latency_of(self, trial: TrialRecord) -> float | None:
        """Return the latency of a trial that the engine goes by; None where a device has none."""
        return self.latency_ms(trial.known_latency, trial.known_latencies)

    def seen(self, trials: Iterable[TrialRecord]) -> list[TrialRecord]:
        """Return trials whose median latency is the one that the engine goes by; None where a device has none."""
        return [replace(trial, objective_ms=ms) for trial in trials for ms in [self.latency_of(trial)]]


def _share(latency: Latency, gate: Gate) -> float:
    """Return a latency as a share of the bound that it comes nearest to; above 1 where it breaks one."""
    shares = [] if gate.p95_ms_max is None else [latency.p95_ms / gate.p95_ms_max]
    most = gate.p50_ms_most()
    return max(shares if most is None else [*shares, latency.p50_ms / most])


def _limits_ms(gate: Gate) -> list[float]:
    limits = (gate.p95_ms_max, gate.p50_ms_max, throughput(gate.throughput_min))
    return [limit for limit in limits if limit is not None]
