from .notebook.figures import figure
from .notebook.frames import frame
from .page.page import write_page
from .table.pick import pick
from .table.row import TrialRow
from .table.table import StudyTable
from .terminal import summary

__all__ = [
    "StudyTable",
    "TrialRow",
    "figure",
    "frame",
    "pick",
    "summary",
    "write_page",
]
