"""Figures of few or noisy values: one rule each, one mark, and where it stands."""

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from proven_study import proven_study, scored
from rich.console import Console

from objectives.records.records import Accuracy, ClassAccuracy, Latency
from reports.analysis.calibration import Calibration, Held, Prediction, agreement
from reports.analysis.doubts import (
    MARK,
    accuracy_doubt,
    calibration_doubt,
    class_doubt,
    front_doubts,
    hypervolume_doubt,
    row_doubts,
    tail_doubt,
)
from reports.page.facts import key_numbers, outcome_shares
from reports.page.page import render_page
from reports.table.row import TrialRow
from reports.table.table import StudyTable, judged_rows, read_study, read_trials
from reports.table.verdict import judge
from reports.terminal import summary

FULL = Latency(5.0, 5.6, 4.9, 5.1, 4.0, 180, 2.0, True, "", "", 0)


def accuracy(images: int, boxes: int) -> Accuracy:
    return Accuracy(0.5, 0.7, {"a": ClassAccuracy(0.5, 0.7, boxes)} if boxes else {}, "val", images)


@pytest.mark.parametrize(
    ("images", "boxes", "words"),
    [
        (240, 1820, ""),
        (100, 300, ""),
        (32, 400, "rests on 32 images and 400 boxes"),
        (100, 299, "rests on 100 images and 299 boxes"),
        (1, 1, "rests on 1 image and 1 box"),
        (99, 0, "rests on 99 images"),  # an older version kept no boxes
        (240, 0, ""),
    ],
)
def test_an_map_of_few_images_or_boxes(images: int, boxes: int, words: str) -> None:
    assert accuracy_doubt(accuracy(images, boxes)) == words


def test_a_95th_percentile_that_hardly_an_image_exceeds() -> None:
    assert tail_doubt(FULL) == ""
    assert tail_doubt(replace(FULL, samples=100)) == ""
    assert tail_doubt(replace(FULL, samples=30)) == "rests on the slowest 2 of 30 images"
    assert tail_doubt(replace(FULL, samples=6)) == "rests on the slowest 1 of 6 images"


def test_a_row_has_the_doubts_of_its_figures(report_table: Callable[..., StudyTable]) -> None:
    row = report_table(6).finished[0]
    calm = replace(row, latency=FULL, latency_untrained=None)
    assert row_doubts(calm) == ()
    shaky = replace(calm, latency=replace(FULL, stable=False, note="processes differ"))
    assert [str(doubt) for doubt in row_doubts(shaky)] == ["p50 is unstable: processes differ"]
    quick = replace(calm, parent=3, latency=replace(FULL, samples=30), accuracy=accuracy(32, 99))
    assert [str(doubt) for doubt in row_doubts(quick)] == [
        "mAP rests on 32 images and 99 boxes",
        "p50 is by the quick protocol, of 30 images",
        "p95 rests on the slowest 2 of 30 images",
    ]
    assert row_doubts(TrialRow(0, calm.phase)) == ()


def test_classes_hypervolumes_and_predictions_of_few() -> None:
    assert [class_doubt(boxes) for boxes in (0, 1, 19, 20)] == ["", "rests on 1 box", "rests on 19 boxes", ""]
    few = read_trials("s", [scored(n, 0.1 * n, 1.0 + n, {}) for n in range(9)], {})
    assert hypervolume_doubt(few) == "rests on 9 finished trials"
    tile = next(fact for fact in key_numbers(few) if fact.label == "hypervolume")
    assert tile.value.endswith(f" {MARK}")
    assert tile.note.endswith("rests on 9 finished trials")
    many = read_trials("s", [scored(n, 0.1, 1.0 + n, {}) for n in range(10)], {})
    assert hypervolume_doubt(many) == ""
    said = [Prediction(number, 0, 0.4, 0.1, 0.5) for number in range(10)]
    for count, words in ((9, "rest on 9 trials"), (10, "")):
        held = Held(tuple(said[:count]), agreement(said[:count]))
        assert calibration_doubt(Calibration(held, Held(), Held())) == words
    assert calibration_doubt(Calibration(Held(), Held(), Held())) == ""


def with_unstable(table: StudyTable, *numbers: int) -> StudyTable:
    """Return a study in which these trials' latencies are unstable, and no others."""
    rows = [
        replace(row, latency=replace(row.latency, stable=row.number not in numbers)) if row.latency else row
        for row in table.rows
    ]
    return replace(table, rows=tuple(judged_rows(rows, table.gate)))


def test_a_front_with_unstable_members_says_so_everywhere(tmp_path: Path) -> None:
    table = proven_study((), ())
    members = [row.number for row in table.front]
    assert list(front_doubts(with_unstable(table))) == []
    one, two = (next(front_doubts(with_unstable(table, *members[:count]))) for count in (1, 2))
    assert one == (
        f"1 of {len(members)} latencies on the front is unstable (trial {members[0]}): measured again, it may lie "
        "elsewhere, and not on the front."
    )
    assert f"2 of {len(members)} latencies on the front are unstable" in two
    assert one in render_page(with_unstable(table, members[0]), tmp_path)
    out = io.StringIO()
    Console(file=out, width=80).print(summary(with_unstable(table, members[0])))
    assert one in " ".join(out.getvalue().split())
    assert f"{MARK}{table.front[0].p50_ms:.2f}" in out.getvalue()


def test_the_page_has_the_words_of_every_mark(tmp_path: Path) -> None:
    trials = [scored(n, 0.1 * n + 0.1, 1.0 + n, {}, images=32) for n in range(4)]
    page = render_page(read_trials("s", trials, {}), tmp_path)
    assert "<li>mAP rests on 32 images and 360 boxes</li>" in page
    assert "<li>the hypervolume rests on 4 finished trials</li>" in page
    found = re.search(r'<script type="application/json" id="report">(.*?)</script>', page, re.DOTALL)
    assert found
    assert json.loads(found.group(1))["rows"][0]["doubts"]["mAP"] == "rests on 32 images and 360 boxes"


# Other sentences that were not true


def test_nothing_is_called_the_most_accurate_where_nothing_is_found() -> None:
    table = read_trials("s", [scored(0, 0.0, 2.0, {}), scored(1, 0.0001, 1.0, {})], {})
    verdict = judge(table)
    assert verdict.lead == "No gate is set, and no trial finds anything yet; the most accurate is trial 1: "
    assert (
        judge(read_trials("s", [scored(0, 0.2, 2.0, {})], {})).lead == "No gate is set. Trial 0 is the most accurate: "
    )


def test_the_parts_of_the_outcomes_are_the_search_s_alone() -> None:
    searched, proven = proven_study((), ()), proven_study((0.5, 0.5), (0.4, 0.4))
    assert outcome_shares(proven) == outcome_shares(searched)
    assert sum(part.share for part in outcome_shares(proven)) == pytest.approx(1)


def test_lines_of_rungs_are_named_where_there_are_any(
    report_study: Callable[..., optuna.Study], tmp_path: Path
) -> None:
    sentence = "Lines mark the rungs where the pruner decides."
    table = read_study(report_study(8))
    undecided = [replace(row, rungs=tuple(replace(rung, decides=False) for rung in row.rungs)) for row in table.rows]
    assert sentence in render_page(table, tmp_path)
    page = render_page(replace(table, rows=tuple(undecided)), tmp_path)
    assert sentence not in page
    assert "The pruner decided at none of these epochs." in page
