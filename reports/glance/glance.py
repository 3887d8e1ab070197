"""A study at a glance: its best trial beside the baseline, the gate's bounds, its front drawn and listed in brief."""

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from objectives.records.even_sample import evenly
from objectives.records.gate import Gate
from reports.glance.cut_text import Words
from reports.glance.detector import detector
from reports.glance.front_plot import LEAST_HEIGHT, FrontPlot
from reports.glance.headline import fitting, headline
from reports.glance.points import front_points
from reports.table.gate_words import bound_lines
from reports.table.kin.family_words import kind_words, scored_words
from reports.table.on_device import everywhere_words, tables_of
from reports.table.proof.contestants import read_proof
from reports.table.proof.words import verdict_sentence
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.verdict import Verdict
from reports.table.words import ms, plural, share


def glance(table: StudyTable, verdict: Verdict, height: int, listed: int) -> RenderableType:
    """Return what is shown of a study, the important first.

    Args:
        table: the study.
        verdict: on it.
        height: lines of the drawing.
        listed: members of the front with all their figures, at least both ends and the winner.
    """
    gate = f"  gate {table.gate}" if table.gate != Gate() else "  no gate is set"
    on = f" on {table.device_name}" if table.record.devices else ""
    parts: list[RenderableType] = [Text.assemble((f"Study {table.name}{on}", "bold"), (gate, "dim"))]
    parts += [Headlines(table, verdict), *_bounds(verdict.row, table.gate)]
    parts.append(Text(_counts(table), style="dim"))
    for other in tables_of(table)[1:]:
        parts += [Text(f"on {other.device_name}:", style="bold"), Headlines(other)]
    if everywhere := everywhere_words(tables_of(table)):
        parts.append(Text(everywhere))
    if (proof := read_proof(table)) is not None:
        parts.append(Text(verdict_sentence(proof), style="bold"))
    if table.finished:
        row = verdict.row
        parts.append(FrontPlot(front_points(table, row.number if row else None), max(LEAST_HEIGHT, height)))
        parts.append(_listed(table, row, listed))
    return Group(*parts)


class Headlines:
    """The best trial and the baseline, a line each, in the longest wording that the width allows."""

    def __init__(self, table: StudyTable, verdict: Verdict | None = None) -> None:
        """Take the study."""
        self.headline = headline(table, verdict)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        yield Text(fitting(self.headline.best, options.max_width), style=self.headline.style)
        if self.headline.beside:
            yield Text(f"  {fitting(self.headline.beside, options.max_width - 2)}")


def _bounds(row: TrialRow | None, gate: Gate) -> list[RenderableType]:
    """Return each bound of the gate with what the trial that is put first has of it."""
    if row is None or gate == Gate():
        return []
    said = Text("  ")
    for i, line in enumerate(bound_lines(row, gate)):
        said.append(" · " if i else "").append(str(line), "" if line.is_kept else "yellow")
    return [said]


def _counts(table: StudyTable) -> str:
    """Return '`60 trials: 41 finished, 4 over bound`', and what families hold before it."""
    counts = ", ".join(f"{count:,} {standing}" for standing, count in table.counts.items())
    scored = f"{scored_words(table)}\n" if table.families else ""
    return f"{scored}{plural(len(table.rows), 'trial')}{': ' if counts else ''}{counts}"


def _listed(table: StudyTable, winner: TrialRow | None, most: int) -> Table:
    """Return some members of the front with their figures: the ends, the winner, an even sample between."""
    kept = {row.number for row in evenly(table.front, max(2, most))}
    kept |= {winner.number} if winner is not None else set()
    members = [row for row in table.front if row.number in kept]
    of = f"front of {len(table.front):,}" + (f" ({len(members)} shown)" if len(members) < len(table.front) else "")
    titles = ["mAP", "mAP50", "p50", "p95", *(["gate"] if table.gate != Gate() else [])]
    cells = [_cells(row, with_gate=table.gate != Gate()) for row in members]
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    grid.add_column(justify="right", width=max(5, *(len(str(row.number)) for row in members)))
    grid.add_column(no_wrap=True, ratio=1)
    for i, title in enumerate(titles):  # as wide as its figures: what lacks room is taken off the names
        grid.add_column(justify="right", no_wrap=True, width=max(len(title), *(len(one[i]) for one in cells)))
    grid.add_row(*(Text(title, style="dim") for title in ("trial", of, *titles)))
    for row, figures in zip(members, cells, strict=True):
        name = f"{kind_words(row, None)} · " if row.is_special else ""
        style = "bold" if winner is not None and row.number == winner.number else ""
        named = Words(Text(name + detector(row.candidate), style=style))
        grid.add_row(Text(str(row.number), style=style), named, *(Text(figure, style=style) for figure in figures))
    return grid


def _cells(row: TrialRow, *, with_gate: bool) -> list[str]:
    figures = [share(row.map), share(row.map50), ms(row.p50_ms), ms(row.p95_ms)]
    return [*figures, "yes" if row.passes_gate else "no"] if with_gate else figures
