"""The whole way of a reader, by real parts: a search, its server, a browser, and each thing that may be asked of it."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from browse_process import HAS_POINT, browsing
from browser import opened, wait_until
from command_line import SCRIPT, automl
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.slow

SIGN = "document.getElementById('live-sign')?.dataset.state"
OUTCOME = "BY_NUMBER.get({})?.outcome"


@contextmanager
def searching(folder: Path, *words: str) -> "Iterator[subprocess.Popen[bytes]]":
    """Run `automl search conf=smoke` in a folder; what it reports goes line by line into `events.jsonl`."""
    line = [SCRIPT, "search", "conf=smoke", "trial.train_device=cpu", *words, "--log-format", "json"]
    with (folder / "events.jsonl").open("wb") as log, subprocess.Popen(line, cwd=folder, stdout=log) as process:
        try:
            yield process
        finally:
            process.terminate()


def events_of(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return [one for one in found if one["event"] == kind]


def ask_from_the_panel(page: Page, number: int, opener: str, fields: dict[str, str], submit: str) -> str:
    """Open a trial's panel, fill a form in, send it; return the line that answers."""
    page.evaluate(f"openPanel({number})")
    panel = page.locator("#panel")
    panel.get_by_role("button", name=opener).click()
    for label, text in fields.items():
        panel.get_by_label(label, exact=False).first.fill(text)
    panel.get_by_role("button", name=submit).click()
    said = panel.locator(".actions > .said")
    expect(said).to_have_class(re.compile("good"))
    return said.inner_text()


def test_whatever_is_asked_by_its_button_happens(browser: Browser, tmp_path: Path, shelves: Path) -> None:
    """A point in time, pause, continue, try, note, stop: shown, done, in the event log and in `automl show`."""
    folder = ["--folder", "studies"]
    with (
        browsing(tmp_path, *folder) as (address, _),
        searching(tmp_path, f"data.root={shelves}", "store.folder=studies", "budget.trials=3") as search,
        opened(browser, address) as page,
    ):
        page.get_by_role("link", name="smoke", exact=True).click(timeout=60_000)
        wait_until(
            page, f"document.documentElement.dataset.ready !== undefined && {OUTCOME.format(0)} === 'running'", 60
        )
        expect(page.locator(".progress")).to_contain_text("0 of 3 trials")
        expect(page.locator(".progress a")).to_have_text("trial 0")
        wait_until(page, f"{OUTCOME.format(0)} === 'finished' && {HAS_POINT.format(0)}", 120)
        seen = time.time()
        ended = datetime.fromisoformat(events_of(tmp_path, "trial_ended")[0]["time"]).timestamp()
        assert seen - ended < 4  # two seconds where nothing else runs

        wait_until(page, f"{OUTCOME.format(1)} === 'running'", 60)
        assert f"--folder {tmp_path / 'studies'}" in page.locator("#study-bar .command code").inner_text()
        page.get_by_role("button", name="Pause the search").click()
        wait_until(page, f"{SIGN} === 'paused'")
        expect(page.locator("#study-bar")).to_contain_text("The search is paused by ")
        expect(page.locator("header.wrap > .over")).to_contain_text("paused")
        shown = automl("show", "smoke", *folder, folder=tmp_path).stdout
        assert "just now  paused by " in shown
        assert "to go on  automl continue smoke --folder studies" in shown
        page.get_by_role("button", name="Continue the search").click()
        wait_until(page, f"{SIGN} === 'running'")

        fields = {"size.pixels": "96", "train.box": "5.5"}
        assert "is queued" in ask_from_the_panel(page, 0, "Try one like this next", fields, "Ask for it")
        note = "misses <b>cans</b> {{7*7}}"
        ask_from_the_panel(page, 0, "Add a note", {"For whoever reads": note}, "Save the note")
        expect(page.locator("#panel .noted")).to_have_text(f"Note: {note}")
        wait_until(page, f"{OUTCOME.format(1)} === 'running'", 60)
        ask_from_the_panel(page, 1, "Stop this trial", {"Why": "too slow"}, "Stop trial 1")
        wait_until(page, f"{OUTCOME.format(1)} === 'stopped'")
        page.keyboard.press("Escape")

        search.wait(120)
        wait_until(page, f"{SIGN} === 'ended'", 20)
        expect(page.get_by_role("button", name="Pause the search")).to_be_hidden()
        page.set_viewport_size({"width": 390, "height": 844})
        wait_until(page, "document.documentElement.scrollWidth <= document.documentElement.clientWidth", 10)
        assert page.evaluate("document.getElementById('front').getBoundingClientRect().height") == 500
        page.get_by_role("link", name="all studies").click()
        expect(page.get_by_role("link", name="smoke", exact=True)).to_be_visible()
        page.get_by_role("button", name="switch to dark colours").click()
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    asked = events_of(tmp_path, "asked")
    assert [one["action"] for one in asked] == ["pause", "continue", "try", "note", "stop"]
    tried = automl("show", "smoke", "2", *folder, folder=tmp_path).stdout
    assert "size.pixels: 96" in tried
    assert "train.box: 5.5" in tried
    assert "asked for while the search ran (sampler known_latency): by " in tried
    assert note in automl("show", "smoke", "0", *folder, folder=tmp_path).stdout
    assert "stopped by " in (stopped := automl("show", "smoke", "1", *folder, folder=tmp_path).stdout)
    assert "too slow" in stopped
