"""The candidates that a new search would try first."""

from dataclasses import dataclass

import optuna

from search.engine.models.latencies import NoBook
from search.samplers.registry import make_known_latency, make_sampler, suggest
from search.settings.settings import Settings
from search.study.experience.frozen import expected_experience
from search.study.queued.known_good import enqueue
from spaces.candidate import Candidate

FIRST_MAX = 3  # candidates of a plan


@dataclass(frozen=True)
class First:
    """A candidate to be tried, and whether the candidate comes from `start` or from the sampler."""

    candidate: Candidate
    asked_for: bool


def first_candidates(settings: Settings, ladder: tuple[int, ...]) -> list[First]:
    """Return what a new search tries first: the candidates of `start`, then what the sampler proposes.

    A sampler that learns would choose the later ones anew, from what the earlier ones have shown; here are its
    proposals without any trial. Nothing is stored.
    """
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=["maximize", "minimize"])
    optuna.logging.set_verbosity(verbosity)
    for choices in settings.start:
        enqueue(study, choices, settings.space)
    waiting = len(study.get_trials(deepcopy=False))
    known = make_known_latency(settings, NoBook(), ladder, expected_experience(settings))
    found = []
    for number in range(FIRST_MAX):
        study.sampler = make_sampler(settings.sampler, settings.seed, number, known)
        candidate = suggest(study.ask(), settings.space)
        found.append(First(candidate, number < waiting))
    return found
