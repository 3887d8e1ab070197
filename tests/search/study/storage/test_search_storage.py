"""The storage of a search: writes of one trial in one transaction, no copies of trials, and Optuna's own contract."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState
from sqlalchemy import event

from search.study.storage.search_storage import SearchStorage
from search.study.store import open_storage


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    storage = open_storage(f"sqlite:///{tmp_path / 'x.sqlite3'}")
    return optuna.create_study(storage=storage, study_name="s", directions=["maximize", "minimize"])


def storage_of(study: optuna.Study) -> SearchStorage:
    assert isinstance(study._storage, SearchStorage)
    return study._storage


def as_stored(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Return the trials as another process reads them."""
    return storage_of(study)._backend.get_all_trials(study._study_id)


@contextmanager
def written(study: optuna.Study) -> Iterator[list[str]]:
    """Yield the statements that write, as they come; a commit is one, too."""
    engine, found = storage_of(study)._backend.engine, list[str]()

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if not statement.startswith(("SELECT", "PRAGMA")):
            found.append(statement)

    def commit(_: object) -> None:
        if found and found[-1] != "COMMIT":
            found.append("COMMIT")

    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "commit", commit)
    yield found
    event.remove(engine, "before_cursor_execute", note)
    event.remove(engine, "commit", commit)


def test_what_is_gathered_is_one_transaction(study: optuna.Study) -> None:
    trial = study.ask()
    with written(study) as found:
        with storage_of(study).gathering(trial._trial_id):
            trial.suggest_float("a", 0, 1)
            trial.suggest_categorical("b", ("x", "y"))
            trial.set_user_attr("c", 1)
            trial.set_user_attr("c", 2)
            assert as_stored(study)[0].params == {}
            study.tell(trial, [0.5, 2.0])
        assert found.count("COMMIT") == 1
        assert found[-1] == "COMMIT"
    (stored,) = as_stored(study)
    assert (stored.state, stored.values, stored.user_attrs) == (TrialState.COMPLETE, [0.5, 2.0], {"c": 2})
    assert stored.params == trial.params
    assert stored.datetime_complete is not None


def test_what_was_gathered_until_an_error_is_stored(study: optuna.Study) -> None:
    trial = study.ask()
    with suppress(KeyboardInterrupt), storage_of(study).gathering(trial._trial_id):
        trial.set_user_attr("a", 1)
        raise KeyboardInterrupt
    assert as_stored(study)[0].user_attrs == {"a": 1}
    trial.set_user_attr("b", 2)
    assert as_stored(study)[0].user_attrs == {"a": 1, "b": 2}


def test_another_trials_writes_are_not_gathered(study: optuna.Study) -> None:
    one, other = study.ask(), study.ask()
    with storage_of(study).gathering(one._trial_id):
        other.suggest_float("a", 0, 1)
        other.set_user_attr("b", 1)
        study.tell(other, state=TrialState.FAIL)
        one.set_user_attr("b", 2)
    first, second = as_stored(study)
    assert (first.user_attrs, second.user_attrs, second.state) == ({"b": 2}, {"b": 1}, TrialState.FAIL)
    assert second.params == other.params


def test_all_of_it_is_stored_or_none(study: optuna.Study) -> None:
    study.ask().suggest_categorical("b", ("x", "y"))
    trial = study.ask()
    gathering = storage_of(study).gathering(trial._trial_id)
    gathering.__enter__()
    trial.set_user_attr("c", 1)
    storage_of(study).set_trial_param(trial._trial_id, "b", 0.0, CategoricalDistribution(("x", "z")))
    with pytest.raises(ValueError, match="Distribution"):
        gathering.__exit__(None, None, None)
    assert (as_stored(study)[1].user_attrs, as_stored(study)[1].params) == ({}, {})
    trial.set_user_attr("d", 2)  # nothing is gathered any more
    assert as_stored(study)[1].user_attrs == {"d": 2}


def test_an_ended_trial_is_not_written(study: optuna.Study) -> None:
    trial = study.ask()
    study.tell(trial, state=TrialState.FAIL)
    with pytest.raises(UpdateFinishedTrialError), storage_of(study).gathering(trial._trial_id):
        trial.set_user_attr("c", 1)


def test_the_queue_is_found_and_no_trial_is_kept(study: optuna.Study) -> None:
    study.sampler = optuna.samplers.RandomSampler()
    study.enqueue_trial({"a": 0.5})
    for number in range(3):
        if number == 2:
            study.enqueue_trial({"a": 0.25})
        trial = study.ask()
        trial.suggest_float("a", 0, 1)
        study.tell(trial, [0.5, 2.0])
    assert [trial.params["a"] for trial in as_stored(study)][::2] == [0.5, 0.25]
    assert not any(info.trials for info in storage_of(study)._studies.values())
    assert study.get_trials(deepcopy=False) == as_stored(study)  # for samplers that learn from all
