"""The board's health, watched from beside the measurement; figures of a board that throttled are marked."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from objectives.deploy.board.health import Course, Vitals, read
from objectives.latency.on_board.supervise import Watch


class HealthWatch(Watch):
    """Reads the health before, about once a second, and after."""

    def __init__(self) -> None:
        self._root = Path("/")
        self._readings: list[Vitals] = []

    def begin(self, job: bytes) -> None:
        """Read it fully."""
        with suppress(ValueError):  # what is wrong with a job, the inner process says
            self._root = Path(json.loads(job).get("root", "/"))
        self._readings.append(read(self._root))

    def look(self) -> None:
        """Read what is in files."""
        self._readings.append(read(self._root, fully=False))

    def end(self, line: dict[str, Any]) -> dict[str, Any]:
        """Read it fully, and mark the figures."""
        course = Course((*self._readings, read(self._root)))
        for found in line.get("done", ()):
            if "latency" in found:
                mark(found["latency"], course)
        return line


def mark(latency: dict[str, Any], course: Course) -> None:
    """Write a course into a figure, as JSON has it: its text, and whether the figure can be trusted.

    Args:
        latency: of `objectives.records.records.Latency`.
        course: of the measurement.
    """
    latency["health"] = course.text
    if why := course.throttled:
        latency["throttled"] = f"the board throttled: {why}"
        latency["note"] = "; ".join(filter(None, (latency["note"], latency["throttled"])))
        latency["stable"] = False
