"""The browser of the tests sees what it is there for: errors, requests to other hosts, what axe finds."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from browser import axe, is_wider_than_screen, launched, opened
from playwright.sync_api import Browser

HEAD = "<!doctype html><html lang=en><title>t</title><main><h1>t</h1>"


FAULTS = {
    "console.error('so bad')": "so bad",
    "setTimeout(() => { throw new Error('thrown') })": "thrown",
    "new Image().src = 'http://127.0.0.1:9/x.png'": "asked another host: http://127.0.0.1:9/x.png",
    "fetch('http://127.0.0.1:9/y').catch(() => 0)": "asked another host: http://127.0.0.1:9/y",
    "new WebSocket('ws://127.0.0.1:9/')": "asked another host: ws://127.0.0.1:9/",
}
FAULTY = "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='><p style='width:9999px'>x"


@pytest.mark.seconds
def test_faults_of_a_page_are_faults_of_its_test(browser: Browser) -> None:
    with opened(browser, HEAD + "<p>fine", "#x", viewport={"width": 500, "height": 300}) as page:
        assert page.url.endswith("page.html#x")
        assert axe(page) == []
        assert not is_wider_than_screen(page)
    faulty = opened(browser, f"{HEAD}{FAULTY}<script>{';'.join(FAULTS)}</script>")
    page = faulty.__enter__()
    assert [line.partition(":")[0] for line in axe(page)] == ["image-alt"]
    assert is_wider_than_screen(page)
    with pytest.raises(AssertionError) as raised:
        faulty.__exit__(None, None, None)
    assert [said for said in FAULTS.values() if said not in str(raised.value)] == []
    with opened(browser, f"{HEAD}<script>console.error('so bad')</script>", may_fail=("so bad",)):
        pass


@pytest.mark.slow
@pytest.mark.seconds
def test_a_browser_that_has_ended_leaves_the_event_loop() -> None:
    def loop_after() -> str:
        with launched() as browser, opened(browser, HEAD):
            pass
        return asyncio.run(asyncio.sleep(0, "runs"))

    with ThreadPoolExecutor(1) as pool:  # a thread has a loop of its own; this one's is the fixture's
        assert pool.submit(loop_after).result() == "runs"
