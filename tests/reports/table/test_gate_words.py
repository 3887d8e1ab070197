"""The gate in words: on the page, in the terminal and in the export, each bound with what a trial has of it."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from rich.console import Console

from objectives.records.gate import Gate
from reports.analysis.curves import learning_curves
from reports.analysis.views import front_view
from reports.page.page import render_page
from reports.page.payload import trials_payload
from reports.table.gate_words import bound_lines
from reports.table.pick import misses
from reports.table.row import TrialRow
from reports.table.table import StudyTable, read_study
from reports.terminal import summary

MANY = Gate(
    map50_min=0.62,
    p95_ms_max=10,
    f1_min=0.7,
    recall_of={"price <b>tag</b>": 0.5},
    misses_of={"bottle": 0.05},
    throughput_min=120,
    file_mb_max=9,
    own=[{"_target_": "m.wobble", "min": 1.0}],
)


@pytest.fixture
def judged(report_study: Callable[..., optuna.Study]) -> tuple[StudyTable, TrialRow]:
    """A study of a gate of many bounds, and a trial of it whose figures are known."""
    table = read_study(report_study(60, gate=MANY))
    row = next(row for row in table.finished if row.map is not None and 0.5 < row.map < 0.56 and row.map50)
    return table, row


def test_each_bound_has_a_line(judged: tuple[StudyTable, TrialRow]) -> None:
    table, row = judged
    assert row.map is not None
    assert row.p50_ms is not None
    lines = {line.name: line for line in bound_lines(row, table.gate)}
    assert list(lines) == [
        *("mAP50", "p95", "F1", "throughput", "file", "recall of price <b>tag</b>", "misses of bottle", "wobble")
    ]
    assert lines["F1"].value == f"{1.25 * row.map:.3f}"
    assert lines["F1"].limit == ">= 0.7"
    assert lines["F1"].is_kept == (1.25 * row.map >= 0.7)
    assert lines["misses of bottle"].value == f"{1 - 1.2 * 1.3 * row.map:.3f}"
    assert not lines["misses of bottle"].is_kept
    assert lines["throughput"].value.endswith(" images/s")
    assert str(lines["misses of bottle"]).endswith(", <= 0.05: missed")
    assert row.passes_gate == all(line.is_kept for line in lines.values())


def test_misses_say_how_much_is_lacking_and_why_nothing_is_known(judged: tuple[StudyTable, TrialRow]) -> None:
    table, row = judged
    assert row.map is not None
    assert row.accuracy is not None
    short = 1 - 1.2 * 1.3 * row.map - 0.05
    assert f"misses of bottle {short:.3f} over" in misses(row, table.gate)
    older = replace(row, accuracy=replace(row.accuracy, f1=None, per_class={}, own=None))
    assert misses(older, Gate(f1_min=0.1, recall_of={"can": 0.1}, own=MANY.own)) == (
        "F1 unknown (scored by an older automl or before a fork)",
        "recall of can unknown (no such object, or scored by an older automl or before a fork)",
        "wobble unknown (it gave no number, or was scored before a fork)",
    )


def test_the_page_holds_a_column_for_what_no_other_shows(judged: tuple[StudyTable, TrialRow], tmp_path: Path) -> None:
    table, row = judged
    payload = trials_payload(table, learning_curves(table))
    titles = [bound["title"] for bound in payload["bounds"]]
    assert titles == [
        *("F1", "throughput, images/s", "file, MB", "recall of price <b>tag</b>", "misses of bottle", "wobble")
    ]
    (found,) = [one for one in payload["rows"] if one["n"] == row.number]
    assert next(value for value, _ in found["bounds"]) == pytest.approx(1.25 * (row.map or 0))
    assert all("bounds" not in one for one in payload["rows"] if one["outcome"] in ("failed", "stopped", "over"))
    page = render_page(table, tmp_path)
    assert "≥ 0.7" in page
    assert page.count('<li class="kept">') + page.count('<li class="misses">') == 8
    assert "<b>tag</b>" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    plain = read_study_payload(replace(table, gate=Gate(map50_min=0.6)))
    assert plain["bounds"] == []
    assert all("bounds" not in one for one in plain["rows"])


def read_study_payload(table: StudyTable) -> dict[str, list[dict[str, object]]]:
    return trials_payload(table, learning_curves(table))


def test_the_figure_says_where_it_shades_a_part_of_the_gate_alone(judged: tuple[StudyTable, TrialRow]) -> None:
    table, _ = judged
    assert front_view(table, "gate").gate_has_more
    whole = replace(table, gate=Gate(map50_min=0.6, p95_ms_max=10))
    assert not front_view(whole, "gate").gate_has_more
    quick = front_view(replace(table, gate=Gate(throughput_min=200)), "objectives")
    assert (quick.gate_ms, quick.gate_has_more) == (5.0, False)


def test_the_terminal_lists_the_bounds_where_columns_do_not(judged: tuple[StudyTable, TrialRow]) -> None:
    table, _ = judged
    console = Console(width=80, file=None, record=True, quiet=False)
    with console.capture() as seen:
        console.print(summary(table))
    assert re.search(r"^  wobble .*, >= 1: (kept|missed)$", seen.get(), re.MULTILINE)
    with console.capture() as seen:
        console.print(summary(replace(table, gate=Gate(map50_min=0.6))))
    assert ": kept" not in seen.get()
