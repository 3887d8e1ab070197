"""How much longer one kind of machine trains than another, learnt beside what candidates cost."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from search.engine.models.distances import KnownRows
from search.engine.staircase import Floats

# Standard deviations of the parts of log seconds per epoch, before any is seen.
LEVEL_SD = 10.0  # of all of them together
DECADE_SD = 3.0  # by decade of latency
CANDIDATE_SD = 0.5  # of candidates of one latency, over the whole range of each dimension
KIND_SD = 0.3  # of a kind of machine: that one takes half as long again as another is usual
NOISE_SD = 0.15  # of two trainings of one candidate on one machine


def log_factors(
    kinds: Sequence[str],
    log_epoch_s: Floats,
    rows: Floats,
    log_latencies: Floats,
    categorical: NDArray[np.bool_],
) -> Mapping[str, float]:
    """Return by kind of machine the logarithm of how much longer it trains; nothing while fewer than two are known.

    The posterior mean of one effect of each kind in a Gaussian process with effects of the candidate beside: with few
    trials of a kind it stays near 0, and what a kind's candidates are dearer by is not taken for the machine's.

    Args:
        kinds: of each training, shape (n,); "" where that was not recorded: such trainings have no effect of a kind.
        log_epoch_s: logarithm of each one's seconds per epoch, shape (n,).
        rows: candidates, encoded, shape (n, d); NaN where a dimension does not exist.
        log_latencies: natural logarithm of each one's latency, shape (n,).
        categorical: which columns of the rows have no order, shape (d,).
    """
    known = sorted({kind for kind in kinds if kind})
    if len(known) < 2:
        return {}
    of_kind = np.array([[kind == one for one in known] for kind in kinds], dtype=float)
    covariance = _of_candidates(rows, log_latencies, categorical) + KIND_SD**2 * of_kind @ of_kind.T
    covariance[np.diag_indices(len(kinds))] += NOISE_SD**2
    effects = KIND_SD**2 * of_kind.T @ np.linalg.solve(covariance, log_epoch_s)
    return dict(zip(known, map(float, effects), strict=True))


def _of_candidates(rows: Floats, log_latencies: Floats, categorical: NDArray[np.bool_]) -> Floats:
    """Return the covariance of log seconds per epoch by what is trained alone, shape (n, n)."""
    decades = log_latencies / np.log(10.0)
    centred = decades - decades.mean()
    known = KnownRows.of(rows, categorical)
    distances = known.scaled(known.left(rows), np.ones(rows.shape[1]))
    smooth: Floats = np.exp(-0.5 * distances)
    return LEVEL_SD**2 + DECADE_SD**2 * np.outer(centred, centred) + CANDIDATE_SD**2 * smooth
