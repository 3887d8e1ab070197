"""The first page and the page of studies over one another, as HTML: nothing of the user's is markup."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reports.studies.index_page import StudyCard, card_of, render_index, unread_card
from reports.studies.overlay_page import render_overlay
from reports.table.table import StudyTable

HOSTILE = "</td><script>window.hacked = 1</script><img src=x onerror='hacked = 1'>&'\"{{7*7}}"
NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


def rows_of(page: str) -> list[str]:
    return re.findall(r'<tr role="row"[^>]*data-name="([^"]*)"', page)


def test_an_empty_folder_says_what_to_do() -> None:
    page = render_index([], NOW)
    assert "There is no study here yet" in page
    assert "automl search conf=smoke" in page
    assert "<table" not in page
    assert "whose <code>runs/</code>" in page
    elsewhere = render_index([], NOW, where=["store.folder=/data/my runs"])
    assert "automl search conf=smoke &#39;store.folder=/data/my runs&#39;" in elsewhere
    assert "whose <code>runs/</code>" not in elsewhere


def test_a_row_a_study_the_newest_first(report_table: Callable[..., StudyTable]) -> None:
    card = card_of(report_table(60), now=NOW)
    cards = [replace(card, name=f"s{days}", updated=NOW - timedelta(days=days)) for days in (3, 0, 1)]
    page = render_index([*cards, unread_card("broken", "store: 'study.sqlite3' is no database")], NOW)
    assert rows_of(page) == ["s0", "s1", "s3", "broken"]
    assert "24 h ago" in page
    assert "2026-03-06" in page  # older than two days: the day
    assert "store: &#39;study.sqlite3&#39; is no database" in page
    assert page.count('<input type="checkbox"') == 3  # what cannot be read is laid over nothing
    assert page.count("<svg") == 3
    assert f"{card.best_map:.3f}" in page
    assert 'data-events="/events?study=s0&amp;study=s1&amp;study=s3"' in page


def test_only_of_a_search_that_runs_somebody_is_at_work(report_table: Callable[..., StudyTable]) -> None:
    card = replace(card_of(report_table(60), now=NOW), running=2)
    assert "2 at work" in render_index([replace(card, state="running")], NOW)
    assert "2 at work" not in render_index([replace(card, state="cut")], NOW)


def test_each_page_has_the_switch_for_dark_and_light(report_table: Callable[..., StudyTable]) -> None:
    tables = [replace(report_table(30), name="a"), replace(report_table(40), name="b")]
    other = replace(tables[1], fingerprints={"data": "another"})
    for page in (render_index([], NOW), render_overlay(tables), render_overlay([tables[0], other])):
        assert '<button type="button" id="theme"' in page
        assert "automl.theme" in page
        assert ':root[data-theme="dark"]' in page


def test_nothing_of_a_study_is_markup(report_table: Callable[..., StudyTable]) -> None:
    table = replace(report_table(30), name=HOSTILE, data={"name": HOSTILE}, device={"name": HOSTILE})
    card: StudyCard = replace(card_of(table, now=NOW), state_note=HOSTILE, against=HOSTILE, gate=HOSTILE)
    for page in (render_index([card, unread_card(HOSTILE, HOSTILE)], NOW), render_overlay([table, report_table(40)])):
        assert "<script>window" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;window.hacked" in page
        assert "{{7*7}}" in page
        assert "</script><img" not in page


def test_pages_load_nothing_and_have_the_servers_nonce(report_table: Callable[..., StudyTable]) -> None:
    card = card_of(report_table(30), now=NOW)
    over = [replace(report_table(30), name="a"), replace(report_table(40), name="b")]
    for page in (render_index([card], NOW, "n0nce"), render_overlay(over, nonce="n0nce")):
        assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
        assert " style=" not in page
        assert all(
            'nonce="n0nce"' in tag or "application/json" in tag
            for tag in re.findall(r"<(?:script|style)\b[^>]*>", page)
        )
    assert "nonce" not in render_index([card], NOW)


def test_what_each_found_at_a_latency(report_table: Callable[..., StudyTable]) -> None:
    tables = [replace(report_table(60), name="a"), replace(report_table(40, seed=2), name="b")]
    page = render_overlay(tables)
    table = page[page.index('id="at-title"') : page.index('id="picks-title"')]
    cells = [
        re.findall(r'(▲ )?(0\.\d{3})(?:</span>)?<small class="line">trial (\d+)', line)
        for line in table.split("<tr>")[2:]
    ]
    assert len(cells) == 2
    for study, line in zip(tables, cells, strict=True):
        assert line
        for _, map_, number in line:
            assert f"{study.row(int(number)).map:.3f}" == map_
            assert study.row(int(number)).on_front
        assert [map_ for _, map_, _ in line] == sorted(map_ for _, map_, _ in line)
    last = [line[-1] for line in cells]  # at the slowest member's latency each has its best
    assert [float(map_) for _, map_, _ in last] == pytest.approx(
        [max(row.map or 0 for row in t.finished) for t in tables], abs=6e-4
    )
    assert bool(last[0][0]) == (last[0][1] >= last[1][1])


def test_the_payload_holds_the_fronts(report_table: Callable[..., StudyTable]) -> None:
    tables = [replace(report_table(60), name="a"), replace(report_table(40, seed=2), name="b")]
    page = render_overlay(tables, served=False)
    payload = json.loads(page.split('id="overlay">')[1].split("</script>")[0])
    assert [study["name"] for study in payload["studies"]] == ["a", "b"]
    assert [len(study["front"]) for study in payload["studies"]] == [len(table.front) for table in tables]
    assert payload["links"] is False
    assert 'href="/' not in page  # a file opens from disk
    assert len(page) < 100_000


def test_what_cannot_be_compared_is_a_page_in_words(report_table: Callable[..., StudyTable]) -> None:
    one, two = replace(report_table(30), name="a"), replace(report_table(40), name="b")
    page = render_overlay([one, replace(two, fingerprints={**two.fingerprints, "data": "0ther"})])
    assert "These cannot be laid over one another" in page
    assert "&#39;a&#39; and &#39;b&#39; have other data: shelves (da7a01) and shelves (0ther)" in page
    assert '<span class="key differs">0ther</span>' in page
    assert "Two studies or more" in render_overlay([one])


def test_studies_without_a_finished_trial(report_table: Callable[..., StudyTable]) -> None:
    tables = [replace(report_table(30), name=name, rows=()) for name in "ab"]
    page = render_overlay(tables)
    assert "No study has a finished trial yet." in page
    assert page.count("no trial has finished yet") == 2
