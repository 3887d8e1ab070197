"""Thousands of trials: few are looked at, the right ones, and the same ones while the store is the same."""

import math
import time
from dataclasses import replace

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from objectives.records import attributes as keys
from objectives.records.failures import Failure
from objectives.records.records import Latency
from objectives.records.trial_record import Phase
from search.engine.candidates import SpaceCandidates
from search.engine.digest import MODELLED_MAX, TUNED_MAX, Digest
from search.engine.observed import Observed, observe
from search.engine.proposal.engine import Engine
from spaces.space import SearchSpace

SPACE: dict[str, BaseDistribution] = {
    "kind": CategoricalDistribution(["a", "b"]),
    "x": FloatDistribution(0.0, 1.0),
}


def made(count: int, seed: int = 0) -> list[Observed]:
    """Ended trials; slower is better, with noise."""
    rng = np.random.default_rng(seed)
    found = []
    for number, x in enumerate(rng.random(count)):
        top, ms = float(0.2 + 0.5 * x + rng.normal(0, 0.02)), float(math.exp(3 * x))
        params = {"kind": "ab"[number % 2], "x": float(x)}
        found.append(Observed(number, params, ms, (2, 8), (0.5 * top, top), (2.0, 8.0), top, Phase.FINISHED, 1.0))
    return found


def paused(number: int, epoch: int = 2) -> Observed:
    return Observed(number, {"kind": "a", "x": 0.5}, 5.0, (epoch,), (0.2,), (float(epoch),), None, Phase.PAUSED)


def looked_at(trials: list[Observed]) -> list[Observed]:
    study = Digest(trials)
    return study.pick(study.modelled)


def scattered(trials: list[Observed], most: int) -> set[int]:
    study = Digest(trials)
    return {t.number for t in study.pick(study.scattered(study.measured, most))}


def test_few_trials_are_all_looked_at() -> None:
    trials = made(MODELLED_MAX)
    assert looked_at(trials) == trials


def test_of_many_those_that_wait_the_front_and_the_latest_are_looked_at() -> None:
    trials = made(4000)
    trials[100:160] = [paused(n) for n in range(100, 160)]
    chosen = looked_at(trials)
    numbers = [t.number for t in chosen]
    assert len(chosen) == MODELLED_MAX
    assert numbers == sorted(set(numbers))
    assert set(range(100, 160)) <= set(numbers)
    assert set(range(3950, 4000)) <= set(numbers)
    best = max(trials, key=lambda t: t.best or 0.0)
    fastest = min(trials, key=lambda t: t.latency_ms or math.inf)
    assert {best.number, fastest.number} <= set(numbers)
    others = [n for n in numbers if not 100 <= n < 160 and n < 3800]
    assert len(others) > 80
    assert np.histogram(others, bins=4, range=(0, 3800))[0].min() > 10  # the whole study has a say


def test_of_many_that_wait_the_furthest_are_looked_at() -> None:
    trials = [paused(n, epoch=4 if n % 10 == 0 else 2) for n in range(1000)]
    chosen = looked_at(trials)
    assert sum(t.epoch == 4 for t in chosen) == 100
    assert len(chosen) == MODELLED_MAX


def test_one_trial_more_changes_one_that_is_looked_at() -> None:
    trials = made(2000)
    before, after = (scattered(trials[:n], 100) for n in (1999, 2000))
    assert len(before - after) <= 1
    late = trials[:700] + trials[701:]
    assert len(scattered(late, 100) ^ scattered(trials, 100)) <= 2


@pytest.mark.seconds
def test_hyperparameters_see_the_same_trials_until_the_study_has_grown_by_a_tenth() -> None:
    trials = made(3000)
    few = Digest(trials[:59])
    assert few.for_tuning(few.finished) is None
    chosen = []
    for count in range(2000, 3000, 10):
        study = Digest(trials[:count])
        tuned = study.for_tuning(study.finished)
        chosen.append(() if tuned is None else tuple(tuned))
    assert all(len(numbers) == TUNED_MAX for numbers in chosen)
    assert 3 <= len(set(chosen)) <= 6


def engine() -> Engine:
    space = SearchSpace.from_config({"net": {"kind": "choice(a, b)", "x": "interval(0, 1)"}})
    return Engine(SpaceCandidates(space), ladder=(2, 8), per_second=True)


def spread_out(trials: list[Observed]) -> list[Observed]:
    return [
        Observed(t.number, {f"net.{name}": value for name, value in t.params.items()}, t.latency_ms, t.epochs,
                 t.accuracies, t.seconds, t.final, t.phase, t.overhead_s)
        for t in trials
    ]  # fmt: skip


@pytest.mark.seconds
def test_the_same_store_gives_the_same_proposal_whatever_was_proposed_before() -> None:
    """What a process remembers is worked out from the trials alone."""
    trials = spread_out(made(450))
    fresh = engine().propose(trials, 450)
    worked = engine()
    for count in (100, 400, 449):
        worked.propose(trials[:count], count)
    again = worked.propose(spread_out(made(450)), 450)
    assert fresh is not None
    assert again is not None
    assert (again.params, again.proposal, again.rate) == (fresh.params, fresh.proposal, fresh.rate)


@pytest.mark.seconds
def test_the_time_of_a_plan_hardly_grows_with_the_study() -> None:
    """This thread's own time, so that it holds on a busy machine; 16 times the trials, three times the seconds."""
    trials = spread_out(made(10_000))
    medians = []
    for count in (600, 9990):  # neither is followed by a mark of the tuning
        proposer, seconds = engine(), []
        for number in range(count, count + 6):
            began = time.thread_time()
            assert proposer.propose(trials[:number], number) is not None
            seconds.append(time.thread_time() - began)
        medians.append(np.median(seconds[1:]))
    assert medians[1] < 3 * medians[0]


def test_trials_are_read_once_they_have_ended_and_not_before() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.add_trial(create_trial(values=[0.5, 3.0], params={"x": 0.1}, distributions={"x": SPACE["x"]}))
    running = study.ask({"x": SPACE["x"]})
    study.enqueue_trial({"x": 0.7})
    first = observe(study)
    assert [t.phase for t in first] == [Phase.FINISHED, Phase.RUNNING]
    running.set_user_attr(keys.LATENCY_UNTRAINED, Latency(4.0, 5.0, 4.0, 4.0, 3.0, 9, 1.0, True, "", "", 0).to_json())
    running.set_user_attr(keys.ENDING, {"outcome": "failed", "reason": "", "error_class": "out of memory"})
    study.tell(running, state=TrialState.FAIL)
    second, third = observe(study), observe(study)
    assert second[0] is first[0]
    assert second[1] is third[1]
    assert (second[1].latency_ms, second[1].p95_ms, second[1].phase) == (4.0, 5.0, Phase.FAILED)
    assert (second[1].failure, second[1].outgrew) == (Failure.OUT_OF_MEMORY, True)


def test_an_attempt_that_was_too_large_counts_though_the_trial_ended_well() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    trial = study.ask({"x": SPACE["x"]})
    trial.set_user_attr(keys.ATTEMPTS, [{"outcome": "failed", "reason": "", "error_class": "killed"}])
    assert not observe(study)[0].outgrew
    death = {"outcome": "failed", "reason": "", "error_class": "out of device memory"}
    trial.set_user_attr(keys.ATTEMPTS, [death])
    study.tell(trial, [0.5, 3.0])
    seen = observe(study)[0]
    assert (seen.outgrew, seen.failure, seen.final) == (True, "", 0.5)


@pytest.mark.parametrize(
    ("accuracies", "until", "best"),
    [
        ((0.1, 0.3, 0.2), (0.1, 0.3, 0.3), 0.3),
        ((math.nan, 0.3, math.nan), (None, 0.3, 0.3), 0.3),
        ((math.nan, math.nan, math.nan), (None, None, None), None),
    ],
)
def test_the_best_until_an_epoch(
    accuracies: tuple[float, ...], until: tuple[float | None, ...], best: float | None
) -> None:
    seen = Observed(0, {}, 1.0, (2, 4, 8), accuracies, (1.0, 2.0, 3.0), None, Phase.PAUSED)
    assert tuple(seen.best_until(epoch) for epoch in (2, 4, 8)) == until
    assert seen.best_until(1) is None
    assert seen.best_until(5) == until[1]
    assert seen.best_until(9) is None
    assert seen.best == best


def test_a_digest_of_nothing() -> None:
    study = Digest([])
    assert (study.count, len(study.measured), len(study.modelled), len(study.finished)) == (0, 0, 0, 0)


def test_the_next_digest_is_as_if_made_anew() -> None:
    """Trials that go on, end, fail or come in between two looks."""
    rng = np.random.default_rng(0)
    ended = made(60)
    now = [paused(n) if n % 3 == 0 else t for n, t in enumerate(ended[:40])]
    study = Digest(now)
    for _ in range(12):
        for i in rng.integers(0, len(now), 5):
            t = ended[i]
            states = [
                t,
                paused(int(i)),
                replace(t, phase=Phase.FAILED, final=None, epochs=(), accuracies=(), seconds=()),
            ]
            now[i] = states[int(rng.integers(3))]
        now.append(ended[len(now)])
        study, fresh = Digest(now, study), Digest(now)
        assert np.array_equal(study._table, fresh._table, equal_nan=True)
        assert {k: n for k, n in study.tried.items() if n} == dict(fresh.tried)
        assert all(study.known_ms[key][1] == ms for key, (_, ms) in fresh.known_ms.items())
    shorter = Digest(now[:5], study)
    assert len(shorter.measured) == 5


def stock(number: int, ms: float, final: float | None = 0.9, phase: Phase = Phase.FINISHED) -> Observed:
    """The baseline: without parameters, and here the most accurate of all."""
    return Observed(number, {}, ms, (), (), (), final, phase, is_baseline=True, outgrew=phase is Phase.FAILED)


@pytest.mark.parametrize("one", [stock(40, 900.0), stock(40, 900.0, None, Phase.RUNNING), stock(40, 0.01)])
def test_the_baseline_has_its_place_on_the_front_and_teaches_nothing(one: Observed) -> None:
    trials = made(40)
    without, study = Digest(trials), Digest([*trials, one])
    for name in ("measured", "scored", "timed", "trained", "outgrown", "modelled", "front"):
        assert getattr(study, name).tolist() == getattr(without, name).tolist()
    assert study.finished.tolist() == [*range(40), *([40] if one.final else [])]
    assert (study.tried, study.known_ms) == (without.tried, without.known_ms)


def test_one_that_was_too_large_says_nothing_of_what_fits() -> None:
    assert not len(Digest([*made(4), stock(4, 900.0, None, Phase.FAILED)]).outgrown)


def test_a_candidate_behind_the_baseline_is_worth_less() -> None:
    """What lies on the front is known: the baseline leaves less to gain to whatever is slower than it."""
    space = SearchSpace.from_config({"a": {"kind": "choice(a, b)", "x": "interval(0.0, 1.0)"}})
    trials = [replace(t, params={"a.kind": t.params["kind"], "a.x": t.params["x"]}) for t in made(40)]
    engine = Engine(SpaceCandidates(space))
    alone, beside = engine.rate_of_new(trials), engine.rate_of_new([*trials, stock(40, 1.0)])
    assert 0 <= beside < alone
