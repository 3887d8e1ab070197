"""`automl search`: settings, data, store, the loop, and the report at its end."""

import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from objectives.data.dataset import Dataset
from objectives.data.readers import read_dataset
from objectives.latency.reference import cache_folder
from objectives.records.paths import StudyPaths
from objectives.records.study_record import StudyRecord, StudyWriter
from reports.table.table import StudyTable
from reports.table.words import plural
from reports.terminal import summary
from search.loop.search import Search
from search.plan.model import make_plan
from search.plan.text import print_plan
from search.samplers.registry import check_sampler
from search.samplers.schedulers import check_pruner
from search.settings.compose import presets
from search.settings.settings import EMBEDDED, DataSettings, Settings, TrialSettings, load_settings
from search.study.budget import BudgetUsed
from search.study.claims import Claims
from search.study.folder.room import check_room
from search.study.store import create_study, open_storage, storage_url, store_errors
from search.view.base import make_view
from search.workers.jobs import check_run
from spaces.errors import AutomlError, DataError, SettingsError, StoreError

EMBEDDED_SEED = 42
PLANNED_FROM = 10  # trials of a search from which on timing three candidates first is worth it


def run_search(arguments: list[str], log_format: str = "auto") -> None:
    """Search as the command line says; `log_format` is auto, plain or json."""
    console = Console(stderr=log_format == "json")  # standard output is the events' alone
    settings = checked_settings(arguments)
    dataset = load_data(settings.data)
    with prepared_folder(settings) as claims, store_errors(settings.name):
        storage = open_storage(storage_url(settings.folder, settings.store.url))
        with claims.alone():
            study = create_study(settings, dataset, storage)
        _introduce(console, settings, dataset)
        view = make_view(Console(), settings, log_format)
        with Search(settings, dataset, study, claims, view) as search:
            interrupted = _interrupted(console, search)
            table, used = search.table(), search.used()
        from reports.page.page import write_page  # late: scikit-learn costs a second that no mistake should wait for

        page = write_page(table, settings.folder, StudyPaths(settings.folder).report)
        console.print(summary(table, _shorter(page)))
        _conclude(console, settings, table, used, arguments, interrupted)
    if interrupted:
        raise SystemExit(130)


def checked_settings(arguments: list[str]) -> Settings:
    """Return the settings of a search's line, with all that can be checked before anything is read or made.

    Raises:
        AutomlError: the line is wrong, or names no preset.
    """
    if not any(argument.startswith("conf=") for argument in arguments):
        raise SettingsError(f"conf: name a preset, such as conf=retail; known: {', '.join(presets())}; or a path")
    settings = load_settings(arguments)
    settings.device.check()
    check_sampler(settings.sampler)
    check_pruner(settings.pruner)
    check_run(settings.trial)
    return settings


def _tell_plan(console: Console, search: Search) -> None:
    """Say what will be searched and what the budget buys, as timed before the study's first trial."""
    settings, study = search.settings, search.study
    if settings.budget.trials < PLANNED_FROM or settings.trial.run != TrialSettings.run:
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
            _tell_plan(console, search)
            _search(search)
    except KeyboardInterrupt:
        return True
    return False


def _search(search: Search) -> None:
    """Search to the end, with the view open."""
    table, used = search.table(), search.used()
    with search.view as view:
        view.begin(table, used)
        try:
            search.run()
        except (AutomlError, OSError, KeyboardInterrupt) as error:
            if not isinstance(error, StoreError):  # a store that is broken tells nothing more
                table, used = search.table(), search.used()
            view.ended(table, used, str(error) or "interrupted")
            raise
        used = search.used()
        is_left = used.left(search.settings.budget)
        why = "nothing that is left is worth its time" if is_left else "the budget is used"
        view.ended(search.table(), used, why)


@contextmanager
def interruptible() -> Iterator[None]:
    """Take Ctrl-C and a polite kill alike, in the background too, where shells have processes ignore Ctrl-C."""
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(kind, signal.default_int_handler) for kind in kinds]
    try:
        yield
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


def load_data(settings: DataSettings) -> Dataset:
    """Read the data set; the embedded one is rendered first if need be.

    Raises:
        DataError: it cannot be used, or lacks the split that trials are scored on.
    """
    if settings.root == EMBEDDED:
        from objectives.data.shelves.render import VERSION, render_shelves

        root = render_shelves(cache_folder() / f"shelves-{VERSION}-{EMBEDDED_SEED}", EMBEDDED_SEED)
        dataset = read_dataset(root, "coco", "shelves")
    else:
        dataset = read_dataset(Path(settings.root), settings.format)
    if settings.split not in dataset.splits:
        raise DataError(f"data.split: the data set has no '{settings.split}'; it has {', '.join(dataset.splits)}")
    return dataset


@contextmanager
def prepared_folder(settings: Settings) -> Iterator[Claims]:
    """Make the study's folder, check room and rights, and open its locks; several searches may share it.

    Raises:
        StoreError: the folder cannot be written, or has no room.
    """
    folder = settings.folder
    made = _make(folder)
    try:
        check_room(folder, settings.store.free_mb_min)
        claims = Claims(folder)
    except (OSError, StoreError) as error:
        for path in made:
            path.rmdir()
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"store: cannot write to '{folder}' ({error.strerror}); set store.folder=...") from None
    try:
        yield claims
    finally:
        claims.close()
        _remove_unused(made)


def _make(folder: Path) -> list[Path]:
    """Make a folder and its parents; return those that were made, deepest first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"store: cannot make '{folder}' ({error.strerror}); set store.folder=...") from None
    return missing


def _remove_unused(made: list[Path]) -> None:
    """Remove the folders that were made for a search that got no further than their lock."""
    locks = StudyPaths(made[0]).locks if made else ()
    if made and set(made[0].iterdir()) <= set(locks):
        for lock in locks:
            lock.unlink(missing_ok=True)
        for path in made:
            path.rmdir()


def _introduce(console: Console, settings: Settings, dataset: Dataset) -> None:
    splits = ", ".join(f"{len(images)} {split}" for split, images in dataset.splits.items())
    device = settings.device.describe()
    epochs = settings.trial.epochs_for(len(dataset.splits["train"]))
    hours = f" or {settings.budget.hours:g} h" if settings.budget.hours else ""
    for label, text in (
        ("study", f"{settings.name} in {_shorter(settings.folder)}, gate {settings.gate}"),
        ("data", f"{dataset.name}: {splits} images, {len(dataset.classes)} classes"),
        (
            "device",
            f"{settings.device.name}: {device['runtime']} {device['runtime_version']}, {device['processor']}",
        ),
        ("budget", f"{settings.budget.trials} trials{hours}, {epochs} epochs each"),
    ):
        console.print(f"[dim]{label:>7}[/]  {text}", highlight=False, soft_wrap=True)
    for note in dataset.notes:
        console.print(f"[dim]   note[/]  {note}", highlight=False, soft_wrap=True)


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
        told = f"Interrupted after {plural(used.trials, 'trial')}; go on with: {line}"
        console.print(told, highlight=False, markup=False, soft_wrap=True)
    elif any(row.passes_gate for row in table.finished):
        folder = "" if settings.store.folder == "runs" else f" --folder {settings.store.folder}"
        console.print(
            f"Next: automl export {settings.name}{folder} --pick gate --to out && automl train out",
            highlight=False,
            soft_wrap=True,
        )
    else:
        more = _larger_budget(settings, used)
        kept = [argument for argument in arguments if argument.partition("=")[0] != more.partition("=")[0]]
        line = shlex.join(["automl", "search", *kept, more])
        console.print(f"To search on: {line}", highlight=False, markup=False, soft_wrap=True)


def _larger_budget(settings: Settings, used: BudgetUsed) -> str:
    """Return the override that doubles what the search has come to the end of."""
    if used.trials >= settings.budget.trials or settings.budget.hours is None:
        return f"budget.trials={2 * settings.budget.trials}"
    return f"budget.hours={2 * settings.budget.hours:g}"


def _shorter(path: Path) -> Path:
    """Return a path relative to the working folder where it lies below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
