"""The pictures of a page, brought to the machine that writes it: contact sheets, and what the winner found."""

from pathlib import Path
from typing import TYPE_CHECKING

from objectives.records.paths import DETECTIONS, FOUND
from reports.page.pictures import pictured
from reports.table.table import StudyTable
from reports.table.verdict import judge
from search.study.files.open import files_to_read
from search.study.files.place import FileLost
from spaces.errors import AutomlError

if TYPE_CHECKING:
    import optuna


def bring_pictures(study: "optuna.Study", folder: Path, table: StudyTable) -> str:
    """Let the files lie in a study's folder whose pictures its page shows, as far as they are to be had.

    Args:
        study: the study.
        folder: of the study.
        table: the study as it was read.

    Returns:
        Why some are missing, in one line; empty if none is.
    """
    why = ""
    try:
        files = files_to_read(study, folder)
        winner = judge(table).row
        for row in pictured(table):
            names = (DETECTIONS, FOUND) if winner and row.number == winner.number else (DETECTIONS,)
            try:
                files.bring(row, names)
            except FileLost as lost:
                why = str(lost)
    except AutomlError as error:  # the page is worth having without them
        why = str(error)
    return f"{why}; the page lacks pictures" if why else ""
