"""Rows of trials in Optuna's database, read straight from its tables: its ORM takes four times as long."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from sys import intern
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import optuna
    import sqlalchemy
    from optuna.distributions import BaseDistribution
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial, TrialState
    from sqlalchemy.orm import Session

TOGETHER = 500  # trials whose rows are asked for at once: databases bound the number of values in one statement
TABLES = ("values", "params", "attributes", "system", "steps")
ONLY_OPTUNAS = ("system", "steps")  # nothing of ours lies there

Found = TypeVar("Found")
Cells = tuple[Any, ...]  # of one row of a table


@dataclass(frozen=True)
class TrialRows:
    """All rows of one trial; two that are equal are of a trial that nobody has written meanwhile.

    Attributes:
        trial_id: Optuna's, over all studies of the database.
        number: in its study.
        has_ended: whether nobody can write it any more.
        head: cells of the trial's own row: state, begin and end, in UTC.
        values: objective as text, value, kind.
        params: name, value, distribution as JSON, as they were suggested.
        attributes: key, nothing, value as JSON.
        system: likewise, Optuna's own; empty unless asked for.
        steps: step as text, value, kind; empty unless asked for.
    """

    trial_id: int
    number: int
    has_ended: bool
    head: Cells
    values: tuple[Cells, ...]
    params: tuple[Cells, ...]
    attributes: tuple[Cells, ...]
    system: tuple[Cells, ...] = ()
    steps: tuple[Cells, ...] = ()


def rows_since(
    storage: "RDBStorage", study_id: int, after: int, unfinished: Collection[int]
) -> Iterator[Sequence[TrialRows]]:
    """Yield the trials of a study with larger ids than `after`, and those of these ids, some at a time, by id.

    A trial's own row is read first: what of it is written between two statements belongs to a trial that has not ended.
    """
    from optuna.storages._rdb.models import TrialModel as Trial

    with _session(storage) as session:
        of_study = Trial.study_id == study_id
        heads = [session.execute(_heads().where(of_study, Trial.trial_id > after)).all()]
        asked = sorted(trial_id for trial_id in unfinished if trial_id <= after)
        heads += [session.execute(_heads().where(Trial.trial_id.in_(part))).all() for part in _parts(asked)]
        found = sorted((head for part in heads for head in part), key=lambda head: head[0])
        for part in _parts(found):
            yield _with_details(session, part, whole=False)


def states_since(storage: "RDBStorage", study_id: int, after: int) -> "list[tuple[int, TrialState]]":
    """Return id and state of the trials of a study with larger ids than `after`, by id."""
    from optuna.storages._rdb.models import TrialModel as Trial

    of_study = _heads().where(Trial.study_id == study_id, Trial.trial_id > after).order_by(Trial.trial_id)

    def read() -> "list[tuple[int, TrialState]]":
        with _session(storage) as session:
            return [(head[0], head[2]) for head in session.execute(of_study)]

    return waiting(storage, read)


def attributes_under(study: "optuna.Study", prefixes: Sequence[str]) -> dict[str, Any]:
    """Return those of a study's attributes whose keys begin with one of these."""
    from optuna.storages import RDBStorage
    from optuna.storages._rdb.models import StudyUserAttributeModel as Attribute
    from sqlalchemy import or_, select

    storage = getattr(study._storage, "_backend", study._storage)  # below a cache
    if not isinstance(storage, RDBStorage):
        found = study._storage.get_study_user_attrs(study._study_id)
        return {key: value for key, value in found.items() if key.startswith(tuple(prefixes))}
    of_study = select(Attribute.key, Attribute.value_json).where(Attribute.study_id == study._study_id)
    asked = of_study.where(or_(*(Attribute.key.startswith(prefix, autoescape=True) for prefix in prefixes)))

    def read() -> dict[str, Any]:
        with _session(storage) as session:
            return {key: json.loads(text) for key, text in session.execute(asked)}

    return waiting(storage, read)


def whole_trial(storage: "RDBStorage", trial_id: int) -> "FrozenTrial":
    """Read one trial as Optuna has it.

    Raises:
        KeyError: there is none of this id.
    """
    from optuna.storages._rdb.models import TrialModel as Trial

    def read() -> TrialRows:
        with _session(storage) as session:
            head = session.execute(_heads().where(Trial.trial_id == trial_id)).one_or_none()
            if head is None:
                raise KeyError(f"there is no trial of the id {trial_id}")
            (rows,) = _with_details(session, [head], whole=True)
        return rows

    trial = as_trial(waiting(storage, read))
    trial.distributions = dict(trial.distributions)  # Optuna adds to them
    return trial


def as_trial(rows: TrialRows) -> "FrozenTrial":
    """Return Optuna's trial of its rows; its distributions are shared with other trials, and not to be changed."""
    from optuna.storages._rdb.models import TrialIntermediateValueModel, TrialValueModel
    from optuna.trial import FrozenTrial

    state, begin, end = rows.head
    distributions = _distributions(tuple((name, text) for name, _, text in rows.params))
    value_kinds, step_kinds = TrialValueModel.TrialValueType, TrialIntermediateValueModel.TrialIntermediateValueType
    value_of, step_value = (
        TrialValueModel.stored_repr_to_value,
        TrialIntermediateValueModel.stored_repr_to_intermediate_value,
    )
    values = {int(i): value_of(value, value_kinds[kind]) for i, value, kind in rows.values}
    return FrozenTrial(
        number=rows.number,
        state=state,
        value=None,
        values=[values[i] for i in range(len(values))] if values else None,
        datetime_start=_local(begin),
        datetime_complete=_local(end),
        params={intern(name): distributions[name].to_external_repr(value) for name, value, _ in rows.params},
        distributions=distributions,
        user_attrs={key: json.loads(text) for key, _, text in rows.attributes},
        system_attrs={key: json.loads(text) for key, _, text in rows.system},
        intermediate_values={int(step): step_value(value, step_kinds[kind]) for step, value, kind in rows.steps},
        trial_id=rows.trial_id,
    )


def waiting(storage: "RDBStorage", read: Callable[[], Found]) -> Found:
    """Read something; a storage that waits while its database is away has a method of this name, and tries again."""
    patient = getattr(storage, "waiting", None)
    found: Found = read() if patient is None else patient(read)
    return found


def _heads() -> "sqlalchemy.Select[Any]":
    from optuna.storages._rdb.models import TrialModel as Trial
    from sqlalchemy import select

    return select(Trial.trial_id, Trial.number, Trial.state, Trial._datetime_start_utc, Trial._datetime_complete_utc)


def _with_details(session: "Session", heads: Sequence[Cells], *, whole: bool) -> list[TrialRows]:
    """Return the rows of trials whose own rows were read just now; all else is read by one statement."""
    from sqlalchemy import union_all

    found: dict[tuple[str, int], list[Cells]] = {}
    ids = [head[0] for head in heads]
    tables = [select for name, select in _details(ids).items() if whole or name not in ONLY_OPTUNAS]
    for name, trial_id, row_id, key, value, text in session.execute(union_all(*tables)):
        found.setdefault((name, trial_id), []).append((row_id, key, value, text))
    return [
        TrialRows(
            trial_id,
            number,
            state.is_finished(),
            (state, *times),
            **{name: tuple(cells[1:] for cells in sorted(found.get((name, trial_id), ()))) for name in TABLES},
        )
        for trial_id, number, state, *times in heads
    ]


def _details(ids: Sequence[int]) -> "dict[str, Any]":
    """Return what selects the rows beside the trials' own, all with the same columns, by the names of TrialRows."""
    from optuna.storages._rdb import models
    from sqlalchemy import Float, String, Text, cast, literal, null, select

    value, param, attribute = models.TrialValueModel, models.TrialParamModel, models.TrialUserAttributeModel
    system, step = models.TrialSystemAttributeModel, models.TrialIntermediateValueModel
    no_number, kind = cast(null(), Float), step.intermediate_value_type
    columns: dict[str, tuple[Any, ...]] = {
        "values": (value.trial_value_id, cast(value.objective, String), value.value, _as_text(value.value_type)),
        "params": (param.param_id, param.param_name, param.param_value, param.distribution_json),
        "attributes": (attribute.trial_user_attribute_id, attribute.key, no_number, attribute.value_json),
        "system": (system.trial_system_attribute_id, system.key, no_number, system.value_json),
        "steps": (step.trial_intermediate_value_id, cast(step.step, String), step.intermediate_value, _as_text(kind)),
    }
    tables: tuple[Any, ...] = (value, param, attribute, system, step)
    return {
        name: select(cast(literal(name), Text), table.trial_id, *columns[name]).where(table.trial_id.in_(ids))
        for name, table in zip(TABLES, tables, strict=True)
    }


def _as_text(kind: Any) -> "sqlalchemy.Cast[str]":
    """Return the column of a kind, of which some databases have a type of its own, as text."""
    from sqlalchemy import String, Text, cast

    return cast(cast(kind, String), Text)


def _session(storage: "RDBStorage") -> Any:
    from optuna.storages._rdb.storage import _create_scoped_session

    return _create_scoped_session(storage.scoped_session)


def _parts(items: "Sequence[Any]") -> Iterable["Sequence[Any]"]:
    return (items[i : i + TOGETHER] for i in range(0, len(items), TOGETHER))


@lru_cache(maxsize=1024)
def _distributions(texts: tuple[tuple[str, str], ...]) -> "dict[str, BaseDistribution]":
    return {intern(name): _distribution(text) for name, text in texts}


@lru_cache(maxsize=4096)
def _distribution(text: str) -> "BaseDistribution":
    """Return a distribution; trials of one space share theirs, which nobody changes."""
    from optuna.distributions import json_to_distribution

    return json_to_distribution(text)


def _local(utc: datetime | None) -> datetime | None:
    """Return a time of the database as Optuna has it: of this place, without its zone."""
    return None if utc is None else utc.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)
