"""What fits this machine: a limit found from failures, no load ever helps, and candidates beyond it left alone."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from objectives.records.failures import Failure
from objectives.records.trial_record import Phase
from search.engine.candidates import ListedCandidates, SpaceCandidates
from search.engine.digest import Digest
from search.engine.encoding import Encoder
from search.engine.models.fits import Fits
from search.engine.models.latencies import FunctionBook
from search.engine.observed import Observed
from search.engine.proposal.engine import Engine, ProposedCandidate
from spaces.dimension import Value
from spaces.space import SearchSpace

SPACE: dict[str, BaseDistribution] = {
    "backbone.name": CategoricalDistribution(["small", "large"]),
    "size.pixels": IntDistribution(64, 640, step=32),
    "train.batch": CategoricalDistribution([4, 8, 16, 32]),
    "train.lr0": FloatDistribution(1e-4, 1e-1, log=True),
}
ENCODER = Encoder(SPACE)
Params = Mapping[str, Value]


def load(params: Params) -> float:
    """Return the share of the machine that a training takes: pixels times batch, twice that for a large backbone."""
    factor = 2.0 if params["backbone.name"] == "large" else 1.0
    return factor * (float(params["size.pixels"]) / 64) ** 2 * float(params["train.batch"]) / 400


def fits(params: Params) -> bool:
    return load(params) < 1


def latency_ms(params: Params) -> float:
    return (3.0 if params["backbone.name"] == "large" else 1.0) * (float(params["size.pixels"]) / 64) ** 1.5


def draw(count: int, seed: int = 0) -> list[Params]:
    rng = np.random.default_rng(seed)
    return [
        {
            "backbone.name": str(rng.choice(["small", "large"])),
            "size.pixels": int(rng.integers(2, 21)) * 32,
            "train.batch": int(rng.choice([4, 8, 16, 32])),
            "train.lr0": float(10 ** rng.uniform(-4, -1)),
        }
        for _ in range(count)
    ]


def trial(number: int, params: Params, failure: str = Failure.OUT_OF_MEMORY, fitted: bool | None = None) -> Observed:
    """It ends if it fits, else it fails before its first epoch ends."""
    if fits(params) if fitted is None else fitted:
        map_ = 0.1 + 0.1 * math.log(latency_ms(params)) + 0.02 * math.sin(number)
        return Observed(number, params, latency_ms(params), (8,), (map_,), (16.0,), map_, Phase.FINISHED, 1.0)
    outgrew = failure == Failure.OUT_OF_MEMORY
    return Observed(
        number, params, latency_ms(params), (), (), (), None, Phase.FAILED, failure=failure, outgrew=outgrew
    )


def odds(trials: list[Observed], params: list[Params]) -> list[float]:
    logs = np.log([latency_ms(p) for p in params])
    return list(Fits(Digest(trials), ENCODER).odds(ENCODER.encode(params), logs))


def test_without_a_failure_everything_fits() -> None:
    assert odds([trial(n, p, fitted=True) for n, p in enumerate(draw(10))], draw(5, 1)) == [1.0] * 5
    other = [trial(n, p, Failure.DIVERGED, fitted=False) for n, p in enumerate(draw(10))]
    assert odds(other, draw(5, 1)) == [1.0] * 5


def test_the_limit_is_found() -> None:
    new = draw(300, seed=9)
    found = odds([trial(n, p) for n, p in enumerate(draw(60))], new)
    right = [(probability > 0.5) == fits(p) for probability, p in zip(found, new, strict=True)]
    assert np.mean(right) > 0.9


def test_a_long_study_changes_nothing_that_a_short_one_has_shown() -> None:
    """Few of thousands are looked at, of both kinds; each stands for as many as there are."""
    doubtful = [p for p in draw(2000, seed=9) if 0.75 < load(p) < 1.3]
    short, long = (np.mean(odds([trial(n, p) for n, p in enumerate(draw(count))], doubtful)) for count in (300, 6000))
    assert abs(short - long) < 0.1


def test_one_failure_makes_larger_ones_doubtful_and_smaller_ones_not() -> None:
    known = [trial(n, p) for n, p in enumerate(draw(20, 3)) if fits(p)]
    failed = {"backbone.name": "small", "size.pixels": 512, "train.batch": 16, "train.lr0": 0.01}
    smaller, larger = {**failed, "size.pixels": 96, "train.batch": 4}, {**failed, "size.pixels": 640, "train.batch": 32}
    small, same, large = odds([*known, trial(99, failed)], [smaller, failed, larger])
    assert small > 0.9
    assert same < 0.6
    assert large < same


@pytest.mark.parametrize("seed", range(4))
def test_more_load_never_helps(seed: int) -> None:
    trials = [trial(n, p, fitted=bool(n % 3)) for n, p in enumerate(draw(30, seed))]  # contradictory on purpose
    base = draw(10, seed + 50)
    for name, values in (("size.pixels", (64, 320, 640)), ("train.batch", (4, 16, 32))):
        for params in base:
            logs = np.full(3, 2.0)
            rows = ENCODER.encode([{**params, name: value} for value in values])
            found = Fits(Digest(trials), ENCODER).odds(rows, logs)
            assert list(found) == sorted(found, reverse=True)


def test_dimensions_of_another_study() -> None:
    """Names that say nothing: any of them may decide, either way."""
    encoder = Encoder({"x": FloatDistribution(0, 1), "kind": CategoricalDistribution(["a", "b"])})
    trials = []
    for n, x in enumerate(np.linspace(0, 1, 30)):
        params = {"x": float(x), "kind": "ab"[n % 2]}
        end = trial(n, draw(1)[0], fitted=bool(x > 0.4))
        trials.append(replace(end, params=params, latency_ms=5.0))
    rows = encoder.encode([{"x": 0.1, "kind": "a"}, {"x": 0.9, "kind": "a"}])
    low, high = Fits(Digest(trials), encoder).odds(rows, np.log([5.0, 5.0]))
    assert low < 0.3 < 0.8 < high


def propose(trials: list[Observed], candidates: list[Params], number: int | None = None) -> ProposedCandidate:
    source = ListedCandidates(candidates, SPACE)
    found = Engine(source, FunctionBook(latency_ms)).propose(trials, len(trials) if number is None else number)
    assert found is not None
    return found


def test_what_does_not_fit_is_not_proposed_though_it_promises_more() -> None:
    trials = [trial(n, p) for n, p in enumerate(draw(24))]
    blind = [replace(t, outgrew=False, failure=Failure.KILLED) for t in trials]  # somebody killed them
    chosen, taken = ([propose(known, draw(200, seed=seed)) for seed in range(4, 10)] for known in (trials, blind))
    assert all(fits(found.params) for found in chosen)
    assert not all(fits(found.params) for found in taken)
    assert any("would probably not fit this machine" in found.proposal.why for found in chosen)
    assert not any("fit" in found.proposal.why for found in taken)


@pytest.mark.parametrize("number", [2, 19])
def test_spread_and_random_ones_fit_too(number: int) -> None:
    trials = [trial(n, p) for n, p in enumerate(draw(24))][: 2 if number == 2 else 24]
    outgrown = [trial(100 + n, p, fitted=False) for n, p in enumerate(p for p in draw(40, 7) if not fits(p))]
    for seed in range(5):
        assert fits(propose([*trials, *outgrown][-28:], draw(150, seed=seed + 20), number).params)


def test_doubt_is_told() -> None:
    trials = [trial(n, p) for n, p in enumerate(draw(24))]
    beyond = [p for p in draw(100, seed=4) if not fits(p)]
    assert "it fits this machine with a probability of" in propose(trials, beyond).proposal.why


def test_fewer_trainings_are_wasted() -> None:
    """A search of forty: an engine that does not learn the limit keeps running into it."""
    wasted = {}
    for learns in (True, False):
        trials: list[Observed] = []
        listed = draw(250, seed=2)
        for number in range(40):
            end = trial(number, propose(trials, listed, number).params)
            trials.append(end if learns else replace(end, outgrew=False))
        wasted[learns] = sum(t.final is None for t in trials)
    assert wasted[True] <= 10
    assert wasted[True] < wasted[False]


@pytest.mark.parametrize("failure", [Failure.OUT_OF_MEMORY, Failure.KILLED, Failure.DIVERGED, ""])
def test_a_candidate_that_failed_never_comes_again(failure: str) -> None:
    """Even where a table lists it twice."""
    listed = draw(3)
    trials = [trial(0, listed[0], failure, fitted=False), trial(1, listed[1], fitted=True)]
    source = ListedCandidates([*listed, listed[0]], SPACE)
    found = Engine(source, FunctionBook(latency_ms)).propose(trials, 2)
    assert found is not None
    assert found.params == listed[2]
    assert Engine(source).propose([*trials, trial(2, listed[2], fitted=True)], 3) is None


def test_the_last_candidate_of_a_small_space_is_found() -> None:
    space = SearchSpace.from_config(
        {
            "size": {"pixels": "range(32, 1313, 32)", "kind": "choice(a, b)"},
            "train": {"batch": "choice(1, 2, 4, 8, 16, 32, 64, 128)", "on": "choice(true, false)"},
        }
    )
    source = SpaceCandidates(space)
    every = list(source.every())
    assert len(every) == len({frozenset(p.items()) for p in every}) == space.size
    last = every.pop(777)
    ended = trial(0, draw(1)[0], fitted=True)
    trials = [replace(ended, number=n, params=p, latency_ms=1.0 + n % 7) for n, p in enumerate(every)]
    found = Engine(source).propose(trials, len(trials))
    assert found is not None
    assert found.params == last
    assert Engine(source).propose([*trials, replace(ended, number=len(trials), params=last)], len(trials) + 1) is None


def test_conditions_are_kept_when_a_space_is_listed() -> None:
    space = SearchSpace.from_config(
        {
            "net": {
                "kind": "choice(a, b, c)",
                "width": "choice(1, 2)",
                "deep": "choice(true, false)",
                "fixed": 3,
                "when": {"width": {"net.kind": ["b"]}, "deep": {"net.width": [2]}},
            }
        }
    )
    listed = list(SpaceCandidates(space).every())
    assert listed == [
        {"net.kind": "a"},
        {"net.kind": "b", "net.width": 1},
        {"net.kind": "b", "net.width": 2, "net.deep": True},
        {"net.kind": "b", "net.width": 2, "net.deep": False},
        {"net.kind": "c"},
    ]
    infinite = SearchSpace.from_config({"net": {"rate": "interval(0, 1)"}})
    assert list(SpaceCandidates(infinite).every()) == []
