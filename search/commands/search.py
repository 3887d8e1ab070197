"""`automl search`: settings, data, store, the loop, and the report at its end."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from objectives.data.dataset import Dataset
from objectives.deploy.device import Device
from objectives.latency.hosts.open import about, describe
from objectives.machine.interrupts import interruptible
from objectives.records.paths import StudyPaths
from objectives.records.study_record import StudyRecord, StudyWriter
from objectives.trial.job import TrialJob
from reports.table.console import labelled, open_console
from reports.table.progress import counting
from reports.table.table import StudyTable
from reports.table.words import plural
from reports.terminal import summary
from search.commands.shown.next_lines import export_line
from search.loop.run import check_settings, open_search, run_to_its_end
from search.loop.search import Search
from search.plan.make import make_plan
from search.plan.text import print_plan
from search.settings.compose import presets
from search.settings.settings import Settings, load_settings
from search.study.budget import BudgetUsed
from search.study.files.data_sets import data_of
from search.study.files.pictures import bring_pictures
from search.study.files.validation import winner_detections
from search.view.make import make_view
from search.workers.registry import BACKENDS
from spaces.errors import SettingsError

if TYPE_CHECKING:
    import optuna

PLANNED_FROM = 10  # trials of a search from which on timing three candidates first is worth it


def run_search(
    arguments: list[str], log_format: str = "auto", settings: Settings | None = None, *, is_worker: bool = False
) -> None:
    """Search as the command line says.

    Args:
        arguments: of the line.
        log_format: auto, plain or json.
        settings: of the line, if they were read already.
        is_worker: whether another process shows what came out in the end, and writes the page.
    """
    console = open_console(stderr=log_format == "json")  # standard output is the events' alone
    settings = settings or line_settings(arguments)
    check_settings(settings)
    with counting(open_console(stderr=True), "looking at images") as show:
        dataset = data_of(settings, show, lambda line: console.print(line, highlight=False, soft_wrap=True))
    view = make_view(open_console(), settings, log_format)
    with open_search(
        settings, dataset, view, lambda line: console.print(line, highlight=False, soft_wrap=True)
    ) as search:
        _introduce(console, settings, dataset)
        interrupted = _interrupted(console, search)
        table, used = search.table(), search.used()
    if not is_worker:
        show_result(console, search.study, settings, table, used, arguments, interrupted)
    if interrupted:
        raise SystemExit(130)


def show_result(
    console: Console,
    study: "optuna.Study",
    settings: Settings,
    table: StudyTable,
    used: BudgetUsed,
    arguments: list[str],
    interrupted: bool,
) -> None:
    """Write the page of a search that has ended, print its summary, and how to go on."""
    from reports.page.page import write_page  # late: scikit-learn costs a second that no mistake should wait for

    if missing := bring_pictures(study, settings.folder, table):
        console.print(missing, style="yellow")
    page = write_page(
        table, settings.folder, StudyPaths(settings.folder).report, winner_detections(table, settings.folder)
    )
    console.print(summary(table, _shorter(page)))
    _conclude(console, settings, table, used, arguments, interrupted)


def line_settings(arguments: list[str]) -> Settings:
    """Return the settings of a search's line, which names a preset.

    Raises:
        AutomlError: the line is wrong, or names no preset.
    """
    if not any(argument.startswith("conf=") for argument in arguments):
        raise SettingsError(f"conf: name a preset, such as conf=retail; known: {', '.join(presets())}; or a path")
    return load_settings(arguments)


def checked_settings(arguments: list[str]) -> Settings:
    """Return the settings of a search's line, with all that can be checked before anything is read or made.

    Raises:
        AutomlError: the line is wrong, or names no preset.
    """
    settings = line_settings(arguments)
    check_settings(settings)
    return settings


def _show_plan(console: Console, search: Search) -> None:
    """Say what will be searched and what the budget buys, as timed before the study's first trial."""
    study, of_search = search.study, replace(search.settings.budget, hours=search.chooser.hours)
    settings = replace(search.settings, budget=of_search)  # what is kept for a proof buys no trials
    if settings.budget.trials < PLANNED_FROM or settings.trial.run != TrialJob.run:
        return
    with search.claims.alone():
        plan = make_plan(settings, search.dataset, settings.folder, study)
        if plan.timed and not plan.measured and not StudyRecord.of(study).plan:
            StudyWriter(study).plan(plan)
    print_plan(console, plan, settings, search.dataset, whole=not search.used().trials)


def _interrupted(console: Console, search: Search) -> bool:
    """Plan and search to the end; return whether Ctrl-C cut it short."""
    try:
        with interruptible():
            _show_plan(console, search)
            run_to_its_end(search)
    except KeyboardInterrupt:
        return True
    return False


def _introduce(console: Console, settings: Settings, dataset: Dataset) -> None:
    splits = ", ".join(f"{len(images)} {split}" for split, images in dataset.splits.items())
    epochs = settings.trial.epochs_for(len(dataset.splits["train"]))
    hours = f" or {settings.budget.hours:g} h" if settings.budget.hours else ""
    for label, text in (
        ("study", f"{settings.name} in {_shorter(settings.folder)}, gate {settings.gate}"),
        ("data", f"{dataset.name}: {splits} images, {len(dataset.classes)} classes"),
        *(("device", _device_words(device)) for device in settings.targets),
        ("budget", f"{settings.budget.trials} trials{hours}, {epochs} epochs each"),
    ):
        console.print(labelled(label, text, 7), soft_wrap=True)
    of_boards = [line for device in settings.targets for line in _advice(device)]
    backend = BACKENDS[settings.trial.backend].caveat
    for note in filter(None, (*dataset.notes, backend, _board_note(settings.device), *of_boards)):
        console.print(labelled("note", note, 7), soft_wrap=True)


def _device_words(device: Device) -> str:
    found = describe(device)
    on = f" on '{device.host}'" if device.host else ""
    parts = found["runtime"] + " " + found["runtime_version"], found.get("model"), found["processor"]
    return f"{device.name}{on}: {', '.join(part for part in parts if part)}"


def _board_note(device: Device) -> str:
    """Return where a study of a board has its accuracy from; empty for a device of this machine."""
    if device.host is None:
        return ""
    if device.scores_there:
        return f"'{device.host}' measures latencies, and its own runtime scores"
    here = device.here()
    return f"'{device.host}' measures latencies; accuracy is scored on this machine by {here.runtime}'s {here.provider}"


def _advice(device: Device) -> list[str]:
    """Return what a board lacks of the usual deployed program, though it can measure."""
    return [f"device={device.name}: {line}" for line in about(device).advice] if device.host is not None else []


def _conclude(
    console: Console,
    settings: Settings,
    table: StudyTable,
    used: BudgetUsed,
    arguments: list[str],
    interrupted: bool,
) -> None:
    if interrupted:
        line = shlex.join(["automl", "search", *arguments])
        text = f"Interrupted after {plural(used.trials, 'trial')}; go on with: {line}"
        console.print(text, highlight=False, soft_wrap=True)
    elif any(row.passes_gate for row in table.finished):
        line = export_line(settings.name, settings.store.folder, settings.store.url, settings.gate)
        console.print(f"Next: {line}", highlight=False, soft_wrap=True)
    else:
        more = _larger_budget(settings, used)
        kept = [argument for argument in arguments if argument.partition("=")[0] != more.partition("=")[0]]
        line = shlex.join(["automl", "search", *kept, more])
        console.print(f"To search on: {line}", highlight=False, soft_wrap=True)


def _larger_budget(settings: Settings, used: BudgetUsed) -> str:
    """Return the override that doubles what the search has come to the end of."""
    if used.trials >= settings.budget.trials or settings.budget.hours is None:
        return f"budget.trials={2 * settings.budget.trials}"
    return f"budget.hours={2 * settings.budget.hours:g}"


def _shorter(path: Path) -> Path:
    """Return a path relative to the working folder where it lies below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
