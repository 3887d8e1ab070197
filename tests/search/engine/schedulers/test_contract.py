"""What every scheduler keeps to, whatever the trials: the contract of `Scheduler`, on each of the product's own."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from search.engine.known_latency import KnownLatencySampler
from search.engine.observed import Observed, Phase
from search.engine.schedulers.dominated import Dominated
from search.engine.schedulers.gain_per_second import GainPerSecond
from search.engine.schedulers.mo_asha import MoAsha
from search.engine.schedulers.scheduler import BudgetLeft, Full, Scheduler, Step, left_s

LADDER = (2, 4, 8, 16)
SPACE: dict[str, BaseDistribution] = {"x": FloatDistribution(0.0, 1.0), "kind": CategoricalDistribution(["a", "b"])}


def gain_per_second() -> GainPerSecond:
    candidates = [{"x": x / 40, "kind": kind} for x in range(41) for kind in "ab"]
    sampler = KnownLatencySampler(
        seed=1,
        candidates=candidates,
        distributions=SPACE,
        latency_ms=lambda params: 1.0 + 9.0 * params["x"],
        ladder=LADDER,
        per_second=True,
    )
    return GainPerSecond(sampler)


MAKERS: dict[str, Callable[[], Scheduler]] = {
    "gain": gain_per_second,
    "mo_asha": lambda: MoAsha(2.0),
    "dominated": lambda: Dominated(better_min=2, tolerance=0.7),
    "none": Full,
}
each = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
seeds = pytest.mark.parametrize("seed", range(8))


def trials_of(seed: int) -> list[Observed]:
    """Return up to fourteen trials of every phase, some without a latency, a curve or a final accuracy."""
    rng = random.Random(seed)
    found = []
    for number in range(rng.randrange(15)):
        x, phase, rungs = rng.random(), rng.choice(list(Phase)), rng.randrange(5)
        if phase is Phase.FINISHED:
            rungs = 4
        if phase in (Phase.FAILED, Phase.OVER_BOUND):
            rungs = rng.randrange(2)
        if phase is Phase.PAUSED:
            rungs = max(1, min(3, rungs))
        top = rng.random()
        epochs = LADDER[:rungs]
        found.append(
            Observed(
                number,
                {"x": x, "kind": rng.choice("ab")},
                None if phase is Phase.FAILED and rng.random() < 0.5 else 1.0 + 9.0 * x,
                epochs,
                tuple(top * epoch / 16 for epoch in epochs),
                tuple(epoch * (1.0 + x) for epoch in epochs),
                top if phase is Phase.FINISHED else None,
                phase,
                1.0,
            )
        )
    return found


def last_of(trials: Sequence[Observed], seed: int) -> int | None:
    """Return a trial that may stand at a rung now, or None."""
    paused = [trial.number for trial in trials if trial.phase is Phase.PAUSED]
    return random.Random(seed).choice([*paused, None])


def is_sound(step: Step, trials: Sequence[Observed]) -> None:
    """Check a step against the trials that it was chosen from."""
    paused = {trial.number: trial for trial in trials if trial.phase is Phase.PAUSED}
    assert step.why or step.idle
    assert step.stop.keys() <= paused.keys(), "only a paused trial can be stopped"
    assert all(step.stop.values()), "each stop has its reason"
    if step.idle:
        return
    assert step.to_epoch in LADDER
    if step.number is not None:
        assert step.number in paused
        assert step.number not in step.stop
        assert step.to_epoch > paused[step.number].epoch


@each
@seeds
def test_a_step_is_sound(make: Callable[[], Scheduler], seed: int) -> None:
    trials = trials_of(seed)
    step = make().next_step(trials, LADDER, last_of(trials, seed))
    if step is not None:
        is_sound(step, trials)


@each
@seeds
def test_the_trials_alone_decide(make: Callable[[], Scheduler], seed: int) -> None:
    """It has no memory: asked again, and by another process, the same comes; what it was given is unchanged."""
    trials = trials_of(seed)
    before = [replace(trial) for trial in trials]
    scheduler, last = make(), last_of(trials, seed)
    first = scheduler.next_step(trials, LADDER, last)
    scheduler.next_step(trials[:1], LADDER, None)
    assert scheduler.next_step(trials, LADDER, last) == first
    assert make().next_step(trials, LADDER, last) == first
    assert trials == before


@each
@seeds
def test_nothing_new_is_begun_where_nothing_may(make: Callable[[], Scheduler], seed: int) -> None:
    trials = trials_of(seed)
    step = make().next_step(trials, LADDER, last_of(trials, seed), BudgetLeft(may_start=False))
    assert step is None or step.idle or step.number is not None


@each
@seeds
def test_what_goes_on_ends_in_the_time_left(make: Callable[[], Scheduler], seed: int) -> None:
    trials = trials_of(seed)
    for seconds in (0.5, 5.0, 50.0):
        step = make().next_step(trials, LADDER, None, BudgetLeft(may_start=False, seconds_left=seconds))
        if step is not None and step.number is not None and not step.idle:
            assert left_s(trials[step.number], LADDER) <= seconds


@each
def test_an_empty_study_is_begun(make: Callable[[], Scheduler]) -> None:
    step = make().next_step([], LADDER, None)
    assert step is not None
    assert (step.number, step.idle, dict(step.stop)) == (None, False, {})


@each
def test_what_it_says_of_itself_is_true(make: Callable[[], Scheduler]) -> None:
    """A scheduler that never ends a trial early names none to stop, and a trial that stands at a rung goes on."""
    scheduler = make()
    for seed in range(40):
        trials = trials_of(seed)
        for last in [trial.number for trial in trials if trial.phase is Phase.PAUSED]:
            step = scheduler.next_step(trials, LADDER, last)
            if not scheduler.ends_early:
                assert step is not None
                assert not step.stop
                assert step.to_epoch == LADDER[-1]
