"""What is believed of final accuracy and of training time, from trials at whatever rung they stand."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from objectives.records.even_sample import even_indices
from objectives.records.failures import Failure
from objectives.records.trial_record import Phase
from search.engine.digest import FINAL, LOG_LATENCY, TUNED_MAX, Digest
from search.engine.encoding import Encoder
from search.engine.models.curve_model import CurveModel, latest_rung
from search.engine.models.experience.fading import Trend, faded
from search.engine.models.experience.prior import Prior
from search.engine.models.gaussian_process import GaussianProcess
from search.engine.observed import Observed
from search.engine.staircase import Floats, Staircase

# Failures that no candidate is to blame for.
BLAMELESS = (Failure.KILLED, Failure.DISK_FULL, Failure.DATA_UNREADABLE, Failure.DEVICE_AWAY)
FAILED_MAX = 50  # failed trials that the surrogate looks at
RANGE_STEP = 0.25  # ends of the latency range are moved outwards to multiples of it before they scale anything
UNINFORMATIVE = 10.0  # spreads that the error of a curve without information amounts to
LEAST_SD = 1e-4  # of any belief about an accuracy
WEIGHT_LEAST = 0.1  # of a prior, below which proposals do not mention it any more


@dataclass(frozen=True)
class Belief:
    """Final accuracy as normal distributions, with what the next rung will leave of the doubt. Arrays of shape (n,)."""

    mean: Floats
    sd: Floats
    sd_after: Floats


class Beliefs:
    """The state of knowledge of a study, rebuilt from its trials.

    Attributes:
        trials: trials with a latency and at least one evaluated rung, in the order of the arrays, shape (n,).
        front: of the finished trials, and of the running ones by their expected final accuracies.
        trend: what is left of the prior; None without one, and before there are two trials.
    """

    def __init__(
        self,
        study: Digest,
        ladder: Sequence[int],
        encoder: Encoder,
        latency_range: tuple[float, float],
        reference: float = 0.0,
        prior: Prior | None = None,
    ) -> None:
        """Fit everything.

        Args:
            study: the digest of its trials.
            ladder: epochs of the rungs, rising; the last is the whole training.
            encoder: of the trials' parameters.
            latency_range: log latency of the fastest and slowest candidate that counts.
            reference: accuracy that counts as nothing.
            prior: what earlier studies let expect; None for nothing.
        """
        self.ladder, self.encoder, self.latency_range = tuple(ladder), encoder, latency_range
        self._study = study
        self.trials = study.pick(study.modelled)
        silent = np.setdiff1d(study.measured, study.scored, assume_unique=True)
        failed = study.scattered(study.where(Phase.FAILED, silent), FAILED_MAX)
        self.failed = [t for t in study.pick(failed) if _teaches(t)]
        self.table = accuracy_table(self.trials, self.ladder)
        self.curves = CurveModel(self.table)
        self.log_latencies = np.array([t.log_latency for t in self.trials])
        self.predicted, self.curve_sd = self.curves.final(self.table)
        self.rung = latest_rung(self.table)
        self._centre = float(self.predicted.mean()) if self.trials else 0.0
        self._spread = _spread(self.predicted, self.curve_sd)
        self.errors = self._error(self.curve_sd)
        sd_from = np.array([self.curves.sd_from(rung, self.table) for rung in range(len(self.ladder))])
        self.error_from = self._error(sd_from)
        self._prior = prior
        self.trend: Trend | None = None
        self._surrogate = self._fit() if len(self.trials) >= 2 else None
        self.front = self._front(study.pick(study.where(Phase.RUNNING, silent)), reference)

    def of_candidates(self, rows: Floats, log_latencies: Floats) -> Belief:
        """Return the belief about candidates that were not trained yet, encoded as rows (n, d)."""
        if self._surrogate is None:
            mean, sd = np.full(len(rows), self._centre), np.full(len(rows), self.curves.scale)
        else:
            mean, sd = self._surrogate.predict(self._placed(rows, log_latencies))
            if self.trend is not None:
                mean, sd = mean + self.trend.at(rows), np.hypot(sd, self.trend.doubt(rows))
        sd = np.maximum(sd, LEAST_SD)
        return Belief(mean, sd, _combined(sd, self.error_from[0]))

    def of_trials(self, indices: NDArray[np.int_]) -> Belief:
        """Return the belief about trials that stand at a rung, by their index in `trials`."""
        if self._surrogate is None:
            mean, sd = self.predicted[indices], self.curve_sd[indices]
        else:
            mean, sd = (values[indices] for values in self._refined)
        sd = np.maximum(sd, LEAST_SD)
        own = np.maximum(self.errors[indices], LEAST_SD)
        after = self.error_from[np.minimum(self.rung[indices] + 1, len(self.ladder) - 1)]
        others = np.maximum(1.0 / sd**2 - 1.0 / own**2, 1e-6)  # what is known but for the own curve
        left = 1.0 / np.sqrt(others + 1.0 / np.maximum(after, LEAST_SD) ** 2)
        return Belief(mean, sd, np.minimum(left, 0.9999 * sd))

    def experienced(self, row: Floats) -> str:
        """Return a clause on what earlier studies say for a candidate, encoded, shape (d,); empty for nothing."""
        faded_away = self.trend is not None and self.trend.weight < WEIGHT_LEAST
        count = 0 if self._prior is None or faded_away else self._prior.learnt_well(row)
        return f"; its like learnt well in {count} earlier {'study' if count == 1 else 'studies'}" if count else ""

    def _placed(self, rows: Floats, log_latencies: Floats) -> Floats:
        """Return rows with the place on the latency range behind; its scale moves seldom, so that tunings last."""
        low = np.floor(self.latency_range[0] / RANGE_STEP) * RANGE_STEP
        high = np.ceil(self.latency_range[1] / RANGE_STEP) * RANGE_STEP
        return np.column_stack([rows, (log_latencies - low) / max(high - low, RANGE_STEP)])

    def _rows(self, trials: Sequence[Observed]) -> Floats:
        rows = self.encoder.encode([t.params for t in trials])
        return self._placed(rows, np.array([t.log_latency for t in trials]))

    def _fit(self) -> GaussianProcess:
        """Fit the surrogate to the final accuracies that the curves predict; a failure counts as the lowest."""
        rows = self._rows(self.trials)
        # A prediction is drawn in to the mean of all; as an observation it stands further out (see _error).
        shrunk = self._spread**2 / (self._spread**2 + self.errors**2)
        targets, errors = self._centre + (self.predicted - self._centre) / shrunk, self.errors
        if self._prior is not None:
            self.trend = faded(self._prior, rows[:, :-1], targets, errors, self._spread)
        if self.failed:
            rows = np.vstack([rows, self._rows(self.failed)])
            targets = np.append(targets, np.full(len(self.failed), self.predicted.min()))
            errors = np.append(errors, np.full(len(self.failed), self.curves.scale))
        targets = targets - self._expected(rows)
        categorical = np.append(self.encoder.categorical, False)
        surrogate = GaussianProcess(categorical, linear=len(categorical) - 1)
        scale = self._centre, self._spread
        ended = np.intersect1d(self._study.finished, self._study.scored, assume_unique=True)
        settled = self._study.for_tuning(ended)
        if settled is None:
            tuned = even_indices(len(rows), TUNED_MAX)
            surrogate.tune(rows[tuned], targets[tuned], errors[tuned], scale=scale)
        else:
            known = self._rows(self._study.pick(settled))
            surrogate.tune(known, self._study.column(FINAL, settled) - self._expected(known))
        surrogate.fit(rows, targets, errors, 0, scale)
        mean, sd = surrogate.refined()
        refined = mean + self._expected(rows)
        self._refined = refined[: len(self.trials)], sd[: len(self.trials)]
        return surrogate

    def _expected(self, rows: Floats) -> Floats:
        """Return what the prior adds to the surrogate at rows that end with the place on the latency range."""
        return np.zeros(len(rows)) if self.trend is None else self.trend.at(rows[:, :-1])

    def _error(self, sd: Floats) -> Floats:
        """Return the error of the observation that a curve amounts to.

        A curve leaves a doubt `sd` about the final accuracy where a spread of `spread` was to be expected without it:
        as an independent observation it has an error e with 1/sd^2 = 1/spread^2 + 1/e^2. A curve without information
        has an infinite one (here, UNINFORMATIVE times the spread), however many such curves there are.
        """
        precision = 1.0 / np.maximum(sd, LEAST_SD) ** 2 - 1.0 / self._spread**2
        error: Floats = 1.0 / np.sqrt(np.maximum(precision, 1.0 / (UNINFORMATIVE * self._spread) ** 2))
        return np.where(sd > 0, error, 0.0)

    def _front(self, begun: Sequence[Observed], reference: float) -> Staircase:
        """Return the front of all finished trials, trials that were thinned out included, and of the running ones."""
        study, done = self._study, self._study.finished
        accuracies, logs = [study.column(FINAL, done)], [study.column(LOG_LATENCY, done)]
        running = np.array([t.final is None and t.phase is Phase.RUNNING for t in self.trials], dtype=bool)
        if running.any():
            imagined = self._refined[0] if self._surrogate else self.predicted
            accuracies.append(imagined[running])
            logs.append(self.log_latencies[running])
        if begun and self.trials:  # other workers have begun them: they count as they are imagined to end
            logs.append(np.array([t.log_latency for t in begun]))
            accuracies.append(self.of_candidates(self.encoder.encode([t.params for t in begun]), logs[-1]).mean)
        return Staircase.of(np.concatenate(accuracies), np.concatenate(logs), reference, self.latency_range[1])


def accuracy_table(trials: Sequence[Observed], ladder: Sequence[int]) -> Floats:
    """Return best accuracies until each rung, shape (trials, rungs), NaN behind the latest; the last is the final."""
    table = np.full((len(trials), len(ladder)), np.nan)
    for i, trial in enumerate(trials):
        for k, epoch in enumerate(ladder):
            best = trial.best_until(epoch)
            table[i, k] = np.nan if best is None else best
        if trial.final is not None:
            table[i, -1] = trial.final
            table[i] = table[i] if trial.is_child else _filled(table[i])  # no curve may be learnt from a child
        elif np.isnan(table[i]).all() and trial.best is not None:
            table[i, 0] = trial.best  # it stands before the first rung: taken as if it were there
    return table


def _teaches(failed: Observed) -> bool:
    """Whether a failure says anything of the accuracies near it; what does not fit this machine is `fits`' matter."""
    return not (failed.outgrew or failed.is_polish) and failed.failure not in BLAMELESS


def _spread(predicted: Floats, sd: Floats) -> float:
    """Return the standard deviation of final accuracies over all trials: of the predictions, and around them."""
    if len(predicted) < 2:
        return 1.0
    return max(float(np.sqrt(np.var(predicted) + np.mean(sd**2))), LEAST_SD)


def _filled(row: Floats) -> Floats:
    """Fill the rungs that a finished trial was never seen at with the next one seen."""
    for k in range(len(row) - 2, -1, -1):
        if np.isnan(row[k]):
            row[k] = row[k + 1]
    return row


def _combined(sd: Floats, other: float) -> Floats:
    """Return what is left of a doubt after an observation of error `other`."""
    left = 1.0 / np.sqrt(1.0 / sd**2 + 1.0 / max(other, LEAST_SD) ** 2)
    return np.minimum(left, 0.9999 * sd)
