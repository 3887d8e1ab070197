"""The terminal: what users wrote (names, paths, reasons, logs) is printed as they wrote it.

Rich reads `[red]` and `:cat:` in a text as markup. No text of this project's is markup: styles are given beside it.
"""

from typing import IO, Any

from rich.console import Console
from rich.text import Text

ASCII_MARKS = str.maketrans(
    {
        "·": "-",
        "–": "-",
        "…": "~",
        "≤": "<",
        "≥": ">",
        "×": "x",
        "÷": "/",
        "’": "'",
        "±": "~",
        "●": "O",
        "○": "o",
        "◇": "p",
        "◐": "c",
        "◆": "B",
        "★": "*",
        "▷": ">",
        **dict.fromkeys("─━┈═╸╺", "-"),
        **dict.fromkeys("│┊┤", "|"),
        **dict.fromkeys("┼└┘┬", "+"),
    }
)  # letters of ours, each to one that every terminal has


def open_console(**options: Any) -> Console:
    """Return a console that takes every text as it is; every console of this project's is made here.

    What the encoding of its file does not have is written in letters that it has, and raises no error.
    """
    console = Console(**options, markup=False, emoji=False)
    if console.options.ascii_only:
        console.file = _InItsLetters(console.file)  # type: ignore[assignment]  # has what a console asks of a file
    return console


def writable(text: str, encoding: str) -> str:
    """Return a text in an encoding's letters: our marks as ASCII's where it has no Unicode, the rest as '?'."""
    if encoding.lower().startswith("utf"):
        return text.encode(encoding, "replace").decode(encoding)
    return text.translate(ASCII_MARKS).encode(encoding, "replace").decode(encoding)


class _InItsLetters:
    """A text file that takes letters which its encoding does not have."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._encoding = file, str(getattr(file, "encoding", "ascii"))

    def write(self, text: str) -> int:
        return self._file.write(writable(text, self._encoding))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def labelled(label: str, text: str, width: int = 10) -> Text:
    """Return a line of a dim label, right-aligned to `width` columns, and a text."""
    return Text.assemble((f"{label:>{width}}", "dim"), f"  {text}")
