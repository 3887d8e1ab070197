"""The terminal: what users wrote (names, paths, reasons, logs) is printed as they wrote it.

Rich reads `[red]` and `:cat:` in a text as markup. No text of this project's is markup: styles are given beside it.
"""

from typing import Any

from rich.console import Console
from rich.text import Text


def open_console(**options: Any) -> Console:
    """Return a console that takes every text as it is; every console of this project's is made here."""
    return Console(**options, markup=False, emoji=False)


def labelled(label: str, text: str, width: int = 10) -> Text:
    """Return a line of a dim label, right-aligned to `width` columns, and a text."""
    return Text.assemble((f"{label:>{width}}", "dim"), f"  {text}")
