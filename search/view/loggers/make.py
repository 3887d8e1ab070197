"""The loggers of a search, made as its settings name them, beside the view that people see."""

from importlib.util import find_spec

from search.settings.settings import Settings
from search.settings.target import Target
from search.view.base import View
from search.view.loggers.both import BothViews
from search.view.loggers.contract import StudyLogger
from search.view.loggers.feed import LoggerFeed
from spaces.errors import SettingsError

# Modules of the product's own loggers -> the client that each stands on, and the extra that brings it.
CLIENTS = {
    "search.view.loggers.on_tensorboard": ("tensorboard", "tensorboard"),
    "search.view.loggers.on_mlflow": ("mlflow", "mlflow"),
    "search.view.loggers.on_wandb": ("wandb", "wandb"),
}


def check_loggers(settings: Settings) -> None:
    """Check that each logger can be made.

    Raises:
        SettingsError: a class cannot be imported, is no logger, its settings do not fit, or its client is missing.
    """
    for target in settings.logger.targets.values():
        target.check()
        _check_client(target)
        _made(target)


def with_loggers(view: View, settings: Settings) -> View:
    """Return a view that shows what `view` does, and reports it to the loggers of the settings.

    Raises:
        SettingsError: a logger cannot be made.
    """
    loggers = {name: _made(target) for name, target in settings.logger.targets.items()}
    return BothViews(view, LoggerFeed(settings, loggers, view.note)) if loggers else view


def _check_client(target: Target) -> None:
    """Check that the client of one of the product's own loggers is installed, without importing it."""
    package, extra = CLIENTS.get(target.path.rpartition(".")[0], (None, ""))
    if package is not None and find_spec(package) is None:
        raise SettingsError(f"{target.setting}: {package} is not installed; pip install 'automl[{extra}]'")


def _made(target: Target) -> StudyLogger:
    made = target.build()
    if not isinstance(made, StudyLogger):
        raise SettingsError(
            f"{target.setting}._target_: must make a search.StudyLogger, '{target.path}' makes {made!r}"
        )
    return made
