"""`automl report`: the page of a study, and its summary; of several, one page of all over one another."""

from collections.abc import Sequence
from pathlib import Path

from objectives.machine.files import write_text
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
    page = _page(target) if target else StudyPaths(studies / name).report
    from reports.page.page import write_page  # late: scikit-learn costs a second that no mistake should wait for

    if missing := bring_pictures(study, studies / name, table):
        console.print(missing, style="yellow")
    write_page(table, studies / name, page, winner_detections(table, studies / name))
    console.print(summary(table, page))


def run_report_over(names: Sequence[str], folder: str, store: str | None, target: str | None) -> None:
    """Write the page of several studies over one another.

    Raises:
        AutomlError: no file is named, or the studies have other data or other devices.
    """
    from reports.studies.overlay import hindrance_of
    from reports.studies.overlay_page import render_overlay

    if target is None:
        raise AutomlError("report: several studies have one page: name its file with --to FILE")
    page, studies = _page(target), Path(folder).expanduser().absolute()
    tables = [read_study(load_study(studies, name, store)) for name in names]
    if hindrance := hindrance_of(tables):
        raise AutomlError(hindrance)
    write_text(page, render_overlay(tables, served=False), shared=True)
    open_console().print(f"page: {page}")


def _page(target: str) -> Path:
    """Return the file of a page.

    Raises:
        AutomlError: its folder does not exist.
    """
    page = Path(target).expanduser()
    if not page.parent.is_dir():
        raise AutomlError(f"report: the folder of '{page}' does not exist; make it or name another with --to")
    return page
