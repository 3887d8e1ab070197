"""What a trial does between two pieces of its work: gives signs of life, and lets others measure."""

import time
from collections.abc import Sequence

from objectives.machine.turns import Patience, Turn
from objectives.training.watch import Watch
from objectives.trial.job import TrialListener

SIGN_EVERY_S = 1.0  # at most


class Attendance(Watch):
    """Watches a trial's training and scoring."""

    def __init__(self, listener: TrialListener, device_keys: Sequence[str], first_epoch: int = 1) -> None:
        """Prepare the watch.

        Args:
            listener: is given signs of life.
            device_keys: what the trial works on, as of `objectives.machine.turns`.
            first_epoch: what is told before the first epoch begins.
        """
        self.patience = Patience(self._sign)
        self.turn = Turn(device_keys, self.patience)
        self._listener = listener
        self._epoch, self._share = first_epoch, 0.0
        self._told_at = -SIGN_EVERY_S

    def epoch(self, number: int) -> None:
        """Give a sign of life."""
        self._epoch, self._share = number, 0.0
        self._tell()

    def batch(self, share: float) -> None:
        """Give a sign of life if the last one is old, and let those who wait measure."""
        self._share = share
        self._sign()
        self.turn.breathe()

    def work_s(self) -> float:
        """Return a clock that stands still while others measure, and while the word on a rung is waited for."""
        return self.patience.work_s()

    def warning(self, text: str) -> None:
        """Pass the warning on."""
        self._listener.warning(text)

    def _sign(self) -> None:
        if time.monotonic() - self._told_at >= SIGN_EVERY_S:
            self._tell()

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        self._listener.progress(self._epoch, self._share)
