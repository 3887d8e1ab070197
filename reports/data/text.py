"""The check of a data set as lines for the terminal: nothing is wrapped, so that paths can be copied."""

from collections.abc import Iterator

from rich.cells import cell_len
from rich.text import Text

from objectives.data.check.run import CheckReport
from objectives.data.codes import CODES, Severity
from objectives.data.findings import EXAMPLES_MAX, Finding
from reports.data.figures import Row, split_names, split_rows
from reports.table.words import plural

CLASSES_SHOWN = 24
SEVERITY_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
INDENT = " " * 9


def check_lines(report: CheckReport) -> Iterator[Text]:
    """Yield the lines of a report: where the set lies, its figures by split, a verdict, and each finding."""
    card = report.card
    yield Text.assemble((str(card["name"]), "bold"), f" in {card['root']}")
    yield Text()
    yield from _table(split_names(card), split_rows(card))
    yield Text()
    yield verdict(report)
    for finding in report.findings:
        yield Text()
        yield from _finding(finding)


def verdict(report: CheckReport) -> Text:
    """Return the outcome in one line."""
    counts = [(severity, len(report.of(severity))) for severity in Severity]
    if not report.findings:
        return Text("nothing found", style="green")
    found = ", ".join(plural(count, str(severity)) for severity, count in counts if count)
    if report.spoils_scores:
        return Text.assemble((found, "bold"), ": scores on this set would be wrong")
    return Text.assemble((found, "bold"), ": nothing that would spoil the scores")


def _finding(finding: Finding) -> Iterator[Text]:
    code = CODES[finding.code]
    label = (f"{code.severity!s:<7}  ", SEVERITY_STYLES[code.severity])
    yield Text.assemble(label, (finding.code, "bold"), f" ({finding.count:,}): {code.what}")
    for example in finding.examples:
        yield Text(f"{INDENT}{example}")
    if finding.count > len(finding.examples) == EXAMPLES_MAX:
        yield Text(f"{INDENT}and more")
    yield Text(f"{INDENT}{code.action}", style="dim")


def _table(splits: list[str], rows: list[Row]) -> Iterator[Text]:
    """Yield the figures, a column a split; of very many classes the commonest and the rarest."""
    classes = [row for row in rows if row.is_class]
    left_out = classes[CLASSES_SHOWN // 2 : -CLASSES_SHOWN // 2] if len(classes) > CLASSES_SHOWN else []
    shown = [row for row in rows if row not in left_out]
    wide = max(cell_len(row.label) for row in shown)
    columns = [max(len(name), *(len(f"{row.values[i]:,}") for row in shown)) for i, name in enumerate(splits)]
    heads = "  ".join(f"{name:>{columns[i]}}" for i, name in enumerate(splits))
    yield Text(f"{' ' * wide}  {heads}", style="dim")
    for row in shown:
        values = "  ".join(f"{value:>{columns[i]},}" for i, value in enumerate(row.values))
        yield Text(f"{row.label}{' ' * (wide - cell_len(row.label))}  {values}")
        if left_out and row is classes[CLASSES_SHOWN // 2 - 1]:
            yield Text(f"... {plural(len(left_out), 'class', 'classes')} more, with format=yaml", style="dim")
