"""`automl data`: what is in a data set, without searching."""

import math

import yaml

from reports.table.console import open_console
from search.settings.dataset import load_data
from search.settings.settings import load_settings


def run_data(arguments: list[str]) -> None:
    """Read a data set and print its card."""
    dataset = load_data(load_settings(arguments).data)
    card = yaml.safe_dump(dataset.to_json(), sort_keys=False, allow_unicode=True, width=math.inf)
    open_console(highlight=False, soft_wrap=True).print(card.rstrip())
