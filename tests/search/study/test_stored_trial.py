"""One trial of the store: written through, read back, and told once."""

from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from objectives.records import attributes as keys
from objectives.records.failures import Failure
from objectives.records.records import Ending, Latency, Outcome, Resources, Rung
from search.study.stored_trial import StoredTrial
from spaces.candidate import Candidate

LATENCY = Latency(2.0, 2.4, 1.9, 2.1, 1.8, 60, 1.0, True, "", "d3vice", 10**8)


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=f"sqlite:///{tmp_path / 'x.sqlite3'}", directions=["maximize", "minimize"])
    study.ask()
    return study


def failed(failure: Failure) -> Ending:
    return Ending(Outcome.FAILED, "so it was", failure)


def test_a_new_trial_has_nothing_yet(study: optuna.Study) -> None:
    trial = StoredTrial(study, 0)
    assert (trial.candidate, trial.latency, trial.rungs, trial.seconds, trial.attempts) == (None, None, [], {}, [])
    assert trial.batch_divisor == 1
    assert trial.is_cut
    assert not trial.was_asked_for


def test_what_is_set_is_in_the_store_at_once(study: optuna.Study) -> None:
    trial = StoredTrial(study, 0)
    candidate = Candidate.of({"size.pixels": 96, "train.batch": 8})
    rung = Rung(1, 0.1, 0.2, 10.0, 1.0, True)
    trial.set(keys.CANDIDATE, candidate.to_json())
    trial.set(keys.LATENCY_UNTRAINED, LATENCY.to_json())
    trial.append(keys.RUNGS, rung.to_json())
    trial.append(keys.RUNGS, {**rung.to_json(), "epoch": 2})
    trial.set(keys.RESOURCES, Resources(seconds={"train": 9.0}).to_json())
    for read in (trial, StoredTrial(study, 0)):
        assert read.candidate == candidate
        assert read.latency == LATENCY
        assert [r.epoch for r in read.rungs] == [1, 2]
        assert read.seconds == {"train": 9.0}
        assert keys.RUNGS in read
        assert keys.ENDING not in read


@pytest.mark.parametrize(
    ("end", "values", "state"),
    [
        (Ending(Outcome.FINISHED, ""), (0.5, 2.0), TrialState.COMPLETE),
        (Ending(Outcome.STOPPED, "behind"), None, TrialState.PRUNED),
        (Ending(Outcome.OVER_BOUND, "slow"), None, TrialState.PRUNED),
        (failed(Failure.CRASHED), None, TrialState.FAIL),
    ],
)
def test_an_end_is_told(
    study: optuna.Study, end: Ending, values: tuple[float, float] | None, state: TrialState
) -> None:
    StoredTrial(study, 0).tell(end, values)
    (trial,) = study.get_trials()
    assert trial.state is state
    assert trial.values == (list(values) if values else None)
    told = StoredTrial(study, 0)
    assert Ending.from_json(told.get(keys.ENDING)) == end
    assert not told.is_cut


def test_a_paused_trial_was_not_cut(study: optuna.Study) -> None:
    StoredTrial(study, 0).set(keys.PAUSED, True)
    assert not StoredTrial(study, 0).is_cut
    StoredTrial(study, 0).set(keys.PAUSED, False)
    assert StoredTrial(study, 0).is_cut


def test_a_death_while_a_paused_trial_is_told_leaves_one_that_is_told_again(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = StoredTrial(study, 0)
    trial.set(keys.PAUSED, True)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "tell", die)
    with pytest.raises(KeyboardInterrupt):
        trial.tell(Ending(Outcome.STOPPED, "behind"), None)
    again = StoredTrial(study, 0)
    assert again.is_cut  # such a one is taken up, and told where it has an end
    assert Ending.from_json(again.get(keys.ENDING)) == Ending(Outcome.STOPPED, "behind")


def test_out_of_memory_divides_the_batch_from_then_on(study: optuna.Study) -> None:
    trial = StoredTrial(study, 0)
    trial.append(keys.ATTEMPTS, failed(Failure.KILLED).to_json())
    assert trial.batch_divisor == 1
    trial.append(keys.ATTEMPTS, failed(Failure.OUT_OF_MEMORY).to_json())
    assert trial.batch_divisor == StoredTrial(study, 0).batch_divisor == 2


def test_a_candidate_of_start_was_asked_for(study: optuna.Study) -> None:
    study.enqueue_trial({"size.pixels": 96})
    study.ask()
    assert StoredTrial(study, 1).was_asked_for
