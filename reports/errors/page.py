"""The errors of a detector as one HTML file that opens from disk, with no network."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from objectives.deploy.errors.analysis import Analysis
from objectives.deploy.errors.looking import Unlabelled
from objectives.deploy.errors.matching import Kind
from objectives.deploy.errors.next_images import NextImage
from objectives.deploy.errors.suspects import Doubt, Suspect
from objectives.machine.files import write_text
from reports.errors.crops import image_crop, suspect_crop
from reports.errors.text import DETECTION_WORDS, LABEL_WORDS, doubts
from reports.page.palette import DARK, LIGHT, css_variables
from reports.page.template import asset, environment
from reports.table.words import ABSENT, percent, share

SUSPECTS_DRAWN = 60
NEXT_DRAWN = 24
CLASSES_MOST = 40  # of a confusion matrix that can still be read; the values of more are in the JSON
CONFUSIONS_SHOWN = 20
FILLS = {"correct": "gate", "confused": "over", "localisation": "paused", "missed": "failed"} | {
    "duplicate": "muted",
    "background": "stopped",
}


@dataclass(frozen=True, eq=False)
class NextToLabel:
    """Images to label next.

    Attributes:
        images: the most useful first.
        found: what the folder held.
    """

    images: Sequence[NextImage]
    found: Unlabelled


def write_errors_page(analysis: Analysis, following: NextToLabel | None, target: Path) -> None:
    """Write the page; a reader never sees half a page.

    Args:
        analysis: errors of the detector.
        following: images to label next; None if none were asked for.
        target: the HTML file.
    """
    write_text(target, render_errors(analysis, following), shared=True)


def render_errors(analysis: Analysis, following: NextToLabel | None) -> str:
    """Return the page as HTML text."""
    counts = analysis.counts
    return (
        environment()
        .get_template("errors.html.jinja")
        .render(
            of=analysis.of,
            caveat=analysis.of.seen.caveat,
            images=len(analysis.images),
            map=share(analysis.accuracy.map),
            map50=share(analysis.accuracy.map50),
            confidence=percent(analysis.of.confidence),
            doubts=doubts(analysis),
            bars=[
                _bar("labels", counts.labels, LABEL_WORDS),
                _bar("detections", counts.detections, DETECTION_WORDS),
            ],
            classes=[_class_row(one) for one in counts.classes],
            kinds=(LABEL_WORDS, DETECTION_WORDS),
            matrix=_matrix(analysis),
            confusions=counts.confusions[:CONFUSIONS_SHOWN],
            more_confusions=max(0, len(counts.confusions) - CONFUSIONS_SHOWN),
            suspects=[_card(suspect, analysis) for suspect in analysis.suspects[:SUSPECTS_DRAWN]],
            total=len(analysis.suspects),
            following=following,
            next=[_next(image) for image in following.images[:NEXT_DRAWN]] if following else [],
            written=datetime.now().astimezone(),
            style=asset("page.css"),
            more_style=asset("errors.css"),
            light=Markup(css_variables(LIGHT)),
            dark=Markup(css_variables(DARK)),
        )
    )


def _bar(what: str, counts: dict[Kind, int], words: dict[Kind, str]) -> dict[str, Any]:
    """Return a bar of the kinds that occur, as shares of all."""
    parts = [
        {"fill": FILLS[str(kind)], "word": words[kind], "count": f"{number:,}", "part": number}
        for kind, number in counts.items()
        if number
    ]
    return {"what": what, "total": f"{sum(counts.values()):,}", "parts": parts}


def _class_row(one: Any) -> dict[str, Any]:
    return {
        "name": one.name,
        "labelled": one.labelled,
        "detected": one.detected,
        "labels": [one.labels[kind] for kind in LABEL_WORDS],
        "detections": [one.detections[kind] for kind in DETECTION_WORDS],
        "recall": ABSENT if one.recall is None else percent(one.recall),
        "precision": ABSENT if one.precision is None else percent(one.precision),
    }


def _matrix(analysis: Analysis) -> dict[str, Any] | None:
    """Return the confusion matrix with the strength of each cell's ground, in percent; None if it is too large."""
    names = list(analysis.of.classes)
    if len(names) > CLASSES_MOST:
        return None
    rows = []
    for i, row in enumerate(analysis.counts.matrix.tolist()):
        total = max(1, sum(row))
        cells = [
            {"count": number, "fill": round(90 * number / total), "right": i == k, "empty": i == k == len(names)}
            for k, number in enumerate(row)
        ]
        rows.append({"name": names[i] if i < len(names) else "background", "cells": cells})
    return {"columns": [*names, "nothing"], "rows": rows}


def _card(suspect: Suspect, analysis: Analysis) -> dict[str, Any]:
    names = analysis.of.classes
    labelled = None if suspect.label is None else names[int(suspect.image.classes[suspect.label])]
    return {
        "picture": suspect_crop(suspect),
        "kind": str(suspect.kind),
        "score": f"{suspect.score:.2f}",
        "why": suspect.why,
        "file": suspect.image.path.name,
        "labelled": labelled,
        "proposed": None if suspect.kind is Doubt.SPURIOUS else names[suspect.class_index],
    }


def _next(image: NextImage) -> dict[str, Any]:
    looked = image.looked
    return {
        "picture": image_crop(looked),
        "file": looked.path.name,
        "found": len(looked.found.scores),
        "uncertainty": f"{looked.uncertainty:.2f}",
        "novelty": f"{image.novelty:.2f}",
    }
