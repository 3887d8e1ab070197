"""A pipeline as one HTML file that opens from disk, with no network: who serves, what is watched, what was done."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from markupsafe import Markup

from objectives.machine.files import write_text
from reports.operate.thumbnails import thumbnail
from reports.operate.words import (
    DISTANCES,
    change_words,
    figure_label,
    figure_unit,
    metric_label,
    performance_words,
    probability_words,
)
from reports.page.carried.plotly_bundle import basic_bundle
from reports.page.palette import DARK, LIGHT, css_variables
from reports.page.payload import script_json
from reports.page.template import asset, environment
from reports.table.words import ABSENT, ms, number

BARS_MOST = 12  # of a histogram of class names


def write_pipeline_page(data: Mapping[str, Any], path: Path) -> None:
    """Write the page; a reader never sees half a page.

    Args:
        data: what `search.operate.monitoring.page_data.page_data` returns.
        path: the HTML file; its folder is made if missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, render_pipeline(data), shared=True)


def render_pipeline(data: Mapping[str, Any]) -> str:
    """Return the page as HTML text."""
    drifted = [one for one in data["drift"] if one["now"]["drifted"]]
    histograms = [one for one in (_histogram(each["now"]) for each in drifted) if one]
    return (
        environment()
        .get_template("operate.html.jinja")
        .render(
            data=data,
            live=_live(data),
            drift=[_drift(one) for one in data["drift"]],
            histograms=[{**one, "index": i} for i, one in enumerate(histograms)],
            pictures=_pictures(data["pictures"]),
            payload=Markup(script_json(_payload(data, histograms))),  # script_json leaves no '<'
            plotly=basic_bundle(),
            style=asset("page.css"),
            more_style=asset("operate.css"),
            theme=asset("studies_theme.js"),
            script=asset("operate.js"),
            boot=asset("page_boot.js"),
            light=Markup(css_variables(LIGHT)),
            dark=Markup(css_variables(DARK)),
        )
    )


def _payload(data: Mapping[str, Any], histograms: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the page's script draws."""
    drift = [
        {"points": one["points"], "margin": one["now"]["margin"], "signed": one["name"] not in DISTANCES}
        for one in data["drift"]
    ]
    performance = dict(data["performance"]) if data["performance"] else None
    if performance:
        performance["metric"] = metric_label(performance["metric"])
    return {
        "span": data["span"],
        "begun": data["begun"],
        "promoted": data["promoted"],
        "drift": drift,
        "histograms": histograms,
        "performance": performance,
        "live": data["live"],
    }


def _live(data: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the charts of what is live: those that have something to show."""
    charts = []
    if data["performance"]:
        last = data["performance"]["points"][-1] | {"metric": data["performance"]["metric"]}
        bound = data["performance"]["bound"]
        below = "with its interval; dotted: the bound" if bound is not None else "with its interval"
        words = f"{performance_words(last)}{'' if bound is None else f'; bound {bound:g}'}"
        charts.append({"id": "performance", "title": metric_label(last["metric"]), "below": below, "words": words})
    if timed := [point for point in data["live"] if point["p50_ms"] is not None]:
        words = f"p50 {ms(timed[-1]['p50_ms'])}, p95 {ms(timed[-1]['p95_ms'])}"
        below = "p50, and p95 dashed"
        charts.append({"id": "latency", "title": "Latency of answers", "below": below, "words": words})
    if data["live"]:
        last = data["live"][-1]
        words = f"{last['answers']:,} answers and {last['errors']:,} errors in the last window"
        charts.append(
            {"id": "answers", "title": "Answers in the window", "below": "and errors among them", "words": words}
        )
    return charts


def _drift(one: Mapping[str, Any]) -> dict[str, Any]:
    """Return a figure of drift with the words of its chart and the cells of its row."""
    now, name = one["now"], one["name"]
    label, change = figure_label(name), change_words(name, now["change"])
    margin = change_words(name, now["margin"], signed=False)
    plain = [ABSENT if now[key] is None else number(now[key]) for key in ("baseline", "now")]
    tested = now["change"] is not None
    state = _state(now)
    return {
        "label": label,
        "drifted": now["drifted"],
        "state": f"{change} {state}" if now["drifted"] else state,
        "words": f"{label}: change {change}, margin {margin}, {state}",
        "cells": [
            *plain,
            change,
            margin,
            probability_words(now["p"] if tested else None),
            probability_words(now["alpha"] if tested else None),
            f"{now['images']:,}",
        ],
    }


def _state(now: Mapping[str, Any]) -> str:
    if now["change"] is None:
        return "not known"
    beyond = abs(now["change"]) > now["margin"]
    return "drifted" if now["drifted"] else "may be chance" if beyond else "quiet"


def _histogram(now: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return shares of baseline and window by bin; None where a figure has none."""
    before, after = now.get("counts_baseline") or (), now.get("counts") or ()
    if not sum(before) or not sum(after):
        return None
    shares = [[count / sum(counts) for count in counts] for counts in (before, after)]
    places: list[Any] = list(now.get("labels") or ())
    is_words = bool(places)
    if is_words:
        order = sorted(range(len(places)), key=lambda i: -abs(shares[1][i] - shares[0][i]))[:BARS_MOST]
        places, shares = [places[i] for i in order], [[part[i] for i in order] for part in shares]
    else:
        edges = now["edges"]
        places = [(low + high) / 2 for low, high in pairwise(edges)]
    label = figure_label(now["name"])
    return {
        "label": label,
        "unit": figure_unit(now["name"]),
        "words": is_words,
        "places": places,
        "before": shares[0],
        "now": shares[1],
    } | {"aria": f"{label}: shares of the baseline and of the window"}


def _pictures(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, list[dict[str, str]]]]:
    """Return title, line below and pictures of each row that has any left to show."""
    found = []
    for row in rows:
        shown = [
            {"source": source, "caption": one["caption"], "alt": f"{row['title']}: {one['caption']}"}
            for one in row["images"]
            if (source := thumbnail(Path(one["path"])))
        ]
        if shown:
            found.append((row["title"], row["below"], shown))
    return found
