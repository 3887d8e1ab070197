"""The files of a search's trials: kept while they train, gone when nobody needs them, and the folder kept small."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from objectives.records.artifacts.stored_files import live_files
from objectives.records.study_record import SessionRecord, StudyRecord, StudyWriter
from objectives.records.trial_record import trial_records
from reports.table.table import StudyTable, read_study
from search.loop.families import is_parent
from search.settings.settings import Settings
from search.study.claims.contract import Claims
from search.study.files.open import open_files
from search.study.folder.keep import Keeper
from search.study.folder.leftovers import tidy
from search.study.sessions import Session
from search.view.base import View

if TYPE_CHECKING:
    import optuna

GONE_S = 3600.0  # without a sign of life: others have all that such a process had, or nobody has


class Housekeeping:
    """What a searching process does about files, beside its trials.

    Attributes:
        files: of the study.
    """

    def __init__(self, settings: Settings, study: "optuna.Study", claims: Claims, session: Session, view: View) -> None:
        """Set up.

        Args:
            settings: of the search.
            study: the store.
            claims: of this process.
            session: likewise.
            view: is shown what people should know.

        Raises:
            AutomlError: the artifact store cannot be used.
        """
        self._study, self._claims, self._view, self._session = study, claims, view, session
        self._folder, self._keeper = settings.folder, Keeper(settings.folder, settings.store.size_mb_max)
        wait_s = settings.store.wait_s
        self.files = open_files(study, self._folder, wait_s, session.key, view.note, session.beat)

    def tidy(self) -> None:
        """Remove what killed processes left; call it while no other process chooses or plans."""
        tidy(self._folder, self._claims, self._keeper, trial_records(self._study))
        sessions = StudyRecord.of(self._study).sessions
        dead = sessions.keys() - {self._session.key} - self._claims.living_sessions(sessions)
        self.files.sweep([key for key in dead if self._is_gone(sessions[key])])

    def _is_gone(self, session: SessionRecord) -> bool:
        """Whether a process that seems dead lists nothing any more.

        The kernel knows; leases run out, too, while their process is frozen or cut off, between an upload and its list.
        """
        is_known = session.ended or not self._claims.reach_other_machines
        return is_known or self._claims.time_s() - session.spans[-1][1] > GONE_S

    def ended(self, number: int) -> None:
        """Remove the checkpoints of a trial that has ended, here and where they were uploaded."""
        self._keeper.remove_checkpoints(number)
        self.files.ended(number)

    def keep_small(self, table: StudyTable, stop: Callable[[Mapping[int, str]], None]) -> None:
        """Keep the folder small, while no other process begins anything.

        Args:
            table: the study; it may be a little old.
            stop: ends paused trials.
        """
        if not self._keeper.is_full(table):
            return
        with self._claims.alone():
            table = read_study(self._study)
            workable = (row.number for row in table.rows if row.outcome is None or is_parent(row))
            removed = self._keeper.make_room(table, self._claims.living(workable))
            StudyWriter(self._study).removed(removed.files)
            for number, names in removed.files.items():
                listed = table.row(number).files
                kept = live_files(listed, has_ended=True, removed=names)
                self.files.forget({name: one for name, one in listed.items() if name not in kept})
            stop(removed.to_stop)
        if removed.warning:
            self._view.warn(removed.warning)
