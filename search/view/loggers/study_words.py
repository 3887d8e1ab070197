"""A study as loggers are given it: what it is, how it stands, and what was found."""

import hashlib
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives.records.gate import Gate
from objectives.records.paths import StudyPaths, TrialPaths
from reports.analysis.history import current_hypervolume
from reports.notebook.values import chosen, table_values
from reports.table.table import StudyTable
from search.settings.settings import Settings
from search.study.budget import BudgetUsed
from search.study.study_file import shown_url
from search.view.loggers.contract import Choice, LoggedResult, LoggedStudy

if TYPE_CHECKING:
    import plotly.graph_objects as go

KEY_LENGTH = 12


def logged_study(settings: Settings, table: StudyTable) -> LoggedStudy:
    """Return the study that is searched."""
    created = str(table.provenance.get("created", ""))
    key = hashlib.sha256(f"{table.name}\n{created}".encode()).hexdigest()[:KEY_LENGTH]
    facts = {"provenance": table.provenance, "data": table.data, "device": table.device}
    process = f"{socket.gethostname()}-{os.getpid()}"
    return LoggedStudy(table.name, key, settings.folder, process, _flat(settings.to_json()), _flat(facts))


def study_values(table: StudyTable, used: BudgetUsed) -> dict[str, float]:
    """Return how a study stands, by name: counts, shares in [0, 1], milliseconds, hours."""
    best = max((row.map for row in table.finished if row.map is not None), default=None)
    fastest = table.front[0].p50_ms if table.front else None
    passing = None if table.gate == Gate() else sum(row.passes_gate for row in table.finished)
    volume = current_hypervolume(table)
    values = {"trials": used.trials, "searched_h": used.seconds / 3600, "front_size": len(table.front)}
    more = {"best_map": best, "fastest_p50_ms": fastest, "passing_gate": passing, "hypervolume": volume}
    return {name: float(value) for name, value in {**values, **more}.items() if value is not None}


def logged_result(table: StudyTable, used: BudgetUsed, folder: Path, why: str) -> LoggedResult:
    """Return what was found by now."""
    rows = table_values(table, table.front)
    columns = list(rows[0]) if rows else ["trial"]
    front = [[row[name] for name in columns] for row in rows]
    return LoggedResult(
        study_values(table, used), why, columns, front, _pictures(table, folder), lambda: _figures(table)
    )


def _figures(table: StudyTable) -> "dict[str, go.Figure]":
    """Return figures of a study by name; those that nothing can be drawn in yet are left out."""
    from reports.notebook.figures import figure  # late: plotly is for whoever draws

    if not table.finished:
        return {}
    return {"front": figure(table, "front"), "hypervolume": figure(table, "hypervolume")} | (
        {"curves": figure(table, "curves")} if any(row.rungs for row in table.rows) else {}
    )


def _pictures(table: StudyTable, folder: Path) -> dict[str, Path]:
    """Return the detections of the trial that the report names first, if its picture is on this machine."""
    row = chosen(table)
    if row is None:
        return {}
    picture = TrialPaths(StudyPaths(folder).trial(row.number).folder if not row.folder else folder / row.folder)
    return {f"trial-{row.number:05d}.jpg": picture.detections} if picture.detections.is_file() else {}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Choice]:
    """Return nested values by dotted names; lists and empty groups as text, absent ones left out, no passwords."""
    found: dict[str, Choice] = {}
    for name, value in values.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{key}.")
        elif isinstance(value, bool | int | float):
            found[key] = value
        elif value is not None:
            found[key] = shown_url(str(value))
    return found
