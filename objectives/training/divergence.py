"""When a training is lost: its loss is no number any more, or exploded."""

import math

from objectives.records.failures import Diverged

EXPLODED = 1e4  # times the least loss so far


class LossWatch:
    """Looks at the losses of one training, or of one phase of it.

    A loss has exploded when an epoch's mean is over EXPLODED times the least that the first batch or an earlier epoch
    had. A training that learns stays below ten times its first batch, whatever the warm-up does: the terms for boxes
    are bounded, and the one for classes begins where the biases are put for few objects.
    """

    def __init__(self) -> None:
        self.least = math.inf

    def begin(self, loss: float) -> None:
        """Note the first batch's loss."""
        self.least = min(self.least, loss)

    def check(self, epoch: int, last: float, mean: float) -> None:
        """Check an epoch: its last batch's loss, and its mean.

        Raises:
            Diverged: the training is lost.
        """
        if not math.isfinite(last):
            raise Diverged(f"the training loss was {last} after epoch {epoch}")
        if mean > EXPLODED * self.least:
            raise Diverged(f"the training loss was {mean:.3g} in epoch {epoch}, and {self.least:.3g} at its least")
        self.least = min(self.least, mean)
