"""The server's addresses: pages, what has changed in them, events, and what readers ask of a search."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from reports.page.template import asset
from search.browse.events import stream
from search.browse.pictures_routes import picture_routes, small_number
from search.browse.security import TOKEN_HEADER, Guard, Tokens, new_secret, page_policy, refusal
from search.browse.shelf import StudyShelf
from search.browse.study_pictures import StudyPictures, pictures_by_name
from spaces.errors import AutomlError

if TYPE_CHECKING:
    from reports.studies.card import StudyCard

BODY_MOST = 64_000  # bytes of a request that asks something of a search
REVISION_DIGITS_MOST = 20  # in an address
KEPT_A_DAY = {"Cache-Control": "private, max-age=86400"}
Act = Callable[[str, str, str | None, Mapping[str, Any]], str]


def make_app(shelf: StudyShelf, tokens: Tokens, act: Act, hosts: tuple[str, ...] = ()) -> ASGIApp:
    """Return the server as an ASGI application.

    Args:
        shelf: the studies that are shown.
        tokens: what a request that writes must have.
        act: carries out what readers ask: `search.study.requests.act.act`.
        hosts: names beside this machine's own that readers may reach the server by.
    """
    pages, opened = Pages(shelf, tokens, act), pictures_by_name(shelf.folder, shelf.url)

    def pictures_of(name: str) -> StudyPictures:
        feed = shelf.feed(name)  # of a study that is shown
        return opened(feed.name, feed.identity)

    routes = [
        Route("/", pages.index),
        Route("/over", pages.over),
        Route("/events", pages.events),
        Route("/favicon.ico", pages.icon),
        Route("/static/plotly.min.js", pages.plotly),
        Route("/static/enter.js", pages.enter_script),
        Route("/studies/{name}", pages.study),
        Route("/studies/{name}/data", pages.data),
        Route("/studies/{name}/trials/{number}/sheet.jpg", pages.sheet),
        Route("/studies/{name}/actions", pages.act, methods=["POST"]),
        *picture_routes(pictures_of),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={AutomlError: _said, HTTPException: _unknown},  # type: ignore[dict-item]  # handlers of a kind of error
    )
    return Guard(app, hosts)  # around all, so that an error of ours has its headers, too


class Pages:
    """What answers at each address."""

    def __init__(self, shelf: StudyShelf, tokens: Tokens, act: Act) -> None:
        self._shelf, self._tokens, self._act = shelf, tokens, act

    async def index(self, request: Request) -> Response:
        """Answer with the studies, or with the page of the only one that is shown."""
        if (entry := self._entry(request)) is not None:
            return entry
        from reports.studies.index_page import render_index

        nonce = new_secret()
        cards = await run_in_threadpool(self._cards)
        return _page(
            render_index(cards, datetime.now(UTC), nonce=nonce, where=self._shelf.search_words), page_policy(nonce)
        )

    def _cards(self) -> "list[StudyCard]":
        return [self._shelf.feed(name).card() for name in self._shelf.there()]

    async def over(self, request: Request) -> Response:
        """Answer with studies over one another."""
        from reports.studies.overlay_page import render_overlay

        nonce, names = new_secret(), list(dict.fromkeys(request.query_params.getlist("study")))
        device = request.query_params.get("device", "")
        if len(names) < 2:
            raise AutomlError("over: takes two studies or more: /over?study=A&study=B")

        def render() -> str:
            return render_overlay([self._shelf.feed(name).table() for name in names], nonce=nonce, device=device)

        return _page(await run_in_threadpool(render), page_policy(nonce))

    async def study(self, request: Request) -> Response:
        """Answer with the page of a study."""
        if (entry := self._entry(request)) is not None:
            return entry
        nonce, feed = new_secret(), self._shelf.feed(request.path_params["name"])
        return _page(await run_in_threadpool(feed.page, nonce), page_policy(nonce, evaluates=True))

    async def data(self, request: Request) -> Response:
        """Answer with what has changed in a study since a revision."""
        since, feed = request.query_params.get("since"), self._shelf.feed(request.path_params["name"])
        if since is not None and not (since.isascii() and since.isdecimal() and len(since) <= REVISION_DIGITS_MOST):
            raise AutomlError(f"since: must be a revision, a whole number, got {since[:40]!r}")
        device = request.query_params.get("device")
        text = await run_in_threadpool(feed.answer, None if since is None else int(since), device)
        return Response(text, media_type="application/json")

    async def sheet(self, request: Request) -> Response:
        """Answer with the contact sheet of a trial."""
        feed, number = self._shelf.feed(request.path_params["name"]), small_number(request.path_params["number"])
        if number is None:
            raise AutomlError("trial: goes by its number: /studies/NAME/trials/3/sheet.jpg")
        path = await run_in_threadpool(feed.sheet, number)
        return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "private, no-cache"})

    async def events(self, request: Request) -> Response:
        """Answer with a stream of what changes, and of studies that come and go."""
        feeds = [self._shelf.feed(name) for name in dict.fromkeys(request.query_params.getlist("study"))]
        if request.method == "HEAD":  # whose answer ends with its headers
            return Response(media_type="text/event-stream")
        return StreamingResponse(stream(self._shelf, feeds), media_type="text/event-stream")

    async def act(self, request: Request) -> Response:
        """Carry out what a reader asks of a search; whoever asks has the token."""
        if not self._tokens.is_token(request.headers.get(TOKEN_HEADER, "")):
            line = "this needs the token: open the page by the address that automl browse printed"
            return refusal(403, f"token: {line}")
        feed = self._shelf.feed(request.path_params["name"])
        asked = await _json_object(request)
        line = await run_in_threadpool(self._act, feed.name, str(self._shelf.folder), self._shelf.url, asked)
        return Response(json.dumps({"said": line}), media_type="application/json")

    async def plotly(self, _: Request) -> Response:
        """Answer with plotly's own bundle, which has WebGL."""
        return FileResponse(_plotly(), media_type="text/javascript", headers=KEPT_A_DAY)

    async def icon(self, _: Request) -> Response:
        """Answer to what browsers ask for by themselves: there is no icon."""
        return Response(status_code=204)

    async def enter_script(self, _: Request) -> Response:
        """Answer with the script that keeps the token."""
        return Response(str(asset("enter.js")), media_type="text/javascript")

    def _entry(self, request: Request) -> Response | None:
        """Answer to an address with a token: a page that keeps it in the tab and goes on without it."""
        token, ticket = (request.query_params.get(name) for name in ("token", "ticket"))
        if token is None and ticket is None:
            return None
        if ticket is not None and self._tokens.redeemed(ticket):
            token = self._tokens.token
        if token is None or not self._tokens.is_token(token):
            raise HTTPException(403, "the token is not this server's; take the address that automl browse printed last")
        return HTMLResponse(str(asset("enter.html")).replace("TOKEN", token))


async def _json_object(request: Request) -> Mapping[str, Any]:
    """Read the body of a request.

    Raises:
        AutomlError: it is no JSON object, or a very long one.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_MOST:
            raise AutomlError(f"request: must be at most {BODY_MOST:,} bytes")
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):  # the second of one list in another, a thousand deep
        asked = None
    if not isinstance(asked, dict):
        raise AutomlError('request: must be a JSON object with an "action"')
    return asked


def _page(text: str, policy: str) -> Response:
    return HTMLResponse(text, headers={"Content-Security-Policy": policy})


async def _said(request: Request, error: AutomlError) -> Response:
    """Answer to a mistake in its one line: 400 to what was asked of a search, 404 where something is not there."""
    status = (
        400 if request.method == "POST" or request.url.path in ("/over",) or str(error).startswith("since") else 404
    )
    return _line(request, status, str(error))


async def _unknown(request: Request, error: HTTPException) -> Response:
    found = error.detail
    if error.status_code == 404:
        found = f"there is nothing at {request.url.path[:200]}; the studies are at /"
    if error.status_code == 405:
        found = f"{request.method} is not answered at {request.url.path[:200]}"
    answer = _line(request, error.status_code, found)
    answer.headers.update(error.headers or {})
    return answer


def _line(request: Request, status: int, line: str) -> Response:
    """Answer in one line: to a script as JSON, to a reader as text."""
    if request.method == "POST" or request.url.path.endswith("/data"):
        return refusal(status, line)
    return PlainTextResponse(f"automl browse: {line}\n", status)


@cache
def _plotly() -> Path:
    import plotly

    return Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
