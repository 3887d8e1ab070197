"""`automl data`: what is in a data set, without searching."""

import math

import yaml

from reports.table.console import open_console
from reports.table.progress import counting
from search.settings.dataset import load_data
from search.settings.settings import load_settings


def run_data(arguments: list[str]) -> None:
    """Read a data set and print its card."""
    settings = load_settings(arguments)
    with counting(open_console(stderr=True), "looking at images") as show:
        dataset = load_data(settings.data, show)
    card = yaml.safe_dump(dataset.to_json(), sort_keys=False, allow_unicode=True, width=math.inf)
    open_console(highlight=False, soft_wrap=True).print(card.rstrip())
