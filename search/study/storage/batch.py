"""Several writes of one trial in one transaction: all of them are stored, or none."""

import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage, RDBStorage
    from optuna.trial import TrialState
    from sqlalchemy.orm import Session

    Distributions = dict[tuple[int, str], BaseDistribution]  # by study's id and parameter's name


@dataclass
class TrialWrites:
    """What is to be written of one trial.

    Attributes:
        trial_id: Optuna's, over all studies of the database.
        params: name, value as it is stored, distribution; each once.
        attributes: key -> JSON value.
        state: of its end; None while it goes on.
        values: objectives of a trial that finished.
    """

    trial_id: int
    params: "dict[str, tuple[float, BaseDistribution]]" = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    state: "TrialState | None" = None
    values: "Sequence[float] | None" = None

    def __bool__(self) -> bool:
        return bool(self.params or self.attributes or self.state is not None)


def gathering(storage: "BaseStorage", trial_id: int) -> AbstractContextManager[None]:
    """Have a search's storage gather what is written of a trial; others write one thing after the other."""
    gather = getattr(storage, "gathering", None)
    return nullcontext() if gather is None else gather(trial_id)  # of SearchStorage


def write_at_once(storage: "RDBStorage", writes: TrialWrites, known: "Distributions") -> None:
    """Write to a trial that has not ended.

    Args:
        storage: the database.
        writes: what is to be written.
        known: distributions that parameters of other trials have; those of this trial are added.

    Raises:
        KeyError: there is no such trial.
        UpdateFinishedTrialError: it has ended.
        ValueError: a distribution is not that of the other trials.
        StorageInternalError: the database refuses.
    """
    from optuna.storages._rdb.models import TrialModel, TrialValueModel
    from optuna.storages._rdb.storage import _create_scoped_session

    trial_id = writes.trial_id
    with _create_scoped_session(storage.scoped_session) as session:
        trial = TrialModel.find_or_raise_by_id(trial_id, session, for_update=writes.state is not None)
        study_id, state = cast("int", trial.study_id), cast("TrialState", trial.state)  # its models say: columns
        storage.check_trial_is_updatable(trial_id, state)
        _insert_params(session, study_id, writes, known)
        _set_attributes(storage, session, writes)
        for objective, number in enumerate(writes.values or ()):
            value, kind = TrialValueModel.value_to_stored_repr(number)  # there is none: it comes with the end
            session.add(TrialValueModel(trial_id=trial_id, objective=objective, value=value, value_type=kind))
        if writes.state is not None:
            trial.state, trial.datetime_complete = writes.state, datetime.now()


def _insert_params(session: "Session", study_id: int, writes: TrialWrites, known: "Distributions") -> None:
    """Insert parameters, each of which the trial does not have yet and other trials have with the same distribution."""
    from optuna.distributions import check_distribution_compatibility, distribution_to_json
    from optuna.storages._rdb.models import TrialParamModel
    from sqlalchemy import insert

    rows = []
    for name, (value, distribution) in writes.params.items():
        place = study_id, name
        before = known.get(place) or _distribution_before(session, *place)
        if before is not None:
            check_distribution_compatibility(before, distribution)
        known[place] = distribution
        text = distribution_to_json(distribution)
        rows.append({"trial_id": writes.trial_id, "param_name": name, "param_value": value, "distribution_json": text})
    if rows:
        session.execute(insert(TrialParamModel), rows)


def _distribution_before(session: "Session", study_id: int, name: str) -> "BaseDistribution | None":
    """Return the distribution that a parameter has in another trial of the study; None for a new one."""
    from optuna.distributions import json_to_distribution
    from optuna.storages._rdb.models import TrialModel, TrialParamModel
    from sqlalchemy import select

    of_study = select(TrialParamModel.distribution_json).join(TrialModel).where(TrialModel.study_id == study_id)
    text = session.execute(of_study.where(TrialParamModel.param_name == name).limit(1)).scalar()
    return None if text is None else json_to_distribution(text)


def _set_attributes(storage: "RDBStorage", session: "Session", writes: TrialWrites) -> None:
    """Set attributes, in one statement where the database has one for it."""
    from optuna.storages._rdb.models import TrialUserAttributeModel as Attribute
    from sqlalchemy.dialects import postgresql, sqlite

    dialect = {"postgresql": postgresql, "sqlite": sqlite}.get(storage.engine.name)
    if dialect is None:
        for key, value in writes.attributes.items():
            storage._set_trial_attr_without_commit(session, Attribute, writes.trial_id, key, value)
    elif writes.attributes:
        stored = {key: json.dumps(value) for key, value in writes.attributes.items()}
        rows = [{"trial_id": writes.trial_id, "key": key, "value_json": text} for key, text in stored.items()]
        insert = dialect.insert(Attribute).values(rows)
        same = [Attribute.trial_id, Attribute.key]
        session.execute(
            insert.on_conflict_do_update(index_elements=same, set_={"value_json": insert.excluded.value_json})
        )
