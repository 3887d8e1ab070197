"""How much of a prior is left once a study has results of its own: a weight that these results pull to their side."""

from dataclasses import dataclass

import numpy as np

from search.engine.models.experience.prior import Prior
from search.engine.staircase import Floats

RESIDUAL = 0.7  # spread of standardised accuracies around what a good prior foretells; one result's say on the weight
HALVED = 10.0  # results that halve the weight even where they agree: by then the surrogate has learnt the same itself


@dataclass(frozen=True)
class Trend:
    """What a prior adds to the accuracies of a study: weight x spread x (foretold score - the trials' own mean).

    Attributes:
        prior: of the scores.
        weight: today's, at least 0.
        weight_sd: its standard deviation.
        centre: mean score that was foretold of the study's trials.
        spread: standard deviation of accuracies in the study.
    """

    prior: Prior
    weight: float
    weight_sd: float
    centre: float
    spread: float

    def at(self, rows: Floats) -> Floats:
        """Return what is added to the mean accuracy of candidates, encoded as rows (n, d)."""
        return self.weight * self._moved(rows)

    def doubt(self, rows: Floats) -> Floats:
        """Return the standard deviation of what is added."""
        return self.weight_sd * np.abs(self._moved(rows))

    def _moved(self, rows: Floats) -> Floats:
        return self.spread * (self.prior.foretell(rows)[0] - self.centre)


def faded(prior: Prior, rows: Floats, accuracies: Floats, errors: Floats, spread: float) -> Trend:
    """Return what is left of a prior after results.

    The weight is the slope of the study's own accuracies on the prior: normal before any result, as earlier studies
    foretell each other, and then by Bayesian regression on the results. It wanes with their number in any case: a prior
    that is right on the whole is wrong in places, and the surrogate finds these only where the prior lets it look.

    Args:
        prior: of the scores.
        rows: of the trials, encoded, shape (n, d).
        accuracies: that the trials have or are expected to reach, shape (n,).
        errors: standard deviation of each, shape (n,).
        spread: standard deviation of accuracies in the study.
    """
    scores = prior.foretell(rows)[0]
    say = 1.0 / (RESIDUAL**2 + (errors / spread) ** 2)
    centre = float(say @ scores / say.sum())
    moved, standing = scores - centre, (accuracies - say @ accuracies / say.sum()) / spread
    before = 1.0 / prior.slope_sd**2
    precision = before + float(say @ moved**2)
    weight = (before * prior.slope + float(say @ (moved * standing))) / precision
    left = HALVED / (HALVED + len(rows))
    return Trend(prior, left * max(0.0, weight), left * float(np.sqrt(1.0 / precision)), centre, spread)
