"""Whether the places that a pipeline is given are there, and the lines of its searches are: before anything is done."""

from pathlib import Path

from search.settings.pipeline.pipeline_settings import PipelineSettings
from search.settings.settings import EMBEDDED, load_settings
from spaces.errors import SettingsError


def check_places(settings: PipelineSettings) -> None:
    """Check what a pipeline that has done nothing yet is given: a wrong path is a mistake in the line then.

    Later a folder that is gone may come back, as a drive does: the step that needs it fails, and is tried again.

    Raises:
        SettingsError: a path leads nowhere, or the words of the first or a later search make no search.
    """
    root = settings.data.root
    if root != EMBEDDED and not Path(root).exists():
        raise SettingsError(f"data.root: '{Path(root).absolute()}' does not exist; name a labelled data set")
    for setting, place in (("stream.images", settings.stream.images), ("stream.labels", settings.stream.labels)):
        if place is not None and not Path(place).is_dir():
            raise SettingsError(f"{setting}: '{Path(place).absolute()}' is no folder; make it, or name another")
    of_search = settings.search
    for setting, own in (("search.first", of_search.first), ("search.again", of_search.again)):
        words = [f"conf={of_search.conf}", *own, *settings.gates.overrides, *settings.data.overrides]
        try:
            load_settings([*words, f"name={settings.name}", f"data.root={root}"])
        except SettingsError as error:
            raise SettingsError(f"search.conf, {setting}, gates.overrides or data.overrides: {error}") from None
