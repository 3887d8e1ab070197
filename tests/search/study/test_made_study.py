"""The made-up study of the report's tests holds what a search would have written: each trial is written again."""

from collections.abc import Callable

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from objectives.records import attributes as keys
from objectives.records.records import Outcome
from objectives.records.trial_record import TrialRecord, read_trial
from search.study.stored_trial import StoredTrial
from spaces.candidate import Candidate
from spaces.network.family import Family


def written(record: TrialRecord, trial: FrozenTrial) -> FrozenTrial:
    """Return a trial as a search stores it that comes to this record."""
    study = optuna.create_study(directions=["maximize", "minimize"])
    running = create_trial(state=TrialState.RUNNING, params=trial.params, distributions=trial.distributions)
    study.add_trial(running)
    stored = StoredTrial(study, 0)
    if record.proposal:
        stored.record_proposal(record.proposal)
    if record.latency_untrained:
        stored.record_latency(record.latency_untrained, trained=False)
    if record.family:
        stored.record_family(Family.from_json(record.family))
    stored.record_candidate(Candidate.of(record.candidate), record.folder or "")
    for attempt in record.attempts:
        stored.record_attempt(attempt)
    for rung in record.rungs:
        stored.record_rung(rung)
    for decision in record.decisions:
        stored.record_decision(decision)
    if record.latency:
        stored.record_latency(record.latency, trained=True)
    if record.accuracy:
        stored.record_accuracy(record.accuracy)
    if record.resources:
        stored.record_resources(record.resources)
    if record.ending is None:
        stored.pause()
    else:
        finished = record.ending.outcome == Outcome.FINISHED
        stored.end(record.ending, (trial.values[0], trial.values[1]) if finished else None)
    return study.get_trials()[0]


@pytest.mark.parametrize(
    "told", [{}, {"reasons": True}, {"reasons": True, "deaths": True}, {"families": 3, "reasons": True}], ids=str
)
def test_each_made_trial_is_what_a_search_writes(
    report_study: Callable[..., optuna.Study], told: dict[str, int]
) -> None:
    made = report_study(60, **told).get_trials(deepcopy=False)
    assert {trial.state for trial in made} >= {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}
    for trial in made:
        if keys.PARENT in trial.user_attrs:
            continue  # made by the search's own hand
        again = written(read_trial(trial), trial)
        expected = {key: value for key, value in trial.user_attrs.items() if key != keys.FORKED_FROM}  # a fork's alone
        assert again.user_attrs == expected
        assert (again.state, again.values) == (trial.state, trial.values)
