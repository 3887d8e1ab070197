"""The scheduler on hand-made trials: what goes on, what waits, what is given up, and what the budget forbids."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from timing import cpu_s

from objectives.records.trial_record import Phase
from search.engine.candidates import Params
from search.engine.known_latency import KnownLatencySampler
from search.engine.observed import Observed
from search.engine.proposal.rating import filled
from search.engine.schedulers.gain_per_second import GainPerSecond
from search.engine.schedulers.mo_asha import MoAsha
from search.engine.schedulers.scheduler import NO_LIMIT, BudgetLeft, Full, Scheduler, Step

LADDER = (2, 4, 8, 16)
SPACE: dict[str, BaseDistribution] = {
    "x": FloatDistribution(0.0, 1.0),
    "kind": CategoricalDistribution(["known", "other"]),
}


def latency_ms(params: Params) -> float:
    return float(math.exp(3.0 * params["x"]))


def made(number: int, x: float, top: float, rungs: int = 4, share: Sequence[float] = (0.4, 0.6, 0.8, 1.0)) -> Observed:
    """A trial of final accuracy `top` that has trained to some of its rungs: finished at the last, else paused."""
    at = LADDER[:rungs]
    maps = tuple(top * part for part in share[:rungs])
    params = {"x": float(x), "kind": "known" if number < 8 else "other"}
    final, phase = (top, Phase.FINISHED) if rungs == 4 else (None, Phase.PAUSED)
    seconds = tuple(epoch * (1.0 + x) for epoch in at)
    return Observed(number, params, latency_ms(params), at, maps, seconds, final, phase, 1.0)


def usual(count: int = 8) -> list[Observed]:
    """Finished trials along a front: slower is better, by the same curve."""
    return [made(n, x, 0.2 + 0.5 * x) for n, x in enumerate(np.linspace(0.05, 0.95, count))]


def scheduler(seed: int = 0, **settings: Any) -> GainPerSecond:
    """New candidates are of the kind that is known well."""
    candidates = [{"x": float(x), "kind": "known"} for x in np.linspace(0.1, 0.9, 80)]
    sampler = KnownLatencySampler(
        seed=seed,
        candidates=candidates,
        distributions=SPACE,
        latency_ms=latency_ms,
        ladder=LADDER,
        per_second=True,
        **settings,
    )
    return GainPerSecond(sampler)


def next_step(trials: list[Observed], last: int | None = None, budget_left: BudgetLeft = NO_LIMIT) -> Step | None:
    return scheduler().next_step(trials, LADDER, last, budget_left)


@pytest.mark.parametrize("rungs", [1, 2, 3])
@pytest.mark.parametrize(
    ("ended", "shown", "to_its_end"), [(0, 0.9, True), (3, 0.1, True), (3, 0.9, False), (4, 0.1, False)]
)
def test_the_first_ones_end_before_any_is_judged_where_first_rungs_show_little(
    ended: int, shown: float, to_its_end: bool, rungs: int
) -> None:
    fast = [made(n, 0.1 * n, 0.3, share=(shown, 0.92, 0.95, 1.0)) for n in range(ended)]
    slow = made(ended, 0.9, 0.01, rungs=rungs)
    step = scheduler().next_step([*fast, slow], LADDER, ended)
    assert step is not None
    assert (step.number == ended) is to_its_end


def test_it_needs_a_source_of_candidates() -> None:
    with pytest.raises(ValueError, match="space or a list"):
        GainPerSecond(KnownLatencySampler())


def test_the_first_is_a_new_one() -> None:
    step = next_step([])
    assert step is not None
    assert (step.number, step.to_epoch, dict(step.stop)) == (None, 2, {})


@pytest.mark.parametrize(("rungs", "to_epoch"), [(1, 4), (2, 8), (3, 16)])
def test_the_first_trial_is_brought_to_its_end_first(rungs: int, to_epoch: int) -> None:
    step = next_step([made(0, 0.5, 0.05, rungs)], last=0)
    assert step is not None
    assert (step.number, step.to_epoch) == (0, to_epoch)
    other = [made(0, 0.5, 0.05, rungs), made(1, 0.1, 0.9, 1)]
    assert (again := next_step(other, last=1)) is not None
    assert again.number == 0


def test_a_hopeless_one_is_given_up_with_a_reason() -> None:
    step = next_step([*usual(), made(8, 0.9, 0.05, rungs=3)], last=8)
    assert step is not None
    assert set(step.stop) == {8}
    assert "cannot move the front" in step.stop[8]
    assert step.number != 8
    assert step.last_mean == pytest.approx(0.05, abs=0.08)
    assert step.last_sd is not None
    assert step.last_sd > 0


def test_a_promising_one_goes_on_before_any_new_one() -> None:
    trials = [*usual(), made(8, 0.3, 0.65, rungs=3)]  # as good as those of twice its latency
    step = next_step(trials, last=8)
    assert step is not None
    assert (step.number, step.to_epoch, dict(step.stop)) == (8, 16, {})
    assert "expected mAP" in step.why
    assert (restarted := next_step(trials)) is not None
    assert restarted.number == 8


def test_of_two_the_better_one_goes_on() -> None:
    trials = [*usual(), made(8, 0.3, 0.5, rungs=3), made(9, 0.3, 0.65, rungs=3)]
    step = next_step(trials)
    assert step is not None
    assert step.number == 9


def test_a_slow_starter_only_waits() -> None:
    """Large, slow, behind at the first rung, where early rungs say little of the end: not given up."""
    rng = np.random.default_rng(0)
    known = [
        made(n, x, 0.2 + 0.5 * x, share=(rng.uniform(0.1, 0.9), rng.uniform(0.3, 0.95), 0.97, 1.0))
        for n, x in enumerate(np.linspace(0.05, 0.85, 12))
    ]
    slow = made(12, 0.95, 0.7, rungs=1, share=(0.1,))  # 0.07, where the fastest had 0.1 or more
    step = next_step([*known, slow], last=12)
    assert step is not None
    assert 12 not in step.stop
    assert step.last_mean is not None
    assert step.last_mean > 0.3


def test_one_that_takes_longer_than_what_is_left_is_not_chosen() -> None:
    trials = [*usual(), made(8, 0.3, 0.65, rungs=2)]
    assert (ample := next_step(trials, last=8, budget_left=BudgetLeft(seconds_left=1000.0))) is not None
    assert ample.number == 8
    assert next_step(trials, last=8, budget_left=BudgetLeft(seconds_left=1.0)) is None
    some = next_step(trials, last=8, budget_left=BudgetLeft(seconds_left=14.0))  # 15.6 s of training are left to it
    assert some is None or some.number is None


def test_the_time_left_counts_though_it_was_asked_before() -> None:
    proposer = scheduler()
    assert proposer.next_step(usual(), LADDER, None) is not None
    assert proposer.next_step(usual(), LADDER, None, BudgetLeft(seconds_left=1.0)) is None


def test_no_new_one_where_none_may_start() -> None:
    none = BudgetLeft(may_start=False)
    assert next_step([], budget_left=none) is None
    assert next_step(usual(), budget_left=none) is None
    idle = next_step([*usual(), made(8, 0.9, 0.05, rungs=3)], last=8, budget_left=none)
    assert idle is not None  # it only tells what stops
    assert (idle.idle, idle.number, set(idle.stop)) == (True, None, {8})
    assert idle.last_mean is not None
    step = next_step([*usual(), made(8, 0.3, 0.65, rungs=2)], budget_left=none)
    assert step is not None
    assert step.number == 8


def test_one_that_waits_in_the_queue_comes_first() -> None:
    trials = [*usual(), made(8, 0.3, 0.65, rungs=3)]
    step = next_step(trials, budget_left=BudgetLeft(waiting=1))
    assert step is not None
    assert (step.number, step.to_epoch) == (None, 2)
    assert (full := next_step(trials, budget_left=BudgetLeft(may_start=False, waiting=1))) is not None
    assert full.number == 8


@pytest.mark.parametrize("last", [8, 9])
def test_the_one_in_memory_is_preferred_over_its_equal(last: int) -> None:
    first = made(8, 0.3, 0.65, rungs=2)
    twin = replace(first, number=9)
    step = next_step([*usual(), first, twin], last=last)
    assert step is not None
    assert step.number == last


def test_trials_of_others_are_left_alone() -> None:
    running = replace(made(8, 0.3, 0.65, rungs=3), phase=Phase.RUNNING)
    step = next_step([*usual(), running])
    assert step is not None
    assert step.number is None
    assert dict(step.stop) == {}


def test_it_has_no_memory() -> None:
    trials = [*usual(), made(8, 0.3, 0.6, rungs=1), made(9, 0.6, 0.5, rungs=2)]
    steps = [next_step(trials) for _ in range(3)]
    worked = scheduler()
    for count in range(len(trials)):
        worked.next_step(trials[:count], LADDER, None)
    assert steps == [worked.next_step(trials, LADDER, None)] * 3


def test_trials_that_learn_nothing() -> None:
    """All at 0: the first one ends, the others are neither chosen for ever nor a crash."""
    trials = [made(n, n / 8, 0.0, rungs=1) for n in range(6)]
    step = next_step(trials)
    assert step is not None
    assert step.number == 0
    zero = [made(0, 0.5, 0.0), *trials[1:]]
    assert next_step(zero) is not None
    failed = [replace(t, phase=Phase.FAILED) for t in trials]
    assert (new := next_step(failed)) is not None
    assert new.number is None


@pytest.mark.parametrize("count", [0, 8])
def test_trials_without_any_accuracy_are_stopped(count: int) -> None:
    mute = [made(n, 0.1 + n / 20, math.nan, rungs=1) for n in range(count, count + 3)]
    trials = [*usual(count), *mute]
    step = next_step(trials, last=count)
    assert step is not None
    assert (step.number, step.idle) == (None, False)
    assert set(step.stop) == {count, count + 1, count + 2}
    assert "no accuracy" in step.stop[count]
    over = next_step(trials, last=count, budget_left=BudgetLeft(may_start=False))
    assert over is not None
    assert over.idle
    assert set(over.stop) == set(step.stop)
    begun = replace(mute[0], epochs=(), accuracies=(), seconds=())
    assert (other := next_step([*usual(), replace(begun, number=8)])) is not None
    assert dict(other.stop) == {}  # paused before its first rung: nothing was seen yet


def test_the_first_one_too_goes_on_only_if_there_is_time() -> None:
    first = made(0, 0.5, 0.5, rungs=1)  # 1.5 s an epoch, 14 epochs to go
    for seconds_left, number in ((30.0, 0), (15.0, None)):
        step = next_step([first], last=0, budget_left=BudgetLeft(seconds_left=seconds_left, may_start=False))
        assert (step and step.number) == number


def test_near_the_end_what_fills_the_rest_comes_first() -> None:
    """One of 60 % of the rest leaves 40 % that nothing as long fits into."""
    assert filled(np.array([10.0, 6.0, 4.0, 1.0]), 10.0) == pytest.approx([1.0, 0.6, 0.8, 1.0])
    assert filled(np.array([10.0]), math.inf).tolist() == [1.0]


def test_nothing_is_started_that_cannot_end_in_time() -> None:
    done = usual()
    seconds = [t.seconds[-1] + t.overhead_s for t in done]
    for share in (0.5, 0.9, 1.2, 1.5):
        left = share * min(seconds)
        step = next_step(done, budget_left=BudgetLeft(seconds_left=left))
        assert (step is None) == (share < 1.0)


@pytest.mark.parametrize("other", [Full(), MoAsha(2.0)])
def test_other_schedulers_too_begin_only_what_ends_in_time(other: Scheduler) -> None:
    """Whole trainings take 17 to 32 s here, 25 s usually; of the two that wait, one has 12 s left, the other 18 s."""
    done = usual()
    longer = made(9, 0.2, 0.8, rungs=1)
    for trials, seconds_left, number in (
        (done, 30.0, None),
        ([*done, made(8, 0.3, 0.8, rungs=3), longer], 20.0, 8),
    ):
        step = other.next_step(trials, LADDER, None, BudgetLeft(seconds_left=seconds_left))
        assert step is not None
        assert step.number == number
    assert other.next_step(done, LADDER, None, BudgetLeft(seconds_left=20.0)) is None
    none = BudgetLeft(may_start=False, seconds_left=15.0)
    assert other.next_step([*done, longer, replace(longer, number=10)], LADDER, None, none) is None


def test_a_plan_is_kept_as_the_time_goes_by() -> None:
    """A decision and the ask behind it are seconds apart: the candidate stays the same as long as it fits."""
    proposer, done = scheduler().sampler, usual()
    proposed = proposer.propose(done, 8, 500.0)
    assert proposed is not None
    assert proposer.propose(done, 8, 497.0) is proposed
    assert proposer.propose(list(done), 8) is proposed
    assert proposer.propose(done, 9, 497.0) is not proposed
    again = proposer.propose(done, 8, 500.0)
    assert again is not None
    assert proposer.propose(done, 8, again.whole_s - 1.0) is not again
    moved = [*done[:-1], replace(done[-1], phase=Phase.FAILED)]
    assert proposer.propose(moved, 8) is not again


def test_waiting_trials_are_seen_among_thousands_of_ended_ones() -> None:
    rng = np.random.default_rng(0)
    ended = [made(n, x, 0.2 + 0.5 * x + rng.normal(0, 0.01)) for n, x in enumerate(rng.uniform(0.05, 0.95, 2000))]
    waiting = [made(2000 + n, 0.3 + n / 1000, 0.3, rungs=1) for n in range(40)]
    star = made(2040, 0.3, 0.75, rungs=3)
    step = scheduler().next_step([*ended, *waiting, star], LADDER, None, BudgetLeft(may_start=False))
    assert step is not None
    assert step.number == 2040
    few_s, many_s = (
        cpu_s(lambda seen=seen: scheduler().next_step([*seen, *waiting, star], LADDER, None))
        for seen in (ended[-100:], ended)
    )
    assert many_s < 5 * few_s  # twenty times as many


def test_a_bound_below_every_latency_leaves_nothing() -> None:
    over = [replace(made(0, 0.5, 0.5, 1), phase=Phase.OVER_BOUND, epochs=(), accuracies=(), seconds=())]
    assert scheduler(bound_ms=0.5).next_step(over, LADDER, None) is None
