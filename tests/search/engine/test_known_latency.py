"""The sampler on its own in plain Optuna studies: conditional parameters, spaces, lists, workers, resuming."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from objectives.records import attributes as keys
from objectives.records.front import Reference, hypervolume_over_trials
from search.engine.known_latency import KnownLatencySampler, values_as_categories
from search.engine.proposal.engine import EXPLORE_EVERY
from spaces.errors import SettingsError
from spaces.space import SearchSpace

SPACE = SearchSpace.from_config(
    {
        "net": {
            "kind": "choice(small, large, wide)",
            "width": "tag(log, int(interval(1, 32)))",
            "factor": "interval(0.0, 1.0)",
            "fixed": 3,
            "when": {"factor": {"net.kind": ["wide"]}},
        },
        "train": {"rate": "tag(log, interval(1e-4, 1e-1))"},
    }
)
STRENGTH = {"small": 0.2, "large": 0.35, "wide": 0.3}
FACTOR = {"small": 1.0, "large": 3.0, "wide": 1.6}
EXPLORED = list(range(EXPLORE_EVERY - 1, 25, EXPLORE_EVERY))
BOX = Reference(1.0, 110.0)

Params = dict[str, Any]


def latency_ms(params: Params) -> float:
    return float(FACTOR[params["net.kind"]] * params["net.width"] ** 0.9 * (1 + 0.5 * params.get("net.factor", 0.0)))


def accuracy(params: Params) -> float:
    off = abs(math.log10(params["train.rate"]) + 2.5)
    return float(
        STRENGTH[params["net.kind"]] + 0.1 * math.log2(params["net.width"]) / 1.5
        + 0.05 * params.get("net.factor", 0.0) - 0.12 * off
    )  # fmt: skip


def ask(trial: optuna.Trial) -> Params:
    """Ask as any user would: nothing here knows of a space."""
    params: Params = {"net.kind": trial.suggest_categorical("net.kind", ["small", "large", "wide"])}
    params["net.width"] = trial.suggest_int("net.width", 1, 32, log=True)
    params["train.rate"] = trial.suggest_float("train.rate", 1e-4, 1e-1, log=True)
    if params["net.kind"] == "wide":
        params["net.factor"] = trial.suggest_float("net.factor", 0.0, 1.0)
    return params


def objective(trial: optuna.Trial) -> tuple[float, float]:
    params = ask(trial)
    return accuracy(params), latency_ms(params)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(verbosity)


def study_of(sampler: optuna.samplers.BaseSampler, storage: str | None = None) -> optuna.Study:
    return optuna.create_study(
        directions=["maximize", "minimize"], sampler=sampler, storage=storage, study_name="s", load_if_exists=True
    )


def run(sampler: optuna.samplers.BaseSampler, trials: int = 25) -> optuna.Study:
    study = study_of(sampler)
    study.optimize(objective, n_trials=trials)
    return study


def volume(study: optuna.Study) -> float:
    done = [t for t in study.trials if t.state is TrialState.COMPLETE]
    return hypervolume_over_trials([t.values[0] for t in done], [t.values[1] for t in done], BOX)[-1]


def roles(study: optuna.Study) -> list[str]:
    return [t.user_attrs[keys.PROPOSAL]["role"] if keys.PROPOSAL in t.user_attrs else "" for t in study.trials]


def grid() -> list[Params]:
    rates = [1e-4, 1e-3, 1e-2]
    plain = [{"net.kind": k, "net.width": w, "train.rate": r} for k in STRENGTH for w in (1, 4, 16, 32) for r in rates]
    return [p | {"net.factor": 0.5} if p["net.kind"] == "wide" else p for p in plain]


@pytest.fixture(scope="module")
def random_volumes() -> list[float]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return [volume(run(optuna.samplers.RandomSampler(seed=seed))) for seed in range(20)]


@pytest.mark.slow
@pytest.mark.seconds
def test_it_beats_random_in_a_plain_study(random_volumes: list[float]) -> None:
    studies = [run(KnownLatencySampler(seed=seed)) for seed in range(5)]
    assert np.mean([volume(study) for study in studies]) > np.mean(random_volumes) + np.std(random_volumes)
    for study in studies:
        assert len(study.trials) == 25
        assert {"gain", "explore", "spread"} <= set(roles(study))
        assert all(("net.factor" in t.params) == (t.params["net.kind"] == "wide") for t in study.trials)


@pytest.mark.seconds
def test_it_beats_random_with_a_known_space(random_volumes: list[float]) -> None:
    studies = [run(KnownLatencySampler(seed=seed, space=SPACE, latency_ms=latency_ms)) for seed in range(5)]
    assert np.mean([volume(study) for study in studies]) > np.mean(random_volumes) + np.std(random_volumes)
    for study in studies:
        assert roles(study)[:5] == ["baseline", "spread", "spread", "spread", "gain"]
        assert [n for n, role in enumerate(roles(study)) if role == "explore"] == EXPLORED


def test_a_proposal_tells_why() -> None:
    study = run(KnownLatencySampler(seed=0, space=SPACE, latency_ms=latency_ms), 12)
    for trial in study.trials:
        told = trial.user_attrs[keys.PROPOSAL]
        assert told["sampler"] == "known_latency"
        assert told["why"]
        assert told["latency_measured"] is True
        assert told["latency_ms"] == pytest.approx(trial.values[1])
    last = study.trials[-1].user_attrs[keys.PROPOSAL]
    assert last["role"] == "gain"
    assert 0 <= last["expected_gain"] <= 1
    assert last["predicted_map_sd"] > 0


def test_without_known_latency_the_figure_is_a_guess_with_its_doubt() -> None:
    study = run(KnownLatencySampler(seed=0, space=SPACE), 15)
    told = [t.user_attrs[keys.PROPOSAL] for t in study.trials[8:]]
    assert not any(proposal["latency_measured"] for proposal in told)
    assert all(proposal["latency_sd_ms"] > 0 for proposal in told)


MAKERS: dict[str, Callable[[int], KnownLatencySampler]] = {
    "plain": lambda seed: KnownLatencySampler(seed=seed),
    "space": lambda seed: KnownLatencySampler(seed=seed, space=SPACE, latency_ms=latency_ms),
    "candidates": lambda seed: KnownLatencySampler(
        seed=seed, candidates=grid(), distributions=run_distributions(), latency_ms=latency_ms
    ),
}


def run_distributions() -> dict[str, optuna.distributions.BaseDistribution]:
    return {
        "net.kind": optuna.distributions.CategoricalDistribution(["small", "large", "wide"]),
        "net.width": optuna.distributions.IntDistribution(1, 32, log=True),
        "train.rate": optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True),
        "net.factor": optuna.distributions.FloatDistribution(0.0, 1.0),
    }


@pytest.mark.parametrize("way", MAKERS)
def test_the_same_seed_gives_the_same_trials(way: str) -> None:
    make = MAKERS[way]
    one, other = ([t.params for t in run(make(3), 8).trials] for _ in range(2))
    assert one == other
    assert one != [t.params for t in run(make(4), 8).trials]


@pytest.mark.slow
@pytest.mark.seconds
@pytest.mark.parametrize("way", MAKERS)
def test_a_study_taken_up_again_goes_on_as_if_it_had_not_been_stopped(tmp_path: Path, way: str) -> None:
    whole = [t.params for t in run(MAKERS[way](1), 8).trials]
    url = f"sqlite:///{tmp_path / 'study.sqlite3'}"
    for _ in range(4):
        study_of(MAKERS[way](1), url).optimize(objective, n_trials=2)
    assert [t.params for t in study_of(MAKERS[way](1), url).trials] == whole


def test_candidates_are_chosen_from_the_list() -> None:
    listed = grid()
    study = run(MAKERS["candidates"](0), len(listed))
    tried = [t.params for t in study.trials]
    assert all(params in listed for params in tried)
    assert all(params in tried for params in listed)


def test_values_that_occur_are_categories() -> None:
    found = values_as_categories([{"a": 2, "b": "x"}, {"a": 1}, {"a": 2, "b": "w"}])
    assert {name: d.choices for name, d in found.items()} == {"a": (1, 2), "b": ("w", "x")}  # type: ignore[attr-defined]  # categories
    study = study_of(KnownLatencySampler(candidates=[{"a": 2, "b": "x"}, {"a": 1, "b": "w"}]))
    for _ in range(2):
        trial = study.ask()
        value = trial.suggest_categorical("a", [1, 2])
        assert (value, trial.suggest_categorical("b", ["w", "x"])) in {(2, "x"), (1, "w")}
        study.tell(trial, [0.5, float(value)])


@pytest.mark.parametrize("latency", [latency_ms, None])
def test_an_exhausted_list_goes_on_at_random(latency: Callable[[Params], float] | None) -> None:
    listed = grid()[:2]
    sampler = KnownLatencySampler(
        candidates=listed, distributions=run_distributions(), latency_ms=latency  # type: ignore[arg-type]  # Value
    )  # fmt: skip
    study = run(sampler, 6)
    assert [t.params in listed for t in study.trials[:2]] == [True, True]
    assert roles(study)[2:] == [""] * 4


@pytest.mark.parametrize("way", MAKERS)
def test_workers_get_different_candidates(way: str) -> None:
    study = study_of(MAKERS[way](0))
    study.optimize(objective, n_trials=8)
    trials = [study.ask() for _ in range(8)]
    asked = [tuple(sorted(ask(trial).items())) for trial in trials]
    assert len(set(asked)) == 8
    for trial, params in zip(trials, map(dict, asked), strict=True):
        study.tell(trial, [accuracy(params), latency_ms(params)])
    study.optimize(objective, n_trials=1)


def test_workers_at_the_start_get_different_candidates() -> None:
    study = study_of(MAKERS["space"](0))
    asked = [tuple(sorted(ask(study.ask()).items())) for _ in range(6)]
    assert len(set(asked)) == 6


def test_failed_and_pruned_trials() -> None:
    def sometimes(trial: optuna.Trial) -> tuple[float, float]:
        values = objective(trial)
        if trial.number % 4 == 1:
            raise optuna.TrialPruned
        if trial.number % 4 == 2:
            raise ValueError("broken")
        return (math.nan, values[1]) if trial.number % 4 == 3 else values

    for make in MAKERS.values():
        study = study_of(make(0))
        study.optimize(sometimes, n_trials=16, catch=ValueError)
        assert sum(t.state is TrialState.COMPLETE for t in study.trials) == 4
        assert len({tuple(sorted(t.params.items())) for t in study.trials}) == 16


@pytest.mark.parametrize("way", MAKERS)
def test_nothing_but_failures(way: str) -> None:
    def never(trial: optuna.Trial) -> tuple[float, float]:
        ask(trial)
        raise ValueError("broken")

    study = study_of(MAKERS[way](0))
    study.optimize(never, n_trials=12, catch=ValueError)
    assert len({tuple(sorted(t.params.items())) for t in study.trials}) == 12


def test_values_that_are_no_results() -> None:
    """Infinite accuracies and latencies of 0 are stored by Optuna; they teach nothing and break nothing."""
    odd = [(-math.inf, 5.0), (0.5, math.inf), (0.5, 0.0), (math.inf, 3.0), (0.4, -1.0)]
    for make in MAKERS.values():
        study = study_of(make(0))
        study.optimize(lambda t: (ask(t), odd[t.number] if t.number < 5 else objective(t))[1], n_trials=10)
        assert len(study.trials) == 10


@pytest.mark.parametrize("directions", [["maximize"], ["minimize", "maximize"], ["maximize", "maximize"]])
def test_other_directions_are_refused(directions: list[str]) -> None:
    study = optuna.create_study(directions=directions, sampler=KnownLatencySampler(space=SPACE))
    with pytest.raises(SettingsError, match=r"needs a study with directions=\['maximize', 'minimize'\].*got \["):
        study.ask(MAKERS["space"](0).source.distributions)  # type: ignore[union-attr]  # it has a space


def test_a_bound_keeps_slow_candidates_out() -> None:
    sampler = KnownLatencySampler(seed=0, space=SPACE, latency_ms=latency_ms, bound_ms=10.0)
    study = run(sampler, 15)
    assert all(t.values[1] <= 10.0 for t in study.trials)
    assert volume(study) > 0
