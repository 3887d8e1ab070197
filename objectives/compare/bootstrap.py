"""The paired bootstrap over images: how far a difference between two detectors lies from chance."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

from spaces.errors import SettingsError

METHOD = "paired bootstrap over images, expanded percentile interval"


@dataclass(frozen=True)
class Resampling:
    """How images are drawn again.

    Attributes:
        level: of the intervals, in (0, 1).
        resamples: how often a set of the same size is drawn.
        seed: of the drawing.
    """

    level: float = 0.95
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.5 <= self.level < 1:
            raise SettingsError(f"level: must lie in 0.5..1, 1 left out, got {self.level}")
        if self.resamples < 100:
            raise SettingsError(f"resamples: must be 100 or more, got {self.resamples}")
        if self.seed < 0:
            raise SettingsError(f"seed: must be 0 or more, got {self.seed}")


@dataclass(frozen=True)
class PairedDifference:
    """One figure of both detectors, and how far they lie apart: challenger minus champion.

    Attributes:
        champion: the champion's figure; NaN where there is nothing to score.
        challenger: the challenger's.
        low: lower end of the interval of the difference; NaN where resamples have too little to score.
        high: upper end.
    """

    champion: float
    challenger: float
    low: float
    high: float

    @property
    def value(self) -> float:
        """The difference."""
        return self.challenger - self.champion


def draw(images: int, resampling: Resampling) -> NDArray[np.float64]:
    """Return how often each image is drawn in each resample: (images, 1 + resamples); the first is the set itself.

    Both detectors are scored on the same draws: what an image has that is hard for both cancels out (Efron and
    Tibshirani 1993, An Introduction to the Bootstrap, chapter 8; Koehn 2004 for test sets).
    """
    rng = np.random.default_rng(resampling.seed)
    drawn = rng.multinomial(images, np.full(images, 1 / images), size=resampling.resamples)
    return np.concatenate([np.ones((images, 1)), drawn.T.astype(np.float64)], axis=1)


def difference(
    champion: NDArray[np.float64], challenger: NDArray[np.float64], images: int, level: float
) -> PairedDifference:
    """Return a difference with its interval.

    The interval is the expanded percentile interval (Hesterberg 2015, "What Teachers Should Know About the Bootstrap",
    The American Statistician 69): quantiles a little farther out than `level` asks, by Student's t with images - 1
    degrees of freedom and the factor sqrt(n / (n - 1)), since plain percentiles are too narrow for few images.

    Args:
        champion: (1 + resamples,) figure on the set itself, then on each resample; NaN where nothing could be scored.
        challenger: likewise, on the same resamples.
        images: images of the set.
        level: of the interval.
    """
    apart = (challenger - champion)[1:]
    apart = apart[~np.isnan(apart)]
    if images < 2 or not len(apart):
        return PairedDifference(float(champion[0]), float(challenger[0]), math.nan, math.nan)
    tail = float(norm.cdf(math.sqrt(images / (images - 1)) * student.ppf((1 - level) / 2, images - 1)))
    low, high = np.quantile(apart, [tail, 1 - tail])
    return PairedDifference(float(champion[0]), float(challenger[0]), float(low), float(high))
