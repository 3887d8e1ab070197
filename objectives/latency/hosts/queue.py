"""A device that another machine has: its latencies are asked of whoever measures for the study, one order at a time."""

import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from objectives.deploy.device import Device, offered
from objectives.deploy.formats.deployed import deployed
from objectives.deploy.runtimes.open import check_here
from objectives.latency.hosts.contract import About, Host, Task
from objectives.latency.protocol import LatencyProtocol
from objectives.machine.device_locks import Patience
from objectives.records.records import Latency
from spaces.errors import AutomlError, DeviceAway, DeviceError, SettingsError, nearest

JOINS, REFUSED = "auto", "never"
ANSWER_EVERY_S = 0.1  # between two looks whether an order has its answer


@dataclass(frozen=True)
class QueueSettings:
    """What a process does about a device of its study that its own machine has not.

    Attributes:
        elsewhere: "auto": it joins, and asks the study's queue for latencies; "never": it is refused.
        wait_s: seconds without anybody who measures on the device after which its trials are put aside.
    """

    elsewhere: str
    wait_s: float

    def __post_init__(self) -> None:
        if self.elsewhere not in (JOINS, REFUSED):
            hint = nearest(self.elsewhere, (JOINS, REFUSED))
            raise SettingsError(f"queue.elsewhere: unknown choice '{self.elsewhere}'{hint}; known: {JOINS}, {REFUSED}")
        if not self.wait_s >= 0:
            raise SettingsError(f"queue.wait_s: must be 0 or more, got {self.wait_s}")


@dataclass(frozen=True)
class Order:
    """Files to be measured on a device that another machine has.

    Attributes:
        device: name of the device in the study.
        artifacts: the files, as the device's runtime opens them.
        images: image files, taken in turn.
        protocol: when a file is done.
        again: whether kept figures do not answer.
        key: names the order; whoever asks again with the same order asks for the same answer.
    """

    device: str
    artifacts: tuple[Path, ...]
    images: tuple[Path, ...]
    protocol: LatencyProtocol
    again: bool = False
    key: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class Answer:
    """What became of an order.

    Attributes:
        figures: for each file, in order, its figure, or why it has none; empty where nothing was measured.
        away: why nothing was measured, where that passes; else empty.
    """

    figures: tuple[Latency | DeviceError, ...] = ()
    away: str = ""


Ask = Callable[[Order], Answer | None]  # returns at once; None: not yet, ask again


class InQueue(Host):
    """The machine that has the device, as one that has it not sees it: through the study's queue."""

    def __init__(self, device: Device, description: Mapping[str, Any], ask: Ask) -> None:
        """Take a device of the study.

        Args:
            device: as its settings name it.
            description: of the device, as the study keeps it.
            ask: passes an order on, and returns its answer once there is one.
        """
        super().__init__(device)
        self._description, self._ask = dict(description), ask

    def check(self) -> None:
        """Check that the device's runtime scores here: latency alone is measured elsewhere."""
        check_here(self.device.here())

    def describe(self) -> dict[str, Any]:
        """Return the description that the study keeps."""
        return dict(self._description)

    def about(self) -> About:
        """Return the providers of the runtime here."""
        return About(tuple(offered(self.device.runtime)))

    def calm_ms(self) -> tuple[float, ...]:
        """Return none: the scale of figures is kept where they are measured."""
        return ()

    def alone(self, patience: Patience) -> AbstractContextManager[None]:
        """Refuse: who measures has the device alone."""
        self._refuse()

    def run(self, task: Task) -> list[dict[str, Any]]:
        """Refuse: whole orders are asked for, see `figures`."""
        self._refuse()

    def figures(
        self,
        artifacts: Sequence[Path],
        images: Sequence[Path],
        protocol: LatencyProtocol,
        patience: Patience,
        *,
        again: bool = False,
    ) -> list[Latency | DeviceError]:
        """Order the figures of files and wait for them; arguments are those of `latencies_once`.

        Files that the device's runtime does not open are converted here first.

        Returns:
            for each file, in order, its figure, or why it has none.

        Raises:
            DeviceAway: nobody measures on the device now.
        """
        ready = [self._runnable(path) for path in artifacts]
        paths = tuple(one for one in ready if isinstance(one, Path))
        answer = self._answer(Order(self.device.name, paths, tuple(images), protocol, again), patience)
        found = iter(answer.figures)
        return [next(found) if isinstance(one, Path) else one for one in ready]

    def _answer(self, order: Order, patience: Patience) -> Answer:
        if not order.artifacts:
            return Answer()
        with patience.waiting():
            while (answer := self._ask(order)) is None:
                patience.alive()
                time.sleep(ANSWER_EVERY_S)
        if answer.away:
            raise DeviceAway(answer.away)
        return answer

    def _runnable(self, artifact: Path) -> Path | DeviceError:
        try:
            path = deployed(artifact, self.device)
        except AutomlError as error:
            return DeviceError(f"device={self.device.name}: {error}")
        if not path.is_file():
            return DeviceError(f"device={self.device.name}: '{artifact}' is no file; name an exported file")
        return path

    def _refuse(self) -> NoReturn:
        name = self.device.name
        raise DeviceError(f"device={name}: is measured through its study's queue; name a device of this machine")


_ELSEWHERE: dict[str, InQueue] = {}  # by the device's settings; while a study is worked on whose device is elsewhere


def in_queue(device: Device) -> InQueue | None:
    """Return the queue that a device is measured through in this process now; None for a device of its own."""
    return _ELSEWHERE.get(repr(device))


@contextmanager
def measured_elsewhere(hosts: Collection[InQueue]) -> Iterator[None]:
    """Have devices measured through the study's queue inside."""
    before = dict(_ELSEWHERE)
    _ELSEWHERE.update({repr(host.device): host for host in hosts})
    try:
        yield
    finally:
        _ELSEWHERE.clear()
        _ELSEWHERE.update(before)


@contextmanager
def asked_of(ask: Ask, devices: Sequence[Device], names: Collection[str]) -> Iterator[None]:
    """Have those of the devices that are named measured through a queue inside: in a trial, which has no store."""
    with measured_elsewhere([InQueue(device, {}, ask) for device in devices if device.name in names]):
        yield
