"""A prior of accuracy from recorded trainings: where in a study's usual accuracies a candidate is expected to lie."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from objectives.records.even_sample import even_indices
from search.engine.digest import TUNED_MAX
from search.engine.encoding import Column, Encoder
from search.engine.models.experience.recorded import Training, even_trainings, standardised
from search.engine.models.gaussian_process import GaussianProcess
from search.engine.staircase import Floats
from spaces.dimension import Value
from spaces.network.own import NECK_KIND
from spaces.vocabulary import DEFAULTS

# How much of a prior comes true in a new study, before studies were held against each other: the slope of its
# standardised accuracies on the prior, and the spread of that slope over studies. They count as PRIOR_STUDIES studies.
SLOPE, SLOPE_SD = 0.5, 0.4
PRIOR_STUDIES = 2.0
JUDGED_MAX = 12  # studies that are foretold from the others, to see how well that goes
FAVOUR = 0.05  # expected gain, in standard deviations, that makes a first candidate e times as likely
LEAST_NOISE = -4.0  # logarithm of the variance that the same training has over studies, at least
ABSENT_CODE = -1.0  # of a category that does not exist for a training
LEAST_MOVED = 1e-3  # spread of foretold scores below which they do not differ
WELL = 0.3  # standard deviations above a study's mean from which on a candidate is said to have learnt well there


class Prior:
    """Expected standardised accuracy of candidates; zero is what is usual in a study, and what is said of the unknown.

    Attributes:
        slope: expected slope of a new study's standardised accuracies on this prior.
        slope_sd: standard deviation of that slope over studies.
    """

    def __init__(self, trainings: Sequence[Training], encoder: Encoder, fixed: Mapping[str, Value]) -> None:
        """Fit to recorded trainings; use `prior_of`.

        Args:
            trainings: of at least one study that `standardised` keeps.
            encoder: of the new study's candidates.
            fixed: the new study's dimensions of a single value.
        """
        studies = standardised(trainings)
        self._places, self._columns, self._fixed = _common(trainings, encoder, fixed)
        self._categorical = np.array([column.categorical for column in self._columns], dtype=bool)
        self._rows = {study: self._encoded(found) for study, (found, _) in studies.items()}
        self._scores = {study: scores for study, (_, scores) in studies.items()}
        rows, scores = self._joined(list(studies))
        self._model = GaussianProcess(self._categorical)
        tuned = even_indices(len(rows), TUNED_MAX)
        self._model.tune(rows[tuned], scores[tuned], scale=(0.0, 1.0))
        assert self._model.log_scales is not None
        scales = self._model.log_scales
        self._model.log_scales = np.append(scales[:-1], max(scales[-1], LEAST_NOISE))
        self._model.fit(rows, scores, None, 0, (0.0, 1.0))
        self.slope, self.slope_sd = self._slopes()

    def foretell(self, rows: Floats) -> tuple[Floats, Floats]:
        """Return expectation and standard deviation of the standardised accuracies of candidates.

        Args:
            rows: of the new study's encoder, shape (n, d).
        """
        return self._model.predict(self._placed(rows))

    def favour(self, rows: Floats) -> Floats:
        """Return probabilities to choose candidates by before any result, shape (n,).

        The better ones are the likelier, the more clearly the more a new study is expected to follow the prior.
        """
        odds = self.slope * self.foretell(rows)[0] / FAVOUR
        shares = np.exp(odds - odds.max())
        probabilities: Floats = shares / shares.sum()
        return probabilities

    def learnt_well(self, row: Floats) -> int:
        """Return in how many studies the like of a candidate, shape (d,), learnt clearly better than was usual."""
        placed = self._placed(row[None, :])
        return sum(bool(model.predict(placed)[0][0] > WELL) for model in self._by_study)

    @cached_property
    def _by_study(self) -> list[GaussianProcess]:
        return [self._conditioned([study]) for study in self._rows]

    def _placed(self, rows: Floats) -> Floats:
        """Return the columns that both sides know, what is fixed in the new study behind."""
        constant = np.broadcast_to(self._fixed, (len(rows), len(self._fixed)))
        return self._coded(np.column_stack([rows[:, self._places], constant]))

    def _coded(self, rows: Floats) -> Floats:
        """Return rows in which an absent category is one of its own, as far from the others as these are apart.

        Nearer to all of three or more than half their distance, as the engine's surrogate has it where few dimensions
        are absent, it lies in no space of points, and a covariance over many earlier studies falls apart.
        """
        return np.where(np.isnan(rows) & self._categorical, ABSENT_CODE, rows)

    def _encoded(self, trainings: Sequence[Training]) -> Floats:
        values = [[_readable(column, one.params.get(column.name)) for one in trainings] for column in self._columns]
        rows = [column.encode(found) for column, found in zip(self._columns, values, strict=True)]
        return self._coded(np.column_stack(rows))

    def _joined(self, studies: Sequence[str]) -> tuple[Floats, Floats]:
        return np.vstack([self._rows[s] for s in studies]), np.concatenate([self._scores[s] for s in studies])

    def _conditioned(self, studies: Sequence[str]) -> GaussianProcess:
        """Return the model of some studies alone, with the hyperparameters of all."""
        model = GaussianProcess(self._categorical)
        model.log_scales = self._model.log_scales
        model.fit(*self._joined(studies), None, 0, (0.0, 1.0))
        return model

    def _slopes(self) -> tuple[float, float]:
        """Return mean and spread of the slopes of each study on what the others foretell of it.

        Few studies say little of that. SLOPE stands for those to come, as far as trainings foretell their like within
        a study: where they do not even do that (scores that are noise), nothing carries over to another one either.
        """
        names = list(self._rows)
        slopes = []
        for study in names[:JUDGED_MAX] if len(names) > 1 else ():
            foretold, _ = self._conditioned([other for other in names if other != study]).predict(self._rows[study])
            slopes.append(_slope(self._scores[study], foretold))
        within = _slope(self._joined(names)[1], self._model.left_out())
        count = len(slopes) + PRIOR_STUDIES
        mean = (sum(slopes) + PRIOR_STUDIES * SLOPE * float(np.clip(within, 0.0, 1.0))) / count
        variance = (sum((slope - mean) ** 2 for slope in slopes) + PRIOR_STUDIES * SLOPE_SD**2) / count
        return float(np.clip(mean, 0.0, 1.0)), float(np.sqrt(variance))


def prior_of(trainings: Sequence[Training], encoder: Encoder, fixed: Mapping[str, Value]) -> Prior | None:
    """Return the prior of a new study; None where earlier ones have nothing in common with it.

    Args:
        trainings: of earlier studies.
        encoder: of the new study's candidates.
        fixed: its dimensions of a single value.
    """
    studies = standardised(_with_necks(even_trainings(trainings)))
    kept = [training for found, _ in studies.values() for training in found]
    if not kept or not len(_common(kept, encoder, fixed)[0]):
        return None
    try:
        return Prior(kept, encoder, fixed)
    except np.linalg.LinAlgError:  # trainings that lie in no space of points: no search fails for them
        return None


def _with_necks(trainings: Sequence[Training]) -> list[Training]:
    """Return trainings that all say what neck they have, if some do: older ones had no other than the default."""
    if not any(NECK_KIND in one.params for one in trainings):
        return list(trainings)
    return [replace(one, params={NECK_KIND: DEFAULTS[NECK_KIND], **one.params}) for one in trainings]


def _slope(scores: Floats, foretold: Floats) -> float:
    """Return the slope of scores on what was foretold of them; 0 where that was the same for all."""
    moved = foretold - foretold.mean()
    return float(moved @ scores / (moved @ moved)) if moved.std() > LEAST_MOVED else 0.0


def _common(
    trainings: Sequence[Training], encoder: Encoder, fixed: Mapping[str, Value]
) -> tuple[NDArray[np.int_], list[Column], Floats]:
    """Return what both sides know: places in the encoder's rows, all columns, the fixed ones' numbers behind them."""
    recorded: dict[str, dict[tuple[type, Value], Value]] = {}
    for training in trainings:
        for name, value in training.params.items():
            recorded.setdefault(name, {})[(type(value), value)] = value
    places, columns = [], []
    for place, column in enumerate(encoder.columns):
        if column.name in recorded:
            places.append(place)
            columns.append(_widened(column, list(recorded[column.name].values())))
    numbers = []
    for name in sorted(fixed.keys() & recorded.keys()):
        for column in _column_of(name, [*recorded[name].values(), fixed[name]]):
            columns.append(column)
            numbers.append(float(column.encode([fixed[name]])[0]))
    return np.array(places, dtype=int), columns, np.array(numbers)


def _column_of(name: str, values: Sequence[Value]) -> tuple[Column, ...]:
    """Return the column of a dimension that takes these values; none where they are all one."""
    from optuna.distributions import CategoricalDistribution

    distinct = {(type(value), value): value for value in values}
    return Encoder({name: CategoricalDistribution(list(distinct.values()))}).columns


def _widened(column: Column, values: Sequence[Value]) -> Column:
    """Return a column that has codes for the recorded categories too, behind the new study's own."""
    if column.codes is None:
        return column
    new = [(type(value), value) for value in values if (type(value), value) not in column.codes]
    return replace(column, codes={**column.codes, **{code: len(column.codes) + i for i, code in enumerate(new)}})


def _readable(column: Column, value: Value | None) -> Value | None:
    """Return a recorded value as far as a column of numbers can hold it."""
    if column.categorical or value is None:
        return value
    if isinstance(value, str) or (column.log and value <= 0):
        return None
    return value
