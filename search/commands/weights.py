"""`automl weights`: the published weights that a search would start from, what is there, and the rest fetched ahead."""

import sys
from collections.abc import Iterator, Sequence

from objectives.weights.fetch import Hubs
from objectives.weights.shelf import Shelf, WeightsFile
from reports.table.console import open_console
from reports.table.words import plural
from search.settings.settings import Settings, load_settings
from search.study.terms.start_weights import find_starts, wanted

HEADINGS = ("backbone", "file", "MB", "where", "sha256")
MISSING = "missing"


def run_weights(arguments: list[str], *, fetch: bool) -> None:
    """List what a search would start from; `fetch` fetches what is missing, and exits with 1 if that fails."""
    settings = load_settings(arguments)
    console = open_console(highlight=False, soft_wrap=True)
    failed = {}
    if fetch:
        failed = Hubs(Shelf.of(settings.pretrained.folder), console.print).fetch(wanted(settings))
    rows = _rows(settings)
    if not rows:
        console.print("this search starts from random weights; space/train=pretrained asks for published ones")
        return
    for line in _aligned([HEADINGS, *rows]):
        console.print(line)
    missing = sum(row[3] == MISSING for row in rows)
    for reason in dict.fromkeys(failed.values()):
        console.print(f"not fetched: {reason}")
    ahead = "" if fetch else "; --fetch fetches them, or put the files into pretrained.folder=DIR"
    console.print(f"{plural(len(rows), 'file')}, {missing} missing{ahead if missing else ''}")
    if failed:
        sys.exit(1)


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a line for each row, columns below one another: a name is never cut, whatever the terminal's width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _rows(settings: Settings) -> list[tuple[str, ...]]:
    """Return a row for each file: in the order of the space, of the baseline, then checkpoints of the user's own."""
    backbones = {one.name: (one.backbone, one.files[0]) for one in wanted(settings)}
    rows = []
    for name, file in find_starts(settings).items():
        backbone, published_as = backbones.get(name, ("", name))
        rows.append((backbone, *_described(published_as, file)))
    return rows


def _described(published_as: str, file: WeightsFile | None) -> tuple[str, ...]:
    if file is None:
        return published_as, "", MISSING, ""
    return file.path.name, f"{file.size_bytes / 1e6:.1f}", file.place, file.sha256
