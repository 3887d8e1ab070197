"""The served page in a real browser: what appears while a study is searched, and what stays as the reader has it."""

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from browse_process import HAS_POINT, browsing
from browser import opened, wait_until
from command_line import SCRIPT
from playwright.sync_api import Browser
from quick_search import LONG_S
from quick_search import wait_until as wait_for
from stored_study import StoredStudy

pytestmark = pytest.mark.slow

# The server ends before the page; a study whose detections were not kept has none of its winner's.
MAY_FAIL = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE", "ERR_EMPTY", "/detections)")


def test_points_appear_and_the_reader_keeps_the_place(browser: Browser, tmp_path: Path) -> None:
    stored = StoredStudy(tmp_path / "runs", 60)
    opens = time.monotonic()
    with (
        browsing(tmp_path, "retail") as (address, process),
        opened(browser, address, may_fail=MAY_FAIL) as page,
    ):
        wait_until(page, "document.getElementById('live-sign')?.textContent === 'the search has ended'")
        opened_s = time.monotonic() - opens
        assert "token" not in page.url
        assert page.evaluate("sessionStorage.getItem('automl.token')") == address.partition("token=")[2]
        page.fill("#query", "map>0.1")
        page.click("#table tbody tr:first-child td:nth-child(5)")
        page.evaluate("Plotly.relayout('front', {'xaxis.range': [0, 0.5], 'yaxis.range': [0.2, 0.6]})")
        page.evaluate("document.getElementById('panel').scrollTop = 40")
        title = page.inner_text("#panel-title")
        page.focus("#query")
        number = stored.add_finished()
        began = time.monotonic()
        wait_until(page, HAS_POINT.format(number))
        assert time.monotonic() - began < 2 + opened_s  # two seconds where nothing else runs; opening takes as long
        wait_until(page, f"document.querySelector('header .tiles').textContent.includes('{stored.count}')")
        ranges = "[...document.getElementById('front')._fullLayout.xaxis.range].map((one) => one.toFixed(3))"
        assert page.evaluate(ranges) == ["0.000", "0.500"]
        assert page.input_value("#query") == "map>0.1"
        assert page.inner_text("#panel-title") == title
        assert page.evaluate("document.getElementById('panel').scrollTop") == 40
        assert page.evaluate("document.activeElement.id") == "query"
        stored.file.rename(stored.file.with_suffix(".away"))
        wait_until(page, "document.getElementById('live-sign').textContent.startsWith('the study has been deleted')")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0  # though the page's stream is open
        wait_until(page, "document.getElementById('live-sign').textContent.startsWith('lost the line')")


def test_a_seventh_tab_has_a_line_too(browser: Browser, tmp_path: Path) -> None:
    """Browsers have six lines to one server: tabs in the background must hold none."""
    stored = StoredStudy(tmp_path / "runs", 6)
    with browsing(tmp_path) as (address, _), browser.new_context() as context:
        base = re.sub(r"/\?.*", "", address)
        for path in ["/", "/studies/retail"] * 3:
            page = context.new_page()
            page.goto(base + path)
            page.wait_for_load_state("load")
            page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
            page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        last = context.new_page()
        last.goto(f"{base}/studies/retail", timeout=10_000)
        wait_until(last, "document.getElementById('live-sign')?.textContent === 'the search has ended'")
        number = stored.add_finished()
        wait_until(last, HAS_POINT.format(number))
        assert not page.evaluate(f"BY_NUMBER.has({number})")
        page.evaluate("Object.defineProperty(document, 'hidden', {value: false, configurable: true})")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        wait_until(page, HAS_POINT.format(number))


def test_a_real_search_as_it_goes(browser: Browser, tmp_path: Path, shelves: Path) -> None:
    line = [SCRIPT, "search", "conf=smoke", f"data.root={shelves}", "trial.train_device=cpu", "budget.trials=3"]
    with (
        browsing(tmp_path) as (address, _),
        subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as search,
    ):
        there = re.sub(r"/\?.*", "/studies/smoke", address)
        with browser.new_context() as reader:
            wait_for(lambda: reader.request.get(there).ok)  # the study is whole
        with opened(browser, there) as page:
            wait_until(page, "document.getElementById('live-sign')?.dataset.state === 'running'")
            wait_until(page, "BY_NUMBER.get(2)?.outcome === 'finished'", 200)
            wait_until(page, HAS_POINT.format(2))
            assert search.wait(LONG_S) == 0
            wait_until(page, "document.getElementById('live-sign').textContent === 'the search has ended'", 60)
            assert page.get_attribute("html", "data-error") is None
