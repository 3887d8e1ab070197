"""Pools of candidates: valid in every way they are made, each once, and Optuna's distributions there and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from timing import cpu_s

from search.engine.candidates import (
    ListedCandidates,
    Params,
    SpaceCandidates,
    at,
    distribution,
    draw,
    flat_space,
    nudge,
    position,
)
from spaces.dimension import Choice, Domain, Grid, Interval
from spaces.space import SearchSpace

# Every kind of domain, conditions over two generations and dimensions that are fixed.
SPACE = SearchSpace.from_config(
    {
        "backbone": {
            "name": "choice(lcnet_050, resnet18, yolo11)",
            "width": "choice(0.25, 0.5)",
            "depth": "range(1, 5)",
            "when": {"width": {"backbone.name": ["yolo11"]}, "depth": {"backbone.width": [0.5]}},
        },
        "neck": {"width": "int(interval(16, 64))", "depth": 1},
        "size": {"pixels": "range(64, 257, 32)"},
        "train": {"lr0": "tag(log, interval(1e-4, 1e-2))", "momentum": "interval(0.8, 0.95)", "cosine": "choice(true)"},
        "augment": {"fliplr": "range(0.0, 1.0, 0.25)", "mosaic": "choice(true, false)"},
        "prune": {
            "importance": "choice(none, l1)",
            "ratio": "choice(0.2, 0.5)",
            "at": 0.5,
            "when": {"ratio": {"prune.importance": {"not": ["none"]}}, "at": {"prune.importance": {"not": ["none"]}}},
        },
    }
)
SOURCE = SpaceCandidates(SPACE)
DOMAINS: list[Domain] = [
    Choice(("a", "b", 3)),
    Grid(1, 9, 2),
    Grid(0.0, 1.0, 0.25),
    Grid(5, 5, 1),
    Interval(0.5, 2.5),
    Interval(1e-5, 1e-1, log=True),
    Interval(0, 7, integer=True),
    Interval(1, 100, log=True, integer=True),
]


def is_valid(params: Params) -> bool:
    """Exactly the dimensions that exist and vary, each within its domain, as Optuna sees it too."""
    SPACE.check(params)
    whole = SPACE.build(lambda name, domain: params[name])
    assert {name: value for name, value in whole.items() if name not in SPACE.fixed} == params
    return all(
        SOURCE.distributions[name]._contains(SOURCE.distributions[name].to_internal_repr(value))
        for name, value in params.items()
    )


def test_fixed_dimensions_are_no_parameters() -> None:
    assert SOURCE.domains.keys() == SOURCE.distributions.keys() == SPACE.domains.keys() - SPACE.fixed.keys()
    assert not {"neck.depth", "train.cosine", "prune.at"} & SOURCE.domains.keys()


def test_a_pool_is_valid_and_each_candidate_comes_once() -> None:
    rng = np.random.default_rng(0)
    first = SOURCE.pool([], [], rng)
    pool = SOURCE.pool(first[:3], first[:8], rng)
    assert len(pool) > len(first) > 300
    assert all(map(is_valid, pool))
    assert len({tuple(sorted(params.items())) for params in pool}) == len(pool)
    assert {params["backbone.name"] for params in pool} == {"lcnet_050", "resnet18", "yolo11"}


def test_the_same_chance_gives_the_same_pool() -> None:
    parents = SOURCE.pool([], [], np.random.default_rng(1))[:5]
    one, other = (SOURCE.pool(parents, parents, np.random.default_rng(2)) for _ in range(2))
    assert one == other


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_is_bred_is_valid(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = (SOURCE._build(lambda name, domain: draw(domain, rng)) for _ in range(2))
    assert is_valid(one)
    for _ in range(5):
        assert is_valid(SOURCE._mutated(one, rng))
        assert is_valid(SOURCE._likely({n: [p[n] for p in (one, other) if n in p] for n in SOURCE.domains}, rng))
        child = SOURCE._crossed(one, other, rng)
        assert is_valid(child)
        assert all(child[name] in (one.get(name), other.get(name)) for name in child if name in one or name in other)


def test_mutations_stay_near_their_parent() -> None:
    rng = np.random.default_rng(0)
    parent = SOURCE._build(lambda name, domain: draw(domain, rng))
    changed = [
        sum(child.get(n) != parent[n] for n in parent) for child in (SOURCE._mutated(parent, rng) for _ in range(300))
    ]
    assert 0.7 < np.mean(changed) < 2.0


@settings(max_examples=200)
@given(st.sampled_from(DOMAINS), st.floats(0.0, 1.0, exclude_max=True))
def test_at_and_position_are_inverse(domain: Domain, share: float) -> None:
    value = at(domain, share)
    assert value in domain
    if isinstance(domain, Choice) or isinstance(value, str):
        return
    again = position(domain, value)
    assert 0.0 <= again <= 1.0
    assert at(domain, min(again, 1 - 1e-12)) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("domain", DOMAINS)
def test_draws_are_even_on_the_scale(domain: Domain) -> None:
    rng = np.random.default_rng(0)
    drawn = [draw(domain, rng) for _ in range(2000)]
    assert all(value in domain for value in drawn)
    if isinstance(domain, Choice | Grid):
        counts = [drawn.count(value) for value in set(drawn)]
        assert len(counts) == domain.size
        assert min(counts) > 0.75 * 2000 / len(counts)
    elif not domain.integer:
        assert np.mean([position(domain, value) for value in drawn]) == pytest.approx(0.5, abs=0.03)


@pytest.mark.seconds
@settings(max_examples=200)
@given(st.sampled_from(DOMAINS), st.integers(0, 2**32 - 1))
def test_a_nudge_stays_in_the_domain(domain: Domain, seed: int) -> None:
    rng = np.random.default_rng(seed)
    value = draw(domain, rng)
    near = nudge(domain, value, rng)
    assert near in domain
    assert type(near) is type(value) or isinstance(domain, Choice)


def test_nudges_of_a_number_go_both_ways() -> None:
    domain, rng = Interval(1, 100, log=True, integer=True), np.random.default_rng(0)
    for value in (2, 10, 50):
        near = np.array([nudge(domain, value, rng) for _ in range(400)])
        assert 0.3 < np.mean(near < value) < 0.6
        assert 0.3 < np.mean(near > value) < 0.6


def test_a_huge_range_costs_nothing() -> None:
    small, huge = Grid(0, 100, 1), Grid(0, 10**8, 1)
    for share in (0.0, 0.5, 0.999999):
        assert at(huge, share) == int(share * (10**8 + 1))
    few_s = cpu_s(lambda: [at(small, 0.5) for _ in range(100)])
    assert cpu_s(lambda: [at(huge, 0.5) for _ in range(100)]) < 10 * few_s


ROUND_TRIP: list[BaseDistribution] = [
    CategoricalDistribution(["a", 2, True]),
    CategoricalDistribution([None, "x"]),
    IntDistribution(1, 10),
    IntDistribution(0, 64, step=16),
    IntDistribution(1, 1000, log=True),
    FloatDistribution(-1.0, 1.0),
    FloatDistribution(1e-6, 1.0, log=True),
    FloatDistribution(0.0, 1.0, step=0.1),
]


def test_distributions_there_and_back() -> None:
    found = {str(i): d for i, d in enumerate(ROUND_TRIP)}
    source = SpaceCandidates(flat_space(found))
    assert source.distributions == found
    pool = source.pool([], [], np.random.default_rng(0))
    parents = source.pool(pool[:4], pool[:4], np.random.default_rng(1))
    for params in [*pool, *parents]:
        assert params.keys() == found.keys()
        assert all(found[n]._contains(found[n].to_internal_repr(v)) for n, v in params.items())


def test_each_domain_of_a_space_has_its_distribution() -> None:
    assert distribution(Grid(64, 256, 32)) == IntDistribution(64, 256, step=32)
    assert distribution(Grid(0.0, 0.75, 0.25)) == FloatDistribution(0.0, 0.75, step=0.25)
    assert distribution(Interval(16, 64, integer=True)) == IntDistribution(16, 64)
    assert distribution(Interval(1, 64, log=True, integer=True)) == IntDistribution(1, 64, log=True)
    assert distribution(Interval(1e-4, 1e-2, log=True)) == FloatDistribution(1e-4, 1e-2, log=True)
    assert distribution(Choice(("a", 1))) == CategoricalDistribution(("a", 1))


def test_single_values_of_a_study_are_fixed() -> None:
    fixed: dict[str, BaseDistribution] = {
        "one": CategoricalDistribution(["only"]),
        "int": IntDistribution(3, 3),
        "float": FloatDistribution(0.5, 0.5),
    }
    source = SpaceCandidates(flat_space({**fixed, "free": IntDistribution(0, 1)}))
    assert source.distributions.keys() == {"free"}
    assert source.pool([], [], np.random.default_rng(0)) in ([{"free": 0}, {"free": 1}], [{"free": 1}, {"free": 0}])


def test_an_unknown_distribution_is_refused() -> None:
    class Other(BaseDistribution):
        def to_internal_repr(self, param_value_in_external_repr: object) -> float:
            return 0.0

        def single(self) -> bool:
            return False

        def _contains(self, param_value_in_internal_repr: float) -> bool:
            return True

    with pytest.raises(TypeError, match="unknown kind"):
        flat_space({"x": Other()})


def test_a_list_is_its_own_pool() -> None:
    listed: list[Params] = [{"a": 1}, {"a": 2}, {"a": 1}]
    source = ListedCandidates(listed, {"a": CategoricalDistribution([1, 2])})
    pool = source.pool([{"a": 2}], [{"a": 2}], np.random.default_rng(0))
    assert pool == listed
    pool.clear()
    assert source.candidates == listed
