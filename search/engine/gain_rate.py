"""What a step of training is worth: gain of hypervolume per second, with the right to stop at the next rung."""

import numpy as np
from scipy.special import ndtri

from search.engine.staircase import Floats, Staircase

NODES = 9  # equally likely cases of what the next rung shows


def gain_rate(
    front: Staircase,
    mean: Floats,
    sd: Floats,
    sd_after: Floats,
    log_latencies: Floats,
    step_s: Floats,
    rest_s: Floats,
) -> Floats:
    """Return the largest rate of gain that a training can be run at, if it may be stopped at its next rung.

    The next rung moves the mean by a normal amount of variance sd^2 - sd_after^2. At a going rate g, the training is
    continued in the cases whose gain exceeds g x rest; the step pays if what these bring exceeds g x step. The largest
    g at which it pays is the index: the highest ratio of gains to seconds over the best 1, 2, ... of the cases.

    Args:
        front: today's.
        mean: expected final accuracy, shape (n,).
        sd: standard deviation of that belief.
        sd_after: standard deviation that will be left after the next rung.
        log_latencies: of the candidates.
        step_s: seconds to the next rung, above 0.
        rest_s: seconds from there to the end.

    Returns:
        Gain of hypervolume per second, shape (n,).
    """
    cases = ndtri((np.arange(NODES) + 0.5) / NODES)
    moved = np.sqrt(np.maximum(sd**2 - sd_after**2, 0.0))
    means = mean[:, None] + moved[:, None] * cases
    gains = front.expected_gain(means, np.broadcast_to(sd_after[:, None], means.shape), log_latencies)
    best_first = -np.sort(-gains, axis=1) / NODES
    shares = np.arange(1, NODES + 1) / NODES
    rates: Floats = np.cumsum(best_first, axis=1) / (step_s[:, None] + rest_s[:, None] * shares)
    best: Floats = rates.max(axis=1)
    return best
