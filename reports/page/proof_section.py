"""The page's section on the proof: a table of contestants, and their intervals beside the search's figures."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from objectives.records.gate import Gate
from reports.page.figures import base_layout
from reports.page.palette import LIGHT, Palette
from reports.table.gate_words import miss_words
from reports.table.proof.contestants import Proof, Proven
from reports.table.proof.words import around, around_ms, baseline_name, details, verdict_sentence
from reports.table.words import ABSENT, architecture, share

ROW_PX = 46  # height of a contestant


@dataclass(frozen=True)
class TrainingCell:
    """One training of a contestant: its number, seed and mAP."""

    number: int
    seed: int | None
    map: str


@dataclass(frozen=True)
class Line:
    """One contestant in the table, all in words."""

    number: int
    name: str
    wins: bool
    detector: str
    search: str
    map: str
    optimism: str
    above: str
    p50: str
    p95: str
    gate: str
    trainings: tuple[TrainingCell, ...]


@dataclass(frozen=True)
class ProofSection:
    """What the page says of a proof."""

    sentence: str
    details: tuple[str, ...]
    lines: tuple[Line, ...]
    has_baseline: bool
    has_gate: bool
    class_of: str
    class_figure: str
    classes: tuple[tuple[str, str], ...]


def proof_section(proof: Proof, gate: Gate) -> ProofSection:
    """Return what the page says of a proof; the classes are the winner's, before there is one the first finalist's."""
    shown = proof.winner or proof.finalists[0]
    return ProofSection(
        sentence=verdict_sentence(proof),
        details=tuple(details(proof)),
        lines=tuple(_line(one, proof) for one in proof.contestants),
        has_baseline=proof.baseline is not None,
        has_gate=gate != Gate(),
        class_of=f"trial {shown.number}",
        class_figure=shown.figure,
        classes=tuple((name, around(found)) for name, found in shown.classes.items()),
    )


def _line(one: Proven, proof: Proof) -> Line:
    signed = ABSENT if one.optimism is None else f"{one.optimism:+.3f}"
    above = ABSENT if one.over_baseline is None else f"{one.over_baseline.mean:+.3f} ± {one.over_baseline.half:.3f}"
    missed = " and ".join(map(miss_words, one.missed))
    return Line(
        number=one.number,
        name=_name(one),
        wins=one is proof.winner,
        detector=architecture(one.row.candidate),
        search=share(one.row.map),
        map=around(one.map),
        optimism=signed,
        above=ABSENT if one.is_baseline else above,
        p50=around_ms(one.p50_ms),
        p95=around_ms(one.p95_ms),
        gate=ABSENT if not one.trainings else f"misses: {missed}" if missed else "keeps it",
        trainings=tuple(TrainingCell(row.number, row.seed, share(row.map)) for row in one.trainings),
    )


def proof_figure(proof: Proof, palette: Palette = LIGHT) -> go.Figure:
    """Draw each contestant's mean mAP with its interval, its seeds as dots, and the search's figure as a cross."""
    drawn = [one for one in proof.contestants if one.trainings]
    names = [_name(one) for one in drawn]
    figure = go.Figure(layout=base_layout(palette, "mAP 0.5:0.95", ""))
    seeds = [(name, row) for name, one in zip(names, drawn, strict=True) for row in one.trainings]
    figure.add_trace(
        go.Scatter(
            x=[row.map for _, row in seeds],
            y=[name for name, _ in seeds],
            name="a seed",
            customdata=[row.number for _, row in seeds],
            mode="markers",
            marker={"color": palette.finished, "size": 8, "opacity": 0.7},
            hovertemplate="trial %{customdata}: mAP %{x:.3f}<extra></extra>",
            meta="finished",
        )
    )
    figure.add_trace(_intervals(names, drawn, palette))
    searched = [(name, one) for name, one in zip(names, drawn, strict=True) if one.row.map is not None]
    figure.add_trace(
        go.Scatter(
            x=[one.row.map for _, one in searched],
            y=[name for name, _ in searched],
            name="in the search",
            customdata=[one.number for _, one in searched],
            mode="markers",
            marker={
                "color": palette.stopped,
                "size": 11,
                "symbol": "x-thin",
                "line": {"width": 2.4, "color": palette.stopped},
            },
            hovertemplate="trial %{customdata} in the search: mAP %{x:.3f}<extra></extra>",
            meta="searched",
        )
    )
    figure.update_yaxes(autorange="reversed", ticks="", automargin=True)
    return figure.update_layout(height=90 + ROW_PX * len(drawn))


def _intervals(names: Sequence[str], drawn: Sequence[Proven], palette: Palette) -> go.Scatter:
    known = [(name, one, one.map) for name, one in zip(names, drawn, strict=True) if one.map is not None]
    return go.Scatter(
        x=[found.mean for _, _, found in known],
        y=[name for name, _, _ in known],
        name="mean and interval",
        customdata=[one.number for _, one, _ in known],
        mode="markers",
        marker={"color": palette.front, "size": 11},
        error_x={
            "type": "data",
            "array": [found.half for _, _, found in known],
            "color": palette.front,
            "thickness": 2,
            "width": 7,
        },
        hovertemplate="trial %{customdata}: mean mAP %{x:.3f} ± %{error_x.array:.3f}<extra></extra>",
        meta="proposal",
    )


def _name(one: Proven) -> str:
    return baseline_name(one) if one.is_baseline else f"trial {one.number}"
