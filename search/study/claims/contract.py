"""The contract of claims: who works on which trial, who chooses next, which searching processes live."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path


class Claims(ABC):
    """The claims of one searching process on a study; a process may have one object of this kind per study.

    Attributes:
        folder: of the study, as this process sees it.
        trials: numbers of the trials that this process works on.
        reach_other_machines: whether processes on other machines, with folders of their own, see these claims.
    """

    reach_other_machines: bool = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trials: set[int] = set()

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
        """Give a trial back; nothing happens if it was lost meanwhile."""

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
        """Return the trials that another process has taken over since they were claimed; they are claimed no more."""
        return set()

    def living(self, numbers: Iterable[int]) -> set[int]:
        """Return the numbers, among these, of trials that a living process works on; call this inside `alone`."""
        return {number for number in numbers if number in self.trials or self.is_elsewhere(number)}

    @contextmanager
    def freeing(self) -> Iterator[None]:
        """Give all trials back whatever happens here."""
        try:
            yield
        finally:
            for number in list(self.trials):
                self.free(number)
