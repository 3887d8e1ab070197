"""What a whole family is worth before its training: the gain of the front by the children that it would bring."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from objectives.records.even_sample import evenly
from search.engine.candidates import CandidateSource, Params, SpaceCandidates
from search.engine.encoding import Encoder
from search.engine.models.beliefs import Beliefs
from search.engine.models.latencies import LatencyModel
from search.engine.staircase import CERTAIN, NODES, Floats, Staircase
from spaces.candidate import Candidate
from spaces.network.family import SIZE, Family

SIZES_MOST, WIDTHS_MOST = 4, 3  # of a family, that stand for all its children
POOL_MOST = 240  # elastic candidates that are rated: each stands for a dozen of children
DOUBTS, CELLS = 9, 64  # of the doubt that a family's children have in common; of the latency range


class FamilySource:
    """The families of a space's elastic candidates."""

    def __init__(self, source: CandidateSource, encoder: Encoder, bound_log: float) -> None:
        """Take the source of candidates, and the logarithm of the latency in ms that no child may exceed."""
        self._space = source.space if isinstance(source, SpaceCandidates) else None
        self._fixed = self._space.fixed if self._space else {}
        self._encoder, self._bound_log = encoder, bound_log

    def elastic(self, params: Sequence[Params]) -> NDArray[np.bool_]:
        """Return which candidates would be elastic trainings, shape (n,)."""
        if self._space is None:
            return np.zeros(len(params), dtype=bool)
        fixed = self._fixed.get("train.elastic") is True
        return np.array([p.get("train.elastic", fixed) is True for p in params], dtype=bool)

    def fewer(self, params: list[Params], rng: np.random.Generator) -> list[Params]:
        """Return candidates with at most POOL_MOST elastic ones among them, drawn at random."""
        elastic = np.flatnonzero(self.elastic(params))
        if len(elastic) <= POOL_MOST:
            return params
        dropped = set(rng.choice(elastic, len(elastic) - POOL_MOST, replace=False).tolist())
        return [p for i, p in enumerate(params) if i not in dropped]

    def children(self, params: Params) -> list[Params]:
        """Return some children that stand for all of a candidate's family, as the encoder takes them."""
        assert self._space is not None
        candidate = Candidate.of({**self._space.fixed_for(params), **params})
        family = Family.of(candidate, self._space)
        sizes = evenly(family.axes.get(SIZE, (candidate[SIZE],)), SIZES_MOST)
        slim = {name: values for name, values in family.axes.items() if name.startswith("slim.")}
        steps = range(max((len(values) for values in slim.values()), default=1))
        widths = [{name: values[min(i, len(values) - 1)] for name, values in slim.items()} for i in steps]
        return [{**params, **width, SIZE: size} for size in sizes for width in evenly(widths, WIDTHS_MOST)]

    def views(self, params: Sequence[Params], latency: LatencyModel) -> "list[FamilyView | None]":
        """Return what is known of the families of candidates; None for those that are no elastic trainings."""
        elastic = self.elastic(params)
        families = [self.children(p) if of_family else [] for p, of_family in zip(params, elastic, strict=True)]
        every = [child for family in families for child in family]
        if not every:
            return [None] * len(params)
        rows = self._encoder.encode(every)
        seen = latency.view(every, rows)
        ends = np.cumsum([len(family) for family in families])[:-1]
        parts = zip(*(np.split(values, ends) for values in (rows, seen.log, seen.sd)), strict=True)
        return [FamilyView(*part) if of_family else None for part, of_family in zip(parts, elastic, strict=True)]

    def fits(self, view: "FamilyView", doubt: float) -> bool:
        """Whether a family has a child that may keep the bound, its doubt counted in standard deviations."""
        return bool((view.logs - doubt * view.log_sd <= self._bound_log).any())


@dataclass(frozen=True)
class FamilyView:
    """Some children that stand for all of a family.

    Attributes:
        rows: encoded, shape (k, d).
        logs: log latencies, measured or foretold, shape (k,).
        log_sd: their standard deviations, shape (k,).
    """

    rows: Floats
    logs: Floats
    log_sd: Floats


def family_gains(views: Sequence[FamilyView], beliefs: Beliefs) -> Floats:
    """Return the expected gain of hypervolume by each whole family, shape (n,), over the doubt about its latencies."""
    rows, logs = np.concatenate([view.rows for view in views]), np.concatenate([view.logs for view in views])
    belief, front = beliefs.of_candidates(rows, logs), beliefs.front
    ends = np.cumsum([len(view.logs) for view in views])[:-1]
    gains = np.zeros(len(views))
    for i, (view, mean, sd) in enumerate(
        zip(views, np.split(belief.mean, ends), np.split(belief.sd, ends), strict=True)
    ):
        for node, weight in NODES if view.log_sd.any() else CERTAIN:
            gains[i] += weight * joint_gain(front, mean, sd, view.logs + node * view.log_sd)
    return gains


def joint_gain(front: Staircase, mean: Floats, sd: Floats, logs: Floats) -> float:
    """Return the expected gain of hypervolume by some children that rise and fall together.

    What is not known of their accuracies is what is not known of their parent: in each case of it all of them reach
    their means plus as many standard deviations.

    Args:
        front: today's.
        mean: expected accuracies, shape (k,).
        sd: standard deviations of these beliefs, shape (k,).
        logs: log latencies, shape (k,); those slower than the front's slowest gain nothing.
    """
    counted = logs < front.slowest
    if not counted.any():
        return 0.0
    mean, sd, logs = mean[counted], sd[counted], logs[counted]
    edges = np.linspace(float(logs.min()), front.slowest, CELLS + 1)
    middles, width = (edges[:-1] + edges[1:]) / 2, edges[1] - edges[0]
    heights = np.concatenate([[front.reference], front.heights])[np.searchsorted(front.edges, middles, side="right")]
    z = np.linspace(2.5, -2.5, DOUBTS)
    weights = np.exp(-0.5 * z**2) / np.exp(-0.5 * z**2).sum()
    reached = mean + z[:, None] * sd  # (cases, k)
    best = np.where(logs[:, None] <= middles, reached[:, :, None], -np.inf).max(axis=1)  # (cases, cells)
    return float(weights @ np.maximum(best - heights, 0.0).sum(axis=1) * width)
