"""The report in brief, for the terminal."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from objectives.records.gate import Gate
from reports.analysis.deaths import DeathClass, death_classes
from reports.analysis.doubts import MARK, front_doubts, row_doubts
from reports.analysis.headline import headline, headline_line
from reports.analysis.history import current_hypervolume
from reports.glance.front_plot import FrontPlot
from reports.glance.points import front_points
from reports.table.baseline import against_baseline
from reports.table.baseline_words import baseline_words
from reports.table.gate_words import bound_lines, judged_beside
from reports.table.kin.family_words import caveats, origin_words, scored_words
from reports.table.on_device import everywhere_words, tables_of
from reports.table.proof.contestants import read_proof
from reports.table.proof.words import details, verdict_sentence
from reports.table.row import TrialRow
from reports.table.table import StudyTable
from reports.table.verdict import judge
from reports.table.words import ABSENT, number, plural, share, short_name
from spaces.network.own import head_kind, published_letter

ROWS_MAX = 15
PLOT_WIDTH, PLOT_HEIGHT = 80, 15
STYLES = {"meets": "bold green", "misses": "bold yellow", "no gate": "bold", "nothing": "bold yellow"}


def summary(table: StudyTable, page: Path | None = None) -> RenderableType:
    """Return the verdict, the counts, the front, the failures and where the page lies; of each device, if several.

    Fits 80 columns; without colours nothing is lost.
    """
    found = headline(table)
    parts: list[RenderableType] = [Text(headline_line(found), style="bold"), ""] if found else []
    parts += [_verdict(table, several=bool(table.record.devices)), _counts(table)]
    if (against := against_baseline(table)) is not None:
        parts.append(Text(baseline_words(against)))
    if table.front:
        if len({row.p50_ms for row in table.finished}) > 2:
            row = judge(table).row
            parts += ["", FrontPlot(front_points(table, row.number if row else None), PLOT_HEIGHT, PLOT_WIDTH)]
        parts += ["", _front(table)]
        retried = [row for row in table.front if row.smaller_batch]
        if retried:
            parts.append(_smaller_batches(retried))
        if any(row.is_child for row in table.front):
            child = next(row for row in table.front if row.is_child)
            words = f"trial {child.number}, cut from the network of trial {child.parent} and not trained itself"
            parts.append(Text(f"{child.number} of {child.parent}: {words}", style="dim"))
        if polished := [row for row in table.front if row.is_polish]:
            first = polished[0]
            words = f"trial {first.number}, trained on from the weights of trial {first.polishes}"
            parts.append(Text(f"{first.number} on {first.polishes}: {words}", style="dim"))
        if carried := [row for row in table.front if row.is_carried]:
            words = f"{origin_words(carried[0])}, scored on this study's data and not trained on it"
            parts.append(Text(f"{carried[0].number}: {words}", style="dim"))
        if doubts := _doubts(table):
            parts.append(Text(doubts, style="dim"))
    parts += [Text(sentence) for sentence in (*caveats(table), *front_doubts(table))]
    tables = tables_of(table)
    for other in tables[1:]:
        parts += ["", _verdict(other, several=True), *([_front(other)] if other.front else [])]
    if everywhere := everywhere_words(tables):
        parts += ["", Text(everywhere)]
    proof = read_proof(table)
    if proof is not None:
        parts += ["", Text(verdict_sentence(proof), style="bold"), *(Text(sentence) for sentence in details(proof))]
    died = death_classes(table)
    if died:
        parts += ["", _failures(died)]
    if page is not None:
        parts += ["", Text.assemble(("Report: ", "bold"), str(page), overflow="fold")]
    return Group(*parts)


def _verdict(table: StudyTable, *, several: bool) -> Text:
    """Return the sentence under the study's name, and its device's where it has several."""
    verdict = judge(table)
    gate = f"  gate: {table.gate}" if table.gate != Gate() else ""
    lines = bound_lines(verdict.row, table.gate) if verdict.row and judged_beside(verdict.row, table.gate) else ()
    return Text.assemble(
        (f"Study {table.name}{f' on {table.device_name}' if several else ''}", "bold"),
        (gate, "dim"),
        "\n",
        (verdict.lead, STYLES[verdict.kind]),
        verdict.figures,
        *((f"\n  {line}", "dim" if line.is_kept else "yellow") for line in lines),
    )


def _counts(table: StudyTable) -> Text:
    """Return '`140 trials: 100 finished, ...; front of 10, hypervolume 0.384`', and what families hold before it."""
    counts = ", ".join(f"{count:,} {standing}" for standing, count in table.counts.items())
    hypervolume = current_hypervolume(table)
    front = f"; front of {len(table.front):,}, hypervolume {share(hypervolume)}" if table.front else ""
    children = sum(row.is_child for row in table.rows)
    of_them = f", {children:,} of them children" if children else ""
    proofs = sum(row.is_proof for row in table.rows)
    of_them += f", {proofs:,} of the proof" if proofs else ""
    scored = f"{scored_words(table)}\n" if table.families else ""
    trials = f"{plural(len(table.rows), 'trial')}{of_them}{': ' if counts else ''}{counts}{front}"
    return Text(f"{scored}{trials}", style="dim")


def _front(table: StudyTable) -> Table:
    """Return the front, the fastest first; a long one loses members at even distances, never its ends."""
    members = _thinned(table.front, judge(table).row)
    title = "The front" + (f" ({len(members)} of {len(table.front):,})" if len(members) < len(table.front) else "")
    has_children = any(row.is_child or row.is_polish for row in members)
    grid = Table(
        box=box.SIMPLE_HEAD,
        title=title,
        title_justify="left",
        title_style="bold",
        padding=(0, 0 if has_children else 1, 0, 0),  # a wider first column
        show_edge=False,
    )
    grid.add_column("trial", justify="left" if has_children else "right", no_wrap=True)
    grid.add_column("backbone", overflow="ellipsis", max_width=24)
    grid.add_column("px", justify="right", no_wrap=True)
    grid.add_column("head", overflow="ellipsis", max_width=16)
    for name in ("mAP", "mAP50", "p50 ms", "p95 ms"):
        grid.add_column(name, justify="right", no_wrap=True)
    if table.gate != Gate():
        grid.add_column("gate", no_wrap=True)
    for row in members:
        grid.add_row(*_cells(row, len(str(table.rows[-1].number)), with_gate=table.gate != Gate()))
    return grid


def _doubts(table: StudyTable) -> str:
    """Return what the marks of the front mean, by its first member that has each, and of how few images an mAP is."""
    said: dict[str, str] = {}
    for row in table.front:
        for doubt in row_doubts(row):
            said.setdefault(doubt.figure, f"{doubt} (trial {row.number})" if doubt.figure != "mAP" else str(doubt))
    return f"{MARK} {'; '.join(said.values())}" if said else ""


def _smaller_batches(rows: Sequence[TrialRow]) -> Text:
    """Return what the stars beside the front's numbers mean."""
    named = ", ".join(f"trial {row.number} {row.smaller_batch}" for row in rows)
    return Text(f"* trained with a smaller batch after out of memory: {named}", style="dim")


def _cells(row: TrialRow, digits: int, *, with_gate: bool) -> list[RenderableType]:
    """Return one line of the front.

    `≈` marks few or noisy values, `*` a batch smaller than asked, 'of 3' a child of trial 3, 'on 12' a polish.
    """
    candidate, doubted = row.candidate, {doubt.figure: MARK for doubt in row_doubts(row)}
    child = f" of {row.parent}" if row.is_child else f" on {row.polishes}" if row.is_polish else ""
    cells: list[RenderableType] = [
        f"{row.number:{digits}}{'*' if row.smaller_batch else ''}{child}",
        Text(short_name(candidate.get("backbone.name", ABSENT)) + published_letter(candidate)),
        Text(str(candidate.get("size.pixels", ABSENT))),
        Text(head_kind(candidate) or ABSENT),
        share(row.map),
        share(row.map50),
        doubted.get("p50", "") + number(row.p50_ms),
        doubted.get("p95", "") + number(row.p95_ms),
    ]
    return [*cells, Text("yes", style="green") if row.passes_gate else Text("no", style="dim")] if with_gate else cells


def _thinned(front: tuple[TrialRow, ...], winner: TrialRow | None) -> list[TrialRow]:
    """Return at most ROWS_MAX members: both ends, the winner, and an even sample between."""
    if len(front) <= ROWS_MAX:
        return list(front)
    kept = {round(index * (len(front) - 1) / (ROWS_MAX - 2)) for index in range(ROWS_MAX - 1)}
    return [row for index, row in enumerate(front) if index in kept or row is winner]


def _failures(died: Sequence[DeathClass]) -> Group:
    """Return for each class the count of failed trials, the reason of the last death, and what follows from it."""
    parts: list[RenderableType] = [Text("Failures", style="bold")]
    for item in died:
        count = f"{len(item.failed):,}" if item.failed else ABSENT
        cause = f"  {count:>4}  {item.error_class}: {item.reason}"
        parts.append(Text(cause, overflow="ellipsis", no_wrap=True))
        again = f"{plural(item.attempts, 'death')} after which the trial was taken up again" if item.attempts else ""
        notes = (item.advice if item.failed else "", again)
        parts += [Padding(Text(note, style="dim"), (0, 0, 0, 8)) for note in notes if note]
    return Group(*parts)
