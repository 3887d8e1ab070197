"""A trial's reasons, line by line."""

from collections.abc import Callable
from dataclasses import asdict, replace

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from objectives.records import attributes
from objectives.records.records import Decision, Latency, Proposal
from reports.analysis.reasons import ROLES, reasons
from reports.table.row import TrialRow
from reports.table.table import read_study, read_trials
from reports.table.words import percent

PROPOSAL = Proposal("gain", "front", "the front is thin around 4 ms", 0.0123, 0.40, 0.02, 4.0, 0.5)
LATENCY = Latency(4.5, 6, 4.4, 4.6, 4, 100, 2, True, "", "dev", 1000)


def row_of(proposal: Proposal | None, *decisions: Decision, final: float | None = 0.43) -> TrialRow:
    attrs = {attributes.DECISIONS: [asdict(item) for item in decisions], attributes.LATENCY: asdict(LATENCY)}
    attrs |= {attributes.PROPOSAL: asdict(proposal)} if proposal else {}
    state = TrialState.RUNNING if final is None else TrialState.COMPLETE
    values = None if final is None else [final, 4.5]
    return read_trials("s", [create_trial(state=state, values=values, user_attrs=attrs)], {}).rows[0]


def lines(row: TrialRow) -> list[tuple[str, str]]:
    return [(reason.label, reason.text) for reason in reasons(row)]


def test_the_whole_life_of_a_trial() -> None:
    decisions = (
        Decision(3, "pause", "others promise more", 0.38, 0.03),
        Decision(3, "promote", "its turn"),
        Decision(6, "go on", "", 0.45, 0.01),
    )
    assert lines(row_of(PROPOSAL, *decisions)) == [
        ("proposed", "expected to move the front (sampler front): the front is thin around 4 ms"),
        ("expected", "1.2 % more hypervolume, mAP 0.400 ± 0.020, p50 4.00 ± 0.50 ms (predicted)"),
        ("epoch 3", "pause: others promise more (expects mAP 0.380 ± 0.030)"),
        ("epoch 3", "promote: its turn"),
        ("epoch 6", "go on (expects mAP 0.450 ± 0.010)"),
        ("held", "mAP 0.430 where 0.400 ± 0.020 was expected at proposal: 0.030 higher, 1.5 sd"),
        ("held", "mAP 0.430 where 0.380 ± 0.030 was expected at epoch 3: 0.050 higher, 1.7 sd"),
        ("held", "mAP 0.430 where 0.450 ± 0.010 was expected at epoch 6: 0.020 lower, 2.0 sd"),
        ("held", "p50 4.50 ms where 4.00 ± 0.50 ms was expected at proposal: 12 % slower, 1.0 sd"),
    ]


def test_a_promotion_without_a_belief_does_not_hide_the_one_at_the_pause() -> None:
    decisions = Decision(3, "pause", "", 0.38, 0.03), Decision(3, "promote", "")
    held = [text for label, text in lines(row_of(None, *decisions)) if label == "held"]
    assert held == ["mAP 0.430 where 0.380 ± 0.030 was expected at epoch 3: 0.050 higher, 1.7 sd"]


def test_what_was_not_told_is_left_out() -> None:
    bare = Proposal("peer", "", "")
    assert lines(row_of(bare)) == [("proposed", "the sampler’s choice")]
    assert lines(row_of(None)) == []
    measured = replace(bare, latency_ms=4.0, latency_measured=True, predicted_map=0.4)
    assert lines(row_of(measured, final=None))[1:] == [("expected", "mAP 0.400, p50 4.00 ms (measured)")]
    strange = replace(bare, predicted_map=float("nan"), latency_ms=float("inf"), expected_gain=float("nan"))
    assert lines(row_of(strange)) == lines(row_of(bare))


@pytest.mark.parametrize("role", ["start", "stock", "baseline", "spread", "explore", "gain", "peer"])
def test_every_role_has_words(role: str) -> None:
    assert lines(row_of(Proposal(role, "", "")))[0] == ("proposed", ROLES[role])


def test_a_role_of_a_newer_version_is_shown_as_it_is() -> None:
    assert lines(row_of(Proposal("dream", "x", "why")))[0] == ("proposed", "dream (sampler x): why")


def test_older_studies_have_none(report_study: Callable[..., optuna.Study]) -> None:
    assert not any(reasons(row) for row in read_study(report_study(20)).rows)


def test_percent_in_words() -> None:
    parts = (0, 0.00001, 0.0004, 0.0099, 0.0123, 0.0999, 0.31, 2.0, None)
    assert [percent(part) for part in parts] == [
        "0 %",
        "under 0.01 %",
        "0.04 %",
        "0.99 %",
        "1.2 %",
        "10 %",
        "31 %",
        "200 %",
        "–",
    ]


def test_a_child_was_looked_at_and_nothing_was_expected_of_its_accuracy(
    report_study: Callable[..., optuna.Study],
) -> None:
    child = read_study(report_study(6, families=1, children=3)).families[0].children[0]
    told = lines(child)
    assert [label for label, _ in told] == ["proposed", "expected", "held"]
    assert told[0][1].startswith("for its place near the front (sampler known_latency): child of trial ")
    assert f"mAP {child.map:.3f} (looked at, without a file), p50 " in told[1][1]
    assert told[2][1].startswith("p50 ")
