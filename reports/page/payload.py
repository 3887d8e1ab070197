"""What the page's script reads: trials, figures and pictures as one JSON text."""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from objectives.records.bounds.quantities import OF_ONE, OF_USERS, Bound
from objectives.records.gate import Gate
from objectives.records.records import Latency, Outcome
from reports.analysis.curves import Curves
from reports.analysis.deaths import deaths, has_died
from reports.analysis.doubts import row_doubts
from reports.analysis.reasons import reasons
from reports.table.families import FamilyRow, differences
from reports.table.gate_words import ALWAYS_SHOWN
from reports.table.kin.family_words import choice_words, family_words, kind_words, origin_words
from reports.table.row import PAUSED, TrialRow
from reports.table.table import StudyTable
from reports.table.words import architecture, slim
from spaces.network.own import has_own_neck, head_kind, published_letter

FULL_MAX = 2000  # trials with everything; of the others of a larger study the page holds what the table shows
LOGS_MAX = 200
OUTCOME_KEYS = {
    Outcome.FINISHED.value: "finished",
    Outcome.OVER_BOUND.value: "over",
    Outcome.STOPPED.value: "stopped",
    Outcome.FAILED.value: "failed",
    "running": "running",
    PAUSED: "paused",
    "waiting": "waiting",
}


def dimensions(table: StudyTable) -> list[str]:
    """Return every dimension of any candidate, in the order of first appearance, grouped."""
    seen = dict.fromkeys(name for row in table.rows for name in row.candidate)
    groups = list(dict.fromkeys(name.partition(".")[0] for name in seen))
    return sorted(seen, key=lambda name: groups.index(name.partition(".")[0]))


def trials_payload(
    table: StudyTable, curves: Curves, only: Collection[int] | None = None, names: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the trials as JSON values; a candidate is a list in the order of `dimensions`, to be small.

    Args:
        table: the study.
        curves: whose rungs the page draws.
        only: numbers of the trials to return, in full; None: all, in a large study the others in brief.
        names: the dimensions, where they are known; None: those of all trials.
    """
    names = dimensions(table) if names is None else names
    with_rungs = {curve.number for curve in curves.shown}
    in_full, with_logs = (_in_full(table), _with_logs(table)) if only is None else (only, only)
    has_gate = table.gate != Gate()
    beside = [bound for bound in table.gate.bounds if bound.setting not in ALWAYS_SHOWN]
    families = {family.number: family for family in table.families}
    rows = []
    for row in table.rows if only is None else [row for row in table.rows if row.number in only]:
        values = _brief(row, names, has_gate=has_gate)
        if beside and row.is_measured:
            values["bounds"] = _bounds(row, beside)
        values |= _rest(row) if row.number in in_full else {"brief": True}
        if row.is_proof:
            values |= {"kind": kind_words(row, None), "proves": row.proves, "seed": row.seed}
        elif families:
            values |= _of_family(row, families)
        if has_died(row):
            values["deaths"] = _deaths(row, with_log=row.number in with_logs)
        if row.number in with_rungs:
            values["rungs"] = [[rung.epoch, rung.map, rung.map50, int(rung.decides)] for rung in row.rungs]
        rows.append({key: value for key, value in values.items() if value is not None})
    return {"dimensions": names, "rows": rows, "bounds": [_bound(bound) for bound in beside]}


def others_payload(table: StudyTable, tables: Sequence[StudyTable]) -> dict[str, Any]:
    """Return what each trial takes on every device of its study; nothing for a study of one.

    Args:
        table: the study as the device has it whose view this is.
        tables: as every device has it.
    """
    if len(tables) < 2:
        return {}
    names = [one.device_name for one in tables]
    found: dict[int, list[list[Any]]] = {}
    for one in tables:
        for row in one.rows:
            found.setdefault(row.number, []).append([row.p50_ms, row.p95_ms, int(row.on_front), int(row.passes_gate)])
    known = {number: places for number, places in found.items() if any(place[0] is not None for place in places)}
    return {"device": table.device_name, "devices": names, "on_devices": known}


def gate_payload(gate: Gate) -> dict[str, Any]:
    """Return the bounds that the page lets its reader move, None where there is none; and whether there is a gate."""
    bounds = {"map50": gate.map50_min, "map": gate.map_min, "p95": gate.p95_ms_max, "p50": gate.p50_ms_most()}
    return {"gate": bounds, "gated": gate != Gate()}


def _in_full(table: StudyTable) -> set[int]:
    """Return the numbers of the trials shown in full: in a large study half of them are the best, half the newest."""
    ranked = sorted(table.rows, key=lambda row: (not row.on_front, -(row.map or 0.0), row.number))
    in_full = ranked if len(ranked) <= FULL_MAX else [*ranked[: FULL_MAX // 2], *table.rows[-FULL_MAX // 2 :]]
    return {row.number for row in in_full}


def _with_logs(table: StudyTable) -> set[int]:
    """Return the numbers of the last LOGS_MAX trials that died: the page holds the ends of their logs."""
    return set([row.number for row in table.rows if has_died(row)][-LOGS_MAX:])


def _brief(row: TrialRow, names: Sequence[str], *, has_gate: bool) -> dict[str, Any]:
    """Return what the table and the figures show of a trial."""
    return {
        "n": row.number,
        "outcome": OUTCOME_KEYS[row.standing],
        "status": row.status if row.paused or row.is_stopped_by_somebody else None,
        "architecture": architecture(row.candidate),
        "front": row.on_front or None,
        "gate": (has_gate and row.passes_gate) or None,
        "map50": row.map50,
        "map": row.map,
        "p95": row.p95_ms,
        "p50": row.p50_ms,
        "unstable": (not row.stable) or None,
        "quick": row.has_quick_latency or None,
        "doubts": {doubt.figure: doubt.words for doubt in row_doubts(row)} or None,
        "elsewhere": row.other_device or None,
        "seconds": row.seconds,
        "started": row.started_at.isoformat(" ", "seconds") if row.started_at else None,
        "reason": (row.ending and row.ending.reason) or None,
        "error": (row.ending and row.ending.error_class) or None,
        "candidate": [row.candidate.get(name) for name in names],
        "scale": published_letter(row.candidate) or None,
        "own": head_kind(row.candidate) if has_own_neck(row.candidate) else None,
        "batch": row.smaller_batch or None,
        "copied": row.forked_from,
        "baseline": row.baseline,
        "removed": ", ".join(row.removed) or None,
        "note": row.note or None,
        "parameters": row.resources.parameters if row.resources else None,
    }


def _bound(bound: Bound) -> dict[str, Any]:
    """Return what the table says above the column of a bound."""
    quantity, limit = bound.quantity, f"{'≥' if bound.quantity.is_floor else '≤'} {bound.limit:g}"
    unit = f", {quantity.unit}" if quantity.unit not in (OF_ONE, OF_USERS) else ""
    return {
        "title": f"{quantity.name}{unit}",
        "limit": limit,
        "floor": quantity.is_floor,
        "share": quantity.unit == OF_ONE,
    }


def _bounds(row: TrialRow, beside: Sequence[Bound]) -> list[list[Any]]:
    """Return what a trial has of each bound that no other column shows, and whether it keeps the bound."""
    return [[judged.value, int(judged.is_kept)] for judged in (bound.judge(row.figures_judged) for bound in beside)]


def _of_family(row: TrialRow, families: Mapping[int, FamilyRow]) -> dict[str, Any]:
    """Return whose child a trial is, how it was chosen and how it differs; what it polishes; which children it has."""
    if row.is_polish:
        return {"kind": kind_words(row, None), "polishes": row.polishes}
    if not row.is_child:
        own = families.get(row.number)
        carried = {"carried": origin_words(row)} if row.is_carried else {}
        members = [child.number for child in own.on_front] if own else None
        said = {"children": len(own.children), "family": family_words(own), "members": members} if own else {}
        return {"kind": kind_words(row, own) if row.is_measured or row.rungs else None, **said, **carried}
    family = families[row.parent if row.parent is not None else -1]
    found = differences(row, family.parent) if family.parent else ()
    return {
        "kind": kind_words(row, None),
        "parent": row.parent,
        "slim": slim(row.candidate).removeprefix("slim ") or None,
        "chosen": choice_words(row, family),
        "differs": [[item.name, item.parent, item.child] for item in found],
    }


def _rest(row: TrialRow) -> dict[str, Any]:
    """Return what the panel beside the table shows."""
    return {
        "reasons": [[reason.label, reason.text] for reason in reasons(row)] or None,
        "trained": _latency(row.latency),
        "untrained": _latency(row.latency_untrained),
        "resources": asdict(row.resources) if row.resources else None,
    }


def _deaths(row: TrialRow, *, with_log: bool) -> list[dict[str, str]]:
    """Return what a trial died of, each time."""
    died = [asdict(death) for death in deaths(row)]
    return died if with_log else [{**death, "log": ""} for death in died]


def _latency(latency: Latency | None) -> dict[str, Any] | None:
    """Return the figures of one measurement; its device is the study's."""
    if latency is None:
        return None
    values = asdict(latency)
    del values["device"]
    return values


def script_json(value: Any) -> str:
    """Return JSON that may stand inside a script element: no `<`, no NaN, floats of five digits."""
    text = json.dumps(_plain(value), allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=str)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _plain(value: Any) -> Any:
    """Return `value` with short, finite floats; NaN and infinity become null."""
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
