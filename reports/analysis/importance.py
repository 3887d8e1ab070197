"""Which dimensions mattered, for each objective.

PED-ANOVA (Watanabe et al. 2023, https://arxiv.org/abs/2304.10255) in its conditional form (Optuna 5): it
compares how a dimension is distributed among the best trials and among all. It counts a dimension that
exists in some trials only, needs no random numbers, and is linear in the trials, where a random forest
(fANOVA) takes minutes and leaves conditional dimensions out.
"""

import dataclasses
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

from objectives.records.even_sample import evenly
from reports.table.row import TrialRow
from reports.table.table import StudyTable

Direction = Literal["minimize", "maximize"]
TRIALS_MIN = 4
TRIALS_MAX = 1000
TOP_SHARE = 0.1
TOP_TRIALS = 5


@dataclass(frozen=True)
class Importance:
    """Importance of every dimension for one objective.

    Attributes:
        objective: "mAP" or "latency".
        shares: (dimension, share of the whole), the greatest first; shares sum to 1. Empty if not known.
        trials: number of trials that the shares rest on.
        sampled: whether these trials are an even sample of more.
        reason: why `shares` is empty, else empty.
        of_children: whether they are of the dimensions in which children differ, since trainings are too few.
    """

    objective: str
    shares: tuple[tuple[str, float], ...]
    trials: int
    reason: str = ""
    sampled: bool = False
    of_children: bool = False


Measured = Sequence[tuple[TrialRow, float]]


def importances(table: StudyTable) -> tuple[Importance, Importance]:
    """Return the importances for mAP, from finished trials, and for latency, from all trials with a known latency."""
    accurate = [(row, row.map) for row in table.finished if row.map is not None]
    searched = [row for row in table.rows if not (row.other_device or row.is_proof)]
    timed = [(row, row.p50_ms) for row in searched if row.p50_ms is not None]
    return (_of_families("mAP", "maximize", accurate), _of_families("latency", "minimize", timed))


def _of_families(objective: str, direction: Direction, measured: Measured) -> Importance:
    """Return the importances from trainings; where these are too few, from children, of what children differ in.

    A child repeats the other choices of its parent: hundreds of them would say of those what one training says.
    """
    measured = [(row, value) for row, value in measured if not row.is_baseline]  # which the space did not choose
    trained = [(row, value) for row, value in measured if not (row.is_child or row.is_polish)]
    elastic = {name for row, _ in trained for name in row.family}
    if len(trained) >= TRIALS_MIN or len(trained) == len(measured) or not elastic:
        return _importance(objective, direction, trained)
    return dataclasses.replace(
        _importance(objective, direction, [(_only(row, elastic), value) for row, value in measured]), of_children=True
    )


def _only(row: TrialRow, names: Collection[str]) -> TrialRow:
    """Return a trial with these of its choices alone."""
    params = {name: value for name, value in row.params.items() if name in names}
    return dataclasses.replace(row, params=params, distributions={name: row.distributions[name] for name in params})


def _importance(objective: str, direction: Direction, measured: Measured) -> Importance:
    """Return the importances of the dimensions for one quantity."""
    count = len(measured)
    if count < TRIALS_MIN:
        return Importance(objective, (), count, f"needs {TRIALS_MIN} measured trials, has {count}")
    if len({value for _, value in measured}) == 1:
        return Importance(objective, (), count, f"all {count} trials have the same {objective}")
    kept = evenly(measured, TRIALS_MAX)
    raw = _ped_anova(direction, kept)
    total = sum(raw.values())
    if not total > 0:
        return Importance(objective, (), len(kept), "no dimension sets the best trials apart yet")
    shares = sorted(((name, value / total) for name, value in raw.items()), key=lambda item: (-item[1], item[0]))
    return Importance(objective, tuple(shares), len(kept), sampled=len(kept) < count)


def _ped_anova(direction: Direction, measured: Sequence[tuple[TrialRow, float]]) -> dict[str, float]:
    """Return dimension to importance, not normalised; a dimension with a single value has none."""
    top = min(0.5, max(TOP_SHARE, TOP_TRIALS / len(measured)))
    with _quiet():
        study = optuna.create_study(direction=direction)
        study.add_trials(
            optuna.trial.create_trial(value=value, params=dict(row.params), distributions=dict(row.distributions))
            for row, value in measured
        )
        found = get_param_importances(
            study, evaluator=PedAnovaImportanceEvaluator(target_quantile=top), normalize=False
        )
    varying = {name for row, _ in measured for name, domain in row.distributions.items() if not domain.single()}
    return {name: float(value) for name, value in found.items() if name in varying}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna's log lines and its warnings of sparse conditional dimensions from the user's terminal."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)
