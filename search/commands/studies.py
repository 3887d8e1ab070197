"""`automl studies`: the studies of a folder, or of a storage."""

from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from objectives.records.gate import Gate
from reports.table.console import open_console
from reports.table.kin.family_words import children_words
from reports.table.row import TrialRow
from reports.table.table import StudyTable, read_study
from reports.table.words import duration, ms, share
from search.study.read import own_studies
from search.study.store import load_study
from search.study.study_file import shown_url, studies_in
from spaces.errors import StoreError


def run_studies(folder: str, store: str | None) -> None:
    """List the studies below a folder, or those of ours in a storage."""
    root = Path(folder).expanduser().absolute()
    found = studies_in(root) if store is None else own_studies(store)
    if not found:
        where = root if store is None else shown_url(store)
        raise StoreError(f"study: none in '{where}'; start one with automl search conf=retail")
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("study", "trials", "front", "best mAP", "fastest", "gate", "trained for"):
        table.add_column(column, justify="left" if column == "study" else "right", overflow="fold")
    for name in found:
        study = read_study(load_study(root, name, store))
        front = study.front
        table.add_row(
            Text(name),
            _trials(study),
            str(len(front)),
            share(front[-1].map) + _whose(front[-1]) if front else "–",
            ms(front[0].p50_ms) + _whose(front[0]) if front else "–",
            _gate(study),
            duration(sum(row.seconds or 0.0 for row in study.rows if not row.is_child)),
        )
    open_console().print(table)


def _gate(study: StudyTable) -> str:
    """Return whether a trial meets the gate; '–' where there is none to meet."""
    if study.gate == Gate():
        return "–"
    return "met" if any(row.passes_gate for row in study.finished) else "not met"


def _trials(study: StudyTable) -> str:
    """Return '13', or '`3 + 10 children`'."""
    children = sum(row.is_child for row in study.rows)
    own = str(len(study.rows) - children)
    return f"{own} + {children_words(children)}" if children else own


def _whose(row: TrialRow) -> str:
    """Return ' (child)' behind a figure that is a child's."""
    return f" ({row.origin})" if row.is_child else ""
