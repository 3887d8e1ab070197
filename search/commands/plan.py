"""`automl search ... --plan`: what a search would cost, with nothing left on the disk."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from objectives.data.dataset import Dataset
from objectives.machine.interrupts import interruptible
from reports.table.console import open_console
from reports.table.progress import counting
from search.commands.search import checked_settings
from search.plan.make import make_plan
from search.plan.text import print_plan
from search.settings.checks.gate_check import gate_notes
from search.settings.settings import Settings
from search.study.files.data_sets import data_of
from search.study.store import load_study
from search.study.study_file import study_file
from search.study.terms.contract import check_contract
from spaces.errors import SettingsError

if TYPE_CHECKING:
    import optuna


def run_plan(arguments: list[str]) -> None:
    """Time a few candidates of a search and print what it would cost."""
    settings = checked_settings(arguments)
    if not settings.cluster.is_none:
        raise SettingsError(
            f"--plan: times candidates in this process, got cluster={settings.cluster.name}; leave it out"
        )
    with counting(open_console(stderr=True), "looking at images") as show:
        dataset = data_of(settings, show)
    notes = gate_notes(settings, dataset)
    console = open_console()
    with interruptible(), TemporaryDirectory(prefix="automl-plan-") as folder:
        plan = make_plan(settings, dataset, Path(folder), _study(settings, dataset))
    print_plan(console, replace(plan, notes=(*notes, *plan.notes)), settings, dataset)


def _study(settings: Settings, dataset: Dataset) -> "optuna.Study | None":
    """Return the study of the settings' name where its file is there already: its trials show more than a timing.

    Raises:
        StoreError: it is a study of another contract: the search would refuse the line, too.
    """
    if settings.store.url is not None or not study_file(settings.folder).exists():
        return None
    study = load_study(settings.folder.parent, settings.name, None)
    check_contract(study, settings, dataset)
    return study
