"""Two studies or more over one another, as one HTML page: fronts, hypervolumes, what each found at a latency."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from objectives.records.gate import Gate
from reports.analysis.views import latency_ticks
from reports.page.palette import CSS, DARK, LIGHT, css_variables
from reports.page.payload import script_json
from reports.page.template import asset, environment
from reports.studies.card import study_address, study_state
from reports.studies.overlay import Overlay, VolumeStep, best_within, hindrance_of, lay_over, volume_at
from reports.table.baseline import against_baseline
from reports.table.baseline_words import beside_words
from reports.table.pick import misses
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.verdict import judge
from reports.table.words import architecture, duration, ms, plural, share

MEMBERS_MAX = 200  # of a front in the table below the figure
TIE = 0.0005  # mAP that three decimals do not show


@dataclass(frozen=True)
class Cell:
    """What a study has at a latency: mAP and number of the trial, or nothing; whether no other study has more."""

    text: str
    trial: int | None
    is_best: bool


def render_overlay(tables: Sequence[StudyTable], *, device: str = "", served: bool = True, nonce: str = "") -> str:
    """Return the page as HTML text; where the studies cannot be compared it says what differs.

    Args:
        tables: the studies, each once.
        device: name of a device that all have; empty for the first such, and for one that they do not share.
        served: whether studies have addresses on the page's server; a file that opens from disk has no links.
        nonce: what the server's Content-Security-Policy admits the page's style and script by.
    """
    now = datetime.now().astimezone()
    refusal = hindrance_of(tables)
    common = {
        "names": [table.name for table in tables],
        "address": study_address if served else None,
        "written": now,
        "nonce": nonce,
        "style": asset("page.css"),
        "more_style": asset("studies.css"),
        "light": Markup(css_variables(LIGHT)),
        "dark": Markup(css_variables(DARK)),
        "theme": asset("studies_theme.js"),
    }
    if refusal:
        sides = [_side(table) for table in tables]
        template = environment().get_template("studies_refused.html.jinja")
        return template.render(**common, refusal=refusal.removeprefix("over: "), sides=sides)
    found = lay_over(tables)
    if device in found.devices and device != found.device:
        found = lay_over(tables, device)
    return environment().get_template("studies_over.html.jinja").render(**common, **_context(found, now, served=served))


def _side(table: StudyTable) -> dict[str, str]:
    """Return what a study is a study of, for a reader who asked for what cannot be compared."""
    return {
        "name": table.name,
        "data": str(table.data.get("name") or "–"),
        "data_key": str(table.fingerprints.get("data") or "none kept"),
        "device": ", ".join(str(table.device[key]) for key in ("name", "processor") if table.device.get(key)) or "–",
        "device_key": str(table.fingerprints.get("device") or "none kept"),
        "training": str(table.fingerprints.get("training") or "–"),
    }


def _context(found: Overlay, now: datetime, *, served: bool) -> dict[str, Any]:
    """Return what the template is filled with."""
    ticks = _ticks(found)
    return {
        "studies": [_study(found, index, now) for index in range(len(found.tables))],
        "device": found.device,
        "devices": [
            (name, "?" + urlencode([*(("study", table.name) for table in found.tables), ("device", name)]))
            for name in (found.devices if len(found.devices) > 1 else ())
        ],
        "ticks": [ms(tick) for tick in ticks],
        "at": [(table.name, cells) for table, cells in zip(found.tables, _cells(found, ticks), strict=True)],
        "members": [(table, table.front[:MEMBERS_MAX]) for table in found.tables],
        "volumes": _volumes(found),
        "notes": found.notes,
        "words": {"share": share, "ms": ms, "architecture": architecture},
        "payload": Markup(script_json({**_payload(found, ticks), "links": served})),  # script_json leaves no '<'
        "script": asset("studies_over.js"),
    }


def _study(found: Overlay, index: int, now: datetime) -> dict[str, Any]:
    """Return a study's line in the table of picks."""
    table = found.tables[index]
    verdict, state = judge(table), study_state(table, now)[0]
    row, against = verdict.row, against_baseline(table, verdict.row)
    steps = found.volumes[index]
    missed = f"misses: {', '.join(misses(row, table.gate))}" if row and verdict.kind == "misses" else ""
    return {
        "index": index,
        "name": table.name,
        "state": state,
        "row": row,
        "gate": str(table.gate).replace(">=", "≥").replace("<=", "≤") if table.gate != Gate() else "",
        "kind": {"meets": "meets its gate", "no gate": "the most accurate; no gate"}.get(verdict.kind, missed),
        "against": _against(against.name, beside_words(against.pick)) if against and against.pick else "–",
        "effort": _effort(table, steps),
        "volume": share(steps[-1].hypervolume) if steps else "–",
    }


def _effort(table: StudyTable, steps: Sequence[VolumeStep]) -> str:
    """Return '30 trials, 3 h 3 min of work, 6 on the front'."""
    trials = plural(sum(not (row.is_child or row.is_proof) for row in table.rows), "trial")
    worked = f", {duration(steps[-1].seconds)} of work" if steps else ""
    return f"{trials}{worked}, {len(table.front):,} on the front"


def _against(name: str, words: str) -> str:
    return f"{words} ({name.partition('@')[0]})"


def _ticks(found: Overlay) -> list[float]:
    """Return round latencies over the span of all fronts, the slowest member's within."""
    members = [row.p50_ms for table in found.tables for row in table.front if row.p50_ms]
    if not members:
        return []
    low, high = min(members), max(members)
    if high < low * 1.02:  # all alike
        low, high = low * 0.99, high * 1.01
    ticks = [tick for tick in latency_ticks(low, high * 1.001) if tick >= low]
    return [*ticks, float(f"{high * 1.0005:.4g}")] if not ticks or ticks[-1] < high else ticks


def _cells(found: Overlay, ticks: Sequence[float]) -> list[list[Cell]]:
    """Return for each study what it found at each latency."""
    rows = [[best_within(table.front, tick) for tick in ticks] for table in found.tables]
    tops = [max((row.map or 0.0 for row in column if row), default=None) for column in zip(*rows, strict=True)]
    return [[_cell(row, top) for row, top in zip(line, tops, strict=True)] for line in rows]


def _cell(row: TrialRow | None, top: float | None) -> Cell:
    if row is None or row.map is None or top is None:
        return Cell("–", None, is_best=False)
    return Cell(share(row.map), row.number, is_best=top - row.map < TIE)


def _volumes(found: Overlay) -> list[tuple[str, str]]:
    """Return in words how the hypervolumes compare after the time that all studies have worked."""
    worked = [steps[-1].seconds for steps in found.volumes if steps]
    if len(worked) < len(found.tables):
        return []
    least = min(worked)
    alike = ", ".join(
        f"{table.name} {share(volume_at(steps, least))}"
        for table, steps in zip(found.tables, found.volumes, strict=True)
    )
    return [(f"After {duration(least)} of work, which all have had", alike)]


def _payload(found: Overlay, ticks: Sequence[float]) -> dict[str, Any]:
    """Return what the page's script draws."""
    return {
        "ticks": list(ticks),
        "studies": [
            {
                "name": table.name,
                "address": study_address(table.name),
                "pick": verdict.row.number if verdict.row else None,
                "front": [[row.p50_ms, row.map, row.number, int(not row.stable)] for row in table.front],
                "baseline": _baseline(table),
                "volume": [[step.seconds, step.hypervolume] for step in steps],
                "colour": CSS.families[index],
            }
            for index, (table, steps) in enumerate(zip(found.tables, found.volumes, strict=True))
            for verdict in [judge(table)]
        ],
    }


def _baseline(table: StudyTable) -> list[Any] | None:
    against = against_baseline(table)
    if against is None or not against.is_comparable:
        return None
    return [against.row.p50_ms, against.row.map, against.row.number, against.name]
