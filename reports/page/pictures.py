"""The contact sheets that the page carries with it, within a budget of bytes."""

from base64 import b64encode
from pathlib import Path

from objectives.records.paths import TrialPaths
from reports.table.row import TrialRow
from reports.table.table import StudyTable

BYTES_MAX = 16_000_000
BEST_BESIDE_FRONT = 24
JPEG_START = b"\xff\xd8\xff"


def pictures(table: StudyTable, study_folder: Path, winner: int | None = None) -> dict[int, str]:
    """Return trial number to a `data:` address of its contact sheet.

    The winner's comes first, then the front's, then those of the most accurate others, as far as the budget
    reaches; trials without a readable JPEG are left out.
    """
    found: dict[int, str] = {}
    left = BYTES_MAX
    for row in pictured(table, winner):
        content = _read(row, study_folder, left)
        if content:
            found[row.number] = f"data:image/jpeg;base64,{b64encode(content).decode()}"
            left -= len(content)
    return found


def pictured(table: StudyTable, winner: int | None = None) -> list[TrialRow]:
    """Return the trials in the order of their claim to a picture."""
    ranked = sorted(table.finished, key=lambda row: (-(row.map or 0.0), row.number))
    others = [row for row in ranked if not row.on_front and row.number != winner]
    first = [row for row in ranked if row.number == winner]
    return first + [row for row in ranked if row.on_front and row not in first] + others[:BEST_BESIDE_FRONT]


def _read(row: TrialRow, study_folder: Path, bytes_max: int) -> bytes | None:
    """Return the trial's contact sheet if there is one that fits."""
    if not row.folder:
        return None
    path = TrialPaths(study_folder / row.folder).detections
    try:
        content = path.read_bytes() if path.stat().st_size <= bytes_max else b""
    except OSError:  # not written yet, or cleared away
        return None
    return content if content.startswith(JPEG_START) else None
