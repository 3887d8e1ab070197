"""`automl browse`: studies in a browser, live."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from reports.table.console import open_console
from search.commands.shown.next_lines import where_words
from search.study.store import load_study


def run_browse(names: Sequence[str], folder: str, store: str | None, *, host: str, port: int, opens: bool) -> None:
    """Serve the pages of studies until Ctrl-C.

    Raises:
        AutomlError: a study of these names is not there; the port is taken.
    """
    studies = Path(folder).expanduser().absolute()
    for name in names:
        load_study(studies, name, store)
    from search.browse.app import make_app
    from search.browse.security import Tokens
    from search.browse.serve import EVERYWHERE, address_of, bound, is_loopback, leave, open_browser, serve
    from search.browse.shelf import StudyShelf
    from search.study.requests.act import act

    listening, tokens = bound(host, port), Tokens()
    shelf = StudyShelf(studies, store, names, where_words(studies, store))
    start = f"/studies/{quote(names[0], safe='')}" if len(names) == 1 else "/"
    at = address_of(host, listening.getsockname()[1])
    console = open_console(highlight=False, soft_wrap=True)
    console.print(f"Studies of {shelf.place}, until Ctrl-C:" if not names else f"{', '.join(names)}, until Ctrl-C:")
    console.print(f"  {at}{start}?token={tokens.token}", markup=False)
    if not is_loopback(host):
        console.print("Others reach it too: all can read, and who has this address can change the search.")
    app = make_app(shelf, tokens, act, () if host in EVERYWHERE else (host,))
    opened = (lambda: open_browser(f"{at}{start}?ticket={tokens.ticket()}")) if opens else (lambda: None)
    serve(app, listening, opened)
    leave()
