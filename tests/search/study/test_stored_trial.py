"""One trial of the store: written through, read back, and ended once."""

from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from objectives.records import attributes as keys
from objectives.records.failures import Failure
from objectives.records.records import Accuracy, Decision, Ending, Latency, Outcome, Proposal, Resources, Rung
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
    record = trial.record
    assert (trial.candidate, record.latency_untrained, record.rungs, record.attempts) == (None, None, (), ())
    assert (record.stages_s, record.batch_divisor) == ({}, 1)
    assert trial.is_cut
    assert not trial.was_asked_for


def test_what_is_set_is_in_the_store_at_once(study: optuna.Study) -> None:
    trial = StoredTrial(study, 0)
    candidate = Candidate.of({"size.pixels": 96, "train.batch": 8})
    rung = Rung(1, 0.1, 0.2, 10.0, 1.0, True)
    trial.record_candidate(candidate, "trials/00000")
    trial.record_latency(LATENCY, trained=False)
    trial.record_latency(replace(LATENCY, p50_ms=3.0), trained=True)
    trial.record_accuracy(Accuracy(0.4, 0.6, {}, "val", 9))
    trial.record_proposal(Proposal("gain", "tpe", "fast"))
    trial.record_decision(Decision(1, "pause", "slow"))
    for epoch in (1, 2, 3, 2):  # the last one is trained again, since its checkpoint was lost
        trial.record_rung(replace(rung, epoch=epoch))
    trial.record_resources(Resources(seconds={"train": 9.0}))
    read = StoredTrial(study, 0)
    assert read.candidate == trial.candidate == candidate
    assert [r.epoch for r in read.record.rungs] == [1, 2]
    assert replace(read.record, candidate=candidate) == trial.record


def test_what_another_version_wrote_is_not_lost_by_adding_to_it(study: optuna.Study) -> None:
    unreadable = {"epoch": "a newer writer's"}
    trial_id = study._storage.get_trial_id_from_study_id_trial_number(study._study_id, 0)
    study._storage.set_trial_user_attr(trial_id, keys.DECISIONS, [unreadable])
    decision = Decision(1, "pause", "slow")
    StoredTrial(study, 0).record_decision(decision)
    (trial,) = study.get_trials()
    assert trial.user_attrs[keys.DECISIONS] == [unreadable, decision.to_json()]
    assert StoredTrial(study, 0).record.decisions == (decision,)


@pytest.mark.parametrize(
    ("end", "values", "state"),
    [
        (Ending(Outcome.FINISHED, ""), (0.5, 2.0), TrialState.COMPLETE),
        (Ending(Outcome.STOPPED, "behind"), None, TrialState.PRUNED),
        (Ending(Outcome.OVER_BOUND, "slow"), None, TrialState.PRUNED),
        (failed(Failure.CRASHED), None, TrialState.FAIL),
    ],
)
def test_an_end_is_stored(
    study: optuna.Study, end: Ending, values: tuple[float, float] | None, state: TrialState
) -> None:
    StoredTrial(study, 0).end(end, values)
    (trial,) = study.get_trials()
    assert trial.state is state
    assert trial.values == (list(values) if values else None)
    ended = StoredTrial(study, 0)
    assert ended.record.ending == end
    assert not ended.is_cut


def test_a_paused_trial_was_not_cut(study: optuna.Study) -> None:
    StoredTrial(study, 0).pause()
    assert not StoredTrial(study, 0).is_cut
    StoredTrial(study, 0).go_on()
    assert StoredTrial(study, 0).is_cut


def test_a_death_while_a_paused_trial_ends_leaves_one_that_ends_again(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = StoredTrial(study, 0)
    trial.pause()

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "tell", die)
    with pytest.raises(KeyboardInterrupt):
        trial.end(Ending(Outcome.STOPPED, "behind"), None)
    again = StoredTrial(study, 0)
    assert again.is_cut  # such a one is taken up, and ended where it has an end
    assert again.record.ending == Ending(Outcome.STOPPED, "behind")


def test_out_of_memory_divides_the_batch_from_then_on(study: optuna.Study) -> None:
    trial = StoredTrial(study, 0)
    trial.record_attempt(failed(Failure.KILLED))
    assert trial.record.batch_divisor == 1
    trial.record_attempt(failed(Failure.OUT_OF_MEMORY))
    assert trial.record.batch_divisor == StoredTrial(study, 0).record.batch_divisor == 2


def test_a_candidate_of_start_was_asked_for(study: optuna.Study) -> None:
    study.enqueue_trial({"size.pixels": 96})
    study.ask()
    assert StoredTrial(study, 1).was_asked_for
