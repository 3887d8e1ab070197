"""The report as one HTML file that opens from disk, with no network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import yaml
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from objectives.machine.files import write_text
from objectives.records.gate import Gate
from objectives.records.reading import uncollected
from reports.analysis.calibration import Calibration, calibrate
from reports.analysis.calibration_words import comparisons, kinds, latency_sentence, map_sentence
from reports.analysis.curves import Curves, learning_curves
from reports.analysis.deaths import death_classes
from reports.analysis.history import hypervolume_history
from reports.analysis.importance import importances
from reports.analysis.views import VIEWS, FrontView, default_view, front_view
from reports.page.calibration_figure import MARKS_MAX, calibration_figure
from reports.page.facts import key_numbers, outcome_shares, provenance
from reports.page.figures import class_figure, curves_figure, hypervolume_figure, importance_figure
from reports.page.front_figure import front_figure
from reports.page.palette import CSS, DARK, LIGHT, colours, css_variables
from reports.page.payload import others_payload, script_json, trials_payload
from reports.page.pictures import pictures
from reports.page.proof_section import proof_figure, proof_section
from reports.page.template import asset, environment
from reports.table.baseline import against_baseline
from reports.table.baseline_words import baseline_words
from reports.table.gate_words import bound_lines
from reports.table.kin.family_words import caveats
from reports.table.on_device import everywhere_words, tables_of
from reports.table.proof.contestants import read_proof
from reports.table.table import StudyTable
from reports.table.verdict import Verdict, judge
from reports.table.words import architecture, ms, share

SCRIPTS = (
    "page_devices.js",
    "page_common.js",
    "page_detections.js",
    "page_actions.js",
    "page_panel.js",
    "page_figures.js",
    "page_table.js",
    "page_gate.js",
    "page_live.js",
)


def write_page(table: StudyTable, study_folder: Path, target: Path) -> Path:
    """Write the report and return its path; a reader never sees half a page.

    Args:
        table: the study, finished or running.
        study_folder: where the trials' folders lie, with their contact sheets.
        target: the HTML file; its folder is made if missing.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text(target, render_page(table, study_folder), shared=True)
    return target


def render_page(table: StudyTable, study_folder: Path) -> str:
    """Return the report as HTML text."""
    with uncollected():
        return _rendered(table, study_folder)


def _rendered(table: StudyTable, study_folder: Path) -> str:
    """Return the page: data for its script, and the template filled in; of several devices a view each.

    The first device's view stands in the page, those of the others in templates; the page's script takes one of them
    where the address names the device.
    """
    tables, template = tables_of(table), environment().get_template("page.html.jinja")
    views = [_view(one, study_folder, tables) for one in tables]
    shared = {"pictures": _pictures(views), "colours": {"light": colours(LIGHT), "dark": colours(DARK)}}
    common = {**_words(table, tables), "others": []}
    others = [
        OtherView(
            one.device_name,
            Markup("".join(template.blocks["view"](template.new_context({**common, **view.context})))),
            Markup(script_json(view.payload)),
        )
        for one, view in zip(tables[1:], views[1:], strict=True)
    ]
    payload = Markup(script_json({**views[0].payload, **shared}))  # script_json leaves no '<'
    return template.render(**{**common, **views[0].context, "others": others, "payload": payload})


@dataclass(frozen=True)
class OtherView:
    """What the page has of a further device: its name, its header and sections as HTML, its data as JSON."""

    name: str
    html: Markup
    payload: Markup


@dataclass(frozen=True)
class _View:
    """A study as one device has it: what the template is filled with, and what the script reads beside pictures."""

    context: Mapping[str, Any]
    payload: Mapping[str, Any]
    pictures: Mapping[int, str]


def _pictures(views: Sequence[_View]) -> dict[int, str]:
    """Return the contact sheets of all views, each once: a file is the same on every device."""
    return {number: picture for view in views for number, picture in view.pictures.items()}


def _words(table: StudyTable, tables: Sequence[StudyTable]) -> dict[str, Any]:
    """Return what of the page is the same on every device."""
    return {
        "devices": [one.device_name for one in tables] if len(tables) > 1 else [],
        "everywhere": everywhere_words(tables),
        "words": {"share": share, "ms": ms, "architecture": architecture},
        "settings": _yaml(table.settings),
        "written": datetime.now().astimezone(),
        "style": asset("page.css"),
        "scripts": [asset(name) for name in SCRIPTS],
        "plotly": Markup(get_plotlyjs()),
        "light": Markup(css_variables(LIGHT)),
        "dark": Markup(css_variables(DARK)),
    }


def _view(table: StudyTable, study_folder: Path, tables: Sequence[StudyTable]) -> _View:
    """Return the study as one of its devices has it."""
    verdict = judge(table)
    curves = learning_curves(table)
    found = importances(table)
    views = {key: front_view(table, key, verdict.row.number if verdict.row else None) for key in VIEWS}
    figures = _figures(table, verdict, curves, views)
    calibration = calibrate(table)
    held = _held(calibration)
    if held["comparisons"]:
        figures["calibration"] = calibration_figure(calibration, CSS)
    figures |= {f"importance_{item.objective}": importance_figure(item, CSS) for item in found if item.shares}
    proof = read_proof(table)
    if proof is not None and any(one.trainings for one in proof.contestants):
        figures["proof"] = proof_figure(proof, CSS)
    winner = verdict.row.number if verdict.row else None
    against = against_baseline(table)
    payload = {
        "study": table.name,
        "winner": winner,
        "forked_from": table.forked.get("from"),
        "paused": table.paused,
        "figures": {name: figure.to_plotly_json() for name, figure in figures.items()},
        **trials_payload(table, curves),
        **others_payload(table, tables),
    }
    context = {
        "table": table,
        "verdict": verdict,
        "against": baseline_words(against) if against else "",
        "gate": str(table.gate).replace(">=", "≥").replace("<=", "≤") if table.gate != Gate() else "",
        "bounds": bound_lines(verdict.row, table.gate) if verdict.row else (),
        "numbers": key_numbers(table),
        "shares": outcome_shares(table),
        "views": VIEWS,
        "view": default_view(table.gate),
        "figures": figures,
        "curves": curves,
        "importances": found,
        "held": held,
        "deaths": death_classes(table),
        "proof": proof_section(proof, table.gate) if proof is not None else None,
        "drawn": views[default_view(table.gate)],
        "chosen": caveats(table),
        "provenance": provenance(table),
    }
    return _View(context, payload, pictures(table, study_folder, winner))


def _figures(
    table: StudyTable, verdict: Verdict, curves: Curves, views: Mapping[str, FrontView]
) -> dict[str, go.Figure]:
    """Return the figures that the study has data for, by name, in colours that the page fills in."""
    drawn = {f"front_{key}": front_figure(view, CSS) for key, view in views.items() if any(view.layers.values())}
    history = hypervolume_history(table)
    if history:
        drawn |= {f"hypervolume_{over}": hypervolume_figure(history, over, CSS) for over in ("trials", "time")}
    if curves.shown:
        drawn["curves"] = curves_figure(curves, CSS)
    if verdict.row and verdict.row.accuracy and verdict.row.accuracy.per_class:
        drawn["classes"] = class_figure(verdict.row.accuracy.per_class, CSS)
    return drawn


def _held(calibration: Calibration) -> dict[str, Any]:
    """Return what the page says of how predictions held; all values are empty where there were too few predictions."""
    return {
        "kinds": kinds(calibration),
        "comparisons": comparisons(calibration),
        "of_map": map_sentence(calibration),
        "of_latency": latency_sentence(calibration),
        "thinned": any(len(kind.predictions) > MARKS_MAX for kind in (calibration.at_proposal, calibration.at_rungs)),
    }


def _yaml(settings: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True) if settings else ""
