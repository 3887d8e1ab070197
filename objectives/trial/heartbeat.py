"""The heartbeat of a trial: between two pieces of its work it gives a sign of life and lets others measure."""

import time
from collections.abc import Sequence

from objectives.machine.device_locks import Patience, SharedDevices
from objectives.training.monitor import Monitor
from objectives.trial.job import TrialListener

SIGN_EVERY_S = 1.0  # at most


class Heartbeat(Monitor):
    """Goes along with a trial's training and scoring."""

    def __init__(self, listener: TrialListener, device_keys: Sequence[str], first_epoch: int = 1) -> None:
        """Prepare.

        Args:
            listener: receives the signs of life.
            device_keys: what the trial works on, as of `objectives.machine.device_locks`.
            first_epoch: the epoch that is reported before the first one begins.
        """
        self.patience = Patience(self._sign)
        self.devices = SharedDevices(device_keys, self.patience)
        self._listener = listener
        self._epoch, self._share = first_epoch, 0.0
        self._reported_at = -SIGN_EVERY_S

    def epoch(self, number: int) -> None:
        """Give a sign of life."""
        self._epoch, self._share = number, 0.0
        self._report()

    def batch(self, share: float) -> None:
        """Give a sign of life if the last one is old, and let those who wait measure."""
        self._share = share
        self._sign()
        self.devices.give_way()

    def work_s(self) -> float:
        """Return a clock that stands still while others measure, and while the decision at a rung is waited for."""
        return self.patience.work_s()

    def warning(self, text: str) -> None:
        """Pass the warning on to the listener."""
        self._listener.warning(text)

    def _sign(self) -> None:
        if time.monotonic() - self._reported_at >= SIGN_EVERY_S:
            self._report()

    def _report(self) -> None:
        self._reported_at = time.monotonic()
        self._listener.progress(self._epoch, self._share)
