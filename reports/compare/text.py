"""The comparison of champion and challenger as lines for the terminal."""

from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from objectives.compare.comparison import PairedComparison, Side
from objectives.compare.verdict import Ruling
from reports.compare.words import VERDICTS, class_lines, figures, images_line, level, method_line
from reports.table.console import labelled
from reports.table.words import ms, number, plural

RULING_STYLES = {Ruling.PROMOTE: "bold green", Ruling.KEEP: "bold", Ruling.CANNOT_TELL: "bold yellow"}


def compare_lines(found: PairedComparison) -> Iterator[RenderableType]:
    """Yield what is printed: both files, the set, the figures, the latencies, the verdict."""
    for role, side in (("champion", found.champion), ("challenger", found.challenger)):
        yield labelled(role, _side(side))
    data = found.frozen.to_json()
    yield labelled(
        "set",
        f"{data['name']}, {data['split']}: {plural(data['images'], 'image')}, "
        f"{plural(data['objects'], 'object')}, {data['fingerprint']}",
    )
    yield labelled("device", f"{found.device['name']}: {found.device['runtime']}, {found.device['processor']}")
    yield _table(found)
    for line in (*class_lines(found), images_line(found), method_line(found), *found.notes):
        yield Text(line, style="dim")
    yield Text.assemble((VERDICTS[found.judgement.ruling], RULING_STYLES[found.judgement.ruling]))
    for why in found.judgement.why:
        yield Text(f"  {why}")


def _side(side: Side) -> str:
    size = f"{number(side.artifact_bytes / 1e6, 2)} MB"
    return f"{side.name} ({side.head}, {side.size_px} px, {size}, sha256 {side.sha256[:12]})"


def _table(found: PairedComparison) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("", "objects", "champion", "challenger", "difference", f"{level(found)} interval"):
        table.add_column(column, justify="right" if column else "left", overflow="fold")
    objects = sum(part.objects for part in found.per_class)
    table.add_row("mAP", f"{objects:,}", *figures(found.map))
    table.add_row("mAP50", f"{objects:,}", *figures(found.map50))
    for part in found.per_size:
        table.add_row(f"mAP {part.name}", f"{part.objects:,}", *figures(part.map))
    for part in found.per_class:
        table.add_row(Text(f"AP {part.name}"), f"{part.objects:,}", *figures(part.map))
    for recall in found.recalls:
        table.add_row(Text(f"recall {recall.name}"), f"{recall.objects:,}", *figures(recall.recall))
    one, other = found.champion.latency, found.challenger.latency
    for name in ("p50", "p95"):
        pair = getattr(one, f"{name}_ms"), getattr(other, f"{name}_ms")
        table.add_row(name, "", ms(pair[0]), ms(pair[1]), f"{pair[1] / pair[0] - 1:+.1%}", "")
    return table
