"""The asking side: a thread that passes orders on to the store, and brings their answers."""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from objectives.deploy.device import digest
from objectives.latency.hosts.queue import Answer, Ask, Order
from objectives.records.records import Latency
from search.study.claims.contract import Claims
from search.study.measuring.claimed import Whereabouts, post_of
from search.study.measuring.orders import Orders
from search.study.measuring.parcels import Parcels
from spaces.errors import DeviceError, first_line

ANSWERS_EVERY_S = 0.2  # between two looks for answers
POST_EVERY_S = 1.0  # between two looks whether anybody measures on a device
TAKE_BACK_S = 10.0  # that an end waits for the store: it may be away
STORE_AGAIN_S = 1.0  # after the store or the place of files could not be used


@dataclass
class _Asked:
    """An order of this process.

    Attributes:
        order: the order.
        owner: number of the trial that asks.
        since: when it was given, by the monotonic clock.
        number: of the order in the store, once it is there.
        body: likewise.
        answer: once it is there.
        forgotten: nobody waits for it any more.
    """

    order: Order
    owner: int | None
    since: float = field(default_factory=time.monotonic)
    number: int | None = None
    body: dict[str, Any] = field(default_factory=dict)
    answer: Answer | None = None
    forgotten: bool = False


class Asker:
    """Passes orders on. `ask` and `forget` return at once; a thread of its own uses the store and the files.

    Use an asker as a context. A store or files that cannot be used now are tried again, and waited for as long as for
    somebody who measures.
    """

    def __init__(
        self,
        orders: Orders,
        parcels: Parcels,
        claims: Claims,
        key: int,
        devices: Sequence[str],
        descriptions: Mapping[str, Mapping[str, Any]],
        wait_s: float,
        where: Whereabouts,
    ) -> None:
        """Set up; nothing is asked yet.

        Args:
            orders: of the study.
            parcels: of this process.
            claims: of this process.
            key: of this process among the searching ones.
            devices: names of all devices of the study, in order.
            descriptions: of those that another machine has, by their names.
            wait_s: seconds without anybody who measures on a device after which an order is answered as away.
            where: the study is, for the line that measures.
        """
        self._orders, self._parcels, self._claims, self._key = orders, parcels, claims, key
        self._devices, self._descriptions, self._wait_s, self._where = devices, descriptions, wait_s, where
        self._asked: dict[str, _Asked] = {}
        self._left: list[
            tuple[int | None, dict[str, Any]]
        ] = []  # orders to be removed from the store, with their files
        self._lock, self._wakes = threading.Lock(), threading.Event()
        self._is_ending = False
        self._seen_at: dict[str, float] = {}  # when somebody measured on a device, by the monotonic clock
        self._vacant: set[str] = set()  # devices that an order was given up for, and nobody measures on since
        self._post_at, self._why = 0.0, ""
        self._thread = threading.Thread(target=self._run, name="latency orders", daemon=True)

    def __enter__(self) -> "Asker":
        self._orders.make()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take back what is not answered."""
        self._is_ending = True
        self._wakes.set()
        self._thread.join(TAKE_BACK_S)

    def asking(self, owner: int) -> Ask:
        """Return what passes the orders of one trial on."""
        return lambda order: self.ask(order, owner)

    def ask(self, order: Order, owner: int | None = None) -> Answer | None:
        """Pass an order on, the first time; return its answer, once, or None while there is none."""
        with self._lock:
            asked = self._asked.get(order.key)
            if asked is None:
                self._asked[order.key] = _Asked(order, owner)
                self._wakes.set()
                return None
            if asked.answer is not None:
                del self._asked[order.key]
            return asked.answer

    def forget(self, owner: int) -> None:
        """Take back what a trial has ordered: the trial is gone."""
        with self._lock:
            for asked in self._asked.values():
                asked.forgotten = asked.forgotten or asked.owner == owner
        self._wakes.set()

    def _run(self) -> None:
        while not self._is_ending:
            self._wakes.wait(ANSWERS_EVERY_S if self._asked or self._left else None)
            self._wakes.clear()
            with self._lock:
                waiting = [asked for asked in self._asked.values() if asked.answer is None or asked.forgotten]
            try:
                self._turn(waiting)
                self._why = ""
            except Exception as error:  # drivers of databases and object stores raise whatever they like: tried again
                self._why = first_line(error)
                logging.getLogger(__name__).info("orders for latencies", exc_info=True)
                self._wakes.wait(STORE_AGAIN_S)
            self._give_up(waiting)
        self._take_all_back()

    def _turn(self, waiting: Sequence[_Asked]) -> None:
        self._clear()
        for asked in waiting:
            if asked.forgotten:
                self._take_back(asked)
            elif asked.number is None:
                self._send(asked)
            else:
                self._bring(asked)
        if time.monotonic() >= self._post_at:
            self._post_at = time.monotonic() + POST_EVERY_S
            for device in {asked.order.device for asked in waiting}:
                if self._claims.is_elsewhere(post_of(device, self._devices)):
                    self._seen_at[device] = time.monotonic()
                    self._vacant.discard(device)

    def _send(self, asked: _Asked) -> None:
        try:
            asked.body = asked.body or self._parcels.send(asked.order)
        except FileNotFoundError:  # its trial was ended, and its folder removed
            asked.answer = Answer(away=f"device={asked.order.device}: the files to be measured are gone")
            return
        asked.number = self._orders.put(self._key, asked.order.device, asked.body)

    def _bring(self, asked: _Asked) -> None:
        assert asked.number is not None
        try:
            answer = self._orders.answer_of(asked.number)
        except LookupError:  # whoever measures took this process for dead, as it was frozen
            self._take_back(asked)
            return
        if answer is not None:
            asked.answer = self._checked(asked.order, answer)
            self._take_back(asked)

    def _checked(self, order: Order, answer: Answer) -> Answer:
        """Return an answer without figures of another device than the study's."""
        if answer.away:
            return answer
        expected = digest(self._descriptions[order.device])
        figures = tuple(
            DeviceError(f"device={order.device}: measured on another device ({one.device} in place of {expected})")
            if isinstance(one, Latency) and one.device != expected
            else one
            for one in answer.figures
        )
        return Answer(figures)

    def _give_up(self, waiting: Sequence[_Asked]) -> None:
        """Answer as away what nobody will measure now; at once, where nobody was seen since the last such answer."""
        for asked in waiting:
            name = asked.order.device
            since = max(self._seen_at.get(name, 0.0), asked.since)
            is_known = name in self._vacant and not self._why and self._post_at - POST_EVERY_S > asked.since
            if asked.answer is None and (is_known or time.monotonic() - since > self._wait_s):
                self._vacant.add(name)
                asked.answer = Answer(away=self._away(name))
                self._take_back(asked)

    def _away(self, device: str) -> str:
        if self._why:
            return f"device={device}: its machine cannot be asked ({self._why})"
        about = self._descriptions[device]
        what = about.get("model") or about.get("processor") or "another one than here"
        return (
            f"device={device} ({what}): no machine that has it measures for this study; there give: {self._where.line}"
        )

    def _take_back(self, asked: _Asked) -> None:
        """Have an order removed with its files; whoever asked takes the answer, if there is one."""
        if asked.forgotten:
            with self._lock:
                self._asked.pop(asked.order.key, None)
        if asked.body:
            self._left.append((asked.number, asked.body))
        asked.number, asked.body = None, {}

    def _clear(self) -> None:
        while self._left:
            number, body = self._left[0]
            if number is not None:
                self._orders.drop(number)
            self._parcels.remove(body)
            self._left.pop(0)

    def _take_all_back(self) -> None:
        for asked in list(self._asked.values()):
            self._take_back(asked)
        try:
            self._clear()
            self._parcels.close()
        except Exception:  # as above; whoever measures drops what a process that is gone has ordered
            logging.getLogger(__name__).info("orders for latencies stay", exc_info=True)
