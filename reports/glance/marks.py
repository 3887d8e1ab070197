"""The marks of a drawing in letters: each differs from the others by its shape, and by colour where there is any."""

from dataclasses import dataclass

from rich.console import Console

PLAIN_LETTERS = str.maketrans(
    {
        **{"·": "-", "–": "-", "…": "~", "≤": "<", "≥": ">", "×": "x", "’": "'", "↑": "^", "→": ">", "✓": "+", "✗": "-"},
        **dict.fromkeys("●◉", "O"),
        **dict.fromkeys("─┈━═╸╺", "-"),
        **dict.fromkeys("│┊┤", "|"),
        **dict.fromkeys("┼└┘┬╯", "+"),
        **{"○": "o", "◆": "B", "★": "*", "◇": "p", "▷": ">"},
        **dict(zip("▁▂▃▄▅▆▇█", "_.,-=+*#", strict=True)),
    }
)


@dataclass(frozen=True)
class Mark:
    """How a kind of point is drawn: by its shape, its style, and its rank where several lie in one cell."""

    shape: str
    style: str
    rank: int
    words: str


# Colours are the terminal's own, so that they suit dark and light ones; cyan, magenta and green differ in lightness
# too, for readers who do not tell hues apart, and no two marks have one shape.
TRAINED = Mark("●", "bold cyan", 3, "front")
CHILD = Mark("○", "bold cyan", 3, "front, child")
POLISHED = Mark("◇", "bold cyan", 3, "front, polished")
PICK = Mark("★", "bold green", 5, "best")
BASELINE = Mark("◆", "bold magenta", 4, "stock")
RUNNING = Mark("▷", "bold yellow", 2, "running")
STAIRS, BOUND, OTHER = "cyan", "yellow", "dim"


def in_ascii(text: str) -> str:
    """Return a text in the letters that every terminal has; what has no likeness there becomes a question mark."""
    return text.translate(PLAIN_LETTERS).encode("ascii", "replace").decode("ascii")


def takes_unicode(console: Console) -> bool:
    """Whether a console's encoding has the letters of a drawing."""
    return not console.options.ascii_only
