"""Reading studies as tables: whole ones, running ones, and ones with holes."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState, create_trial

from objectives.records import attributes
from objectives.records.failures import Failure
from objectives.records.front import front_mask
from objectives.records.gate import Gate
from objectives.records.records import Accuracy, Death, Decision, Ending, Latency, Outcome, Proposal, Rung
from reports.analysis.calibration import calibrate
from reports.analysis.calibration_words import comparisons
from reports.analysis.deaths import death_classes, deaths
from reports.analysis.reasons import reasons
from reports.table.table import read_study, read_trials
from spaces.errors import AutomlError

LATENCY = Latency(5, 6, 4.9, 5.1, 4, 100, 2, True, "", "dev", 1000)
RUNG = Rung(3, 0.2, 0.4, 12.0, 1.5, True)


def test_a_whole_study(report_study: Callable[..., optuna.Study]) -> None:
    table = read_study(report_study(140))
    assert len(table.rows) == 140
    assert sum(table.counts.values()) == 140
    assert set(table.counts) == {outcome.value for outcome in Outcome}
    assert [row.p50_ms for row in table.front] == sorted(row.p50_ms or 0 for row in table.front)
    assert [row.map for row in table.front] == sorted(row.map or 0 for row in table.front)
    mask = front_mask([row.map or 0 for row in table.finished], [row.p50_ms or 0 for row in table.finished])
    assert [row.on_front for row in table.finished] == mask.tolist()
    for row in table.finished:
        assert row.passes_gate == ((row.map50 or 0) >= 0.62 and (row.p95_ms or 99) <= 10)
    assert sum(table.failures.values()) == table.counts["failed"]
    assert table.gate == Gate(map50_min=0.62, p95_ms_max=10.0)
    assert table.device["name"] == "shelf camera"


def test_a_running_study_on_sqlite(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.create_study(storage=storage, study_name="live", directions=["maximize", "minimize"])
    assert read_study(study).rows == ()
    done, at_work = study.ask(), study.ask()
    study.enqueue_trial({})
    done.set_user_attr(attributes.LATENCY, LATENCY.to_json())
    done.set_user_attr(attributes.ACCURACY, Accuracy(0.4, 0.6, {}, "val", 9).to_json())
    study.tell(done, [0.4, 5.0])
    at_work.set_user_attr(attributes.LATENCY_UNTRAINED, LATENCY.to_json())
    at_work.set_user_attr(attributes.RUNGS, [RUNG.to_json()])
    table = read_study(optuna.load_study(storage=storage, study_name="live"))
    assert table.is_running
    assert table.counts == {"finished": 1, "running": 1, "waiting": 1}
    finished, running, waiting = table.rows
    assert (finished.map, finished.map50, finished.p50_ms, finished.p95_ms) == (0.4, 0.6, 5.0, 6)
    assert finished.on_front
    assert (running.map, running.p50_ms, running.rungs) == (None, 5, (RUNG,))
    assert waiting.standing == "waiting"


def test_rows_of_ended_trials_are_made_once_and_still_judged_anew(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.create_study(storage=storage, study_name="live", directions=["maximize", "minimize"])
    study.tell(study.ask(), [0.3, 9.0])
    study.tell(study.ask(), [0.4, 5.0])
    at_work = study.ask()
    before = read_study(study).rows
    assert [row.on_front for row in before] == [False, True, False]
    at_work.set_user_attr(attributes.RUNGS, [RUNG.to_json()])
    now = read_study(study).rows
    assert (now[0] is before[0], now[1] is before[1]) == (True, True)
    assert now[2].rungs == (RUNG,)
    study.tell(at_work, [0.5, 4.0])
    study.set_user_attr(attributes.REMOVED, {"weights.pt": [0]})
    study.set_user_attr(attributes.GATE, {"map_min": 0.35})
    told = read_study(study)
    assert told == read_study(optuna.load_study(storage=storage, study_name="live"))
    assert [row.on_front for row in told.rows] == [False, False, True]
    assert [row.passes_gate for row in told.rows] == [False, True, True]
    assert told.rows[0].removed == ("weights.pt",)


@pytest.mark.parametrize(
    ("state", "attrs", "outcome"),
    [
        (TrialState.PRUNED, {}, Outcome.OVER_BOUND),
        (TrialState.PRUNED, {attributes.ENDING: Ending("over the latency bound", "").to_json()}, Outcome.OVER_BOUND),
        (TrialState.PRUNED, {attributes.RUNGS: [RUNG.to_json()]}, Outcome.STOPPED),
        (TrialState.PRUNED, {attributes.ENDING: Ending(Outcome.STOPPED, "slow").to_json()}, Outcome.STOPPED),
        (TrialState.FAIL, {}, Outcome.FAILED),
        (TrialState.FAIL, {attributes.ENDING: Ending("finished", "").to_json()}, Outcome.FAILED),
    ],
)
def test_outcomes_without_an_ending(state: TrialState, attrs: dict[str, Any], outcome: Outcome) -> None:
    trial = create_trial(state=state, user_attrs=attrs)
    assert read_trials("s", [trial], {}).rows[0].outcome is outcome


def finished(number: int, values: list[float], **attrs: Any) -> FrozenTrial:
    trial = create_trial(values=values, user_attrs=attrs)
    trial.number = number
    return trial


def test_a_latency_of_another_device_stands_on_no_front() -> None:
    here, there = (
        {attributes.LATENCY: {**LATENCY.to_json(), "device": name}, attributes.ACCURACY: None} for name in ("a", "b")
    )
    trials = [finished(0, [0.4, 9.0], **here), finished(1, [0.9, 1.0], **there)]
    table = read_trials("s", trials, {attributes.FINGERPRINTS: {"device": "a"}})
    assert [row.number for row in table.front] == [0]
    assert table.rows[1].other_device
    assert not table.rows[1].passes_gate


def test_unknown_quantities_do_not_pass_a_gate_that_bounds_them() -> None:
    bound = {attributes.GATE: asdict(Gate(p95_ms_max=50))}
    assert not read_trials("s", [finished(0, [0.4, 9.0])], bound).rows[0].passes_gate
    assert read_trials("s", [finished(0, [0.4, 9.0])], {}).rows[0].passes_gate


def test_values_that_are_not_finite_are_unknown() -> None:
    table = read_trials("s", [finished(0, [float("inf"), 3.0]), finished(1, [0.2, float("inf")])], {})
    assert table.finished == table.front == ()
    assert table.counts == {"finished": 2}


RECORD_KEYS = ["map", "p50_ms", "device", "outcome", "reason", "death", "log_tail", "x"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("ab.é", max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(RECORD_KEYS),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
trial_keys = [
    attributes.CANDIDATE,
    attributes.LATENCY,
    attributes.LATENCY_UNTRAINED,
    attributes.ACCURACY,
    attributes.RUNGS,
    attributes.RESOURCES,
    attributes.ENDING,
    attributes.FOLDER,
    attributes.PAUSED,
    attributes.PROPOSAL,
    attributes.DECISIONS,
    attributes.ATTEMPTS,
    attributes.FORKED_FROM,
]
study_keys = [
    attributes.DEVICE,
    attributes.DATA,
    attributes.SETTINGS,
    attributes.PROVENANCE,
    attributes.FINGERPRINTS,
    attributes.REMOVED,
    attributes.FORKED,
]


@pytest.mark.seconds
@given(
    st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING]),
    st.dictionaries(st.sampled_from(trial_keys), json_values),
    st.dictionaries(st.sampled_from(study_keys), json_values),
)
def test_nothing_in_the_store_can_crash_the_reader(
    state: TrialState, attrs: dict[str, Any], of_study: dict[str, Any]
) -> None:
    values = [0.5, 3.0] if state is TrialState.COMPLETE else None
    table = read_trials("s", [create_trial(state=state, values=values, user_attrs=attrs)], of_study)
    row = table.rows[0]
    assert row.phase.has_ended == state.is_finished()
    assert row.standing in row.status
    assert all(reason.text for reason in reasons(row))
    assert len(deaths(row)) == sum(item.attempts + len(item.failed) for item in death_classes(table))
    assert comparisons(calibrate(table)) == ()


def test_a_paused_trial_is_not_running(tmp_path: Path) -> None:
    study = optuna.create_study(storage=f"sqlite:///{tmp_path / 'study.db'}", directions=["maximize", "minimize"])
    bare, paused, promoted = study.ask(), study.ask(), study.ask()
    for trial in (paused, promoted):
        trial.set_user_attr(attributes.RUNGS, [RUNG.to_json()])
        trial.set_user_attr(attributes.PAUSED, True)
    bare.set_user_attr(attributes.PAUSED, True)
    table = read_study(study)
    assert [row.status for row in table.rows] == ["paused", "paused at epoch 3", "paused at epoch 3"]
    assert table.counts == {"paused": 3}
    assert not table.is_running
    promoted.set_user_attr(attributes.PAUSED, False)
    table = read_study(study)
    assert table.counts == {"running": 1, "paused": 2}
    assert table.is_running
    paused.set_user_attr(attributes.ENDING, Ending(Outcome.STOPPED, "the budget is used up").to_json())
    study.tell(paused, state=TrialState.PRUNED)  # PAUSED is still set: how it ended goes before
    assert read_study(study).rows[1].status == "stopped at a rung"


def test_reasons_are_read_by_epoch_and_are_none_in_older_studies(report_study: Callable[..., optuna.Study]) -> None:
    proposal = Proposal("gain", "front", "thin there", 0.01, 0.4, 0.02, 4.0, 0.3)
    decisions = [Decision(6, "stop", "slow"), Decision(3, "go on", "fine", 0.4, 0.1)]
    attrs = {
        attributes.PROPOSAL: {**proposal.to_json(), "of a newer version": 1},
        attributes.DECISIONS: [*(decision.to_json() for decision in decisions), "?", {"epoch": "6"}],
    }
    row = read_trials("s", [finished(0, [0.4, 9.0], **attrs)], {}).rows[0]
    assert row.proposal == proposal
    assert row.decisions == (decisions[1], decisions[0])
    for row in read_study(report_study(12)).rows:
        assert (row.proposal, row.decisions, row.paused) == (None, (), False)


@pytest.mark.parametrize("wrong", [{"predicted_map": "0.4"}, {"role": None}, {"latency_measured": 1}, {"why": 3}])
def test_a_proposal_with_a_wrong_kind_of_value_is_left_aside(wrong: dict[str, Any]) -> None:
    values = {**Proposal("gain", "front", "").to_json(), **wrong}
    assert read_trials("s", [finished(0, [0.4, 9.0], **{attributes.PROPOSAL: values})], {}).rows[0].proposal is None


def test_records_with_wrong_kinds_of_values_are_left_aside() -> None:
    wrong = {**LATENCY.to_json(), "p95_ms": "fast"}
    torn = [RUNG.to_json(), {"epoch": 4}, "?"]
    trial = finished(0, [0.5, 3.0], **{attributes.LATENCY: wrong, attributes.RUNGS: torn})
    row = read_trials("s", [trial], {}).rows[0]
    assert row.latency is None
    assert row.rungs == (RUNG,)


def test_an_unknown_number_is_refused_in_one_line() -> None:
    table = read_trials("retail", [finished(0, [0.5, 3.0])], {})
    assert table.row(0).number == 0
    with pytest.raises(AutomlError, match=r"'retail' has no trial 9; its trials: 0 to 0"):
        table.row(9)


def test_attempts_copies_and_removed_files_are_read() -> None:
    died = Ending(Outcome.FAILED, "killed by the kernel", Failure.OUT_OF_MEMORY, Death("tail", 3.5, 7, 1, 2, 3))
    attrs = {
        attributes.ATTEMPTS: [died.to_json(), {"reason": "no outcome"}, {**died.to_json(), "death": {"log_tail": 3}}],
        attributes.FORKED_FROM: 7,
        attributes.CANDIDATE: {"train.batch": 8},
    }
    of_study = {attributes.REMOVED: {"weights.pt model.onnx": [0, 4], "detections.jpg": [4, "x"], "y": 3}}
    row = read_trials("s", [finished(0, [0.4, 9.0], **attrs)], of_study).rows[0]
    assert row.attempts == (died,)
    assert (row.batch_divisor, row.smaller_batch) == (2, "batch 4 × 2")
    assert (row.forked_from, row.removed) == (7, ("weights.pt", "model.onnx"))


@pytest.mark.parametrize("error_class", [Failure.KILLED, Failure.TIMED_OUT, Failure.CRASHED])
def test_only_a_lack_of_memory_makes_the_batch_smaller(error_class: Failure) -> None:
    attempts = {attributes.ATTEMPTS: [Ending(Outcome.FAILED, "", error_class).to_json()]}
    row = read_trials("s", [finished(0, [0.4, 9.0], **attempts)], {}).rows[0]
    assert (row.batch_divisor, row.smaller_batch) == (1, "")
