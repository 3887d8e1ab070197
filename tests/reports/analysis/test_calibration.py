"""How predictions held: by hand, against a naive count, and in words."""

import math
import random
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState, create_trial

from objectives.records import attributes
from objectives.records.records import Decision, Latency, Proposal
from reports.analysis.calibration import Calibration, Held, Prediction, agreement, calibrate
from reports.analysis.calibration_words import comparisons, kinds, latency_sentence, map_sentence
from reports.table.table import StudyTable, read_study, read_trials

PROPOSAL = Proposal("gain", "front", "", 0.01, 0.40, 0.02, 4.0, 0.5)
LATENCY = Latency(5, 6, 4.9, 5.1, 4, 100, 2, True, "", "dev", 1000)


def trial(
    number: int, final: float | None, proposal: Proposal | None, *decisions: Decision, **more: Any
) -> FrozenTrial:
    attrs = {attributes.DECISIONS: [asdict(decision) for decision in decisions], **more}
    attrs |= {attributes.PROPOSAL: asdict(proposal)} if proposal else {}
    state = TrialState.PRUNED if final is None else TrialState.COMPLETE
    made = create_trial(state=state, values=None if final is None else [final, 5.0], user_attrs=attrs)
    made.number = number
    return made


def table_of(*trials: FrozenTrial) -> StudyTable:
    return read_trials("s", trials, {attributes.FINGERPRINTS: {"device": "dev"}})


def test_finals_are_set_against_proposals_and_rungs() -> None:
    decisions = Decision(3, "go on", "", 0.38, 0.01), Decision(6, "pause", "", 0.39, 0.01)
    table = table_of(
        trial(0, 0.41, PROPOSAL, *decisions, Decision(6, "promote", "", 0.41, 0.02), Decision(12, "go on", "")),
        trial(1, 0.45, PROPOSAL),
        trial(2, 0.37, replace(PROPOSAL, predicted_map_sd=None)),
        trial(3, None, PROPOSAL, *decisions),  # has no final mAP
        trial(4, 0.5, replace(PROPOSAL, predicted_map=None)),
        trial(5, 0.5, None),
    )
    calibration = calibrate(table)
    assert [(told.number, told.epoch, told.came) for told in calibration.at_proposal.predictions] == [
        (0, 0, 0.41),
        (1, 0, 0.45),
        (2, 0, 0.37),
    ]
    found = calibration.at_proposal.agreement
    assert found is not None
    assert (found.count, found.trials, found.with_sd) == (3, 3, 2)
    assert (found.within_one_sd, found.within_two_sd) == (0.5, 0.5)  # 0.5 and 2.5 deviations
    assert found.mean_absolute_error == pytest.approx((0.01 + 0.05 + 0.03) / 3)
    assert found.bias == pytest.approx(-0.01)
    assert calibration.at_rungs == Held()  # two: too few


def test_children_count_for_latencies_alone(report_study: Callable[..., optuna.Study]) -> None:
    """A child was looked at before it got its file: the same detector twice says nothing of a belief."""
    study, alone = (report_study(20, reasons=True, families=count, children=10) for count in (2, 0))
    table = read_study(study)
    children = {row.number for row in table.rows if row.is_child}
    calibration = calibrate(table)
    told = (*calibration.at_proposal.predictions, *calibration.at_rungs.predictions)
    assert told
    assert not children & {prediction.number for prediction in told}
    assert children <= {prediction.number for prediction in calibration.latency.predictions}
    assert len(calibration.latency.predictions) > len(children)
    assert len(told) == sum(
        len(held.predictions)
        for held in (calibrate(read_study(alone)).at_proposal, calibrate(read_study(alone)).at_rungs)
    )


def test_the_last_belief_at_a_rung_counts() -> None:
    decisions = [
        Decision(epoch, name, "", value, 0.01)
        for epoch, name, value in ((3, "go on", 0.3), (6, "pause", 0.31), (6, "promote", 0.4), (12, "go on", 0.41))
    ]
    at_rungs = calibrate(table_of(trial(0, 0.42, None, *decisions))).at_rungs
    assert [(told.epoch, told.expected) for told in at_rungs.predictions] == [(3, 0.3), (6, 0.4), (12, 0.41)]
    assert at_rungs.agreement is not None
    assert (at_rungs.agreement.trials, at_rungs.agreement.bias_se) == (1, None)


def test_latencies_count_where_a_model_told_them_and_the_device_is_the_study_s() -> None:
    measured = {attributes.LATENCY_UNTRAINED: asdict(LATENCY)}
    elsewhere = {attributes.LATENCY_UNTRAINED: asdict(replace(LATENCY, device="other"))}
    trials = [
        trial(0, 0.4, PROPOSAL),
        trial(1, None, PROPOSAL, **measured),
        trial(2, None, replace(PROPOSAL, latency_ms=6.0, latency_sd_ms=0.0), **measured),
        trial(3, None, PROPOSAL, **elsewhere),
        trial(4, None, replace(PROPOSAL, latency_measured=True), **measured),
        trial(5, None, replace(PROPOSAL, latency_ms=None), **measured),
        trial(6, None, PROPOSAL),  # never measured
    ]
    latency = calibrate(table_of(*trials)).latency
    assert [told.number for told in latency.predictions] == [0, 1, 2]
    found = latency.agreement
    assert found is not None
    assert found.median_ratio == pytest.approx(5 / 4)
    assert found.mean_absolute_share == pytest.approx(0.2)
    assert (found.with_sd, found.within_one_sd, found.within_two_sd) == (2, 0, 1)


def test_a_study_without_predictions_has_nothing_to_say(report_study: Callable[..., optuna.Study]) -> None:
    for table in (read_study(report_study(24)), table_of(), table_of(trial(0, 0.4, PROPOSAL))):
        calibration = calibrate(table)
        assert (kinds(calibration), comparisons(calibration)) == ((), ())
        assert map_sentence(calibration) == latency_sentence(calibration) == ""


maps = st.floats(0.01, 1)
predictions = st.builds(Prediction, st.integers(0, 4), st.just(0), maps, st.none() | st.floats(0.01, 1), maps)


@given(st.lists(predictions, min_size=1, max_size=12))
def test_agreement_is_the_naive_count(told: list[Prediction]) -> None:
    found = agreement(told)
    with_sd = [item for item in told if item.sd is not None]
    assert (found.count, found.trials, found.with_sd) == (len(told), len({item.number for item in told}), len(with_sd))
    if with_sd:
        inside = [abs(item.expected - item.came) / (item.sd or 1) for item in with_sd]
        assert found.within_one_sd == pytest.approx(sum(away <= 1 for away in inside) / len(inside))
        assert found.within_two_sd == pytest.approx(sum(away <= 2 for away in inside) / len(inside))
    errors = [item.expected - item.came for item in told]
    assert found.bias == pytest.approx(sum(errors) / len(errors))
    assert found.mean_absolute_error == pytest.approx(sum(map(abs, errors)) / len(errors))
    assert abs(found.bias) <= found.mean_absolute_error + 1e-12


def test_the_bias_s_error_is_the_usual_one_where_each_trial_is_told_once_and_no_smaller_by_repetition() -> None:
    rng = random.Random(3)
    once = [Prediction(number, 0, 0.4 + rng.gauss(0, 0.02), 0.02, 0.4) for number in range(50)]
    errors = [told.error for told in once]
    mean = sum(errors) / 50
    usual = math.sqrt(sum((error - mean) ** 2 for error in errors) / 49 / 50)
    assert agreement(once).bias_se == pytest.approx(usual)
    assert agreement(once * 4).bias_se == pytest.approx(usual)


def normal(count: int, sd_stated: float, bias: float = 0.0) -> Calibration:
    rng = random.Random(1)
    told = tuple(Prediction(i, 0, 0.4 + bias + rng.gauss(0, 0.02), sd_stated, 0.4) for i in range(count))
    return Calibration(Held(told, agreement(told)), Held(), Held())


def test_beliefs_are_judged_with_chance_in_mind() -> None:
    assert "are about right, as far as 200 trials can tell." in map_sentence(normal(200, 0.02))
    assert "are too narrow" in map_sentence(normal(200, 0.01))
    assert "are too wide" in map_sentence(normal(200, 0.04))
    assert "are about right" in map_sentence(normal(5, 0.015))
    assert map_sentence(normal(200, 0.02, bias=0.03)).endswith("They are too high by 0.031 on average.")
    assert "too low by" in map_sentence(normal(200, 0.02, bias=-0.03))


def test_the_words_of_a_whole_study(report_study: Callable[..., optuna.Study]) -> None:
    calibration = calibrate(read_study(report_study(140, reasons=True)))
    assert kinds(calibration) == ("at proposal", "at rungs")
    lines = {line.label: line for line in comparisons(calibration)}
    assert lines["came within ± 1 sd"].ideal == "68\u00a0%"
    assert lines["came within ± 2 sd"].ideal == "95\u00a0%"
    assert all(len(line.values) == 2 for line in lines.values())
    assert lines["bias"].values[0][0] in "+−"
    said = latency_sentence(calibration)
    assert "had a latency from the model before one was measured" in said
    assert "within ± 2 sd (95\u00a0%)." in said
