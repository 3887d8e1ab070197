"""What it is worth to polish one of a family: a few epochs more, as one detector, from the weights that it has."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.engine.proposal.children import LEAST_SHARE
from search.engine.staircase import Floats, Staircase

# The logarithm of what a polish multiplies mAP by: so much for the best of the families, and so much more for each
# factor e that one lies below it, each with the standard deviation of what is not known before a study has polished
# any. Parents of forty epochs on the embedded shelves: +.05 at .79, +.3 at .55 (docs/elastic.md); of twenty, more.
# What a detector lost on its way to other images, it lies below itself: that counts alike.
GAIN_PRIOR, GAIN_PRIOR_SD = (0.05, 0.4), (0.05, 0.2)
GAIN_NOISE = 0.04  # of one polish, of the same logarithm
EVERY_EPOCH = 0.4  # share of the parent's seconds of an epoch that goes not by the latency: reading, losses, assigning
SURE_SD = 0.005  # of a figure of mAP, at least


@dataclass(frozen=True)
class Polishable:
    """One of a family that has not been polished.

    Attributes:
        number: the trial's.
        map: its mAP, over 0.
        latency_ms: its median latency.
        parent_ms: that of its parent, the largest of the family.
        parent_epoch_s: seconds of an epoch of its parent's training.
        overhead_s: seconds that a trial takes beside its epochs.
        lost: logarithm of what its family had on the images that it was trained on over what it has on these; 0 where
            these are those, and where it has as much.
        is_asked: whether the line asked for its polish before anything is weighed.
    """

    number: int
    map: float
    latency_ms: float
    parent_ms: float
    parent_epoch_s: float
    overhead_s: float
    lost: float = 0.0
    is_asked: bool = False

    def seconds(self, epochs: int) -> float:
        """Return the seconds that so many epochs of it take, and what comes behind."""
        share = EVERY_EPOCH + (1 - EVERY_EPOCH) * min(1.0, self.latency_ms / self.parent_ms)
        return epochs * share * self.parent_epoch_s + self.overhead_s


@dataclass(frozen=True)
class Polished:
    """What came of a polish: mAP before and after, seconds that it took over those foretold, and `Polishable.lost`."""

    before: float
    after: float
    slower: float = 1.0
    lost: float = 0.0


@dataclass(frozen=True)
class PolishProposal:
    """A polish that is worth its time.

    Attributes:
        number: of the trial whose weights it goes on from.
        rate: expected gain of hypervolume per second; infinite for one that was asked for.
        share: expected gain as a share of the front's hypervolume.
        mean: expected mAP.
        sd: standard deviation of that belief.
        latency_ms: as it is.
        why: one line for people.
    """

    number: int
    rate: float
    share: float
    mean: float
    sd: float
    latency_ms: float
    why: str

    @property
    def is_asked(self) -> bool:
        """Whether the line asked for it."""
        return math.isinf(self.rate)


def propose_polish(
    candidates: Sequence[Polishable],
    seen: Sequence[Polished],
    front: Staircase,
    epochs: int,
    seconds_left: float,
) -> PolishProposal | None:
    """Return the polish of the highest expected gain per second; None where none is worth its time or has time left.

    One that was asked for comes first, whatever it is worth, if it ends in time.

    Args:
        candidates: what can be polished.
        seen: the study's polishes.
        front: today's.
        epochs: that a polish takes.
        seconds_left: of the budget.
    """
    if not candidates:
        return None
    slower = math.exp(np.mean([0.0, *(math.log(polished.slower) for polished in seen)]))
    seconds = slower * np.array([one.seconds(epochs) for one in candidates])
    maps, logs = np.array([one.map for one in candidates]), np.log([one.latency_ms for one in candidates])
    top = max(maps.max(), max((polished.before for polished in seen), default=0.0))
    factors, doubts = _foretold(np.log(top / maps) + [one.lost for one in candidates], seen, top)
    means, sds = np.minimum(maps * factors, 1.0), np.maximum(maps * doubts, SURE_SD)
    gains = front.expected_gain(means, sds, logs)
    shares = front.share(gains)
    rates = np.where((seconds <= seconds_left) & (shares >= LEAST_SHARE), gains / seconds, 0.0)
    rates[np.array([one.is_asked for one in candidates]) & (seconds <= seconds_left)] = math.inf
    best = int(np.argmax(rates))
    if not rates[best]:
        return None
    one, share = candidates[best], float(shares[best])
    asked = "asked for in `trial.polish_first`: " if one.is_asked else ""
    return PolishProposal(
        number=one.number,
        rate=float(rates[best]),
        share=share,
        mean=float(means[best]),
        sd=float(sds[best]),
        latency_ms=one.latency_ms,
        why=f"{asked}{epochs} epochs more of trial {one.number}, worth {share:.2%} of the front's hypervolume",
    )


def _foretold(below: Floats, seen: Sequence[Polished], top: float) -> tuple[Floats, Floats]:
    """Return what polishes multiply mAP by, and the standard deviation of that, by a Bayesian linear regression.

    Args:
        below: how far each candidate lies below the best and below what it was, as a logarithm, shape (n,).
        seen: the study's polishes.
        top: mAP of the best before any polish.
    """
    rows = np.array([[1.0, math.log(top / polished.before) + polished.lost] for polished in seen]).reshape(-1, 2)
    gains = np.array([math.log(max(polished.after, 1e-3) / polished.before) for polished in seen])
    precision = np.diag(1.0 / np.square(GAIN_PRIOR_SD))
    covariance = np.linalg.inv(precision + rows.T @ rows / GAIN_NOISE**2)
    weights = covariance @ (precision @ np.array(GAIN_PRIOR) + rows.T @ gains / GAIN_NOISE**2)
    asked = np.column_stack([np.ones(len(below)), below])
    variance = np.einsum("ij,jk,ik->i", asked, covariance, asked) + GAIN_NOISE**2
    factors: Floats = np.exp(asked @ weights)
    return factors, factors * np.sqrt(variance)
