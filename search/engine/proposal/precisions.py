"""What another precision does to a detector: much to its latency, little to its accuracy; learnt from pairs."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

PAIR_LOG_SD, PAIR_DROP_SD = 0.12, 0.004  # between pairs of one study: of the log ratio of latencies, of mAP lost


@dataclass(frozen=True)
class Effect:
    """What a precision is believed to do to a detector that is known in fp32.

    Attributes:
        log_ratio: logarithm of its latency over that in fp32.
        log_sd: standard deviation of it.
        drop: mAP lost.
        drop_sd: standard deviation of it.
    """

    log_ratio: float
    log_sd: float
    drop: float
    drop_sd: float


# Before the first pair; tests/benchmarks/precision.py: int8 takes .7 to 1.3 of the time and costs 0 to .004, fp16 on
# processors 1 to 6 times as long, on GPUs less. Wide, so that one pair of the device decides.
PRIORS: Mapping[str, Effect] = {"fp16": Effect(0.0, 0.5, 0.0, 0.002), "int8": Effect(-0.2, 0.3, 0.004, 0.005)}


@dataclass(frozen=True)
class Pair:
    """One detector in fp32 and in another precision.

    Attributes:
        precision: the other one.
        log_ratio: logarithm of its latency over that in fp32.
        drop: mAP lost.
    """

    precision: str
    log_ratio: float
    drop: float

    @classmethod
    def of(cls, precision: str, ms: float, map_: float, before_ms: float, before_map: float) -> "Pair":
        """Return a pair of figures, both latencies in ms."""
        return cls(precision, math.log(ms / before_ms), before_map - map_)


def effects(pairs: Iterable[Pair]) -> dict[str, Effect]:
    """Return what is believed of each precision after some pairs: normal beliefs, a prior and equal errors."""
    by_precision: dict[str, list[Pair]] = {precision: [] for precision in PRIORS}
    for pair in pairs:
        by_precision[pair.precision].append(pair)
    found = {}
    for precision, seen in by_precision.items():
        prior = PRIORS[precision]
        log_ratio, log_sd = _learnt(prior.log_ratio, prior.log_sd, [pair.log_ratio for pair in seen], PAIR_LOG_SD)
        drop, drop_sd = _learnt(prior.drop, prior.drop_sd, [pair.drop for pair in seen], PAIR_DROP_SD)
        found[precision] = Effect(log_ratio, log_sd, drop, drop_sd)
    return found


def _learnt(mean: float, sd: float, seen: Sequence[float], error_sd: float) -> tuple[float, float]:
    """Return mean and standard deviation of the next one, of which the common part is believed to be normal."""
    if not seen:
        return mean, sd
    weight = 1 / sd**2 + len(seen) / error_sd**2
    return (mean / sd**2 + sum(seen) / error_sd**2) / weight, math.sqrt(1 / weight + error_sd**2)
