"""The report as one HTML file that opens from disk, with no network."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import yaml
from markupsafe import Markup

from objectives.machine.files import write_text
from objectives.records.gate import Gate
from objectives.records.reading import uncollected
from reports.analysis.calibration import Calibration, calibrate
from reports.analysis.calibration_words import comparisons, kinds, latency_sentence, map_sentence
from reports.analysis.curves import Curves, learning_curves
from reports.analysis.deaths import death_classes
from reports.analysis.doubts import (
    CLASS_BOXES_MIN,
    calibration_doubt,
    class_doubt,
    front_doubts,
    hypervolume_doubt,
    row_doubts,
)
from reports.analysis.headline import headline
from reports.analysis.history import hypervolume_history
from reports.analysis.importance import importances
from reports.analysis.importance_words import basis_words
from reports.analysis.views import POINTS_MAX, VIEWS, FrontView, MadePoints, default_view, front_view
from reports.page.calibration_figure import MARKS_MAX, calibration_figure
from reports.page.carried.packed import PACKED_FROM, PagePart, part
from reports.page.carried.plotly_bundle import basic_bundle
from reports.page.facts import key_numbers, outcome_shares, provenance
from reports.page.figures import class_figure, curves_figure, hypervolume_figure, importance_figure, share_words
from reports.page.front_figure import front_figure
from reports.page.live import Live
from reports.page.palette import CSS, DARK, LIGHT, colours, css_variables
from reports.page.payload import gate_payload, others_payload, script_json, trials_payload
from reports.page.pictures import pictures
from reports.page.proof_section import proof_figure, proof_section
from reports.page.template import SCRIPTS, STYLESHEETS, asset, environment
from reports.table.baseline import against_baseline
from reports.table.baseline_words import baseline_words
from reports.table.gate_words import bound_lines
from reports.table.kin.family_words import caveats
from reports.table.on_device import everywhere_words, tables_of
from reports.table.proof.contestants import read_proof
from reports.table.table import StudyTable
from reports.table.verdict import Verdict, judge
from reports.table.words import architecture, ms, share


@dataclass(frozen=True)
class DeviceView:
    """A study as one device has it: what the template is filled with, and what the script reads beside pictures."""

    context: Mapping[str, Any]
    payload: Mapping[str, Any]
    pictures: Mapping[int, str]


def write_page(
    table: StudyTable, study_folder: Path, target: Path, detections: Mapping[int, Any] | None = None
) -> Path:
    """Write the report and return its path; a reader never sees half a page.

    Args:
        table: the study, finished or running.
        study_folder: where the trials' folders lie, with their contact sheets.
        target: the HTML file; its folder is made if missing.
        detections: by number of a trial, what is shown of its validation images, or why nothing is; as
            `reports.detections.payload` has it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text(target, render_page(table, study_folder, detections=detections), shared=True)
    return target


def render_page(
    table: StudyTable, study_folder: Path, live: Live | None = None, detections: Mapping[int, Any] | None = None
) -> str:
    """Return the report as HTML text: one that opens from disk, or one for a server's reader.

    Args:
        table: the study, finished or running.
        study_folder: where the trials' folders lie.
        live: the server that the page belongs to; its scripts then come by their addresses, and `REPORT.live` is set.
        detections: number of a trial -> its validation images with what it found, as far as the page carries them.
    """
    with uncollected():
        tables = tables_of(table)
        return page_of(tables, views_of(tables, study_folder, gl=live is not None), live, detections)


def views_of(
    tables: Sequence[StudyTable],
    study_folder: Path | None,
    *,
    gl: bool,
    points: defaultdict[str, MadePoints] | None = None,
) -> list[DeviceView]:
    """Return what the page has of a study, as each of its devices has it.

    Args:
        tables: the study as each device has it, as `tables_of` gives them.
        study_folder: where the contact sheets lie that the page carries with it; None: it carries none.
        gl: whether all points are drawn, by WebGL.
        points: by device, for whoever asks again and again.
    """
    made = defaultdict(MadePoints) if points is None else points
    return [_view(one, study_folder, tables, made[one.device_name], gl=gl) for one in tables]


def page_of(
    tables: Sequence[StudyTable],
    views: Sequence[DeviceView],
    live: Live | None = None,
    detections: Mapping[int, Any] | None = None,
) -> str:
    """Return the page: data for its script, and the template filled in; of several devices a view each.

    The first device's view stands in the page, those of the others in templates; the page's script takes one of them
    where the address names the device.
    """
    shared: dict[str, Any] = {
        "detections": detections or {},
        "colours": {"light": colours(LIGHT), "dark": colours(DARK)},
    }
    shown: Mapping[int, str] = _pictures(views)
    if live:
        shared["live"], shown = live.payload, live.pictures
    packed_from = math.inf if live else PACKED_FROM  # to pack takes longer than a server's reader would gain
    others = [
        OtherView(one.device_name, Markup(view_html(tables, view)), part(script_json(view.payload), packed_from))
        for one, view in zip(tables[1:], views[1:], strict=True)
    ]
    filled = {
        **_words(tables[0], tables, live),
        **views[0].context,
        "others": others,
        "payload": part(script_json({**views[0].payload, **shared}), packed_from),  # script_json leaves no '<'
        "pictures": Markup(script_json(shown)),  # JPEGs get no smaller by being packed
    }
    return environment().get_template("page.html.jinja").render(**filled)


def view_html(tables: Sequence[StudyTable], view: DeviceView) -> str:
    """Return the header and the sections of one device's view, without its data."""
    template = environment().get_template("page.html.jinja")
    filled = {**_texts(tables[0], tables), **view.context, "others": [], "live": None}
    return "".join(template.blocks["view"](template.new_context(filled)))


@dataclass(frozen=True)
class OtherView:
    """What the page has of a further device: its name, its header and sections as HTML, its data as JSON."""

    name: str
    html: Markup
    payload: PagePart


def _pictures(views: Sequence[DeviceView]) -> dict[int, str]:
    """Return the contact sheets of all views, each once: a file is the same on every device."""
    return {number: picture for view in views for number, picture in view.pictures.items()}


def _texts(table: StudyTable, tables: Sequence[StudyTable]) -> dict[str, Any]:
    """Return what of the header and the sections is the same on every device."""
    return {
        "devices": [one.device_name for one in tables] if len(tables) > 1 else [],
        "everywhere": everywhere_words(tables),
        "words": {"share": share, "ms": ms, "architecture": architecture, "basis": basis_words, "part": share_words},
        "settings": _yaml(table.settings),
    }


def _words(table: StudyTable, tables: Sequence[StudyTable], live: Live | None) -> dict[str, Any]:
    """Return what of the page is the same on every device."""
    return {
        **_texts(table, tables),
        "written": datetime.now().astimezone(),
        "style": Markup("").join(map(asset, STYLESHEETS)),
        "scripts": [asset(name) for name in SCRIPTS],
        "live": live,
        "boot": asset("page_boot.js"),
        "plotly": None if live else basic_bundle(),
        "light": Markup(css_variables(LIGHT)),
        "dark": Markup(css_variables(DARK)),
    }


def _view(
    table: StudyTable, study_folder: Path | None, tables: Sequence[StudyTable], points: MadePoints, *, gl: bool
) -> DeviceView:
    """Return the study as one of its devices has it; with WebGL all of its points are drawn."""
    verdict = judge(table)
    curves = learning_curves(table)
    found = importances(table)
    most, winner = (math.inf if gl else POINTS_MAX), (verdict.row.number if verdict.row else None)
    views = {key: front_view(table, key, winner, most, points) for key in VIEWS}
    figures = _figures(table, verdict, curves, views, gl=gl)
    calibration = calibrate(table)
    held = _held(calibration)
    if held["comparisons"]:
        figures["calibration"] = calibration_figure(calibration, CSS)
    figures |= {f"importance_{item.objective}": importance_figure(item, CSS) for item in found if item.parts}
    proof = read_proof(table)
    if proof is not None and any(one.trainings for one in proof.contestants):
        figures["proof"] = proof_figure(proof, CSS)
    against = against_baseline(table)
    payload = {
        "study": table.name,
        "winner": winner,
        "forked_from": table.forked.get("from"),
        **gate_payload(table.gate),
        "paused": table.paused,
        "figures": {name: figure.to_plotly_json() for name, figure in figures.items()},
        **trials_payload(table, curves),
        **others_payload(table, tables),
    }
    context = {
        "table": table,
        "headline": headline(table),
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
        "doubts": _doubts(table, verdict, calibration),
        "provenance": provenance(table),
    }
    carried = pictures(table, study_folder, winner) if study_folder else {}
    return DeviceView(context, payload, carried)


def _figures(
    table: StudyTable, verdict: Verdict, curves: Curves, views: Mapping[str, FrontView], *, gl: bool
) -> dict[str, go.Figure]:
    """Return the figures that the study has data for, by name, in colours that the page fills in."""
    drawn = front_figures(views, gl=gl)
    history = hypervolume_history(table)
    if history:
        drawn |= {f"hypervolume_{over}": hypervolume_figure(history, over, CSS) for over in ("trials", "time")}
    if curves.shown:
        drawn["curves"] = curves_figure(curves, CSS)
    if verdict.row and verdict.row.accuracy and verdict.row.accuracy.per_class:
        drawn["classes"] = class_figure(verdict.row.accuracy.per_class, CSS)
    return drawn


def front_figures(views: Mapping[str, FrontView], *, gl: bool) -> dict[str, go.Figure]:
    """Return the figures of the front that have points, by name."""
    fronts = {
        key: front_figure(view, CSS, gl=gl, labelled=False) for key, view in views.items() if any(view.layers.values())
    }
    for figure in fronts.values():
        figure.update_traces(text=None, hovertemplate=None)  # the page's own card says it
    return {f"front_{key}": figure for key, figure in fronts.items()}


def _held(calibration: Calibration) -> dict[str, Any]:
    """Return what the page says of how predictions held; all values are empty where there were too few predictions."""
    return {
        "kinds": kinds(calibration),
        "comparisons": comparisons(calibration),
        "of_map": map_sentence(calibration),
        "of_latency": latency_sentence(calibration),
        "thinned": any(len(kind.predictions) > MARKS_MAX for kind in (calibration.at_proposal, calibration.at_rungs)),
    }


def _doubts(table: StudyTable, verdict: Verdict, calibration: Calibration) -> dict[str, Any]:
    """Return what of the page's figures rests on few or noisy values, in words."""
    accuracy = verdict.row.accuracy if verdict.row else None
    few = [name for name, found in (accuracy.per_class if accuracy else {}).items() if class_doubt(found.boxes)]
    return {
        "winner": row_doubts(verdict.row) if verdict.row else (),
        "front": tuple(front_doubts(table)),
        "classes": f"under {CLASS_BOXES_MIN} boxes, chance moves much: {', '.join(few)}" if few else "",
        "hypervolume": hypervolume_doubt(table),
        "held": calibration_doubt(calibration),
    }


def _yaml(settings: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True) if settings else ""
