"""The contact sheets that the page carries with it, within a budget of bytes: the winner's as it is, others small."""

from base64 import b64encode
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from objectives.records.paths import TrialPaths
from reports.table.row import TrialRow
from reports.table.table import StudyTable

BYTES_MAX = 300_000  # of all contact sheets, so that a page of 50 trials stays under 1.5 MB
WHOLE_MAX = 140_000  # the winner's, up to which it is carried as the trial wrote it
BEST_BESIDE_FRONT = 24
SHEET_PX = 720  # the width of the others': they are looked at in the panel, and in a card beside the pointer
SHEET_QUALITY = 60
JPEG_START = b"\xff\xd8\xff"


def pictures(table: StudyTable, study_folder: Path, winner: int | None = None) -> dict[int, str]:
    """Return trial number to a `data:` address of its contact sheet.

    The winner's comes first, then the front's, then those of the most accurate others, as far as the budget
    reaches; trials without a readable JPEG are left out.
    """
    found: dict[int, str] = {}
    left = BYTES_MAX
    for row in pictured(table, winner):
        picture = _read(row, study_folder, is_winner=row.number == winner)
        if picture and len(picture[1]) <= left:
            kind, content = picture
            found[row.number] = f"data:image/{kind};base64,{b64encode(content).decode()}"
            left -= len(content)
    return found


def pictured(table: StudyTable, winner: int | None = None) -> list[TrialRow]:
    """Return the trials in the order of their claim to a picture."""
    ranked = sorted(table.finished, key=lambda row: (-(row.map or 0.0), row.number))
    others = [row for row in ranked if not row.on_front and row.number != winner]
    first = [row for row in ranked if row.number == winner]
    return first + [row for row in ranked if row.on_front and row not in first] + others[:BEST_BESIDE_FRONT]


def _read(row: TrialRow, study_folder: Path, *, is_winner: bool) -> tuple[str, bytes] | None:
    """Return the kind and content of the trial's contact sheet if there is one."""
    if not row.folder:
        return None
    path = TrialPaths(study_folder / row.folder).detections
    try:
        stat = path.stat()
        with path.open("rb") as file:
            if file.read(len(JPEG_START)) != JPEG_START:
                return None
        if is_winner and stat.st_size <= WHOLE_MAX:
            return "jpeg", path.read_bytes()
        small = _small(path, stat.st_mtime_ns, stat.st_size)
    except OSError:  # not written yet, or cleared away
        return None
    return ("webp", small) if small else None


@lru_cache(maxsize=256)
def _small(path: Path, _written_ns: int, _size: int) -> bytes | None:
    """Return a contact sheet at SHEET_PX; a page that is written again reads only what has changed."""
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        return None
    ratio = min(1.0, SHEET_PX / picture.shape[1])
    resized = cv2.resize(picture, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
    done, encoded = cv2.imencode(".webp", resized, [cv2.IMWRITE_WEBP_QUALITY, SHEET_QUALITY])
    return encoded.tobytes() if done else None
