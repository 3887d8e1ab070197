"""Files of a study whose folder is all there is: one machine's, or shared by all."""

from collections.abc import Collection, Mapping
from pathlib import Path

from objectives.records.artifacts.stored_files import StoredFile
from objectives.records.trial_record import TrialRecord
from search.study.files.contract import StudyFiles


class FilesInFolder(StudyFiles):
    """Nothing to do: what a trial has left lies where everybody looks."""

    def bring(self, trial: TrialRecord, names: Collection[str] | None = None) -> None:
        """Leave the folder as it is."""

    def changed(self, number: int) -> None:
        """Do nothing."""

    def flush(self, number: int, seconds: float | None = None) -> None:
        """Do nothing."""

    def keep(self, folder: Path) -> Mapping[str, StoredFile]:
        """Return an empty list."""
        return {}

    def forget(self, files: Mapping[str, StoredFile]) -> None:
        """Do nothing."""

    def ended(self, number: int) -> None:
        """Do nothing."""

    def drop(self, number: int) -> None:
        """Do nothing."""

    def sweep(self, dead: Collection[int]) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
