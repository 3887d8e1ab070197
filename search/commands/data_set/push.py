"""`automl data push`: a data set to where studies keep their files, for machines that do not have it."""

from reports.table.console import open_console
from reports.table.progress import counting
from search.settings.dataset import load_data
from search.settings.settings import load_settings
from search.study.files.data_sets import push
from search.study.files.place import absolute_url, open_place
from spaces.errors import SettingsError


def run_push(arguments: list[str]) -> None:
    """Read a data set as a search of this line would, and push it.

    Raises:
        AutomlError: it cannot be read, or pushed.
    """
    settings = load_settings(arguments)
    if settings.store.artifacts is None:
        raise SettingsError("data push: needs store.artifacts=..., where the data set is to lie")
    with counting(open_console(stderr=True), "looking at images") as show:
        dataset = load_data(settings.data, show)
    place = open_place(absolute_url(settings.store.artifacts))
    pushed = push(dataset, place)
    images = sum(len(of_split) for of_split in dataset.splits.values())
    was = "is there already" if pushed.was_there else "pushed"
    open_console(highlight=False, soft_wrap=True).print(
        f"{was}: {dataset.name}, {images} images, {pushed.stored.bytes / 1e6:,.1f} MB, as {dataset.fingerprint} in "
        f"'{place.url}'"
    )
