"""`automl search ... --plan`: what a search would cost, with nothing left on the disk."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rich.console import Console

from objectives.data.dataset import Dataset
from objectives.records.paths import StudyPaths
from search.commands.search import checked_settings, interruptible, load_data
from search.plan.model import make_plan
from search.plan.text import print_plan
from search.settings.settings import Settings
from search.study.contract import check_contract
from search.study.store import load_study

if TYPE_CHECKING:
    import optuna


def run_plan(arguments: list[str]) -> None:
    """Time a few candidates of a search and print what it would cost."""
    settings = checked_settings(arguments)
    dataset = load_data(settings.data)
    console = Console()
    with interruptible(), TemporaryDirectory(prefix="automl-plan-") as folder:
        plan = make_plan(settings, dataset, Path(folder), _study(settings, dataset))
    print_plan(console, plan, settings, dataset)


def _study(settings: Settings, dataset: Dataset) -> "optuna.Study | None":
    """Return the study of the settings' name where its file is there already: its trials show more than a timing.

    Raises:
        StoreError: it is a study of another contract: the search would refuse the line, too.
    """
    if settings.store.url is not None or not StudyPaths(settings.folder).store.exists():
        return None
    study = load_study(settings.folder.parent, settings.name, None)
    check_contract(study, settings, dataset)
    return study
