"""The contract of claims: who works on which trial, who chooses next, which searching processes live."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

from spaces.errors import StoreError

SESSIONS = 1 << 32  # numbers from here on stand for searching processes, those before for trials

Done = TypeVar("Done")


class LeaseLost(StoreError):
    """Another process has taken over what this one was about to write for; nothing of it was stored.

    Attributes:
        number: of the trial; None for the choice of the next work.
    """

    def __init__(self, number: int | None) -> None:
        what = "the choice of the next work" if number is None else f"trial {number}"
        super().__init__(f"store: {what} was taken over by another process while this one was away")
        self.number = number


class Claims(ABC):
    """The claims of one searching process on a study; a process may have one object of this kind per study.

    Attributes:
        folder: of the study, as this process sees it.
        trials: numbers of the trials that this process works on.
        reach_other_machines: whether processes on other machines, with folders of their own, see these claims.
        say: is given a line when the claims' database is away, and when it is back; by the searching thread alone.
    """

    reach_other_machines: bool = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trials: set[int] = set()
        self.say: Callable[[str], None] = lambda _: None

    @abstractmethod
    def alone(self) -> AbstractContextManager[None]:
        """Keep all other processes from choosing their next work; wait for the turn of this one."""

    @abstractmethod
    def take(self, number: int) -> bool:
        """Claim a trial; False if another living process works on it."""

    @abstractmethod
    def hold(self, number: int) -> None:
        """Claim a trial that no other process works on, as is known; another may be looking at it just now."""

    @abstractmethod
    def free(self, number: int) -> None:
        """Give a trial back, or up if it was lost meanwhile."""

    @abstractmethod
    def is_elsewhere(self, number: int) -> bool:
        """Whether another living process works on a trial."""

    @abstractmethod
    def enter(self, key: int) -> None:
        """Claim a searching process's number, for life."""

    @abstractmethod
    def is_alive(self, key: int) -> bool:
        """Whether a searching process lives."""

    @abstractmethod
    def close(self) -> None:
        """Give everything back."""

    def lost(self) -> set[int]:
        """Return the trials that another process has taken over since they were claimed, until they are given up.

        Whoever works on one leaves it at once, stores nothing more of it, and gives it up by `free`.
        """
        return set()

    def time_s(self) -> float:
        """Return the time by the one clock that all processes go by, in seconds since 1970."""
        return time.time()

    def shares_folder(self, key: int) -> bool:
        """Whether a living process, on another machine, that names this folder has it on the same disk."""
        return self.is_alive(key)

    def living_sessions(self, keys: Iterable[int]) -> set[int]:
        """Return the numbers, among these, of searching processes that live."""
        return {key for key in keys if self.is_alive(key)}

    def in_turn(self, work: Callable[[], Done]) -> Done:
        """Do work while no other process chooses; once more, where another has taken the turn over meanwhile."""
        while True:
            try:
                with self.alone():
                    return work()
            except LeaseLost as lost:
                if lost.number is not None:
                    raise

    def living(self, numbers: Iterable[int]) -> set[int]:
        """Return the numbers, among these, of trials that a living process works on; call this inside `alone`."""
        return {number for number in numbers if number in self.trials or self.is_elsewhere(number)}

    @abstractmethod
    def hurry(self) -> None:
        """Wait no more for a database that is away: this process was interrupted, and stores what it can."""

    @contextmanager
    def hurrying(self) -> Iterator[None]:
        """Hurry from a Ctrl-C on that comes here."""
        try:
            yield
        except KeyboardInterrupt:
            self.hurry()
            raise

    @contextmanager
    def freeing(self) -> Iterator[None]:
        """Give all trials back whatever happens here."""
        try:
            yield
        finally:
            for number in list(self.trials):
                self.free(number)
