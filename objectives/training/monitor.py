"""What a training reports to while it runs, beside its rungs: nothing here, a heartbeat in a trial."""

import time


class Monitor:
    """Takes the reports of a training; this one does nothing with them."""

    def epoch(self, number: int) -> None:
        """An epoch begins, counted from 1 over all phases."""

    def batch(self, share: float) -> None:
        """A batch begins, of training or of validation; `share` of the epoch's training batches are done."""

    def work_s(self) -> float:
        """Return the clock that the training is timed by."""
        return time.perf_counter()

    def warning(self, text: str) -> None:
        """Something was lost, and the training goes on."""
