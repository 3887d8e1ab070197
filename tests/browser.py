"""A real browser for tests of pages: opened as a user opens them, failing on errors and on requests to other hosts.

    def test_x(browser: Browser, tmp_path: Path) -> None:
        with opened(browser, page_html) as page:  # or a Path, or a URL
            page.click("text=next")
            assert axe(page) == []

The fixture `browser` is one Chromium a module, in each test process: while it runs, Playwright holds the thread's event
loop and has children, and tests of other modules count children and run loops of their own.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
WITHOUT = "no Chromium on this machine: apt-get install chromium"
FLAGS = ("--no-sandbox", "--enable-unsafe-swiftshader")  # as root; WebGL by the processor where there is no GPU
OWN_SCHEMES = ("file", "data", "blob", "about", "chrome-error")
READY = "html[data-ready], html[data-error], html:not(:has(#report))"
PHONE = {"width": 390, "height": 844}
SERIOUS = ("serious", "critical")


@contextmanager
def launched(*flags: str) -> Iterator[Browser]:
    """Run Chromium without a window, with further flags; the test is skipped where there is none."""
    if not CHROMIUM:
        pytest.skip(WITHOUT)  # .ci/run installs one, where it can
    expect.set_options(timeout=60_000)  # five seconds are too few on a machine that is busy
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    browser: Browser, page: str | Path, fragment: str = "", *, may_fail: tuple[str, ...] = (), **context: Any
) -> Iterator[Page]:
    """Open a page in a profile of its own, and wait until its script has drawn it.

    Args:
        browser: what the fixture gives.
        page: HTML, an HTML file, or a URL of this machine.
        fragment: what follows the address: "#trial-3", "?device=cpu".
        may_fail: parts of console errors that the test provokes.
        context: of the profile: viewport=PHONE, color_scheme="dark", reduced_motion="reduce", is_mobile=True ...

    Raises:
        AssertionError: at the end, or where it does not become ready: its console showed an error, an exception was not
            caught, or it asked another host for something.
    """
    with tempfile.TemporaryDirectory(prefix="automl-page-") as folder:
        address = _address(page, Path(folder))
        profile = browser.new_context(**context)
        faults = _watched(profile, urlsplit(address).netloc)
        try:
            tab = profile.new_page()
            tab.goto(address + fragment)
            try:
                tab.locator(READY).wait_for(state="attached", timeout=60_000)
            except Exception as error:  # whatever the page raises: it is said again with what the browser saw
                error.add_note(f"the page: {faults}")
                raise
            yield tab
        finally:
            profile.close()
        if unexpected := [fault for fault in faults if not any(part in fault for part in may_fail)]:
            raise AssertionError("\n".join(unexpected))


def _address(page: str | Path, folder: Path) -> str:
    """Return where the page is opened from; HTML becomes a file."""
    if isinstance(page, str) and page.startswith(("http://", "https://")):
        return page
    if isinstance(page, str):
        target = folder / "page.html"
        target.write_text(page, encoding="utf-8")
        return target.as_uri()
    return page.absolute().as_uri()


def _watched(profile: BrowserContext, own_host: str) -> list[str]:
    """Return a list that grows by each fault of the profile's pages."""
    faults: list[str] = []

    def note_request(address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in OWN_SCHEMES and parts.netloc != own_host:
            faults.append(f"asked another host: {address}")

    profile.on("request", lambda request: note_request(request.url))
    profile.on("page", lambda tab: tab.on("websocket", lambda socket: note_request(socket.url)))
    profile.on("console", lambda message: faults.append(_said(message)) if message.type == "error" else None)
    profile.on("weberror", lambda error: faults.append(str(error.error)))
    return faults


def _said(message: ConsoleMessage) -> str:
    """Return a line of the console, and what it is about: a resource that failed does not say which it is."""
    return f"{message.text} ({message.location['url']})"


def wait_until(page: Page, expression: str, timeout_s: float = 120.0) -> None:
    """Wait until JavaScript holds; Playwright's own `wait_for_function` needs an eval, which our pages' policy forbids.

    Raises:
        AssertionError: it never did.
    """
    end = time.monotonic() + timeout_s
    while not page.evaluate(expression):
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s:g} s: {expression}")
        page.wait_for_timeout(30)


def axe(page: Page, serious: tuple[str, ...] = SERIOUS) -> list[str]:
    """Return what axe-core finds that a screen reader or a keyboard cannot use, a line each; serious faults alone."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {fault['help']}: {node['html'][:200]} ({(node.get('failureSummary') or '')[:300]})"
        for fault in found
        if fault["impact"] in serious
        for node in fault["nodes"]
    ]


def is_wider_than_screen(page: Page) -> bool:
    """Return whether a reader has to scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
