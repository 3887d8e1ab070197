"""Commands that look: report, studies, show, data, latency, presets."""

from pathlib import Path

import yaml
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from objectives.latency.measure import measure_latency
from objectives.records.even_sample import evenly
from objectives.records.paths import StudyPaths
from objectives.records.records import Outcome
from reports.analysis.deaths import deaths
from reports.analysis.reasons import reasons
from reports.table.row import TrialRow
from reports.table.table import StudyTable, read_study
from reports.table.words import duration, ms, share
from reports.terminal import summary
from search.commands.search import load_data
from search.settings.compose import CONF, presets
from search.settings.settings import load_settings
from search.study.store import load_study
from spaces.errors import AutomlError, StoreError

TIMED = 16


def run_report(name: str, folder: str, store: str | None, target: str | None) -> None:
    """Write a study's page and print its summary."""
    studies = Path(folder).expanduser().absolute()
    table = read_study(load_study(studies, name, store))
    page = Path(target).expanduser() if target else StudyPaths(studies / name).report
    if not page.parent.is_dir():
        raise AutomlError(f"report: the folder of '{page}' does not exist; make it or name another with --to")
    from reports.page.page import write_page  # late: scikit-learn costs a second that no mistake should wait for

    write_page(table, studies / name, page)
    Console().print(summary(table, page))


def run_studies(folder: str) -> None:
    """List the studies below a folder."""
    root = Path(folder).expanduser().absolute()
    found = [paths.folder.name for paths in StudyPaths.all_in(root)]
    if not found:
        raise StoreError(f"study: none in '{root}'; start one with automl search conf=retail")
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("study", "trials", "front", "best mAP", "fastest", "gate", "trained for"):
        table.add_column(column, justify="left" if column == "study" else "right")
    for name in found:
        study = read_study(load_study(root, name, None))
        front = study.front
        table.add_row(
            name,
            str(len(study.rows)),
            str(len(front)),
            share(front[-1].map) if front else "–",
            ms(front[0].p50_ms) if front else "–",
            "met" if any(row.passes_gate for row in study.finished) else "not met",
            duration(sum(row.seconds or 0.0 for row in study.rows)),
        )
    Console().print(table)


def run_show(name: str, number: int, folder: str, store: str | None) -> None:
    """Show one trial in words."""
    studies = Path(folder).expanduser().absolute()
    table = read_study(load_study(studies, name, store))
    row = table.row(number)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]trial {row.number}[/] of {name}: {row.status}" + (", on the front" if row.on_front else ""))
    before = ""
    for label, text in [*_origin(row, table), *((r.label, r.text) for r in reasons(row)), *_deaths(row), *_facts(row)]:
        console.print(f"[dim]{'' if label == before else label:>10}[/]  {escape(text)}")
        before = label
    console.print("[dim]   choices[/]")
    for key, value in row.candidate.items():
        console.print(f"            {key}: {value:.6g}" if isinstance(value, float) else f"            {key}: {value}")
    if row.folder:
        console.print(f"[dim]    folder[/]  {studies / name / row.folder}")


def _origin(row: TrialRow, table: StudyTable) -> list[tuple[str, str]]:
    """Return what sets the trial apart from one that was trained as asked."""
    told = []
    if row.forked_from is not None:
        told.append(("copied", f"from trial {row.forked_from} of {table.forked.get('from') or 'another study'}"))
    if row.smaller_batch:
        told.append(("batch", f"{row.smaller_batch}, after out of memory: loaded in parts, gradients added up"))
    if row.removed:
        told.append(("removed", f"{', '.join(row.removed)}, to keep the folder under store.size_mb_max"))
    return told


def _deaths(row: TrialRow) -> list[tuple[str, str]]:
    """Return each death line by line: its cause, what was there, how it went on, the end of its log."""
    told = []
    for death in deaths(row):
        lines = [death.cause, death.resources, death.sequel, *(f"| {line}" for line in death.log.splitlines())]
        told += [(death.title, line) for line in lines if line]
    return told


def _facts(row: TrialRow) -> list[tuple[str, str]]:
    facts = []
    if row.ending and row.ending.reason and row.outcome is not Outcome.FAILED:
        facts.append(("ended", row.ending.reason))
    if row.accuracy:
        facts.append(("mAP", f"{share(row.map)}, mAP50 {share(row.map50)} on {row.accuracy.images} images"))
    for label, latency in (("latency", row.latency), ("untrained", row.latency_untrained)):
        if latency:
            state = "stable" if latency.stable else f"unstable: {latency.note}"
            facts.append(
                (
                    label,
                    f"p50 {ms(latency.p50_ms)}, p95 {ms(latency.p95_ms)}, {latency.samples} images, {state}",
                )
            )
    if row.rungs:
        rungs = ", ".join(f"epoch {r.epoch}: {r.map:.3f}" for r in row.rungs)
        facts.append(("rungs", rungs))
    if row.resources:
        r = row.resources
        facts.append(("size", f"{r.parameters / 1e6:.2f} M parameters, {r.multiply_adds / 1e6:.0f} M multiply-adds"))
        facts.append(("seconds", ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in r.seconds.items())))
    return facts


def run_data(arguments: list[str]) -> None:
    """Read a data set and print its card."""
    dataset = load_data(load_settings(arguments).data)
    Console(highlight=False).print(yaml.safe_dump(dataset.to_json(), sort_keys=False, allow_unicode=True).rstrip())


def run_latency(artifact: str, arguments: list[str]) -> None:
    """Measure a file on a device."""
    settings = load_settings(arguments)
    settings.device.check()
    images = load_data(settings.data).splits[settings.data.split]
    paths = [image.path for image in evenly(images, TIMED)]
    figure = measure_latency(Path(artifact), settings.device, paths, settings.latency)
    state = "stable" if figure.stable else f"unstable: {figure.note}"
    Console(highlight=False, soft_wrap=True).print(
        f"p50 {figure.p50_ms:.3f} ms ({figure.p50_low_ms:.3f} to {figure.p50_high_ms:.3f}), "
        f"p95 {figure.p95_ms:.3f} ms, network alone {figure.network_ms:.3f} ms, "
        f"{figure.samples} images, {state}, device {figure.device}"
    )


def run_presets() -> None:
    """List presets and config groups with the first comment of each file."""
    console = Console(highlight=False, soft_wrap=True)
    for name in presets():
        console.print(f"[bold]conf={name}[/]  {_comment(CONF / f'{name}.yaml')}")
    for path in sorted(p for p in CONF.rglob("*.yaml") if p.parent != CONF):
        console.print(f"{path.parent.relative_to(CONF)}={path.stem}  [dim]{_comment(path)}[/]")


def _comment(path: Path) -> str:
    first = path.read_text().splitlines()[0]
    return first.removeprefix("# ") if first.startswith("#") else ""
