"""What a trial reports, as values that go through a pipe: each is one call of a `TrialListener`."""

from collections.abc import Callable
from dataclasses import dataclass

from objectives.latency.hosts.queue import Answer as Figures
from objectives.latency.hosts.queue import Order
from objectives.records.children import ChildrenOrder, ChildrenReport
from objectives.records.records import Accuracy, Ending, Latency, Resources, Rung
from objectives.trial.job import RungDecision, TrialListener
from spaces.network.family import Family

Answer = RungDecision | ChildrenOrder | Figures | None


@dataclass(frozen=True)
class Call:
    """One call of a listener.

    Attributes:
        method: name of the listener's method.
        arguments: what it is called with; records and plain values alone.
    """

    method: str
    arguments: tuple[object, ...]

    @property
    def is_answered(self) -> bool:
        """Whether the trial waits for what the listener returns."""
        return self.method in ("rung", "children", "measured")

    def make(self, listener: TrialListener) -> Answer:
        """Call the listener; return what it answers."""
        answer: Answer = getattr(listener, self.method)(*self.arguments)
        return answer


@dataclass(frozen=True)
class Ended:
    """The last message of a trial: how it ended, or None if it is paused, or was only to be measured."""

    ending: Ending | None


class CallListener(TrialListener):
    """Turns what a trial reports into calls, and hands each to a function, which returns the answer if there is one."""

    def __init__(self, hand_on: Callable[[Call], Answer]) -> None:
        self._hand_on = hand_on

    def stage(self, name: str) -> None:
        """Hand the stage on."""
        self._hand_on(Call("stage", (name,)))

    def progress(self, epoch: int, share: float) -> None:
        """Hand the progress on."""
        self._hand_on(Call("progress", (epoch, share)))

    def latency(self, latency: Latency, trained: bool) -> None:
        """Hand the latency on."""
        self._hand_on(Call("latency", (latency, trained)))

    def latency_on(self, device: str, latency: Latency, trained: bool) -> None:
        """Hand the latency on."""
        self._hand_on(Call("latency_on", (device, latency, trained)))

    def rung(self, rung: Rung) -> RungDecision:
        """Hand the rung on and return the decision."""
        decision = self._hand_on(Call("rung", (rung,)))
        assert isinstance(decision, RungDecision)  # every listener's `rung` returns one
        return decision

    def measured(self, order: Order) -> Figures | None:
        """Hand the order on and return its answer, if there is one by now."""
        answer = self._hand_on(Call("measured", (order,)))
        assert answer is None or isinstance(answer, Figures)
        return answer

    def accuracy(self, accuracy: Accuracy) -> None:
        """Hand the accuracy on."""
        self._hand_on(Call("accuracy", (accuracy,)))

    def resources(self, resources: Resources) -> None:
        """Hand the resources on."""
        self._hand_on(Call("resources", (resources,)))

    def warning(self, text: str) -> None:
        """Hand the warning on."""
        self._hand_on(Call("warning", (text,)))

    def family(self, family: Family) -> None:
        """Hand the family on."""
        self._hand_on(Call("family", (family,)))

    def children(self, report: ChildrenReport) -> ChildrenOrder | None:
        """Hand the report on and return the order."""
        order = self._hand_on(Call("children", (report,)))
        assert order is None or isinstance(order, ChildrenOrder)
        return order
