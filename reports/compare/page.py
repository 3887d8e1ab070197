"""The comparison of champion and challenger as one HTML file: nothing is loaded."""

import math
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
from markupsafe import Markup

from objectives.compare.bootstrap import PairedDifference
from objectives.compare.comparison import PairedComparison, Pictured
from objectives.compare.verdict import Ruling
from objectives.deploy.detections_picture import draw_tile
from objectives.machine.files import write_text
from reports.compare.words import VERDICTS, class_lines, critical_words, figures, images_line, level, method_line
from reports.page.palette import DARK, LIGHT, css_variables
from reports.page.template import asset, environment
from reports.table.words import ms, number

RULING_TONES = {Ruling.PROMOTE: "gate", Ruling.KEEP: "front", Ruling.CANNOT_TELL: "stopped"}
PICTURE_QUALITY = 82  # of the JPEGs


@dataclass(frozen=True)
class Bar:
    """An interval drawn on a common scale: places in percent of its width.

    Attributes:
        low: lower end.
        width: of the interval.
        at: the difference.
        tone: "gate" where all of it lies over zero, "failed" where all lies below, else "muted".
    """

    low: float
    width: float
    at: float
    tone: str


def write_compare_page(found: PairedComparison, target: Path) -> Path:
    """Write the page and return its path; a reader never sees half a page.

    Args:
        found: the comparison.
        target: the HTML file; its folder is made if missing.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text(target, render_compare(found), shared=True)
    return target


def render_compare(found: PairedComparison) -> str:
    """Return the page as HTML text."""
    rows = list(_rows(found))
    reach = _reach([apart for _, _, apart, _ in rows], found.rules.margin)
    return (
        environment()
        .get_template("compare.html.jinja")
        .render(
            advice=VERDICTS[found.judgement.ruling],
            why=found.judgement.why,
            tone=RULING_TONES[found.judgement.ruling],
            data=found.frozen.to_json(),
            tiles=_tiles(found),
            rows=[(name, count, figures(apart), _bar(apart, reach), first) for name, count, apart, first in rows],
            zero=50.0,
            margin=_place(found.rules.margin, reach) if found.rules.margin else None,
            reach=number(reach, 2),
            level=level(found),
            latencies=_latencies(found),
            sides=(("champion", found.champion), ("challenger", found.challenger)),
            sizes=[f"{number(side.artifact_bytes / 1e6, 2)} MB" for side in (found.champion, found.challenger)],
            device=found.device,
            lines=[images_line(found), method_line(found), *class_lines(found)],
            notes=found.notes,
            pictures=[_picture(found, one) for one in found.pictured],
            rules=found.rules,
            further=critical_words(found),
            written=datetime.now().astimezone(),
            style=asset("page.css"),
            more_style=asset("compare.css"),
            light=Markup(css_variables(LIGHT)),
            dark=Markup(css_variables(DARK)),
        )
    )


def _tiles(found: PairedComparison) -> list[tuple[str, str, str]]:
    """Return label, figure and a line below it."""
    one, other = found.champion.latency, found.challenger.latency
    tiles = [(name, figures(apart)) for name, apart in (("mAP", found.map), ("mAP50", found.map50))]
    return [
        *((f"{name}, difference", texts[2], f"{texts[0]} → {texts[1]}") for name, texts in tiles),
        ("p50, ratio", f"{other.p50_ms / one.p50_ms:.2f}", f"{ms(one.p50_ms)} → {ms(other.p50_ms)}"),
        ("images with fewer errors", f"{found.image_counts['fewer_errors']:,}", "of the challenger"),
        ("images with more errors", f"{found.image_counts['more_errors']:,}", "of the challenger"),
        ("images", f"{len(found.frozen.images):,}", f"{len(found.classes.scored)} classes scored"),
    ]


def _rows(found: PairedComparison) -> Iterator[tuple[str, int, PairedDifference, bool]]:
    """Yield name, objects and difference of each row, and whether a group begins with it."""
    objects = sum(part.objects for part in found.per_class)
    yield "mAP", objects, found.map, False
    yield "mAP50", objects, found.map50, False
    for i, part in enumerate(found.per_size):
        yield f"mAP, {part.name} objects", part.objects, part.map, i == 0
    for i, part in enumerate(found.per_class):
        yield part.name, part.objects, part.map, i == 0
    for i, one in enumerate(found.recalls):
        yield f"recall, {one.name}", one.objects, one.recall, i == 0


def _reach(differences: Sequence[PairedDifference], margin: float) -> float:
    """Return how far the scale reaches to both sides of zero."""
    ends = [abs(v) for apart in differences for v in (apart.low, apart.high, apart.value) if not math.isnan(v)]
    return 1.05 * max([0.01, abs(margin), *ends])


def _place(value: float, reach: float) -> float:
    return round(50 + 50 * value / reach, 2)


def _bar(apart: PairedDifference, reach: float) -> Bar | None:
    if math.isnan(apart.low) or math.isnan(apart.value):
        return None
    low, high = _place(apart.low, reach), _place(apart.high, reach)
    tone = "gate" if apart.low > 0 else "failed" if apart.high < 0 else "muted"
    return Bar(low, round(high - low, 2), _place(apart.value, reach), tone)


def _latencies(found: PairedComparison) -> list[tuple[str, str, str, str]]:
    one, other = found.champion.latency, found.challenger.latency
    rows = []
    for label, name in (("p50", "p50_ms"), ("p95", "p95_ms"), ("network alone, p50", "network_ms")):
        before, after = getattr(one, name), getattr(other, name)
        rows.append((label, ms(before), ms(after), f"{after / before - 1:+.1%}"))
    spans = [f"{number(each.p50_low_ms)} to {ms(each.p50_high_ms)}" for each in (one, other)]
    state = ["stable" if each.stable else "unstable" for each in (one, other)]
    return [*rows, ("p50 lies between", spans[0], spans[1], ""), ("measurement", state[0], state[1], "")]


def _picture(found: PairedComparison, one: Pictured) -> dict[str, Any]:
    """Return an image with what both found on it."""
    image = found.frozen.images[one.errors.image]
    sides = []
    for role, side, detections, errors in (
        ("champion", found.champion, one.champion, one.errors.champion),
        ("challenger", found.challenger, one.challenger, one.errors.challenger),
    ):
        tile = draw_tile(image, detections, found.classes.scored, found.confidence_of(side))
        _, encoded = cv2.imencode(".jpg", tile, [cv2.IMWRITE_JPEG_QUALITY, PICTURE_QUALITY])
        source = f"data:image/jpeg;base64,{b64encode(encoded.tobytes()).decode()}"
        sides.append({"role": role, "source": source, "errors": errors})
    return {"name": image.path.name, "sides": sides}
