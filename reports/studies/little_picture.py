"""The front of a study as a picture of some hundred bytes: where its marks lie, as plain data."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from objectives.records.even_sample import evenly
from reports.table.row import TrialRow
from reports.table.words import ms, plural, share

LITTLE_WIDTH, LITTLE_HEIGHT, MARGIN = 120.0, 44.0, 4.0  # of the picture, in its own units
DOTS_MAX, STEPS_MAX = 60, 40


@dataclass(frozen=True)
class LittlePicture:
    """Places in a box of LITTLE_WIDTH x LITTLE_HEIGHT from its upper left: log latency to the right, mAP upwards.

    Attributes:
        dots: detectors beside the front.
        members: of the front, the fastest first.
        line: the staircase through the members, as an SVG path.
        words: what the picture shows, for whoever does not see it.
    """

    dots: tuple[tuple[float, float], ...]
    members: tuple[tuple[float, float], ...]
    line: str
    words: str


def little_picture(finished: Sequence[TrialRow]) -> LittlePicture | None:
    """Return the picture of a study's finished trials; None without any."""
    rows = [row for row in finished if row.map is not None and row.p50_ms]
    front = sorted((row for row in rows if row.on_front), key=lambda row: (row.p50_ms or 0.0, row.number))
    if not front:
        return None
    logs = [math.log(row.p50_ms or 1.0) for row in rows]
    left, right = min(logs), max(logs)
    low, high = (edge(row.map or 0.0 for row in rows) for edge in (min, max))

    def place(row: TrialRow) -> tuple[float, float]:
        across = (math.log(row.p50_ms or 1.0) - left) / (right - left) if right > left else 0.5
        x = MARGIN + across * (LITTLE_WIDTH - 2 * MARGIN)
        up = ((row.map or 0.0) - low) / (high - low) if high > low else 0.5
        return round(x, 1), round(LITTLE_HEIGHT - MARGIN - up * (LITTLE_HEIGHT - 2 * MARGIN), 1)

    members = tuple(place(row) for row in evenly(front, STEPS_MAX))
    dots = tuple(place(row) for row in evenly([row for row in rows if not row.on_front], DOTS_MAX))
    return LittlePicture(dots, members, _staircase(members), _words(front))


def _staircase(members: Sequence[tuple[float, float]]) -> str:
    """Return 'M4,30H20V12H116': nothing measured lies above it."""
    (x, y), *rest = members
    steps = "".join(f"H{right:g}V{up:g}" for right, up in rest)
    return f"M{x:g},{y:g}{steps}H{LITTLE_WIDTH - MARGIN:g}"


def _words(front: Sequence[TrialRow]) -> str:
    first, last = front[0], front[-1]
    ends = f"mAP {share(first.map)} at {ms(first.p50_ms)}"
    ends += f" to {share(last.map)} at {ms(last.p50_ms)}" if len(front) > 1 else ""
    return f"front of {plural(len(front), 'detector')}: {ends}"
