"""The measuring side: orders of other machines, measured here one at a time by the ordinary protocol."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from objectives.deploy.device import Device
from objectives.latency.hosts.queue import Answer
from objectives.latency.once import latencies_once
from objectives.machine.device_locks import Patience
from objectives.records.records import Latency
from search.study.claims.contract import Claims
from search.study.measuring.claimed import claim_of, post_of
from search.study.measuring.orders import Orders, StoredOrder
from search.study.measuring.parcels import Parcels
from spaces.errors import AutomlError, DeviceAway, DeviceError, first_line

ORDERS_EVERY_S = 0.25  # between two looks for orders, where there were some lately
BUSY_S = 600.0
SELDOM_S = 5.0  # between two looks else
END_S = 10.0  # that an end waits for the store: it may be away
TRIES_MOST = 3  # to fetch an order's files


class ServingEnded(Exception):
    """Raised inside a measurement that is to be left."""


@dataclass(frozen=True)
class Served:
    """An order that was answered.

    Attributes:
        order: the order.
        answer: what was measured.
        seconds: that it took, the fetching of its files included.
    """

    order: StoredOrder
    answer: Answer
    seconds: float


class Server:
    """Measures for others on the devices that this machine has. One thread calls it."""

    def __init__(
        self,
        orders: Orders,
        parcels: Parcels,
        claims: Claims,
        devices: Mapping[str, Device],
        names: Sequence[str],
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Set up; nothing is measured yet.

        Args:
            orders: of the study.
            parcels: of this process.
            claims: of this process.
            devices: that are measured on here, by their names.
            names: of all devices of the study, in order.
            warn: takes what there is to say of the user's book of latencies.
        """
        self._orders, self._parcels, self._claims, self._warn = orders, parcels, claims, warn
        self._devices, self._posts = devices, [post_of(name, names) for name in devices]
        self._lately_at = float("-inf")  # when there was an order, by the monotonic clock
        self._sweep_at = 0.0
        self._tries: dict[int, int] = {}
        self._stops = threading.Event()

    def take_posts(self) -> None:
        """Claim the posts of the devices that nobody holds: those who ask see that somebody measures."""
        lost = self._claims.lost()  # by a process that was frozen; whoever took the post may have left since
        for number in self._posts:
            if number in lost or number not in self._claims.trials:
                self._claims.take(number)

    def pause_s(self) -> float:
        """Return the seconds until the next look for orders."""
        return ORDERS_EVERY_S if time.monotonic() - self._lately_at < BUSY_S else SELDOM_S

    def stop(self) -> None:
        """Leave a measurement that is under way; another one takes its order."""
        self._stops.set()

    def serve(self) -> Served | None:
        """Answer the oldest order that nobody else is at; None if there is none."""
        if not self._orders.is_made():
            return None
        self.take_posts()
        self._sweep()
        for order in self._orders.waiting(list(self._devices)):
            self._lately_at = time.monotonic()
            if not self._claims.is_alive(order.asker):
                self._drop(order)
            elif self._claims.take(claim_of(order.number)):
                try:
                    if (served := self._served(order)) is not None:
                        return served
                finally:
                    self._claims.free(claim_of(order.number))
        return None

    def _sweep(self) -> None:
        """Remove, now and then, the answers that nobody will take."""
        if time.monotonic() < self._sweep_at:
            return
        self._sweep_at = time.monotonic() + SELDOM_S
        for order in self._orders.answered():
            if not self._claims.is_alive(order.asker):
                self._drop(order)

    def _drop(self, order: StoredOrder) -> None:
        """Remove the order of a process that is gone, with its files."""
        self._orders.drop(order.number)
        self._parcels.remove(order.body, with_images=True)

    def _served(self, order: StoredOrder) -> Served | None:
        """Measure what a claimed order asks for, and answer; None if it was answered meanwhile, or cannot be now."""
        if not self._orders.waits(order.number):
            return None
        began = time.monotonic()
        with TemporaryDirectory(prefix="automl-measure-") as folder:
            answer = self._answer(order, Path(folder))
        if answer is None:
            return None
        self._orders.answer(order.number, answer, socket.gethostname())
        return Served(order, answer, time.monotonic() - began)

    def _answer(self, order: StoredOrder, folder: Path) -> Answer | None:
        device = self._devices[order.device]
        try:
            received = self._parcels.fetch(order.body, folder)
        except Exception as error:  # of the place or its library, or of a body that another version has written
            return self._not_fetched(order, error)
        patience = Patience(self._alive)
        try:
            found = latencies_once(
                received.artifacts,
                device,
                received.images,
                received.protocol,
                patience=patience,
                warn=self._warn,
                again=received.again,
            )
        except DeviceAway as away:
            return Answer(away=str(away))
        except ServingEnded:
            raise
        except Exception as error:  # of any kind: who measures is here, so that its trial would wait for ever
            logging.getLogger(__name__).info("measuring for others", exc_info=True)
            why = str(error) if isinstance(error, AutomlError) else first_line(error)
            return _failed(order, f"device={device.name}: measuring on {socket.gethostname()} failed: {why}")
        return Answer(tuple(_by_this_machine(one) for one in found))

    def _not_fetched(self, order: StoredOrder, error: Exception) -> Answer | None:
        """Return the answer to an order whose files are not to be had; None while they may come yet."""
        self._tries[order.number] = self._tries.get(order.number, 0) + 1
        logging.getLogger(__name__).info("files of an order", exc_info=True)
        if self._tries[order.number] < TRIES_MOST:
            return None
        return _failed(order, f"device={order.device}: the files did not arrive on {socket.gethostname()} ({error})")

    def _alive(self) -> None:
        if self._stops.is_set():
            raise ServingEnded


def _failed(order: StoredOrder, text: str) -> Answer:
    return Answer(tuple(DeviceError(text) for _ in order.body["files"]))


def _by_this_machine(found: Latency | DeviceError) -> Latency | DeviceError:
    return replace(found, measured_by=socket.gethostname()) if isinstance(found, Latency) else found


class ServingThread:
    """Serves beside a search, as a context; what is served, and what went wrong, is handed on in words."""

    def __init__(self, server: Server, say: Callable[[str], None]) -> None:
        """Set up.

        Args:
            server: has its devices.
            say: takes a line for people, called from the serving thread.
        """
        self._server, self._say = server, say
        self._ends = threading.Event()
        self._has_said = False
        self._thread = threading.Thread(target=self._run, name="measuring for others", daemon=True)

    def __enter__(self) -> "ServingThread":
        self._server.take_posts()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._server.stop()
        self._thread.join(END_S)

    def _run(self) -> None:
        pause_s = self._server.pause_s()
        while not self._ends.wait(pause_s):
            pause_s = self._server.pause_s()
            try:
                if (served := self._server.serve()) is not None:
                    pause_s = 0.0
                    self._say_once(served)
            except ServingEnded:
                return
            except Exception as error:  # of the database or a driver: the search itself says what is wrong with them
                logging.getLogger(__name__).info("measuring for others: %s", first_line(error), exc_info=True)

    def _say_once(self, served: Served) -> None:
        if not self._has_said:
            self._has_said = True
            self._say(f"latencies on {served.order.device} are measured here for machines that have another device")
