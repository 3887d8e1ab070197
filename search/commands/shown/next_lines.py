"""Lines to type next: how to get a study's winner, look at one trial, and see the page."""

import shlex
from pathlib import Path

from objectives.records.gate import Gate
from reports.table.table import StudyTable
from reports.table.verdict import Verdict
from search.settings.compose import default_values
from search.study.study_file import shown_url


def export_line(name: str, folder: str, store: str | None, gate: Gate) -> str:
    """Return the line that exports a study's winner and trains it at full length.

    A password in the store's URL is left to be filled in. Without a gate, the most accurate is picked.
    """
    pick = "best" if gate == Gate() else "gate"
    return f"{_line('export', name, folder, store, '--pick', pick, '--to', 'out')} && automl train out"


def next_lines(
    table: StudyTable, verdict: Verdict, folder: str, store: str | None, gate: Gate
) -> list[tuple[str, str]]:
    """Return lines to type next, each with what it is for; the most useful first.

    Args:
        table: the study.
        verdict: on it.
        folder: where studies live, as it was given.
        store: URL of the storage, if not SQLite in the study's folder.
        gate: of all devices of the study.
    """
    name, row = table.name, verdict.row
    found = [("to go on", _line("continue", name, folder, store))] if table.paused else []
    if verdict.kind in ("meets", "no gate"):
        found.append(("to get it", export_line(name, folder, store, gate)))
    if row is not None:
        found.append(("why it", _line("show", name, folder, store, last=str(row.number))))
    found.append(("in a browser", _line("browse", name, folder, store)))
    if not table.is_running:
        found.append(("as a page", _line("report", name, folder, store)))
    return found


def _line(command: str, name: str, folder: str, store: str | None, *options: str, last: str = "") -> str:
    """Return a line about a study, with its folder and its store where they are not the usual ones."""
    where = where_words(folder, store)
    behind = [last] if last else []
    if name.startswith("-"):
        return shlex.join(["automl", command, *where, *options, "--", name, *behind])
    return shlex.join(["automl", command, name, *behind, *where, *options])


def where_words(folder: str | Path, store: str | None) -> list[str]:
    """Return the options that lead a command to studies which do not live where they usually do.

    A password in the store's URL is left to be filled in.
    """
    usual = Path(default_values("store")["folder"]).expanduser().absolute()
    where = [] if Path(folder).expanduser().absolute() == usual else ["--folder", str(folder)]
    return where + ([] if store is None else ["--store", shown_url(store)])
