"""The marks of a drawing in letters: each differs from the others by its shape, and by colour where there is any."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PointMark:
    """How a kind of point is drawn: by its shape, its style, and its rank where several lie in one cell."""

    shape: str
    style: str
    rank: int
    words: str


# Colours are the terminal's own, so that they suit dark and light ones; cyan, magenta and green differ in lightness
# too, for readers who do not tell hues apart, and no two marks have one shape.
TRAINED = PointMark("●", "bold cyan", 3, "front")
CHILD = PointMark("○", "bold cyan", 3, "front, child")
POLISHED = PointMark("◇", "bold cyan", 3, "front, polished")
CARRIED_MARK = PointMark("◐", "bold cyan", 3, "front, carried")
PICK = PointMark("★", "bold green", 5, "best")
STOCK_MARK = PointMark("◆", "bold magenta", 4, "stock")
RUNNING_MARK = PointMark("▷", "bold yellow", 2, "running")
STAIRS, BOUND, OTHER_STYLE = "cyan", "yellow", "dim"
