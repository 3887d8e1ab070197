"""The clock of a trial: seconds of work by stage."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from objectives.trial.heartbeat import Heartbeat
from objectives.trial.job import TrialListener


@dataclass
class StageClock:
    """Seconds of work by stage; those of waiting are left out."""

    listener: TrialListener
    heartbeat: Heartbeat
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Report the stage, and time what is inside."""
        self.listener.stage(name)
        start = self.heartbeat.work_s()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + self.heartbeat.work_s() - start
