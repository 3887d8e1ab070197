"""The search against its baseline: plain data, sentences, and where these are shown."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial
from rich.console import Console

from objectives.records import attributes
from objectives.records.failures import Failure
from objectives.records.gate import Gate
from objectives.records.records import Accuracy, Ending, Outcome
from reports.analysis.history import current_hypervolume
from reports.analysis.importance import importances
from reports.analysis.views import front_view
from reports.page.front_figure import front_figure
from reports.page.page import render_page
from reports.table.baseline import AgainstBaseline, against_baseline
from reports.table.baseline_words import baseline_words
from reports.table.kin.family_words import origin_words
from reports.table.table import StudyTable, read_study, read_trials
from reports.table.verdict import judge
from reports.terminal import summary
from search.study.folder.needed import least_needed

STOCK = {"backbone.name": "yolo26", "size.pixels": 256, "head.kind": "end2end"}
OTHERS = [(0.70, 10.0), (0.60, 2.5), (0.50, 4.0), (0.30, 1.0)]
HASHES = {"weights": json.dumps({"yolo26n": "0123abcd"})}


def ended(number: int, map_: float, ms: float, baseline: str = "") -> FrozenTrial:
    of_it = {attributes.BASELINE: baseline, attributes.CANDIDATE: STOCK} if baseline else {}
    accuracy = {attributes.ACCURACY: Accuracy(map_, map_, {}, "val", 9).to_json()}
    trial = create_trial(values=[map_, ms], user_attrs={**of_it, **accuracy})
    trial.number = number
    return trial


def table_of(
    map_: float, ms: float, others: list[tuple[float, float]], name: str = "yolo26n", gate: Gate | None = None
) -> StudyTable:
    trials = [ended(0, map_, ms, name), *(ended(i, *figures) for i, figures in enumerate(others, 1))]
    kept = {attributes.FINGERPRINTS: HASHES}
    bounds = gate or Gate()
    named = {"map50_min": bounds.map50_min, "p50_ms_max": bounds.p50_ms_max}
    return read_trials("s", trials, {**kept, attributes.GATE: {k: v for k, v in named.items() if v is not None}})


def found(table: StudyTable) -> AgainstBaseline:
    against = against_baseline(table)
    assert against is not None
    return against


# Plain data


def test_a_study_without_one_says_nothing() -> None:
    table = read_trials("s", [ended(0, 0.5, 5.0)], {})
    assert against_baseline(table) is None


def test_what_beats_it_at_its_latency_and_at_its_map() -> None:
    against = found(table_of(0.50, 5.0, OTHERS))
    assert against.is_beaten
    assert against.pick is not None
    assert against.at_latency is not None
    assert against.at_accuracy is not None
    assert (against.pick.row.number, against.pick.map_gain, against.pick.speed) == (1, pytest.approx(0.2), 0.5)
    assert (against.at_latency.row.number, against.at_latency.map_gain) == (2, pytest.approx(0.1))
    assert (against.at_accuracy.row.number, against.at_accuracy.speed) == (2, 2.0)
    assert not against.from_random
    assert against.to_json()["at_its_latency"] == {"trial": 2, "map_gain": pytest.approx(0.1), "speed": 2.0}


def test_one_that_nothing_beats() -> None:
    against = found(table_of(0.65, 2.0, OTHERS))
    assert not against.is_beaten
    assert against.at_latency is not None
    assert (against.at_latency.row.number, against.at_latency.map_gain) == (4, pytest.approx(-0.35))
    assert against.at_accuracy is not None
    assert (against.at_accuracy.row.number, against.at_accuracy.speed) == (1, 0.2)
    assert against.to_json()["beaten"] is False


def test_equal_figures_beat_nothing() -> None:
    assert not found(table_of(0.5, 5.0, [(0.5, 5.0)])).is_beaten
    assert found(table_of(0.5, 5.0, [(0.5, 4.9)])).is_beaten
    assert found(table_of(0.5, 5.0, [(0.51, 5.0)])).is_beaten


def test_one_that_has_no_figures() -> None:
    failed = create_trial(
        state=TrialState.FAIL,
        user_attrs={
            attributes.BASELINE: "yolo26n",
            attributes.ENDING: Ending(Outcome.FAILED, "CUDA out of memory", Failure.OUT_OF_DEVICE_MEMORY).to_json(),
        },
    )
    failed.number = 0
    against = found(read_trials("s", [failed, ended(1, 0.5, 5.0)], {}))
    assert (against.pick, against.at_latency, against.is_beaten) == (None, None, False)
    assert against.to_json()["beaten"] is None
    words = baseline_words(against)
    assert words == (
        "The baseline, stock yolo26n (trial 0), has no figures to compare with: it failed (CUDA out of memory)."
    )


# Sentences


def test_sentences_of_a_beaten_one() -> None:
    assert baseline_words(found(table_of(0.50, 5.0, OTHERS))) == (
        "The baseline, stock yolo26n at 256 px (trial 0), has mAP 0.500 at 5.00 ms, from its published weights. The "
        "pick, trial 1, has 0.200 more mAP, 2.00 times as slow. At its latency or less: 0.100 more mAP (trial 2). At "
        "its mAP or more: 2.00 times as fast (trial 2)."
    )


def test_sentences_of_one_that_is_the_pick() -> None:
    table = table_of(0.80, 2.0, OTHERS, name="yolo11s@320")
    assert baseline_words(found(table)) == (
        "The baseline, stock yolo11s at 256 px (trial 0), has mAP 0.800 at 2.00 ms, from random weights, since its "
        "published ones were not there. It is the pick. No detector beats it, as fast and as accurate at once; the "
        "best at its latency or less has 0.500 less mAP (trial 4)."
    )
    verdict = judge(table)
    assert verdict.row is not None
    assert verdict.row.number == 0
    assert "it is the baseline, stock yolo11s@320: the search found none better" in verdict.figures
    assert origin_words(verdict.row) == "the baseline, stock yolo11s@320"


def test_one_over_the_gates_bound_is_no_pick() -> None:
    against = found(table_of(0.90, 5.0, OTHERS, gate=Gate(map50_min=0.4, p50_ms_max=4.5)))
    assert not against.row.passes_gate
    assert against.pick is not None
    assert against.pick.row.number in (2, 3)


# What is shown


def test_the_terminal_and_the_page_say_it_and_the_plot_names_it() -> None:
    table = table_of(0.50, 5.0, OTHERS)
    out = io.StringIO()
    Console(file=out, width=80).print(summary(table))
    assert "At its latency or less: 0.100 more mAP (trial 2)." in " ".join(out.getvalue().split())
    page = render_page(table, Path("nowhere"))
    assert f'<p class="against">{baseline_words(found(table))}</p>' in page
    figure = front_figure(front_view(table, "objectives", 1))
    star = next(trace for trace in figure.data if trace.meta == "baseline")
    assert (star.name, list(star.x), list(star.y), list(star.customdata)) == ("baseline yolo26n", [5.0], [0.5], [0])


def test_a_study_without_one_has_neither(report_study: Callable[..., optuna.Study]) -> None:
    table = read_study(report_study(30))
    assert 'class="against"' not in render_page(table, Path("nowhere"))
    assert not any(trace.meta == "baseline" for trace in front_figure(front_view(table, "gate")).data)


# What it does not change


def test_one_beside_the_front_does_not_stretch_the_scale_of_hypervolume() -> None:
    without = read_trials("s", [ended(i, *figures) for i, figures in enumerate(OTHERS)], {})
    beside = table_of(0.2, 900.0, OTHERS)
    assert current_hypervolume(beside) == current_hypervolume(without)
    assert current_hypervolume(table_of(0.9, 15.0, OTHERS)) != current_hypervolume(without)  # it is on the front


def test_importances_leave_it_out(report_study: Callable[..., optuna.Study]) -> None:
    study = report_study(40)
    before = importances(read_study(study))
    study.add_trial(ended(40, 0.99, 900.0, "yolo26n"))
    assert importances(read_study(study)) == before


def test_its_files_are_needed() -> None:
    table = table_of(0.2, 900.0, OTHERS)
    assert 0 not in [row.number for row in least_needed(table, table.rows)]
