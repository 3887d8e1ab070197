"""Optuna's storage as a search uses it: it keeps no copies of trials unless a sampler of Optuna's wants them all."""

import threading
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.trial import FrozenTrial, TrialState

from objectives.records.stored.rows import states_since, whole_trial
from search.study.storage.batch import TrialWrites, write_at_once

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from search.study.storage.batch import Distributions


class SearchStorage(_CachedStorage):
    """A database's storage, behind Optuna's own contract.

    Optuna's cache keeps a whole copy of each trial, 15 kB of it. Here only `get_all_trials` does, which samplers of
    Optuna's call that learn from trials; a search reads them by `objectives.records.trial_record.trial_records`.

    Writes of one trial can be gathered: `gathering`. Nothing that is gathered is read before it is written.
    """

    def __init__(self, backend: RDBStorage) -> None:
        super().__init__(backend)
        self._ids: dict[tuple[int, int], int] = {}  # (study, number) -> id, of trials made here that have not ended
        self._distributions: Distributions = {}
        self._not_waiting: dict[int, int] = {}  # study -> id up to which no trial waits any more
        self._local = threading.local()  # `writes`: what this thread gathers

    @contextmanager
    def gathering(self, trial_id: int) -> Iterator[None]:
        """Gather what this thread writes of a trial until here; written in one transaction, also after an error."""
        if self._writes is not None:
            yield  # whoever gathers already writes
            return
        self._local.writes = TrialWrites(trial_id)
        try:
            try:
                yield
            finally:
                self.flush()
        finally:
            self._local.writes = None

    def flush(self) -> None:
        """Write what was gathered so far."""
        writes = self._writes
        if writes:
            self._local.writes = TrialWrites(writes.trial_id)
            fenced = getattr(self._backend, "write_at_once", None)  # of a database server
            if fenced is None:
                write_at_once(self._backend, writes, self._distributions)
            else:
                fenced(writes, self._distributions)

    @property
    def _writes(self) -> TrialWrites | None:
        return getattr(self._local, "writes", None)

    def _gathered(self, trial_id: int) -> TrialWrites | None:
        """Return what this thread gathers of a trial, if it does."""
        writes = self._writes
        return writes if writes is not None and writes.trial_id == trial_id else None

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Make a trial and return its id."""
        made = self._backend._create_new_trial(study_id, template_trial)
        if not made.state.is_finished():
            self._ids[study_id, made.number] = made._trial_id
        return made._trial_id

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: "BaseDistribution"
    ) -> None:
        """Write a parameter."""
        with self.gathering(trial_id):
            writes = self._gathered(trial_id)
            if writes is None:  # another trial's are gathered
                super().set_trial_param(trial_id, param_name, param_value_internal, distribution)
            else:
                writes.params[param_name] = param_value_internal, distribution

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Write an attribute."""
        writes = self._gathered(trial_id)
        if writes is None:
            super().set_trial_user_attr(trial_id, key, value)
        else:
            writes.attributes[key] = value

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Write a trial's state, and with its end the objectives; False if it has begun already."""
        writes = self._gathered(trial_id)
        if state.is_finished():
            self._ids = {place: known for place, known in self._ids.items() if known != trial_id}
            if writes is not None:
                writes.state, writes.values = state, values
                self.flush()
                return True
        return super().set_trial_state_values(trial_id, state, values)

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        """Return a trial's id.

        Raises:
            KeyError: there is no such trial.
        """
        known = self._ids.get((study_id, trial_number))
        return known if known is not None else super().get_trial_id_from_study_id_trial_number(study_id, trial_number)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Read a trial.

        Raises:
            KeyError: there is none of this id.
        """
        return whole_trial(self._backend, trial_id)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: "Container[TrialState] | None" = None
    ) -> list[FrozenTrial]:
        """Read trials, by number; all are kept then, as in Optuna's own cache, unless only the queue is asked for."""
        if states == (TrialState.WAITING,):
            return [whole_trial(self._backend, trial_id) for trial_id in self._waiting(study_id)]
        return super().get_all_trials(study_id, deepcopy, states)

    def _waiting(self, study_id: int) -> list[int]:
        """Return the ids of trials that wait in the queue; a trial that has left it never comes back."""
        found = states_since(self._backend, study_id, self._not_waiting.get(study_id, -1))
        waiting = [trial_id for trial_id, state in found if state is TrialState.WAITING]
        if found:
            self._not_waiting[study_id] = waiting[0] - 1 if waiting else found[-1][0]
        return waiting
