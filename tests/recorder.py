"""A listener that keeps all that a trial reports, in order, and decides at rungs by a script."""

from collections.abc import Callable, Mapping
from typing import Any

from objectives.records.records import Accuracy, Latency, Resources, Rung
from objectives.trial.job import RungDecision, TrialListener

Event = tuple[Any, ...]  # name of the listener's method, and what it was called with


class Recorder(TrialListener):
    """Keeps events; at a rung it decides what `decisions` say for the epoch, else to go on."""

    def __init__(
        self,
        decisions: Mapping[int, RungDecision] | None = None,
        hook: Callable[[Event], None] = lambda _: None,
    ) -> None:
        """`hook` is called with every event, before it is kept."""
        self.decisions, self.hook = decisions or {}, hook
        self.events: list[Event] = []

    def of(self, kind: str) -> list[Any]:
        """Return what the events of a kind were called with first."""
        return [event[1] for event in self.events if event[0] == kind]

    def stage(self, name: str) -> None:
        self._keep("stage", name)

    def progress(self, epoch: int, share: float) -> None:
        self._keep("progress", epoch, share)

    def latency(self, latency: Latency, trained: bool) -> None:
        self._keep("latency", latency, trained)

    def rung(self, rung: Rung) -> RungDecision:
        self._keep("rung", rung)
        return self.decisions.get(rung.epoch, RungDecision.GO_ON)

    def accuracy(self, accuracy: Accuracy) -> None:
        self._keep("accuracy", accuracy)

    def resources(self, resources: Resources) -> None:
        self._keep("resources", resources)

    def warning(self, text: str) -> None:
        self._keep("warning", text)

    def _keep(self, *event: Any) -> None:
        self.hook(event)
        self.events.append(event)
