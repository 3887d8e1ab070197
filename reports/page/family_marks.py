"""Families on the front's figure: a colour each, a thin line from the parent through its children on the front."""

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from reports.analysis.views import FamilyLine, FrontView, Point
from reports.page.palette import Palette
from reports.table.kin.family_words import children_words
from reports.table.words import plural

THIN = 1.3
OTHERS = "family-others"  # of the families beyond the colours: one entry in the legend


def family_colours(view: FrontView, palette: Palette) -> dict[int, str]:
    """Return the colour of each family by its number; of more families than colours, the smallest share the muted."""
    ranked = sorted(view.families, key=lambda family: (-family.children, family.number))
    own = sorted(family.number for family in ranked[: len(palette.families)])
    colours = {family.number: palette.muted for family in ranked}
    return colours | dict(zip(own, palette.families, strict=False))


def symbol(point: Point, trained: str) -> str:
    """Return the mark of a point: children are triangles, latencies that are unstable hollow ones or diamonds."""
    if point.is_child:
        return "triangle-up" if point.stable else "triangle-up-open"
    return trained if point.stable else "diamond-open" if trained.endswith("open") else "diamond"


def family_lines(view: FrontView, palette: Palette) -> list[go.Scatter]:
    """Return the lines of all families, the last family first: a legend names what is drawn last first."""
    colours, groups = family_colours(view, palette), _groups(view, palette)
    lines = []
    for group in sorted(set(groups.values()), key=_order, reverse=True):
        families = [family for family in view.families if groups[family.number] == group]
        lines.append(_line(families, group, colours[families[0].number], view))
    return lines


def by_family(points: Sequence[Point], view: FrontView, palette: Palette) -> list[tuple[str, list[Point]]]:
    """Return the points of each group of the legend that has any, as its name and the points."""
    groups = _groups(view, palette)
    found: dict[str, list[Point]] = {}
    for point in points:
        found.setdefault(groups.get(-1 if point.family is None else point.family, OTHERS), []).append(point)
    return sorted(found.items(), key=lambda pair: _order(pair[0]))


def _groups(view: FrontView, palette: Palette) -> dict[int, str]:
    """Return number of a family to its group of the legend."""
    colours = family_colours(view, palette)
    return {n: OTHERS if colour == palette.muted else f"family-{n}" for n, colour in colours.items()}


def _order(group: str) -> float:
    return math.inf if group == OTHERS else int(group.rpartition("-")[2])


def _line(families: Sequence[FamilyLine], group: str, colour: str, view: FrontView) -> go.Scatter:
    """Return the lines of a group as one trace that the legend names; the parents are labelled at their points."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    labels: list[str] = []
    for family in families:
        for point in family.points:
            xs.append(point.latency_ms)
            ys.append(point.accuracy)
            labels.append("" if point.is_child or point.number == view.winner else f" {point.number}")
        xs, ys, labels = [*xs, None], [*ys, None], [*labels, ""]
    children = children_words(sum(family.children for family in families))
    own = f"trial {families[0].number} and {children}"
    return go.Scatter(
        x=xs,
        y=ys,
        name=f"{children} of {plural(len(families), 'other training')}" if group == OTHERS else own,
        mode="lines+text",
        text=labels,
        textposition="bottom right",
        textfont={"color": colour, "size": 12},
        line={"color": colour, "width": THIN},
        opacity=0.8,
        hoverinfo="skip",
        meta=group,
    )


def point_colours(points: Sequence[Point], colours: Mapping[int, str], other: str) -> list[str]:
    """Return the colours of points: their families', or another one."""
    return [other if point.family is None else colours.get(point.family, other) for point in points]
