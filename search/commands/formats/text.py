"""The formats of an export as a table in the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from reports.table.words import ms, share
from search.commands.formats.figures import FormatFigures


def print_formats(console: Console, found: Sequence[FormatFigures]) -> None:
    """Print one row a format, and below them what there is to know of some."""
    table = Table(box=None, pad_edge=False)
    table.add_column("format")
    for title in ("mAP", "mAP50", "p50", "p95", "MB"):
        table.add_column(title, justify="right")
    table.add_column("device")
    for one in found:
        accuracy, latency = one.accuracy, one.latency
        table.add_row(
            one.format.name,
            share(accuracy.map if accuracy else None),
            share(accuracy.map50 if accuracy else None),
            ms(latency.p50_ms if latency else None),
            ms(latency.p95_ms if latency else None),
            f"{one.bytes / 1e6:.2f}",
            (one.device or "-") + (" (the study's figures)" if one.from_study else ""),
        )
    console.print(table)
    for one in found:
        if one.why_not:
            console.print(f"{one.format.name}: no figures: {one.why_not}")
        elif one.latency and not one.latency.stable:
            console.print(f"{one.format.name}: latency unstable: {one.latency.note}")
        if not one.format.tested:
            console.print(f"warning: {one.format.name} is written by its vendor's tools, untested by this project")
