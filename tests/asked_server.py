"""A small server of the tests' own: pages as `automl browse` serves them, and what readers ask, kept and answered."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import plotly
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from reports.page.live import Live
from reports.page.page import render_page
from reports.studies.overlay_page import render_overlay
from reports.table.table import StudyTable
from search.browse.security import page_policy

TOKEN, NONCE = "t0ken-of-the-test", "n0nce"
POLICY = page_policy(NONCE)


class AskedServer:
    """Serves studies, and keeps what is asked of them.

    Attributes:
        base: address of the server.
        asked: requests with the right token, in order.
        refuses: returns the error of a request, or an empty text; what is not refused is said to be done.
        index: the first page as HTML; each reader gets what stands here then.
    """

    def __init__(self, tables: Sequence[StudyTable], folder: Path, *more: Route) -> None:
        self.tables, self.folder, self.more = {table.name: table for table in tables}, folder, more
        self.base, self.index = "", ""
        self.asked: list[Mapping[str, Any]] = []
        self.refuses: Callable[[Mapping[str, Any]], str] = lambda _: ""
        self._changed = threading.Event()
        self.ended = threading.Event()

    def change(self) -> None:
        """Have every open page hear that something has changed."""
        self._changed.set()

    def app(self) -> Starlette:
        routes = [
            Route("/", self._index),
            Route("/over", self._over),
            Route("/events", self._events),
            Route("/static/plotly.min.js", self._plotly),
            Route("/favicon.ico", lambda _: Response(status_code=204)),
            Route("/studies/{name}", self._study),
            Route("/studies/{name}/actions", self._act, methods=["POST"]),
            Route("/studies/{name}/data", lambda _: JSONResponse({})),
        ]
        return Starlette(routes=[*self.more, *routes])

    def _index(self, _: Request) -> Response:
        return HTMLResponse(self.index, headers={"Content-Security-Policy": POLICY})

    def _over(self, request: Request) -> Response:
        tables = [self.tables[name] for name in request.query_params.getlist("study")]
        return HTMLResponse(render_overlay(tables, nonce=NONCE), headers={"Content-Security-Policy": POLICY})

    def _study(self, request: Request) -> Response:
        name = request.path_params["name"]
        live = Live(f"/studies/{name}", 1, ("/static/plotly.min.js",), NONCE)
        page = render_page(self.tables[name], self.folder, live)
        return HTMLResponse(page, headers={"Content-Security-Policy": page_policy(NONCE, evaluates=True)})

    def _plotly(self, _: Request) -> Response:
        return FileResponse(Path(plotly.__file__).parent / "package_data" / "plotly.min.js")

    async def _act(self, request: Request) -> Response:
        if request.headers.get("X-Automl-Token") != TOKEN:
            return JSONResponse({"error": "token: not this server's"}, 403)
        asked = await request.json()
        if error := self.refuses(asked):
            return JSONResponse({"error": error}, 400)
        self.asked.append(asked)
        return JSONResponse({"said": f"done: {asked['action']} <b>as asked</b>"})

    def _events(self, _: Request) -> Response:
        def stream() -> Iterator[str]:
            yield "retry: 1000\n\n"
            while not self.ended.is_set():
                if self._changed.wait(0.05):
                    self._changed.clear()
                    yield 'event: changed\ndata: {"study": "retail", "revision": 2}\n\n'

        return StreamingResponse(stream(), media_type="text/event-stream")


@contextmanager
def asked_server(tables: Sequence[StudyTable], folder: Path, *more: Route) -> Iterator[AskedServer]:
    """Serve studies, and more, on a free port of this machine while the block lasts."""
    served = AskedServer(tables, folder, *more)
    server = uvicorn.Server(uvicorn.Config(served.app(), port=0, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, name="asked-server")
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        served.base = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield served
    finally:
        served.ended.set()
        server.should_exit = True
        thread.join(10)
