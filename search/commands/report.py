"""`automl report`: the page of a study, and its summary."""

from pathlib import Path

from objectives.records.paths import StudyPaths
from reports.table.console import open_console
from reports.table.table import read_study
from reports.terminal import summary
from search.study.files.pictures import bring_pictures
from search.study.files.validation import winner_detections
from search.study.store import load_study
from spaces.errors import AutomlError


def run_report(name: str, folder: str, store: str | None, target: str | None) -> None:
    """Write a study's page and print its summary."""
    studies = Path(folder).expanduser().absolute()
    study = load_study(studies, name, store)
    table, console = read_study(study), open_console()
    page = Path(target).expanduser() if target else StudyPaths(studies / name).report
    if not page.parent.is_dir():
        raise AutomlError(f"report: the folder of '{page}' does not exist; make it or name another with --to")
    from reports.page.page import write_page  # late: scikit-learn costs a second that no mistake should wait for

    if missing := bring_pictures(study, studies / name, table):
        console.print(missing, style="yellow")
    write_page(table, studies / name, page, winner_detections(table, studies / name))
    console.print(summary(table, page))
