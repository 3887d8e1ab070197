"""Serving: a port, the address to print, a browser where there is one, and Ctrl-C that ends all at once."""

import errno
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from spaces.errors import AutomlError

EVERYWHERE = ("0.0.0.0", "::", "")


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any that is free.

    Raises:
        AutomlError: the port is taken, or may not be used; the address is not this machine's.
    """
    try:
        family, *_, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(address)
            listening.listen(128)
        except OSError:
            listening.close()
            raise
    except socket.gaierror:
        raise AutomlError(f"--host: '{host}' is no address of this machine; 127.0.0.1, 0.0.0.0 or its own") from None
    except OSError as error:
        raise AutomlError(_why(error, host, port)) from None
    return listening


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"--port: {port} of {host} is taken, maybe by another automl browse; --port 0 takes one that is free"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"--port: {port} is the system's own; --port 0 takes one that is free"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host: '{host}' is no address of this machine; 127.0.0.1, 0.0.0.0 or its own"
    return f"--port: {port} of {host} cannot be used ({error.strerror or error}); --port 0 takes one that is free"


def address_of(host: str, port: int) -> str:
    """Return the address that people type; of a server that listens everywhere, under this machine's name."""
    name = socket.gethostname() if host in EVERYWHERE else host
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    return host in ("localhost", "::1") or host.startswith("127.")


class BrowseServer(uvicorn.Server):
    """Uvicorn's, which by itself waits at Ctrl-C for streams that never end."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        """End at the first signal."""
        self.force_exit = True
        super().handle_exit(sig, frame)


def serve(app: ASGIApp, listening: socket.socket, began: Callable[[], None] = lambda: None) -> None:
    """Serve until Ctrl-C; `began` is called by another thread once requests are answered."""
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", server_header=False)
    threading.Thread(target=began, daemon=True).start()  # the socket listens already: who comes early waits a moment
    with suppress(KeyboardInterrupt):
        BrowseServer(config).run(sockets=[listening])


def leave() -> None:
    """End this process now, with 0: whatever threads still read, nothing of it is kept."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def open_browser(address: str) -> None:
    """Open an address in the user's browser, if there is a screen for one; waits for nothing and says nothing."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return  # a browser in a terminal would take this one
    with suppress(webbrowser.Error, OSError):
        webbrowser.open(address)
