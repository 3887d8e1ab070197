"""What a step of training is worth: gain of hypervolume per second, with the right to stop at the next rung."""

import numpy as np

from search.engine.staircase import Floats, Staircase

# Cases of what the next rung shows, the best first: evenly spaced, in standard deviations, with their probabilities.
# Equally likely cases would end at 1.6 standard deviations, and a long shot lives beyond.
CASES = np.linspace(4.0, -4.0, 13)
SHARES = np.exp(-0.5 * CASES**2) / np.sum(np.exp(-0.5 * CASES**2))


def gain_rate(
    front: Staircase,
    mean: Floats,
    sd: Floats,
    sd_after: Floats,
    log_latencies: Floats,
    step_s: Floats,
    rest_s: Floats,
) -> Floats:
    """Return the largest rate of gain that a training can be run at, if the training may be stopped at its next rung.

    The next rung moves the mean by a normal amount of variance sd^2 - sd_after^2. At a going rate g, the training is
    continued in the cases whose gain exceeds g x rest; the step pays if what these bring exceeds g x step. The largest
    g at which it pays is the index: the highest ratio of gains to seconds over the best 1, 2, ... of the cases. It is
    never below the gain per second of going on in every case.

    Args:
        front: today's.
        mean: expected final accuracy, shape (n,).
        sd: standard deviation of that belief, shape (n,).
        sd_after: standard deviation that will be left after the next rung, shape (n,).
        log_latencies: of the candidates, logarithm of ms, shape (n,).
        step_s: seconds to the next rung, above 0, shape (n,).
        rest_s: seconds from that rung to the end, shape (n,).

    Returns:
        Gain of hypervolume per second, shape (n,).
    """
    moved = np.sqrt(np.maximum(sd**2 - sd_after**2, 0.0))
    means = mean[:, None] + moved[:, None] * CASES
    gains = front.expected_gain(means, np.broadcast_to(sd_after[:, None], means.shape), log_latencies)
    rates = np.cumsum(gains * SHARES, axis=1) / (step_s[:, None] + rest_s[:, None] * np.cumsum(SHARES))
    best: Floats = np.maximum(rates.max(axis=1), front.expected_gain(mean, sd, log_latencies) / (step_s + rest_s))
    return best
