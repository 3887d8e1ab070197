"""The check of a data set as one HTML file: its figures, and each finding with pictures; nothing is loaded."""

from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from objectives.data.check.run import CheckReport
from objectives.data.codes import CODES, Severity
from objectives.machine.files import write_text
from reports.data.figures import split_names, split_rows
from reports.data.text import verdict
from reports.data.thumbnails import Thumbnail, thumbnails
from reports.page.palette import DARK, LIGHT, css_variables
from reports.page.template import asset, environment

TONES = {Severity.ERROR: "failed", Severity.WARNING: "stopped", Severity.NOTE: "front"}


def write_check_page(report: CheckReport, target: Path) -> Path:
    """Write the page and return its path; a reader never sees half a page.

    Args:
        report: what was found.
        target: the HTML file; its folder is made if missing.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text(target, render_check(report), shared=True)
    return target


def render_check(report: CheckReport) -> str:
    """Return the page as HTML text."""
    pictures = thumbnails(report.spots, report.subject)
    rows = split_rows(report.card)
    return (
        environment()
        .get_template("check.html.jinja")
        .render(
            card=report.card,
            splits=split_names(report.card),
            rows=rows,
            tiles=_tiles(report, rows[0].total, rows[2].total),
            verdict=verdict(report).plain,
            tone="failed" if report.spoils_scores else "stopped" if report.of(Severity.WARNING) else "gate",
            findings=[_finding(report, i, pictures) for i in range(len(report.findings))],
            written=datetime.now().astimezone(),
            style=asset("page.css"),
            more_style=asset("check.css"),
            light=Markup(css_variables(LIGHT)),
            dark=Markup(css_variables(DARK)),
        )
    )


def _tiles(report: CheckReport, images: int, boxes: int) -> list[tuple[str, int]]:
    counts = [(f"{severity}s", len(report.of(severity))) for severity in Severity]
    return [("images", images), ("boxes", boxes), ("classes", len(report.card["classes"])), *counts]


def _finding(report: CheckReport, i: int, pictures: dict[str, list[list[Thumbnail]]]) -> dict[str, Any]:
    finding = report.findings[i]
    severity = CODES[finding.code].severity
    return {**finding.to_json(), "tone": TONES[severity], "pictures": pictures.get(finding.code, [])}
