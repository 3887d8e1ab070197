"""How predictions held: what was expected of trials, before training and at rungs, against what came."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from objectives.records.records import Decision, Proposal
from reports.table.row import TrialRow
from reports.table.table import StudyTable

PREDICTIONS_MIN = 3  # with fewer nothing is said
WITHIN_ONE_SD, WITHIN_TWO_SD = 0.683, 0.954  # shares of a normal distribution
SURPRISE = 1.96  # deviations of a count beyond which chance is no longer believed


@dataclass(frozen=True)
class Prediction:
    """One figure that was expected, and the figure that came.

    Attributes:
        number: number of the trial.
        epoch: epochs trained when it was made; 0 before training.
        expected: the predicted mAP, in [0, 1], or latency in ms.
        sd: standard deviation of that belief, in the same unit; None where none was stated.
        came: the figure that came, in the same unit.
    """

    number: int
    epoch: int
    expected: float
    sd: float | None
    came: float

    @property
    def error(self) -> float:
        """Expected minus came: how much too high the prediction was, in the figure's unit."""
        return self.expected - self.came

    @property
    def deviations(self) -> float | None:
        """Absolute error in standard deviations; None without a standard deviation."""
        return abs(self.error) / self.sd if self.sd else None


@dataclass(frozen=True)
class Agreement:
    """How well many predictions held.

    Attributes:
        count: predictions.
        trials: number of different trials that the predictions are of.
        with_sd: predictions with a standard deviation; the two shares are of those, None without any.
        within_one_sd: share of figures that came within one standard deviation.
        within_two_sd: share of figures that came within two standard deviations.
        mean_absolute_error: in the figure's unit.
        bias: mean of expected minus came, in the figure's unit.
        bias_se: standard error of `bias`, trials taken as independent; None for a single trial.
        mean_absolute_share: mean of the absolute error as a share of what came.
        median_ratio: median of what came over what was expected.
    """

    count: int
    trials: int
    with_sd: int
    within_one_sd: float | None
    within_two_sd: float | None
    mean_absolute_error: float
    bias: float
    bias_se: float | None
    mean_absolute_share: float | None
    median_ratio: float | None

    @property
    def belief(self) -> str:
        """Whether standard deviations are 'too narrow', 'too wide' or 'about right' for so many; '' unknown."""
        if self.within_one_sd is None or self.with_sd < PREDICTIONS_MIN:
            return ""
        excess = (self.within_one_sd - WITHIN_ONE_SD) * self.with_sd  # in trials; half of one is a count's grain
        spread = math.sqrt(WITHIN_ONE_SD * (1 - WITHIN_ONE_SD) * self.with_sd)
        return "about right" if abs(excess) - 0.5 <= SURPRISE * spread else "too wide" if excess > 0 else "too narrow"


@dataclass(frozen=True)
class Held:
    """Predictions of one kind, with their agreement; empty and None where there are fewer than PREDICTIONS_MIN."""

    predictions: tuple[Prediction, ...] = ()
    agreement: Agreement | None = None


@dataclass(frozen=True)
class Calibration:
    """A study's predictions: of the final mAP before training and at rungs, and of the median latency."""

    at_proposal: Held
    at_rungs: Held
    latency: Held


def calibrate(table: StudyTable) -> Calibration:
    """Return how the study's predictions held, as far as their trials came to an end."""
    expected = [prediction for row in table.rows for prediction in map_predictions(row)]
    searched = (row for row in table.rows if not row.is_proof)
    latencies = [prediction for row in searched if (prediction := latency_prediction(row))]
    return Calibration(
        at_proposal=_held([prediction for prediction in expected if not prediction.epoch]),
        at_rungs=_held([prediction for prediction in expected if prediction.epoch]),
        latency=_held(latencies),
    )


def map_predictions(row: TrialRow) -> tuple[Prediction, ...]:
    """Return what was expected of a finished trial's mAP: at its proposal, then the last at each rung.

    Of a child nothing was expected: it was scored twice, once without a file.
    """
    if row.map is None or row.is_child:
        return ()
    stated: list[tuple[int, Proposal | Decision]] = [(0, row.proposal)] if row.proposal else []
    stated += [(decision.epoch, decision) for decision in row.decisions]
    beliefs = {
        epoch: Prediction(row.number, epoch, said.predicted_map, _positive(said.predicted_map_sd), row.map)
        for epoch, said in stated
        if said.predicted_map is not None and math.isfinite(said.predicted_map)
    }
    return tuple(beliefs.values())


def latency_prediction(row: TrialRow) -> Prediction | None:
    """Return what a model expected of a trial's median latency, if it was measured on the study's device since."""
    said = row.proposal
    if said is None or said.latency_measured or row.p50_ms is None or row.other_device:
        return None
    expected = _positive(said.latency_ms)
    return Prediction(row.number, 0, expected, _positive(said.latency_sd_ms), row.p50_ms) if expected else None


def agreement(predictions: Sequence[Prediction]) -> Agreement:
    """Return how well these predictions, at least one, held."""
    errors = np.array([prediction.error for prediction in predictions])
    came = np.array([prediction.came for prediction in predictions])
    expected = np.array([prediction.expected for prediction in predictions])
    deviations = np.array([prediction.deviations for prediction in predictions if prediction.deviations is not None])
    positive = bool((came > 0).all() and (expected > 0).all())
    numbers = np.array([prediction.number for prediction in predictions])
    return Agreement(
        count=len(predictions),
        trials=len(np.unique(numbers)),
        with_sd=len(deviations),
        within_one_sd=float((deviations <= 1).mean()) if len(deviations) else None,
        within_two_sd=float((deviations <= 2).mean()) if len(deviations) else None,
        mean_absolute_error=float(np.abs(errors).mean()),
        bias=float(errors.mean()),
        bias_se=_bias_se(errors, numbers),
        mean_absolute_share=float((np.abs(errors) / came).mean()) if positive else None,
        median_ratio=float(np.median(came / expected)) if positive else None,
    )


def _held(predictions: Sequence[Prediction]) -> Held:
    enough = len(predictions) >= PREDICTIONS_MIN
    return Held(tuple(predictions), agreement(predictions)) if enough else Held()


def _bias_se(errors: np.ndarray, numbers: np.ndarray) -> float | None:
    """Return the standard error of the mean error; the errors of one trial hang together."""
    _, trial = np.unique(numbers, return_inverse=True)
    sums = np.bincount(trial, weights=errors - errors.mean())
    trials = len(sums)
    return float(np.sqrt((sums**2).sum() * trials / (trials - 1)) / len(errors)) if trials > 1 else None


def _positive(value: float | None) -> float | None:
    """Return a finite value above 0, else None."""
    return value if value is not None and math.isfinite(value) and value > 0 else None
