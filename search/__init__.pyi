from .engine.known_latency import KnownLatencySampler
from .engine.schedulers.scheduler import BudgetLeft, Scheduler, Step
from .loop.run import search
from .samplers.factory import SamplerFactory
from .settings.settings import Settings, load_settings
from .study.read import read_study
from .view.base import View
from .view.loggers.contract import StudyLogger

__all__ = [
    "BudgetLeft",
    "KnownLatencySampler",
    "SamplerFactory",
    "Scheduler",
    "Settings",
    "Step",
    "StudyLogger",
    "View",
    "load_settings",
    "read_study",
    "search",
]
