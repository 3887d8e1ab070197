"""One study for its readers: read when it was written, and only while somebody looks; what has changed is published."""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from reports.table.table import StudyTable
from search.browse.changes import GONE, Stamp, StoreWatch
from search.browse.journal import Journal
from search.browse.reading import FreshReading, StudyReading
from search.study.store import store_errors
from spaces.errors import AutomlError, StoreError, first_line

if TYPE_CHECKING:
    from reports.studies.card import StudyCard

WHOLE_EVERY_S = 1.0  # figures of the whole study are made at most so often, or as long as they took
STATE_EVERY_S = 5.0  # a search that has died writes nothing: its silence is looked at
CARD_S = 60.0  # what a card says of the moment (a search that has fallen silent) is looked at again
READS_AGAIN_S = 2.0  # after a store could not be read

Hear = Callable[[str], None]


class Feed:
    """What a server has of one study, and who is listening.

    A thread looks at the store while there are listeners. Without one, a request reads what has changed by itself.
    """

    def __init__(
        self, name: str, folder: Path, url: str | None, where: Sequence[str] = (), *, several: bool = False
    ) -> None:
        """Take which study it is; nothing is read yet. Arguments as of `StoreWatch` and `Live`."""
        self.name = name
        self._watch = StoreWatch(name, folder, url)
        self._reading = StudyReading(name, folder, url)
        self._where, self._several = where, several
        self._journal = Journal()
        self._working = threading.Lock()  # whoever reads the store
        self._listeners: list[Hear] = []
        self._listening = threading.Lock()
        self._wake = threading.Event()
        self._stamp: Stamp | None = GONE
        self._told: dict[str, object] = {}  # the news that listeners were sent last
        self._card: tuple[Stamp | None, float, StudyCard] | None = None  # its stamp, and when it was made
        self._is_whole, self._whole_at, self._whole_s, self._state_at = True, 0.0, 0.0, 0.0

    def listen(self, hear: Hear) -> None:
        """Call `hear` with the study's name, in another thread, whenever there is something new, until `leave`."""
        with self._listening:
            self._listeners.append(hear)
            if len(self._listeners) == 1:
                self._wake = threading.Event()
                thread = threading.Thread(target=self._follow, args=(self._wake,), name=f"browse {self.name}")
                thread.daemon = True  # Ctrl-C waits for nothing
                thread.start()

    def leave(self, hear: Hear) -> None:
        """Call `hear` no more."""
        with self._listening:
            self._listeners.remove(hear)
            if not self._listeners:
                self._wake.set()

    @property
    def is_followed(self) -> bool:
        """Whether the store is looked at by itself."""
        return bool(self._listeners)

    @property
    def news(self) -> dict[str, object]:
        """What listeners are sent: the study's name, the revision, and how the study stands."""
        return {"study": self.name, **self._journal.news}

    @property
    def identity(self) -> Hashable:
        """What another study of the same name would have another of.

        Raises:
            StoreError: the store cannot be read.
        """
        stamp = self._stamp if self.is_followed and self._stamp is not GONE else self._look()
        return None if stamp is GONE else stamp.identity

    def page(self, nonce: str) -> str:
        """Return the study's page as it stands now.

        Raises:
            AutomlError: the study is not there, or cannot be read.
        """
        with self._working:
            self._read_now()
            return self._reading.page(nonce, self._journal.revision, self._where, several=self._several)

    def answer(self, since: int | None, device: str | None) -> str:
        """Return as JSON what has changed since a revision, or everything where that is not known any more.

        Args:
            since: a revision; None: everything.
            device: of several, whose view it is; None for the first.

        Raises:
            AutomlError: the study is not there, or cannot be read; it has no such device.
        """
        if not (self.is_followed and self._journal.holds(since)):
            with self._working:
                self._read_now()
        return self._journal.answer(since, self._reading.at(device))

    def sheet(self, number: int) -> Path:
        """Return the file of a trial's contact sheet.

        Raises:
            AutomlError: there is none.
        """
        with self._working:
            if self._journal.revision == 0:
                self._read_now()
            return self._reading.sheet(number)

    def table(self) -> StudyTable:
        """Return the study as it is stored now.

        Raises:
            AutomlError: the study is not there, or cannot be read.
        """
        with self._working, store_errors(self.name):
            return self._reading.table()

    def card(self) -> "StudyCard":
        """Return the study in brief, for the page of all studies; one that cannot be read says why."""
        from reports.studies.card import card_of, unread_card

        with self._working:
            try:
                stamp, now = self._look(), time.monotonic()
                if self._card is None or self._card[0] != stamp or now - self._card[1] > CARD_S:
                    with store_errors(self.name):
                        self._card = stamp, now, card_of(self._reading.table())
                    if not self._journal.revision:
                        self._reading.forget()  # a table may be large, and there may be a hundred studies
                return self._card[2]
            except AutomlError as error:
                return unread_card(self.name, str(error))

    def _read_now(self) -> None:
        """Take in all that the store has; whoever calls has the lock."""
        stamp = self._look()
        if stamp is GONE:
            self._gone()
        if stamp != self._stamp or not self._is_whole or not self._journal.revision:
            self._take(stamp, whole=True)

    def _look(self) -> Stamp | None:
        with store_errors(self.name):
            return self._watch.stamp()

    def _gone(self) -> None:
        self._stamp = GONE
        self._reading.forget()
        self._journal.clear()
        self._journal.state("gone", "the study has been deleted")
        raise StoreError(f"study: there is no '{self.name}' any more; it has been deleted")

    def _take(self, stamp: Stamp | None, *, whole: bool) -> None:
        """Read the store, which had this stamp before, and publish what has changed."""
        began = time.monotonic()
        if self._stamp is not GONE and stamp is not GONE and stamp.identity != self._stamp.identity:
            self._reading.forget()  # another study has taken the name
            self._journal.clear()
        with store_errors(self.name):
            found: FreshReading = self._reading.read(whole=whole)
        self._journal.publish(found)
        self._stamp, self._is_whole = stamp, found.is_whole
        self._state_at = time.monotonic()
        if found.is_whole:
            self._whole_at, self._whole_s = self._state_at, self._state_at - began

    def _follow(self, wake: threading.Event) -> None:
        """Look at the store, again and again, until nobody listens."""
        while not wake.is_set():
            pause_s = self._watch.poll_s
            try:
                with self._working:
                    self._follow_once()
            except AutomlError as error:
                pause_s = READS_AGAIN_S
                if self.news["state"] != "gone":
                    self._journal.state("away", str(error))
            except Exception as error:  # a mistake of ours in one study: its readers hear of it, and it is tried again
                pause_s = READS_AGAIN_S
                self._journal.state("away", f"{type(error).__name__}: {first_line(error)}")
            if (news := self.news) != self._told:  # a request may have read something first
                self._told = news
                self._tell_all()
            wake.wait(pause_s)

    def _follow_once(self) -> None:
        """Take in what is new: at once what a trial's end changes, the figures of the whole study when it is time."""
        stamp, now = self._look(), time.monotonic()
        if stamp is GONE:
            self._gone()
        is_due = now - self._whole_at >= max(WHOLE_EVERY_S, self._whole_s)
        if stamp != self._stamp or self._journal.is_away:
            self._take(stamp, whole=is_due and self._whole_s < WHOLE_EVERY_S)
        elif is_due and not self._is_whole:
            self._take(stamp, whole=True)
        elif now - self._state_at >= STATE_EVERY_S:
            self._state_at = now
            self._journal.state(*self._reading.standing())

    def _tell_all(self) -> None:
        with self._listening:
            listeners = list(self._listeners)
        for hear in listeners:
            with suppress(RuntimeError):  # its event loop has ended
                hear(self.name)
