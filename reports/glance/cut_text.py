"""A text that takes one row of a terminal: what has no room is left out from a word's end on, never within a number."""

import re

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

BREAKS = re.compile(r"\s+[·,;]?\s*")  # where a text may be cut
MORE = "…"


class Words:
    """A text that takes one row, however long the text is: what does not fit is left out from a word's end on."""

    def __init__(self, text: Text) -> None:
        """Take the text."""
        self.text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield as much of the text as the options have columns for."""
        yield shortened(self.text, options.max_width)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Return that a text shrinks to one column."""
        return Measurement(1, max(1, self.text.cell_len))


def shortened(text: Text, width: int) -> Text:
    """Return a text of at most so many columns, cut behind a word; a single longer word is cut before digits."""
    text = text.copy()
    text.no_wrap, text.overflow = True, "crop"
    if text.cell_len <= width:
        return text
    plain = text.plain
    ends = [match.start() for match in BREAKS.finditer(plain)]
    end = next((at for at in reversed(ends) if at > 0 and cell_len(plain[:at]) < width), None)
    if end is None:
        end = max(0, width - 1)
        while end and cell_len(plain[:end]) >= width:
            end -= 1
        while end and plain[end - 1].isdigit() and plain[end : end + 1].isdigit():
            end -= 1
    text.right_crop(len(plain) - end)
    return text.append(MORE) if width else text
