"""Locks of devices: trials work side by side, and while a latency is measured on one, no trial of this user does.

Each device has two locks. Trials that work share the second one. A measurement owns the first one, the gate, and then
the second: the trials see between two batches that the gate is shut, and let go of the second until it is open again.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from objectives.machine.locks import LockFile

POLL_S = 0.05  # between two looks at a lock
LONGEST_S = 900.0  # that anyone waits: a holder that was stopped (SIGSTOP) must not stop all the others


@dataclass
class Patience:
    """Waits, counts the seconds of waiting, and gives signs of life meanwhile.

    Attributes:
        alive: called about every POLL_S seconds of waiting.
        waited_s: seconds waited so far.
    """

    alive: Callable[[], None] = lambda: None
    waited_s: float = 0.0

    def work_s(self) -> float:
        """Return a clock that stands still while waiting."""
        return time.perf_counter() - self.waited_s

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count what happens inside as waiting."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.waited_s += time.perf_counter() - began

    def until(self, ready: Callable[[], bool]) -> None:
        """Wait until `ready` says so, or for LONGEST_S."""
        if ready():
            return
        with self.waiting():
            end = time.monotonic() + LONGEST_S
            while not ready() and time.monotonic() < end:
                self.alive()
                time.sleep(POLL_S)


class _Locks:
    """The two locks of a device."""

    def __init__(self, key: str, stack: ExitStack) -> None:
        self.gate = stack.enter_context(LockFile(f"{key}.gate"))
        self.device = stack.enter_context(LockFile(f"{key}.device"))

    def is_open(self) -> bool:
        """Return whether nobody measures or waits to measure."""
        if not self.gate.share():
            return False
        self.gate.release()
        return True


class SharedDevices:
    """The trial's side: works on devices that others train on too, and gives way to measurements."""

    def __init__(self, device_keys: Sequence[str], patience: Patience | None = None) -> None:
        """Prepare to work.

        Args:
            device_keys: as of `objectives.deploy.device.training_keys` and `measuring_keys`.
            patience: counts the seconds of waiting.
        """
        self.keys = sorted(set(device_keys))
        self.patience = patience or Patience()
        self._locks: list[_Locks] = []
        self._held = False

    @contextmanager
    def working(self) -> Iterator[None]:
        """Work inside on the devices: nobody measures on them meanwhile, but when `give_way` or `paused` lets them."""
        with ExitStack() as stack:
            self._locks = [_Locks(key, stack) for key in self.keys]
            self._take()
            try:
                yield
            finally:
                self._locks, self._held = [], False

    def give_way(self) -> None:
        """Let measurements that wait for the devices go first; takes microseconds if none does."""
        if not self._held:
            self._try()  # it has waited long enough for one who was stopped
        elif not all(locks.is_open() for locks in self._locks):
            self._release()
            self._take()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the devices to others inside; the seconds count as waited."""
        self._release()
        with self.patience.waiting():
            yield
        self._take()

    def _take(self) -> None:
        self.patience.until(self._try)

    def _try(self) -> bool:
        self._held = all(locks.is_open() and locks.device.share() for locks in self._locks)
        if not self._held:
            self._release()  # nobody holds one device while waiting for another
        return self._held

    def _release(self) -> None:
        self._held = False
        for locks in self._locks:
            locks.device.release()


@contextmanager
def exclusive(device_keys: Sequence[str], patience: Patience | None = None) -> Iterator[None]:
    """Have devices alone inside, to measure on them; waits until those who work there give way.

    Never call it from inside `SharedDevices.working` of the same process: it would wait for itself.

    Args:
        device_keys: as of `measuring_keys`.
        patience: counts the seconds of waiting.
    """
    patience = patience or Patience()
    with ExitStack() as stack:
        for key in sorted(set(device_keys)):
            locks = _Locks(key, stack)
            patience.until(locks.gate.own)
            patience.until(locks.device.own)
        yield
