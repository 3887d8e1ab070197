"""What the page costs a browser, beside optuna-dashboard on the same trials: bytes, first paint, memory, frames.

    python tests/benchmarks/page.py [--trials 4 50 10000] [--seconds 4] [--no-dashboard]

Made studies (tests/conftest.py). Static: the file on disk. Served: the same study as `automl browse` gives it, every
point by WebGL, from a server on loopback. Frames are counted by requestAnimationFrame while the mouse drags the front
about with Shift held, which pans in both. Where the machine has no GPU, WebGL is drawn by the processor: the renderer
stands beside the figures. Needs Chromium.
"""

import argparse
import math
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import optuna
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from browser import launched
from conftest import make_study
from playwright.sync_api import Browser, Page
from plotly.offline import get_plotlyjs

from reports.page.live import Live
from reports.page.page import render_page
from reports.table.table import read_study

SIZE = {"width": 1280, "height": 900}
MB = 1e6
COUNT = """() => {
  window.frames_ms = []; window.counting = true;
  let last = performance.now();
  const next = (now) => { frames_ms.push(now - last); last = now; if (counting) requestAnimationFrame(next); };
  requestAnimationFrame(next);
}"""
RENDERER = """() => {
  const gl = document.createElement("canvas").getContext("webgl");
  const named = gl && gl.getExtension("WEBGL_debug_renderer_info");
  return named ? gl.getParameter(named.UNMASKED_RENDERER_WEBGL) : "no WebGL";
}"""
POINTS = """() => Math.max(0, ...[...document.querySelectorAll(".js-plotly-plot")].map((plot) =>
  (plot.data || []).reduce((sum, trace) => sum + (trace.x ? trace.x.length : 0), 0)))"""
PLOT = ".js-plotly-plot .nsewdrag"


@dataclass(frozen=True)
class Cost:
    """What one page cost: bytes over the line or on disk, ms, MB of the tab's process, frames and their ms."""

    page_bytes: int
    paint_ms: float
    drawn_ms: float
    heap_mb: float
    process_mb: float
    frames_s: float
    frame_p95_ms: float
    moves_s: float


def measured(browser: Browser, address: str, ready: str, seconds: float, points: int) -> Cost:
    """Open a page, wait until its plot has so many points, drag it about."""
    profile = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]  # playwright's own record of two numbers
    tab = profile.new_page()
    sizes: list[int] = []
    tab.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    began = time.perf_counter()
    tab.goto(address, wait_until="commit", timeout=300_000)
    tab.locator(ready).first.wait_for(state="attached", timeout=300_000)
    while tab.evaluate(POINTS) < points:  # of 10,000 trials a static page draws 3000
        tab.wait_for_timeout(20)
    drawn_ms = 1000 * (time.perf_counter() - began)
    paint_ms = tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN")
    tab.wait_for_timeout(1500)
    process_mb = renderer_mb()
    heap_mb = tab.evaluate("performance.memory.usedJSHeapSize") / MB
    frames_ms, moves = panned(tab, seconds)
    profile.close()
    late = sorted(frames_ms)[int(0.95 * len(frames_ms))]
    took = sum(frames_ms) / 1000
    page_bytes = Path(address.removeprefix("file://")).stat().st_size if address.startswith("file:") else sum(sizes)
    return Cost(page_bytes, paint_ms, drawn_ms, heap_mb, process_mb, len(frames_ms) / took, late, moves / took)


def renderer_mb() -> float:
    """Return the proportional memory of the tab's process, the largest one."""
    found = [0.0]
    for process in psutil.Process().children(recursive=True):
        try:
            if "--type=renderer" in process.cmdline():
                found.append(process.memory_full_info().pss / MB)
        except psutil.Error:  # it has just ended
            continue
    return max(found)


def panned(tab: Page, seconds: float) -> tuple[list[float], int]:
    """Drag the first plot in circles; return the ms of each frame, and how often the mouse moved."""
    plot = tab.locator(PLOT).first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box, "no plot to drag"
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(x, y)
    tab.keyboard.down("Shift")
    tab.mouse.down()
    tab.mouse.move(x + 30, y)
    tab.evaluate(COUNT)
    end, moves = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        moves += 1
        tab.mouse.move(x + 150 * math.sin(moves / 9), y + 50 * math.cos(moves / 9))
    frames: list[float] = tab.evaluate("() => { counting = false; return frames_ms; }")
    tab.mouse.up()
    tab.keyboard.up("Shift")
    return frames[1:], moves


class QuietFiles(SimpleHTTPRequestHandler):
    """Files of a folder, without a line for each."""

    def log_message(self, *_: object) -> None:
        """Write nothing."""


class QuietWsgi(WSGIRequestHandler):
    """A WSGI server's answers, without a line for each."""

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[str]:
    """Run a server on loopback in a thread, and give its address."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def our_pages(study: optuna.Study, folder: Path) -> dict[str, float]:
    """Write both forms of the page; return the seconds that each took."""
    table = read_study(study)
    live = Live("/studies/x", 1, ("plotly.min.js",), "nonce")
    forms: dict[str, Callable[[], str]] = {
        "static": lambda: render_page(table, folder),
        "served": lambda: render_page(table, folder, live),
    }
    took = {}
    for name, make in forms.items():
        began = time.perf_counter()
        (folder / f"{name}.html").write_text(make())
        took[name] = time.perf_counter() - began
    (folder / "plotly.min.js").write_text(get_plotlyjs())
    return took


def show(trials: int, name: str, cost: Cost) -> None:
    """Print one line of the table."""
    known = f"{cost.page_bytes / MB:8.2f} {cost.paint_ms:9.0f} {cost.drawn_ms:9.0f} {cost.heap_mb:8.0f}"
    moving = f"{cost.process_mb:9.0f} {cost.frames_s:8.1f} {cost.frame_p95_ms:8.1f} {cost.moves_s:8.1f}"
    print(f"{trials:>6} {name:<16} {known} {moving}", flush=True)


def main() -> None:
    """Measure each size of study in each form, a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[4, 50, 10_000])
    parser.add_argument("--seconds", type=float, default=4.0, help="of dragging")
    parser.add_argument("--no-dashboard", action="store_true")
    asked = parser.parse_args()
    with launched("--enable-precise-memory-info") as browser:
        print(f"Chromium {browser.version}; WebGL by: {browser.new_page().evaluate(RENDERER)}")
        print("trials page                   MB  paint, ms drawn, ms heap, MB  tab, MB frames/s  p95, ms  moves/s")
        for trials in asked.trials:
            with tempfile.TemporaryDirectory() as name:
                of_trials(browser, trials, Path(name), asked.seconds, with_dashboard=not asked.no_dashboard)


def of_trials(browser: Browser, trials: int, folder: Path, seconds: float, *, with_dashboard: bool) -> None:
    """Measure the pages of a study of some size."""
    study = make_study(trials, folder=folder if trials <= 1000 else None, reasons=True)
    our_pages(study, folder)
    drawn, points = "html[data-ready]", min(2500, trials // 2)
    show(trials, "static", measured(browser, (folder / "static.html").as_uri(), drawn, seconds, points))
    files = partial(QuietFiles, directory=str(folder))
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), files)) as address:
        show(trials, "served", measured(browser, f"{address}/served.html", drawn, seconds, points))
    if with_dashboard:
        from optuna_dashboard import wsgi  # late: many packages

        app = wsgi(study._storage)
        with serving(make_server("127.0.0.1", 0, app, handler_class=QuietWsgi)) as address:  # type: ignore[arg-type]  # of the same base
            place = f"{address}/dashboard/studies/{study._study_id}"
            show(trials, "optuna-dashboard", measured(browser, place, PLOT, seconds, points))


if __name__ == "__main__":
    main()
