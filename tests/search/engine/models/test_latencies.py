"""Latency before training: measured figures as they are, a model of the rest, and wide doubt where there is none."""

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from objectives.records.trial_record import Phase
from search.engine.digest import Digest
from search.engine.encoding import Encoder
from search.engine.models.latencies import (
    UNKNOWN_SD,
    FunctionBook,
    LatencyBook,
    LatencyModel,
    LatencyView,
    NoBook,
    Params,
)
from search.engine.observed import Observed

SPACE: dict[str, BaseDistribution] = {
    "kind": CategoricalDistribution(["a", "b", "c"]),
    "size": FloatDistribution(1.0, 8.0, log=True),
    "ratio": FloatDistribution(0.0, 1.0),  # only where something is cut
}
ENCODER = Encoder(SPACE)


def draw(count: int, seed: int = 0) -> list[Params]:
    rng = np.random.default_rng(seed)
    found: list[Params] = []
    for _ in range(count):
        params: dict[str, str | float] = {"kind": "abc"[rng.integers(3)], "size": float(8 ** rng.random())}
        found.append(params if rng.random() < 0.5 else {**params, "ratio": float(rng.random())})
    return found


def true_ms(params: Params) -> float:
    factor = {"a": 1.0, "b": 3.0, "c": 1.7}[params["kind"]]
    return float(factor * params["size"] ** 1.5 * np.exp(-params.get("ratio", 0.0)))


def trials_of(candidates: list[Params], phase: Phase = Phase.FINISHED) -> list[Observed]:
    return [Observed(n, params, true_ms(params), (), (), (), None, phase) for n, params in enumerate(candidates)]


def seen(model: LatencyModel, candidates: list[Params]) -> LatencyView:
    return model.view(candidates, ENCODER.encode(candidates))


class Figures(LatencyBook):
    """What was measured outside trials."""

    def __init__(self, candidates: list[Params]) -> None:
        self.candidates = candidates

    def figures(self) -> list[tuple[Params, float]]:
        return [(params, true_ms(params)) for params in self.candidates]


def test_what_was_measured_is_used_as_it_is() -> None:
    candidates = draw(10)
    view = seen(
        LatencyModel(Digest(trials_of(candidates[:3], Phase.OVER_BOUND)), Figures(candidates[3:6]), ENCODER), candidates
    )
    assert view.measured.tolist() == [True] * 6 + [False] * 4
    assert np.exp(view.log[:6]) == pytest.approx([true_ms(params) for params in candidates[:6]])
    assert np.all(view.sd[6:] > 0)


def test_a_function_is_asked_first() -> None:
    (one, other) = draw(2)
    book = FunctionBook(lambda params: 7.0 if params == one else None)
    view = seen(LatencyModel(Digest(trials_of([one, other])), book, ENCODER), [one, other])
    assert np.exp(view.log) == pytest.approx([7.0, true_ms(other)])
    assert view.measured.all()


def test_the_model_foretells_log_linear_latencies() -> None:
    known, new = draw(40), draw(100, seed=1)
    view = seen(LatencyModel(Digest(trials_of(known)), NoBook(), ENCODER), new)
    truth = np.log([true_ms(params) for params in new])
    errors = view.log - truth
    assert np.sqrt(np.mean(errors**2)) < 0.12 < 0.2 * truth.std()
    assert np.mean(np.abs(errors) < 2 * view.sd) > 0.9


def test_more_figures_leave_less_doubt() -> None:
    new = draw(50, seed=1)
    few, many = (seen(LatencyModel(Digest(trials_of(draw(n))), NoBook(), ENCODER), new) for n in (6, 60))
    assert np.median(many.sd) < 0.5 * np.median(few.sd)


@pytest.mark.parametrize("count", [0, 1])
def test_without_figures_doubt_is_wide(count: int) -> None:
    known, new = draw(count), draw(5, seed=1)
    view = seen(LatencyModel(Digest(trials_of(known)), NoBook(), ENCODER), new)
    assert np.all(view.sd == UNKNOWN_SD)
    assert np.allclose(view.log, np.log(true_ms(known[0])) if known else 0.0)
    assert not view.measured.any()


def test_equal_figures() -> None:
    book = FunctionBook(lambda params: 5.0 if params["kind"] == "a" else None)
    trials = [Observed(n, params, 5.0, (), (), (), None, Phase.FINISHED) for n, params in enumerate(draw(6))]
    view = seen(LatencyModel(Digest(trials), book, ENCODER), draw(20, seed=1))
    assert np.exp(view.log) == pytest.approx(5.0)


def test_the_plain_book_knows_nothing() -> None:
    book = NoBook()
    assert book.lookup()({"kind": "a"}) is None
    assert (list(book.figures()), book.bound_ms(), book.measure({})) == ([], None, None)
