"""`automl browse`: studies in a browser, live."""

from collections.abc import Sequence

from spaces.errors import AutomlError


def run_browse(names: Sequence[str], folder: str, store: str | None, *, host: str, port: int, opens: bool) -> None:
    """Serve the pages of studies until Ctrl-C."""
    raise AutomlError("browse: is not there yet")
