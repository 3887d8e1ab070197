"""The contract of a study's files: what a trial has left lies in the study's folder, whichever machine asks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from objectives.records.artifacts.stored_files import StoredFile
from objectives.records.trial_record import TrialRecord

Say = Callable[[str], None]


class StudyFiles(ABC):
    """The files of one study, as one process sees them. Numbers are those of trials that this process has claimed."""

    @abstractmethod
    def bring(self, trial: TrialRecord, names: Collection[str] | None = None) -> None:
        """Let what is kept of a trial's files lie in the study's folder.

        Where the folder has the newest, that stays; files that nobody keeps (any more) are not made.

        Args:
            trial: the trial; of one that has not ended, this process must have claimed it.
            names: of the files that are needed; None for all.

        Raises:
            FileLost: what is kept of it is damaged, or gone.
            StoreError: it cannot be reached.
        """

    @abstractmethod
    def changed(self, number: int) -> None:
        """Note that a trial in training may have written a checkpoint; returns at once.

        Raises:
            StoreError: the store of the study cannot be used any more.
        """

    @abstractmethod
    def flush(self, number: int, seconds: float | None = None) -> None:
        """Wait until what a trial has left is kept and listed; its processes must have ended.

        Args:
            number: the trial's.
            seconds: to wait at most, and to leave it at that then; None for `store.wait_s`, and an error behind it.

        Raises:
            StoreError: it could not be kept in time.
        """

    @abstractmethod
    def keep(self, folder: Path) -> Mapping[str, StoredFile]:
        """Keep the files of a trial that is about to be stored, ended as it is, and return what it lists.

        Args:
            folder: of the trial, within the study's.

        Raises:
            StoreError: they could not be kept in time.
        """

    @abstractmethod
    def forget(self, files: Mapping[str, StoredFile]) -> None:
        """Remove what was kept under these names; nobody needs it any more. Returns at once."""

    @abstractmethod
    def ended(self, number: int) -> None:
        """Remove the checkpoints of a trial that has ended. Returns at once."""

    @abstractmethod
    def drop(self, number: int) -> None:
        """Keep no more of a trial: another process has it now."""

    @abstractmethod
    def sweep(self, dead: Collection[int]) -> None:
        """Remove what processes that are dead have left without a list; returns at once.

        Args:
            dead: keys of sessions.
        """

    @abstractmethod
    def close(self) -> None:
        """End what still runs."""
