"""Optuna's storage in a database server: each write stands on a lease, and a server that is away is waited for.

A write and the look at its lease are one transaction, which keeps the lease's row until it ends: no other process can
take a trial over between the two, and what a process writes that has lost it is refused. A commit whose answer was lost
may have happened: what is done again then is the same once more, or is found done.
"""

import copy
import json
import logging
import uuid
from collections.abc import Callable, Container, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from optuna.distributions import BaseDistribution
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from objectives.records.attributes import TOKEN, parent_of
from objectives.records.trial_record import read_trial
from search.study.claims.leases import LeaseClaims
from search.study.database.connect import engine_arguments
from search.study.storage.batch import TrialWrites, write_at_once

if TYPE_CHECKING:
    from search.study.storage.batch import Distributions

Found = TypeVar("Found")
Asked = ParamSpec("Asked")


class FencedStorage(RDBStorage):
    """The storage of one study, for a process with claims on it.

    Raises, beside what Optuna's does:
        LeaseLost: another process has taken over what is written for.
        StoreError: the database was away for longer than `store.wait_s`.
    """

    def __init__(self, url: str, claims: LeaseClaims) -> None:
        self._claims, self._away = claims, claims.away
        self._numbers: dict[int, int] = {}  # a trial's id in the database -> its number
        super().__init__(url, engine_arguments(url, claims.idle_s))
        claims.share(self.engine)
        logging.getLogger(RDBStorage.__module__).addFilter(_is_no_retry)

    # Writes

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Store an attribute of a trial."""
        self._write(trial_id, lambda _: RDBStorage.set_trial_user_attr(self, trial_id, key, value))

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Store an attribute of a trial, of Optuna's own."""
        self._write(trial_id, lambda _: RDBStorage.set_trial_system_attr(self, trial_id, key, value))

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """Store a value on the way."""
        self._write(
            trial_id, lambda _: RDBStorage.set_trial_intermediate_value(self, trial_id, step, intermediate_value)
        )

    def _set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
        previous_distribution: BaseDistribution | None,
    ) -> None:
        known = (param_name, param_value_internal, distribution, previous_distribution)
        self._write(trial_id, lambda _: super(FencedStorage, self)._set_trial_param(trial_id, *known))

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Store a state; one that an earlier try has stored is no error."""

        def store(again: bool) -> bool:
            try:
                return RDBStorage.set_trial_state_values(self, trial_id, state, values) or again
            except UpdateFinishedTrialError:
                there = RDBStorage.get_trial(self, trial_id)
                if again and there.state is state and (values is None or list(values) == there.values):
                    return True
                raise

        return self._write(trial_id, store)

    def write_at_once(self, writes: TrialWrites, known: "Distributions") -> None:
        """Store several things of a trial in one transaction; those that an earlier try has stored are no error."""

        def store(again: bool) -> None:
            if not (again and self._is_written(writes)):
                write_at_once(self, writes, known)

        self._write(writes.trial_id, store)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Store an attribute of the study: for a trial, for the choice, or of this process."""
        self._standing(parent_of(key), lambda _: RDBStorage.set_study_user_attr(self, study_id, key, value))

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Store an attribute of the study, of Optuna's own."""
        self._standing(None, lambda _: RDBStorage.set_study_system_attr(self, study_id, key, value))

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        """Make a study, once."""

        def create(again: bool) -> int:
            try:
                return RDBStorage.create_new_study(self, directions, study_name)
            except DuplicatedStudyError:
                if again and study_name is not None:
                    return RDBStorage.get_study_id_from_name(self, study_name)
                raise

        return self._standing(None, create)

    def _create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> FrozenTrial:
        """Make a trial, once: it carries a token that is looked for before a second try."""
        trial, token = template_trial or _empty(), uuid.uuid4().hex
        trial = _with_attribute(trial, TOKEN, token)

        def create(again: bool) -> FrozenTrial:
            with _create_scoped_session(self.scoped_session) as session:
                models.StudyModel.find_or_raise_by_id(study_id, session, for_update=True)  # an earlier try has ended
                made = self._made_before(session, token) if again else None
                row: Any = made or self._get_prepared_new_trial(study_id, trial, session)
                trial.number, trial._trial_id = row.number, row.trial_id
            return trial

        found = self._standing(read_trial(trial).parent, create)
        self._numbers[found._trial_id] = found.number
        return found

    # Reads

    def get_study_id_from_name(self, study_name: str) -> int:
        """Return a study's id."""
        return self._waiting(super().get_study_id_from_name, study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        """Return a study's name."""
        return self._waiting(super().get_study_name_from_id, study_id)

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Return a study's directions."""
        return self._waiting(super().get_study_directions, study_id)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Return a study's attributes."""
        return self._waiting(super().get_study_user_attrs, study_id)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Return a study's attributes of Optuna's own."""
        return self._waiting(super().get_study_system_attrs, study_id)

    def get_all_studies(self) -> list[Any]:
        """Return all studies of the database."""
        return self._waiting(super().get_all_studies)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return a trial."""
        return self._waiting(super().get_trial, trial_id)

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        """Return a trial's id."""
        return self._waiting(super().get_trial_id_from_study_id_trial_number, study_id, trial_number)

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        return self._waiting(super()._get_trials, study_id, states, included_trial_ids, trial_id_greater_than)

    # Own

    def _write(self, trial_id: int, store: Callable[[bool], Found]) -> Found:
        return self._standing(self._number_of(trial_id), store)

    def _standing(self, number: int | None, store: Callable[[bool], Found]) -> Found:
        """Store something in one transaction with a look at the leases that it stands on.

        Optuna's session belongs to the thread: what `store` does goes on in the transaction that is begun here.

        Args:
            number: of the trial that it is stored for; None: for the study.
            store: is given whether it was tried before.
        """

        def once(again: bool) -> Found:
            session = self.scoped_session()
            try:
                self._claims.check(session.connection(), self._claims.fences(number))
                return store(again)
            finally:
                session.close()  # undoes what was not committed

        return self._away.tried(once)

    def waiting(self, read: Callable[[], Found]) -> Found:
        """Read something, again and again while the database is away."""
        return self._waiting(read)

    def _is_written(self, writes: TrialWrites) -> bool:
        """Whether all of what is to be written of a trial is stored: in one transaction, all of it or nothing."""
        there = RDBStorage.get_trial(self, writes.trial_id)
        stored = json.loads(json.dumps(writes.attributes))
        has_all = writes.params.keys() <= there.params.keys() and stored.items() <= there.user_attrs.items()
        return has_all and writes.state in (None, there.state)

    def _waiting(self, read: Callable[Asked, Found], *given: Asked.args, **named: Asked.kwargs) -> Found:
        return self._away.tried(lambda _: read(*given, **named))

    def _number_of(self, trial_id: int) -> int:
        if trial_id not in self._numbers:
            self._numbers[trial_id] = self._waiting(self._read_number, trial_id)
        return self._numbers[trial_id]

    def _read_number(self, trial_id: int) -> int:
        with _create_scoped_session(self.scoped_session) as session:
            trial = models.TrialModel
            return int(session.query(trial.number).filter(trial.trial_id == trial_id).scalar())

    def _made_before(self, session: Any, token: str) -> Any:
        """Return the trial that an earlier try has made; None if it has not."""
        attribute = models.TrialSystemAttributeModel
        with_token = (attribute.key == TOKEN, attribute.value_json == json.dumps(token))
        return session.query(models.TrialModel).join(attribute).filter(*with_token).one_or_none()


def _empty() -> FrozenTrial:
    """Return a trial as Optuna makes it where it is given none."""
    return FrozenTrial(
        number=-1,
        state=TrialState.RUNNING,
        value=None,
        datetime_start=datetime.now(),
        datetime_complete=None,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
        trial_id=-1,
    )


def _with_attribute(trial: FrozenTrial, key: str, value: str) -> FrozenTrial:
    """Return a copy of a trial with one more attribute of Optuna's kind."""
    copied = copy.deepcopy(trial)
    copied.system_attrs = {**copied.system_attrs, key: value}
    return copied


def _is_no_retry(record: logging.LogRecord) -> bool:
    """Whether a line of Optuna's log is for people: a read that is tried again is not."""
    return not record.getMessage().startswith("Caught an error from sqlalchemy")
