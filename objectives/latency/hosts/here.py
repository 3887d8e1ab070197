"""This machine as a host: a process of its own measures, and ends with the one that asked."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from objectives.deploy.device import measuring_keys, offered
from objectives.deploy.runtimes.open import check_here
from objectives.latency.calm_times import kept_calm_ms
from objectives.latency.hosts.contract import About, Host, Task
from objectives.machine.device_locks import Patience, exclusive
from objectives.machine.files import cache_folder
from spaces.errors import DeviceError

PROBE = [sys.executable, "-m", "objectives.latency.probe"]


class Here(Host):
    """This machine."""

    def check(self) -> None:
        """Check that the runtime is installed, offers the provider and has the options."""
        check_here(self.device)

    def describe(self) -> dict[str, Any]:
        """Return this machine's description of the device."""
        return self.device.describe()

    def about(self) -> About:
        """Return the providers that the runtime offers here."""
        return About(tuple(offered(self.device.runtime)))

    def calm_ms(self) -> tuple[float, ...]:
        """Return the calm times of the cache folder; whoever removes the file starts a new scale."""
        return tuple(kept_calm_ms(cache_folder()).get(self.device.fingerprint, ()))

    @contextmanager
    def alone(self, patience: Patience) -> Iterator[None]:
        """Have the device alone: trials that train on it pause meanwhile."""
        self._alive = patience.alive
        with exclusive(measuring_keys(self.device), patience):
            yield

    def run(self, task: Task) -> list[dict[str, Any]]:
        """Run one measuring process; `alive` is called about once a second meanwhile."""
        job = {
            "device": asdict(self.device),
            "images": [str(path) for path in task.images],
            "protocol": asdict(task.protocol),
            "cores": list(task.cores),
            "parent_pid": os.getpid(),
            "artifacts": [str(path.absolute()) for path in task.artifacts],
            "calm_ms": task.calm_ms,
        }
        with subprocess.Popen(
            PROBE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                out, complaints = _communicate(process, json.dumps(job), task.limit_s, self._alive)
            except subprocess.TimeoutExpired:
                raise DeviceError(self.hung(task)) from None
            finally:
                process.kill()  # without effect if it has ended
        if process.returncode < 0:
            name = signal.Signals(-process.returncode).name
            raise DeviceError(self.failed(task, f"its process was ended by {name}"))
        if process.returncode > 0:
            raise DeviceError(self.failed(task, (complaints.strip().splitlines() or ["no output"])[-1]))
        found: list[dict[str, Any]] = json.loads(out.splitlines()[-1])
        return found


def _communicate(
    process: "subprocess.Popen[str]", text: str, timeout_s: float, alive: Callable[[], None]
) -> tuple[str, str]:
    end = time.monotonic() + timeout_s
    left: str | None = text  # still to be written to the process
    while True:
        try:
            return process.communicate(left, timeout=max(0.0, min(1.0, end - time.monotonic())))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                raise
            left = None
            alive()
