"""The backends by name."""

from pathlib import Path

from search.workers.backend import Backend
from search.workers.inline import InlineBackend
from search.workers.process import ProcessBackend
from spaces.errors import SettingsError, nearest

BACKENDS: dict[str, type[ProcessBackend | InlineBackend]] = {
    backend.name: backend for backend in (ProcessBackend, InlineBackend)
}


def check_backend(name: str, workers: int = 1, setting: str = "trial.backend") -> None:
    """Check that a backend can run so many trials at once.

    Args:
        name: of the backend.
        workers: trials at once.
        setting: what the user calls the setting.

    Raises:
        SettingsError: there is none of this name, or it runs fewer trials at once.
    """
    if name not in BACKENDS:
        raise SettingsError(
            f"{setting}: unknown backend '{name}'{nearest(name, BACKENDS)}; known: {', '.join(BACKENDS)}"
        )
    most = BACKENDS[name].at_once
    if most is not None and workers > most:
        raise SettingsError(
            f"{setting}: '{name}' runs {most} trial at once, got workers={workers}; give workers={most}, or "
            f"{setting}=process"
        )


def make_backend(name: str, settings_folder: Path) -> Backend:
    """Return a backend of a name that `check_backend` has let pass; `settings_folder` is for Ultralytics' settings."""
    return BACKENDS[name](settings_folder)
