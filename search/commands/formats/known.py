"""`automl formats`: the formats that a detector ships in, which of them can be written here, and why not the others."""

from rich.table import Table

from objectives.deploy.formats.contract import DeployFormat
from objectives.deploy.formats.registry import DEPLOY_FORMATS
from reports.table.console import open_console


def run_formats() -> None:
    """Print a table of all formats."""
    table = Table(box=None, pad_edge=False)
    for title in ("format", "file", "run here by", "here"):
        table.add_column(title, overflow="fold")
    for one in DEPLOY_FORMATS.values():
        table.add_row(one.name, f"model{one.suffix}", one.runtime or "-", _state(one))
    console = open_console(highlight=False)
    console.print(table)
    console.print("automl export STUDY --format openvino,litert --to out   writes them (docs/deploy.md)")


def _state(one: DeployFormat) -> str:
    notes = [one.note] if one.note else []
    if not one.tested:
        notes.append("untested by this project")
    if one.why_not():
        return f"no: {one.why_not()}" + (f" ({'; '.join(notes)})" if notes else "")
    return f"yes ({'; '.join(notes)})" if notes else "yes"
