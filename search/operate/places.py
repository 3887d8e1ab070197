"""Whether what a pipeline is given is there: its places, the lines of its searches, the classes that its rules name."""

from collections.abc import Sequence
from pathlib import Path

from search.settings.pipeline.pipeline_settings import PipelineSettings
from search.settings.settings import EMBEDDED, load_settings
from spaces.errors import SettingsError, nearest


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


def check_classes(settings: PipelineSettings, classes: Sequence[str]) -> None:
    """Check that the rules of a pipeline name classes of its data set, before a search of hours ends at one of them.

    Raises:
        SettingsError: one names a class that is not there; it would fail, or never have anything to look at.
    """
    named = (
        ("gates.critical", settings.gates.critical),
        ("triggers.performance.classes", settings.triggers.performance.classes),
        ("rollout.rules.classes", settings.rollout.rules.classes),
    )
    for setting, names in named:
        for name in names:
            if name not in classes:
                known = nearest(name, classes) or f"; known: {', '.join(classes)}"
                raise SettingsError(f"{setting}: the data set has no class '{name}'{known}")
