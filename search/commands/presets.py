"""`automl presets`: the presets, and the options of every config group."""

from pathlib import Path

from rich.text import Text

from reports.table.console import open_console
from search.settings.compose import CONF, presets
from search.settings.pipeline.compose_pipeline import PIPELINES, pipelines


def run_presets() -> None:
    """List presets and config groups with the first comment of each file."""
    console = open_console(highlight=False, soft_wrap=True)
    for name in presets():
        console.print(Text.assemble((f"conf={name}", "bold"), f"  {_comment(CONF / f'{name}.yaml')}"))
    for name in (one for one in pipelines() if (PIPELINES / f"{one}.yaml").exists()):
        console.print(Text.assemble((f"pipeline={name}", "bold"), f"  {_comment(PIPELINES / f'{name}.yaml')}"))
    for path in sorted(p for p in CONF.rglob("*.yaml") if p.parent not in (CONF, PIPELINES)):
        option = f"{path.parent.relative_to(CONF)}={path.stem}"
        console.print(Text.assemble(f"{option}  ", (_comment(path), "dim")))


def _comment(path: Path) -> str:
    first = path.read_text().splitlines()[0]
    return first.removeprefix("# ") if first.startswith("#") else ""
