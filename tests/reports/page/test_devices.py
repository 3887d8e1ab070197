"""The page of a study of several devices: a view of each in one file, as a real browser shows them."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from browser import opened
from playwright.sync_api import Browser

from objectives.records import attributes as keys
from objectives.records.gate import Gate
from objectives.records.trial_record import trial_records
from reports.page.page import render_page, write_page
from reports.table.on_device import tables_of
from reports.table.table import StudyTable, read_trials
from reports.table.verdict import judge

OTHER = "till 2 & <b>"  # a name may be anything


@pytest.fixture
def table(report_study: Callable[..., optuna.Study], tmp_path: Path) -> StudyTable:
    """A study of 40 trials on two devices: the slower a trial is on one, the faster on the other."""
    study = report_study(40, folder=tmp_path)
    trials = study.get_trials()
    for trial, known in zip(trials, trial_records(study), strict=True):
        if known.latency is not None:
            p50_ms = 40 / known.latency.p50_ms
            found = replace(known.latency, p50_ms=p50_ms, p95_ms=1.1 * p50_ms, device="0ther")
            trial.set_user_attr(keys.LATENCIES, {OTHER: found.to_json()})
    gate = Gate(map50_min=0.3, p95_ms_max=9, devices={OTHER: {"p95_ms_max": 20}})
    own = {keys.DEVICES: {OTHER: {"name": OTHER, "runtime": "onnxruntime"}}, keys.GATE: gate.to_json()}
    return read_trials(study.study_name, trials, {**study.user_attrs, **own})


def test_each_device_has_a_view_with_its_own_figures(table: StudyTable, tmp_path: Path) -> None:
    first, second = tables_of(table)
    assert {row.number for row in first.front} != {row.number for row in second.front}
    page = render_page(table, tmp_path)
    payload, other = map(
        json.loads, re.findall(r'<script type="application/json" (?!id="pictures")[^>]*>(.*?)</script>', page)
    )
    for data, one in ((payload, first), (other, second)):
        assert data["device"] == one.device_name
        fronts = {row["n"] for row in data["rows"] if row.get("front")}
        assert fronts == {row.number for row in one.front}
        for row in one.front:
            p50, p95, on_front, passes = data["on_devices"][str(row.number)][[first, second].index(one)]
            assert (p50, p95) == (pytest.approx(row.p50_ms, rel=1e-4), pytest.approx(row.p95_ms, rel=1e-4))
            assert (on_front, passes) == (1, int(row.passes_gate))
    assert "pictures" not in other  # the file is the same: once in the page
    assert page.count('id="plotly"') == 1


@pytest.mark.slow
@pytest.mark.seconds
def test_the_address_names_the_device_that_the_page_shows(table: StudyTable, tmp_path: Path, browser: Browser) -> None:
    page = write_page(table, tmp_path, tmp_path / "report.html")
    first, second = tables_of(table)
    link = re.findall(r'<a href="(\?device=[^"]*)"', page.read_text())[1]
    for query, one in (("", first), (link, second), (f"{link}#trial-{second.front[0].number}", second)):
        with opened(browser, page, query) as tab:
            document = tab.content()
        root = document[document.index("<html") : document.index("<head")]
        assert 'data-ready="yes"' in root
        assert "data-error" not in root
        header = document[document.index("<header") : document.index("</header>")]
        assert judge(one).lead in header
        front = [int(number) for number in re.findall(r'<tr data-number="(\d+)"', document)]
        assert set(front) == {row.number for row in one.front}
        assert "plot-container" in document
    assert "On each device" in document
