"""What stands first: the search against the stock detector, by one training each or by a proof."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.trial import TrialState, create_trial
from proven_study import proven_study, scored
from rich.console import Console

from objectives.records import attributes
from objectives.records.failures import Failure
from objectives.records.gate import Gate
from objectives.records.records import Ending, Outcome
from reports.analysis.headline import ALIKE, Headline, headline, headline_line
from reports.analysis.views import front_view
from reports.page.front_figure import front_figure
from reports.page.page import render_page
from reports.table.proof.contestants import read_proof
from reports.table.proof.intervals import SeedsInterval
from reports.table.proof.words import around_ms
from reports.table.table import StudyTable, read_trials
from reports.terminal import summary

OURS, BASE = (0.53, 0.55, 0.54), (0.45, 0.44, 0.46)
STOCK = {attributes.BASELINE: "yolo26n"}


def first(table: StudyTable) -> Headline:
    found = headline(table)
    assert found is not None
    return found


def of_two(map_: float, ms: float, *, base: tuple[float, float] = (0.5, 5.0), images: int = 240) -> Headline:
    """Return the headline of a study of one detector and the stock one; medians have intervals of 1 % either way."""
    trials = [scored(0, *base, STOCK, images), scored(1, map_, ms, {}, images)]
    return first(read_trials("s", trials, {}))


def test_a_study_without_a_stock_detector_has_none(tmp_path: Path) -> None:
    table = read_trials("s", [scored(0, 0.5, 5.0, {})], {})
    assert headline(table) is None
    assert 'class="headline' not in render_page(table, tmp_path)


@pytest.mark.parametrize(
    ("map_", "ms", "claim", "tone"),
    [
        (0.6, 2.5, "Trial 1: 0.100 more mAP than the stock yolo26n, 2.00 times as fast.", "better"),
        (0.6, 5.05, f"Trial 1: 0.100 more mAP than the stock yolo26n, {ALIKE}.", "better"),
        (0.6, 10.0, "Trial 1: 0.100 more mAP than the stock yolo26n, 2.00 times as slow.", "mixed"),
        (0.5001, 2.5, "Trial 1: the same mAP as the stock yolo26n, 2.00 times as fast.", "better"),
    ],
)  # fmt: skip
def test_claims_by_one_training_each(map_: float, ms: float, claim: str, tone: str) -> None:
    found = of_two(map_, ms)
    assert (found.claim, found.tone, found.is_proven) == (claim, tone, False)
    assert found.sureness == (
        "Not proven: one training each, whose chance is not known. automl prove s trains both again with other seeds."
    )


def test_figures_stand_side_by_side_with_the_intervals_that_there_are() -> None:
    accuracy, latency = of_two(0.6, 2.5).figures
    assert (accuracy.ours, accuracy.stock, accuracy.apart) == ("0.600", "0.500", "+0.100")
    assert (latency.ours, latency.stock) == ("2.50 ms (2.48 to 2.52)", "5.00 ms (4.95 to 5.05)")
    assert latency.apart == "2.00 times as fast"
    assert of_two(0.6, 5.05).figures[1].apart == "cannot be told apart"


def test_few_images_are_said() -> None:
    assert (
        "one training each, whose chance is not known; the mAP rests on 32 images"
        in of_two(0.6, 2.5, images=32).sureness
    )


def test_nothing_better_than_the_stock_detector() -> None:
    found = of_two(0.4, 6.0)
    assert (found.claim, found.tone, found.figures) == (
        "The search has put nothing before the stock yolo26n: it is the pick itself.",
        "worse",
        (),
    )


def test_before_there_is_anything_to_compare() -> None:
    failed = create_trial(
        state=TrialState.FAIL,
        user_attrs={**STOCK, attributes.ENDING: Ending(Outcome.FAILED, "no memory", Failure.OUT_OF_MEMORY).to_json()},
    )
    alone = first(read_trials("s", [scored(0, 0.5, 5.0, STOCK)], {}))
    without = first(read_trials("s", [failed, scored(1, 0.5, 5.0, {})], {}))
    assert alone.claim == "The stock yolo26n is scored; nothing of the search is yet."
    assert without.claim == "The stock yolo26n has no figures to compare with: it failed (no memory)."
    assert (alone.tone, without.tone, alone.sureness) == ("open", "open", "")


def test_a_proof_replaces_the_figures_of_the_search() -> None:
    table = proven_study(OURS, BASE, gate=Gate(p95_ms_max=10.0))
    found, proof = first(table), read_proof(table)
    assert proof is not None
    assert proof.winner is not None
    assert (
        found.claim
        == f"Trial {proof.winner.number}: 0.090 ± 0.043 more mAP than the stock yolo26n, 1.98 times as fast."
    )
    assert (found.tone, found.is_proven) == ("better", True)
    assert found.figures[0].apart == "+0.090 ± 0.043"
    assert found.figures[0].ours.startswith("0.540 ± ")
    assert found.sureness == "Proven: means over 3 trainings each, with intervals of 95 %."


def test_a_proof_that_cannot_tell_says_so() -> None:
    table = proven_study((0.44, 0.50, 0.47), (0.46, 0.45, 0.47), gate=Gate(p95_ms_max=10.0))
    found = first(table)
    assert "mAP that cannot be told from that of the stock yolo26n, 1.98 times as fast" in found.claim
    assert found.tone == "better"  # by latency
    worse = first(proven_study(BASE, OURS, gate=Gate(p95_ms_max=10.0)))
    assert "less mAP than the stock yolo26n" in worse.claim
    assert worse.tone == "mixed"


def test_a_proof_under_way_is_no_proof() -> None:
    table = proven_study(OURS, BASE, gate=Gate(p95_ms_max=10.0))
    cut = replace(table, rows=table.rows[:-2])
    found = first(cut)
    assert not found.is_proven
    assert found.sureness.endswith("The proof is under way: 4 of 6 trainings have ended.")


def test_it_stands_first_on_the_page_and_in_the_terminal(tmp_path: Path) -> None:
    for table in (proven_study((), ()), proven_study(OURS, BASE)):
        found = first(table)
        page = render_page(table, tmp_path)
        assert page.index(found.claim) < page.index('class="verdict')
        assert ("<li>Not proven" in page) is not found.is_proven
        out = io.StringIO()
        Console(file=out, width=80).print(summary(table))
        assert " ".join(out.getvalue().split()).startswith(headline_line(found))


def test_the_front_has_intervals_where_there_are_any() -> None:
    table = proven_study(OURS, BASE)
    view = front_view(table, "objectives")
    traces = {trace.meta: trace for trace in front_figure(view).data}
    bars, members = traces["front"].error_x, table.front
    assert list(bars.array) == pytest.approx(
        [row.latency.p50_high_ms - row.p50_ms for row in members if row.latency and row.p50_ms]
    )
    assert list(bars.arrayminus) == pytest.approx(
        [row.p50_ms - row.latency.p50_low_ms for row in members if row.latency and row.p50_ms]
    )
    proof = read_proof(table)
    assert proof is not None
    assert list(traces["proven"].y) == pytest.approx([one.map.mean for one in proof.contestants if one.map])
    assert list(traces["proven"].error_y.array) == pytest.approx([one.map.half for one in proof.contestants if one.map])
    gate = {trace.meta: trace for trace in front_figure(front_view(table, "gate")).data}
    assert gate["front"].error_x.array is None  # p95 has no interval
    assert list(gate["proven"].y) == pytest.approx([one.map50.mean for one in proof.contestants if one.map50])
    plain = {trace.meta for trace in front_figure(front_view(proven_study((), ()), "objectives")).data}
    assert "proven" not in plain


@pytest.mark.parametrize(
    ("mean", "half", "words"),
    [
        (4.561, 0.018, "4.56 ± 0.02 ms"),
        (4.56, 0.001, "4.56 ± 0.01 ms"),
        (123.4, 2.2, "123 ± 3 ms"),
        (4.56, 0.0, "4.56 ± 0.00 ms"),
    ],
)
def test_an_interval_of_a_latency_is_never_rounded_away(mean: float, half: float, words: str) -> None:
    assert around_ms(SeedsInterval(mean, mean - half, mean + half, 0.95, 3)) == words
