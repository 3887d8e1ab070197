"""The reference network: a fixed little network timed beside every detector, and what its time is on a calm machine."""

import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from objectives.latency.calm_times import calm_file
from objectives.latency.reference_runs import reference_run
from objectives.machine.files import cache_folder, write_text

VERSION = 4  # of the network and of how it is timed
SETTLE_S = 2.0  # seconds that the calm time is looked for
CALM_RUNS = 100  # least runs of it


class Reference:
    """Runs the reference network on one processor thread, and keeps its calm time on this device."""

    def __init__(
        self,
        fingerprint: str,
        clock: Callable[[], float] = time.process_time,
        network: Path | None = None,
        folder: Path | None = None,
    ) -> None:
        """Load the network.

        Args:
            fingerprint: of the device whose calm time is kept.
            clock: gives seconds.
            network: the network's file, on a board; None builds it here.
            folder: where the calm time is kept; None: the cache folder.
        """
        self._clock = clock
        self._run, runtime = reference_run(_network() if network is None else network.read_bytes())
        # With the version of its own runtime: another one may be faster, and `fingerprint` may name OpenVINO's alone.
        self._file = calm_file(folder or cache_folder(), VERSION, runtime, fingerprint)

    def time_ms(self) -> float:
        """Run once and return milliseconds.

        An untimed run comes first: the detector has just emptied the caches, a large one more than a small one.
        """
        self._run()
        start = self._clock()
        self._run()
        return 1e3 * (self._clock() - start)

    def calm_ms(self) -> float:
        """Return the calm time of the reference on this device: measured once, and kept for good.

        Were it a best that later sessions could still beat, one of them would shift all figures after it. Where it
        cannot be kept, it is measured by each process that asks.
        """
        try:
            kept = float(self._file.read_text())
            if 0 < kept < math.inf:
                return kept
        except (OSError, ValueError):
            pass
        found = settle(self.time_ms)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._file, f"{found:.6f}", shared=True)
        except OSError:  # a folder that cannot be written must not end a search
            pass
        return found


def settle(time_ms: Callable[[], float]) -> float:
    """Measure the calm time: the fastest twentieth of the runs of SETTLE_S seconds ends there.

    On two cores at a load of 6 it came out within 4 % of itself, over six processes, and at most 6 % over the
    time of a calmer hour; the least of the medians of 20 runs within 13 %, and up to 22 % over.

    Args:
        time_ms: runs the reference once and returns milliseconds.
    """
    end = time.perf_counter() + SETTLE_S
    times: list[float] = []
    while len(times) < CALM_RUNS or time.perf_counter() < end:
        times.append(time_ms())
    return float(np.quantile(times, 0.05))


def _network() -> bytes:
    from objectives.latency.reference_network import network_bytes  # it needs onnx, which a board has not

    return network_bytes()
