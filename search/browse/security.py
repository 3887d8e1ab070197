"""Who may ask this server: its own pages alone, by the name that the reader typed; who writes has the token, too."""

import hmac
import ipaddress
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_HEADER = "X-Automl-Token"
NO_OTHER_HOST = (
    "default-src 'none'; script-src 'self'{nonce}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


def new_secret() -> str:
    """Return a token, or a nonce: 128 bits by chance, for an address."""
    return secrets.token_urlsafe(16)


def page_policy(nonce: str, *, evaluates: bool = False) -> str:
    """Return the Content-Security-Policy of a page: its own scripts alone, and no other host.

    Styles may stand in the page: Plotly sets them on elements, and a style runs nothing and reaches no other host.

    Args:
        nonce: which the page's scripts have.
        evaluates: whether Plotly's WebGL compiles its own drawing programs from text.
    """
    return NO_OTHER_HOST.format(nonce=f" 'nonce-{nonce}'" + (" 'unsafe-eval'" if evaluates else ""))


@dataclass
class Tokens:
    """The token of a server, and tickets that stand for it once.

    A browser that is opened here is given a ticket: other users of the machine see the lines of its processes.
    """

    token: str = field(default_factory=new_secret)
    _tickets: set[str] = field(default_factory=set)

    def ticket(self) -> str:
        """Return a new ticket."""
        ticket = new_secret()
        self._tickets.add(ticket)
        return ticket

    def is_token(self, given: str) -> bool:
        """Whether this is the token; the time of the answer does not depend on how much of it is right."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def redeemed(self, ticket: str) -> bool:
        """Whether this is a ticket that nobody has used; it is used now."""
        if ticket not in self._tickets:
            return False
        self._tickets.discard(ticket)
        return True


class Guard:
    """Refuses what does not come from the server's own pages, in one line, before anything else sees it.

    A page of another origin reaches a server on loopback by an address (its requests have an Origin, or say that they
    are cross-site), or by a name of its own that it lets point here (DNS rebinding: its requests have that Host).
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str] = ()) -> None:
        """Take what is guarded, and the names beside this machine's own that readers may reach it by."""
        self._app = app
        self._hosts = {"localhost", socket.gethostname().lower(), *(host.lower() for host in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it; every answer has the headers of this server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Content-Security-Policy", NO_OTHER_HOST.format(nonce=""))
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = self._refused(scope["method"], Headers(scope=scope))
        await (refused or self._app)(scope, receive, with_headers)

    def _refused(self, method: str, headers: Headers) -> Response | None:
        if len(hosts := headers.getlist("host")) != 1 or not self._is_ours(hosts[0]):
            return PlainTextResponse(
                "automl browse: answers under this machine's address, its name or localhost alone; take the address "
                "that the command printed, or name another with --host\n",
                403,
            )
        origin = headers.get("origin")
        is_foreign = origin is not None and urlsplit(origin).netloc.lower() != hosts[0].lower()
        if is_foreign or (method not in ("GET", "HEAD") and _is_cross_site(headers)):
            return refusal(403, "automl browse: a page of another origin asks for this; nothing was done")
        return None

    def _is_ours(self, host: str) -> bool:
        """Whether a name of the Host header is this machine's: an address is, for no other name can stand for it."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name.lower() in self._hosts
        return True


def _is_cross_site(headers: Headers) -> bool:
    return headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


def refusal(status: int, line: str) -> Response:
    """Return an answer of one line to a script of the page."""
    text = line.encode("utf-8", "replace").decode()  # JSON may hold halves of characters, which no answer can
    return JSONResponse({"error": text}, status)
