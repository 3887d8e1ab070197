"""Trials of a study, read again and again: ended ones once, those that have not ended where their rows have changed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from objectives.records.made_once import MadeOnce
from objectives.records.stored.rows import TrialRows, as_trial, rows_since, waiting

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

Made = TypeVar("Made")


class TrialReader(Generic[Made]):
    """Keeps what was made of the trials of one study.

    Ids of trials rise with their numbers: Optuna locks the study while it makes one. So whatever is new has an id
    above those that were seen.
    """

    def __init__(
        self, make: "Callable[[FrozenTrial], Made]", has_ended: Callable[[Made], bool], pack: Callable[[Made], Made]
    ) -> None:
        """Set up.

        Args:
            make: makes something of a trial.
            has_ended: whether that shows that the trial has ended.
            pack: makes that smaller, once the trial has ended.
        """
        self._make, self._pack, self._of_another = make, pack, MadeOnce(make, has_ended)
        self._made: list[Made] = []  # by number
        self._unfinished: dict[int, TrialRows] = {}  # by id, as they were read last
        self._last = -1  # the largest id that was seen

    def read(self, study: "Study") -> list[Made]:
        """Return what is made of each trial as it is stored now, by number."""
        from optuna import Study
        from optuna.storages import RDBStorage

        storage = getattr(study._storage, "_backend", study._storage)  # below a cache
        if type(study) is not Study or not isinstance(storage, RDBStorage):
            return self._of_another.of(study.get_trials(deepcopy=False))
        waiting(storage, lambda: self._read(storage, study._study_id))
        return list(self._made)

    def _read(self, storage: "RDBStorage", study_id: int) -> None:
        """Take what is new; where that breaks off, the next call goes on from there."""
        for part in rows_since(storage, study_id, self._last, list(self._unfinished)):
            for rows in part:
                self._take(rows)

    def _take(self, rows: TrialRows) -> None:
        if self._unfinished.get(rows.trial_id) == rows:
            return
        made = self._make(as_trial(rows))
        if rows.has_ended:
            made = self._pack(made)
            self._unfinished.pop(rows.trial_id, None)
        else:
            self._unfinished[rows.trial_id] = rows
        self._last = max(self._last, rows.trial_id)
        self._made[rows.number : rows.number + 1] = [made]
